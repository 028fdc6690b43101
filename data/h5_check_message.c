/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of object headers: dataspaces, datatypes, fill values, layouts, attributes, and the
 * strings they point to. */
#include <stdlib.h>
#include <string.h>

#include "data/h5_check_internal.h"

enum {
    MESSAGE_NIL = 0x00,
    MESSAGE_SPACE = 0x01,
    MESSAGE_LINK_INFO = 0x02,
    MESSAGE_TYPE = 0x03,
    MESSAGE_OLD_FILL = 0x04,
    MESSAGE_FILL = 0x05,
    MESSAGE_LINK = 0x06,
    MESSAGE_EXTERNAL = 0x07,
    MESSAGE_LAYOUT = 0x08,
    MESSAGE_GROUP_INFO = 0x0A,
    MESSAGE_FILTER = 0x0B,
    MESSAGE_ATTRIBUTE = 0x0C,
    MESSAGE_TABLE = 0x11,
    MESSAGE_TIME = 0x12
};

enum { CLASS_INTEGER = 0, CLASS_FLOAT = 1, CLASS_STRING = 3, CLASS_ENUM = 8, CLASS_VARIABLE = 9 };

#define SHARED 0x02 /* flag: the message lies elsewhere */

struct type {
    unsigned class;
    uint64_t size;
};

static int take(struct qoq_h5_span *span, size_t bytes)
{
    if (span->left < bytes)
        return -1;
    span->at += bytes;
    span->left -= bytes;
    return 0;
}

/* Elements of a dataspace; null spaces have none. */
static enum qoq_status check_space(uint64_t *elements, const struct qoq_h5_checker *check,
                                   struct qoq_h5_span span)
{
    unsigned version, rank, flags;
    size_t lists;

    if (span.left < 4)
        return qoq_h5_damaged(check, "dataspace");
    version = span.at[0];
    rank = span.at[1];
    flags = span.at[2];
    *elements = version == 2 && span.at[3] == 2 ? 0 : 1;
    lists = (flags & 1) != 0 ? 2 : 1;
    if (version < 1 || version > 2 || rank > 32 || flags > 1 || (version == 2 && span.at[3] > 2) ||
        take(&span, version == 1 ? 8 : 4) != 0 || span.left < lists * rank * 8)
        return qoq_h5_damaged(check, "dataspace");
    for (unsigned i = 0; i < rank; i++) {
        uint64_t dim = qoq_h5_u64(span.at + 8 * i);
        if (dim != 0 && *elements > UINT64_MAX / dim)
            return qoq_h5_damaged(check, "dataspace");
        *elements *= dim;
    }
    return QOQ_OK;
}

/* Bit fields of a number inside its bytes. */
static int number_fits(const unsigned char *head, unsigned class, uint64_t size)
{
    uint64_t offset = qoq_h5_u16(head + 8), precision = qoq_h5_u16(head + 10);
    unsigned sign = head[2];

    if (size < 1 || size > 16 || precision < 1 || offset + precision > 8 * size)
        return 0;
    if (class == CLASS_INTEGER)
        return size <= 8;
    return head[13] > 0 && head[15] > 0 && sign < 8 * size &&
           (unsigned)head[12] + head[13] <= 8 * size && (unsigned)head[14] + head[15] <= 8 * size;
}

static enum qoq_status check_type(struct type *out, const struct qoq_h5_checker *check,
                                  struct qoq_h5_span *span, int depth);

/* Names and values of an enumeration, after its base type. */
static enum qoq_status check_members(const struct qoq_h5_checker *check, struct qoq_h5_span *span,
                                     uint64_t members, uint64_t value_size, unsigned version)
{
    for (uint64_t i = 0; i < members; i++) {
        const unsigned char *end = memchr(span->at, 0, span->left);
        size_t length = end != NULL ? (size_t)(end - span->at) + 1 : 0;
        if (version < 3)
            length = (length + 7) / 8 * 8;
        if (end == NULL || take(span, length) != 0)
            return qoq_h5_damaged(check, "enumeration");
    }
    if (members > 65535 || take(span, (size_t)(members * value_size)) != 0)
        return qoq_h5_damaged(check, "enumeration");
    return QOQ_OK;
}

/* Enumerations of integers and strings of variable length: a base type follows. */
static enum qoq_status check_derived(struct type *out, const struct qoq_h5_checker *check,
                                     struct qoq_h5_span *span, const unsigned char *head, int depth)
{
    struct type base = {0, 0};
    enum qoq_status status;

    if (depth > 0)
        return qoq_h5_unsupported(check, "a nested type");
    status = check_type(&base, check, span, depth + 1);
    if (status != QOQ_OK)
        return status;
    if (out->class == CLASS_ENUM) {
        if (base.class != CLASS_INTEGER || base.size != out->size)
            return qoq_h5_damaged(check, "enumeration");
        return check_members(check, span, qoq_h5_u16(head + 1), base.size, head[0] >> 4);
    }
    if ((head[1] & 15) != 1 || base.size != 1 || out->size != 16)
        return qoq_h5_unsupported(check, "a type of variable length that is no string");
    return QOQ_OK;
}

/* A datatype; *span moves behind it. */
static enum qoq_status check_type(struct type *out, const struct qoq_h5_checker *check,
                                  struct qoq_h5_span *span, int depth)
{
    const unsigned char *head = span->at;
    unsigned version;

    if (span->left < 8)
        return qoq_h5_damaged(check, "datatype");
    version = head[0] >> 4;
    out->class = head[0] & 15;
    out->size = qoq_h5_u32(head + 4);
    if (version < 1 || version > 3 || out->size == 0 || out->size > 1 << 20)
        return qoq_h5_damaged(check, "datatype");
    switch (out->class) {
    case CLASS_INTEGER:
    case CLASS_FLOAT:
        if (take(span, out->class == CLASS_INTEGER ? 12 : 20) != 0 ||
            !number_fits(head, out->class, out->size))
            return qoq_h5_damaged(check, "datatype");
        return QOQ_OK;
    case CLASS_STRING:
        return take(span, 8) == 0 ? QOQ_OK : qoq_h5_damaged(check, "datatype");
    case CLASS_ENUM:
    case CLASS_VARIABLE:
        if (take(span, 8) != 0)
            return qoq_h5_damaged(check, "datatype");
        return check_derived(out, check, span, head, depth);
    default:
        return qoq_h5_damaged(check, "unsupported element type");
    }
}

/* A fill value of `size` bytes after `head` bytes, where one is stored. */
static int fill_fits(struct qoq_h5_span span, size_t head, int stored)
{
    if (take(&span, head) != 0)
        return 0;
    return !stored || (span.left >= 4 && qoq_h5_u32(span.at) <= span.left - 4);
}

static enum qoq_status check_fill(const struct qoq_h5_checker *check, struct qoq_h5_span span)
{
    unsigned version = span.left > 0 ? span.at[0] : 0;
    int fits = 0;

    if (version == 1)
        fits = fill_fits(span, 4, 1);
    else if (version == 2 && span.left >= 4)
        fits = fill_fits(span, 4, span.at[3] != 0);
    else if (version == 3 && span.left >= 2)
        fits = fill_fits(span, 2, (span.at[1] & 0x20) != 0);
    return fits ? QOQ_OK : qoq_h5_damaged(check, "fill value");
}

static enum qoq_status check_layout(const struct qoq_h5_checker *check, struct qoq_h5_span span)
{
    uint64_t address, size;

    if (span.left < 2)
        return qoq_h5_damaged(check, "layout");
    if (span.at[0] == 3 && span.at[1] == 2)
        return qoq_h5_unsupported(check, "chunked; store it contiguously");
    if (span.at[0] != 3 || span.at[1] > 2)
        return qoq_h5_unsupported(check, "virtual or unknown storage");
    if (span.at[1] == 0) {
        if (span.left < 4 || qoq_h5_u16(span.at + 2) > span.left - 4)
            return qoq_h5_damaged(check, "layout");
        return QOQ_OK;
    }
    if (span.left < 18)
        return qoq_h5_damaged(check, "layout");
    address = qoq_h5_u64(span.at + 2);
    size = qoq_h5_u64(span.at + 10);
    if (address != QOQ_H5_UNDEFINED && (address > check->bytes || size > check->bytes - address))
        return qoq_h5_damaged(check, "its elements are not all in the file");
    return QOQ_OK;
}

/* The object `index` of a global heap collection must have exactly `length` bytes: the library
 * reads all of it into a buffer of that length. */
static enum qoq_status find_in_heap(const struct qoq_h5_checker *check, const unsigned char *heap,
                                    uint64_t size, uint64_t index, uint64_t length)
{
    uint64_t at = 16;
    int found = 0;

    while (size - at >= 16) {
        uint64_t number = qoq_h5_u16(heap + at), bytes = qoq_h5_u64(heap + at + 8);
        uint64_t need = number == 0 ? bytes : 16 + (bytes + 7) / 8 * 8;
        if (bytes > size || need < 16 || need > size - at)
            return qoq_h5_damaged(check, "global heap");
        if (number != 0 && number == index) {
            if (found || bytes != length)
                return qoq_h5_damaged(check, "string of variable length");
            found = 1;
        }
        at += need;
    }
    return found ? QOQ_OK : qoq_h5_damaged(check, "string of variable length");
}

/* One string of variable length: u32 length, u64 address of a collection, u32 index. */
static enum qoq_status check_string(const struct qoq_h5_checker *check, const unsigned char *at)
{
    uint64_t length = qoq_h5_u32(at), address = qoq_h5_u64(at + 4), size;
    unsigned char *heap;
    enum qoq_status status;

    if (address == 0)
        return length == 0 ? QOQ_OK : qoq_h5_damaged(check, "string of variable length");
    status = qoq_h5_fetch(&heap, check, address, 16, "global heap");
    if (status != QOQ_OK)
        return status;
    size = qoq_h5_u64(heap + 8);
    if (memcmp(heap, "GCOL\1", 5) != 0 || size < 16)
        status = qoq_h5_damaged(check, "global heap");
    free(heap);
    if (status != QOQ_OK)
        return status;
    status = qoq_h5_fetch(&heap, check, address, size, "global heap");
    if (status != QOQ_OK)
        return status;
    status = find_in_heap(check, heap, size, qoq_h5_u32(at + 12), length);
    free(heap);
    return status;
}

/* Name, type and space of an attribute are padded to 8 bytes in version 1. */
static int take_part(struct qoq_h5_span *part, struct qoq_h5_span *span, uint64_t size,
                     unsigned version)
{
    part->at = span->at;
    part->left = (size_t)size;
    return take(span, version == 1 ? ((size_t)size + 7) / 8 * 8 : (size_t)size);
}

static enum qoq_status check_values(const struct qoq_h5_checker *check, struct qoq_h5_span span,
                                    struct type type, uint64_t elements)
{
    enum qoq_status status = QOQ_OK;

    if (elements > span.left / type.size)
        return qoq_h5_damaged(check, "attribute");
    for (uint64_t i = 0; type.class == CLASS_VARIABLE && i < elements && status == QOQ_OK; i++)
        status = check_string(check, span.at + 16 * i);
    return status;
}

static enum qoq_status check_attribute(const struct qoq_h5_checker *check, struct qoq_h5_span span)
{
    unsigned version = span.left >= 9 ? span.at[0] : 0;
    const unsigned char *head = span.at;
    struct qoq_h5_span name, type_part, space;
    struct type type = {0, 0};
    uint64_t elements = 0;
    enum qoq_status status;

    if (version < 1 || version > 3 || (version > 1 && head[1] != 0) ||
        take(&span, version == 3 ? 9 : 8) != 0 ||
        take_part(&name, &span, qoq_h5_u16(head + 2), version) != 0 ||
        take_part(&type_part, &span, qoq_h5_u16(head + 4), version) != 0 ||
        take_part(&space, &span, qoq_h5_u16(head + 6), version) != 0)
        return qoq_h5_damaged(check, "attribute");
    if (name.left < 2 || memchr(name.at, 0, name.left) != name.at + name.left - 1)
        return qoq_h5_damaged(check, "name of an attribute");
    status = check_type(&type, check, &type_part, 0);
    if (status == QOQ_OK)
        status = check_space(&elements, check, space);
    if (status == QOQ_OK)
        status = check_values(check, span, type, elements);
    return status;
}

static enum qoq_status check_table(struct qoq_h5_object *out, const struct qoq_h5_checker *check,
                                   struct qoq_h5_span span)
{
    if (span.left < 16)
        return qoq_h5_damaged(check, "symbol table");
    out->tables++;
    out->tree = qoq_h5_u64(span.at);
    out->heap = qoq_h5_u64(span.at + 8);
    return QOQ_OK;
}

enum qoq_status qoq_h5_check_message(struct qoq_h5_object *out, const struct qoq_h5_checker *check,
                                     unsigned type, unsigned flags, struct qoq_h5_span span)
{
    struct type element;
    uint64_t elements;

    if ((flags & SHARED) != 0)
        return qoq_h5_unsupported(check, "a shared message");
    switch (type) {
    case MESSAGE_NIL:
        return QOQ_OK;
    case MESSAGE_SPACE:
        out->spaces++;
        return check_space(&elements, check, span);
    case MESSAGE_TYPE:
        out->types++;
        return check_type(&element, check, &span, 0);
    case MESSAGE_OLD_FILL:
        return fill_fits(span, 0, 1) ? QOQ_OK : qoq_h5_damaged(check, "fill value");
    case MESSAGE_FILL:
        return check_fill(check, span);
    case MESSAGE_LAYOUT:
        out->layouts++;
        return check_layout(check, span);
    case MESSAGE_ATTRIBUTE:
        return check_attribute(check, span);
    case MESSAGE_TABLE:
        return check_table(out, check, span);
    case MESSAGE_TIME:
        return span.left >= 8 && span.at[0] == 1 ? QOQ_OK : qoq_h5_damaged(check, "time");
    case MESSAGE_FILTER:
        return qoq_h5_unsupported(check, "compressed or filtered; store it plainly");
    case MESSAGE_EXTERNAL:
        return qoq_h5_unsupported(check, "stored in another file");
    case MESSAGE_LINK_INFO:
    case MESSAGE_LINK:
    case MESSAGE_GROUP_INFO:
        return qoq_h5_unsupported(
            check, "a group of the newer kind, as external links and tracked order need");
    default:
        return qoq_h5_unsupported(check, "an unknown message in its header");
    }
}
