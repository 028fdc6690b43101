/* SPDX-License-Identifier: Apache-2.0 */
/* Superblock, object headers and groups. */
#include "data/h5_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/file.h"
#include "data/h5_check_internal.h"

#define MAX_BLOCK ((uint64_t)1 << 26)
#define MAX_OBJECTS ((size_t)1 << 18)
#define MAX_CHUNKS 4096 /* of one object header */
#define MAX_DEPTH 32    /* of groups */
#define MAX_PATH 1024
#define MAX_K 4096
#define BUDGET ((uint64_t)1 << 32)
#define FETCH_COST 4096

#define SUPERBLOCK_BYTES 96
#define MESSAGE_CONTINUATION 0x10

enum qoq_status qoq_h5_damaged(const struct qoq_h5_checker *check, const char *what)
{
    return qoq_fail(check->err, QOQ_ERR_FORMAT, check->path, check->object, "damaged: %s", what);
}

enum qoq_status qoq_h5_unsupported(const struct qoq_h5_checker *check, const char *what)
{
    return qoq_fail(check->err, QOQ_ERR_UNSUPPORTED, check->path, check->object, "%s", what);
}

uint64_t qoq_h5_u16(const unsigned char *at)
{
    return (uint64_t)at[0] | (uint64_t)at[1] << 8;
}

uint64_t qoq_h5_u32(const unsigned char *at)
{
    return qoq_h5_u16(at) | qoq_h5_u16(at + 2) << 16;
}

uint64_t qoq_h5_u64(const unsigned char *at)
{
    return qoq_h5_u32(at) | qoq_h5_u32(at + 4) << 32;
}

enum qoq_status qoq_h5_fetch(unsigned char **block, const struct qoq_h5_checker *check,
                             uint64_t address, uint64_t size, const char *what)
{
    enum qoq_status status;

    *block = NULL;
    if (address > check->bytes || size > check->bytes - address || size > MAX_BLOCK)
        return qoq_h5_damaged(check, what);
    if (*check->budget < size + FETCH_COST)
        return qoq_h5_unsupported(check, "too much structure");
    *check->budget -= size + FETCH_COST;
    *block = malloc(size > 0 ? (size_t)size : 1);
    if (*block == NULL)
        return qoq_fail_memory(check->err, check->path, check->object, (size_t)size);
    status =
        qoq_file_read_at(*block, check->descriptor, address, (size_t)size, check->path, check->err);
    if (status != QOQ_OK) {
        free(*block);
        *block = NULL;
    }
    return status;
}

/* Remembers an object header; a second link to it is refused, which also ends cycles. */
static enum qoq_status remember(struct qoq_h5_checker *check, uint64_t address)
{
    size_t at;

    if (check->objects * 2 >= check->seen_capacity) {
        size_t capacity = check->seen_capacity > 0 ? 2 * check->seen_capacity : 64;
        uint64_t *old = check->seen;
        size_t count = check->seen_capacity;
        check->seen = calloc(capacity, sizeof *check->seen);
        if (check->seen == NULL) {
            check->seen = old;
            return qoq_fail_memory(check->err, check->path, check->object,
                                   capacity * sizeof *check->seen);
        }
        check->seen_capacity = capacity;
        check->objects = 0;
        for (size_t i = 0; i < count; i++) {
            enum qoq_status status = old[i] != 0 ? remember(check, old[i]) : QOQ_OK;
            if (status != QOQ_OK) {
                free(old);
                return status;
            }
        }
        free(old);
    }
    at = (size_t)((address / 8 * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & (check->seen_capacity - 1);
    while (check->seen[at] != 0 && check->seen[at] != address)
        at = (at + 1) & (check->seen_capacity - 1);
    if (check->seen[at] == address)
        return qoq_h5_unsupported(check, "a second link to an object");
    check->seen[at] = address;
    check->objects++;
    return check->objects <= MAX_OBJECTS ? QOQ_OK : qoq_h5_unsupported(check, "too many objects");
}

/* Continuations of an object header that wait to be read. */
struct chunks {
    size_t count, done;
    struct {
        uint64_t address, size;
    } item[MAX_CHUNKS];
};

static enum qoq_status add_chunk(struct chunks *chunks, const struct qoq_h5_checker *check,
                                 uint64_t address, uint64_t size)
{
    if (chunks->count == MAX_CHUNKS)
        return qoq_h5_damaged(check, "object header");
    chunks->item[chunks->count].address = address;
    chunks->item[chunks->count].size = size;
    chunks->count++;
    return QOQ_OK;
}

/* Messages fill a chunk exactly: u16 type, u16 size, u8 flags, 3 bytes, contents. */
static enum qoq_status check_chunk(struct qoq_h5_object *out, struct chunks *chunks,
                                   const struct qoq_h5_checker *check, struct qoq_h5_span span)
{
    enum qoq_status status = QOQ_OK;

    while (span.left > 0 && status == QOQ_OK) {
        struct qoq_h5_span body;
        unsigned type;
        if (span.left < 8)
            return qoq_h5_damaged(check, "object header");
        type = (unsigned)qoq_h5_u16(span.at);
        body.at = span.at + 8;
        body.left = (size_t)qoq_h5_u16(span.at + 2);
        if (body.left % 8 != 0 || body.left > span.left - 8)
            return qoq_h5_damaged(check, "object header");
        if (type != MESSAGE_CONTINUATION)
            status = qoq_h5_check_message(out, check, type, span.at[4], body);
        else if (body.left < 16)
            status = qoq_h5_damaged(check, "object header");
        else
            status = add_chunk(chunks, check, qoq_h5_u64(body.at), qoq_h5_u64(body.at + 8));
        span.left -= 8 + body.left;
        span.at = body.at + body.left;
    }
    return status;
}

static enum qoq_status check_chunks(struct qoq_h5_object *out, struct chunks *chunks,
                                    const struct qoq_h5_checker *check)
{
    enum qoq_status status = QOQ_OK;

    for (; chunks->done < chunks->count && status == QOQ_OK; chunks->done++) {
        struct qoq_h5_span span;
        unsigned char *block;
        uint64_t size = chunks->item[chunks->done].size;
        status =
            qoq_h5_fetch(&block, check, chunks->item[chunks->done].address, size, "object header");
        if (status != QOQ_OK)
            break;
        span.at = block;
        span.left = (size_t)size;
        status = check_chunk(out, chunks, check, span);
        free(block);
    }
    return status;
}

/* The header of an object: prefix of 16 bytes, then its first chunk. */
static enum qoq_status check_header(struct qoq_h5_object *out, struct qoq_h5_checker *check,
                                    uint64_t address)
{
    struct chunks *chunks;
    unsigned char *prefix;
    enum qoq_status status = remember(check, address);

    memset(out, 0, sizeof *out);
    if (status == QOQ_OK)
        status = qoq_h5_fetch(&prefix, check, address, 16, "object header");
    if (status != QOQ_OK)
        return status;
    chunks = calloc(1, sizeof *chunks);
    if (chunks == NULL)
        status = qoq_fail_memory(check->err, check->path, check->object, sizeof *chunks);
    else if (memcmp(prefix, "OHDR", 4) == 0)
        status = qoq_h5_unsupported(
            check, "an object of a newer file format; write it with libver \"earliest\"");
    else if (prefix[0] != 1)
        status = qoq_h5_damaged(check, "object header");
    else
        status = add_chunk(chunks, check, address + 16, qoq_h5_u32(prefix + 8));
    if (status == QOQ_OK)
        status = check_chunks(out, chunks, check);
    free(chunks);
    free(prefix);
    return status;
}

/* A group while its members are visited. */
struct group {
    struct qoq_h5_checker *check;
    const unsigned char *heap; /* names */
    uint64_t heap_bytes;
    const char *path;
    int depth;
};

static enum qoq_status check_object(struct qoq_h5_checker *check, uint64_t address,
                                    const char *path, int depth, const unsigned char *cached);

/* The name at an offset of the heap, or NULL where it does not end inside. */
static const char *name_at(const struct group *group, uint64_t offset)
{
    if (offset >= group->heap_bytes ||
        memchr(group->heap + offset, 0, (size_t)(group->heap_bytes - offset)) == NULL)
        return NULL;
    return (const char *)group->heap + offset;
}

/* A symbol: u64 name, u64 object header, u32 kind of cache, u32 unused, 16 bytes of cache. */
static enum qoq_status check_symbol(const struct group *group, const unsigned char *entry)
{
    struct qoq_h5_checker *check = group->check;
    const char *name = name_at(group, qoq_h5_u64(entry)), *outer = check->object;
    uint64_t cache = qoq_h5_u32(entry + 16);
    char path[MAX_PATH];
    enum qoq_status status;

    if (name == NULL || name[0] == 0 || strchr(name, '/') != NULL)
        return qoq_h5_damaged(check, "name of a member");
    if ((size_t)snprintf(path, sizeof path, "%s%s%s", group->path, group->path[0] != 0 ? "/" : "",
                         name) >= sizeof path)
        return qoq_h5_unsupported(check, "path too long");
    check->object = path;
    if (cache == 2)
        status = qoq_h5_unsupported(check, "a soft or external link, which is not followed");
    else if (cache > 2)
        status = qoq_h5_damaged(check, "symbol");
    else
        status = check_object(check, qoq_h5_u64(entry + 8), path, group->depth + 1,
                              cache == 1 ? entry + 24 : NULL);
    check->object = outer;
    return status;
}

static enum qoq_status check_symbols(const struct group *group, uint64_t address)
{
    struct qoq_h5_checker *check = group->check;
    uint64_t capacity = 2 * check->leaf_k, count;
    unsigned char *node;
    enum qoq_status status = qoq_h5_fetch(&node, check, address, 8 + 40 * capacity, "symbol node");

    if (status != QOQ_OK)
        return status;
    count = qoq_h5_u16(node + 6);
    if (memcmp(node, "SNOD\1", 5) != 0 || count > capacity)
        status = qoq_h5_damaged(check, "symbol node");
    for (uint64_t i = 0; i < count && status == QOQ_OK; i++)
        status = check_symbol(group, node + 8 + 40 * i);
    free(node);
    return status;
}

/* A node: "TREE", type 0, level, u16 entries, two siblings, then key, child, key, ... key. */
static enum qoq_status check_tree(const struct group *group, uint64_t address, int level)
{
    struct qoq_h5_checker *check = group->check;
    uint64_t capacity = 2 * check->internal_k, count;
    unsigned char *node;
    enum qoq_status status = qoq_h5_fetch(&node, check, address, 32 + 16 * capacity, "group tree");

    if (status != QOQ_OK)
        return status;
    count = qoq_h5_u16(node + 6);
    if (memcmp(node, "TREE\0", 5) != 0 || count > capacity || (level >= 0 && node[5] != level) ||
        node[5] > 8)
        status = qoq_h5_damaged(check, "group tree");
    for (uint64_t i = 0; i <= count && status == QOQ_OK; i++) {
        if (name_at(group, qoq_h5_u64(node + 24 + 16 * i)) == NULL)
            status = qoq_h5_damaged(check, "group tree");
    }
    for (uint64_t i = 0; i < count && status == QOQ_OK; i++) {
        uint64_t child = qoq_h5_u64(node + 32 + 16 * i);
        status = node[5] > 0 ? check_tree(group, child, node[5] - 1) : check_symbols(group, child);
    }
    free(node);
    return status;
}

/* Free blocks of a local heap: u64 next (1: none), u64 size. They ascend in no order, so only their
 * number is bounded. */
static enum qoq_status check_free_list(const struct qoq_h5_checker *check,
                                       const unsigned char *heap, uint64_t bytes, uint64_t first)
{
    for (uint64_t left = bytes / 16 + 1; first != 1; left--) {
        uint64_t size;
        if (left == 0 || first > bytes || bytes - first < 16)
            return qoq_h5_damaged(check, "names of a group");
        size = qoq_h5_u64(heap + first + 8);
        if (size < 16 || size > bytes - first)
            return qoq_h5_damaged(check, "names of a group");
        first = qoq_h5_u64(heap + first);
    }
    return QOQ_OK;
}

/* Loads the names of a group; *heap is malloced. */
static enum qoq_status load_heap(unsigned char **heap, uint64_t *bytes,
                                 const struct qoq_h5_checker *check, uint64_t address)
{
    unsigned char *prefix;
    uint64_t first, place;
    enum qoq_status status = qoq_h5_fetch(&prefix, check, address, 32, "names of a group");

    *heap = NULL;
    if (status != QOQ_OK)
        return status;
    *bytes = qoq_h5_u64(prefix + 8);
    first = qoq_h5_u64(prefix + 16);
    place = qoq_h5_u64(prefix + 24);
    if (memcmp(prefix, "HEAP\0", 5) != 0)
        status = qoq_h5_damaged(check, "names of a group");
    free(prefix);
    if (status == QOQ_OK)
        status = qoq_h5_fetch(heap, check, place, *bytes, "names of a group");
    if (status == QOQ_OK)
        status = check_free_list(check, *heap, *bytes, first);
    return status;
}

static enum qoq_status check_group(struct qoq_h5_checker *check, const struct qoq_h5_object *object,
                                   const char *path, int depth)
{
    struct group group = {check, NULL, 0, path, depth};
    unsigned char *heap;
    enum qoq_status status;

    if (depth > MAX_DEPTH)
        return qoq_h5_unsupported(check, "groups too deep");
    status = load_heap(&heap, &group.heap_bytes, check, object->heap);
    group.heap = heap;
    if (status == QOQ_OK)
        status = check_tree(&group, object->tree, -1);
    free(heap);
    return status;
}

/* An object is a group or a dataset. cached: 16 bytes of a symbol that repeat a group's table, or
 * NULL. */
static enum qoq_status check_object(struct qoq_h5_checker *check, uint64_t address,
                                    const char *path, int depth, const unsigned char *cached)
{
    struct qoq_h5_object object;
    enum qoq_status status = check_header(&object, check, address);

    if (status != QOQ_OK)
        return status;
    if (cached != NULL && (object.tables != 1 || qoq_h5_u64(cached) != object.tree ||
                           qoq_h5_u64(cached + 8) != object.heap))
        return qoq_h5_damaged(check, "symbol");
    if (object.tables == 1 && object.spaces + object.types + object.layouts == 0)
        return check_group(check, &object, path, depth);
    if (object.tables == 0 && object.spaces == 1 && object.types == 1 && object.layouts == 1)
        return QOQ_OK;
    return qoq_h5_damaged(check, "neither group nor dataset");
}

/* Superblock version 0, of 96 bytes: sizes, group capacities, addresses, the root's symbol. */
static enum qoq_status check_superblock(struct qoq_h5_checker *check, const unsigned char *block)
{
    check->leaf_k = (unsigned)qoq_h5_u16(block + 16);
    check->internal_k = (unsigned)qoq_h5_u16(block + 18);
    if (block[8] != 0)
        return qoq_fail(check->err, QOQ_ERR_UNSUPPORTED, check->path, NULL,
                        "superblock version %u, not 0; write the file with libver \"earliest\"",
                        (unsigned)block[8]);
    if (block[9] != 0 || block[10] != 0 || block[12] != 0 || block[13] != 8 || block[14] != 8 ||
        check->leaf_k < 1 || check->leaf_k > MAX_K || check->internal_k < 1 ||
        check->internal_k > MAX_K || qoq_h5_u64(block + 24) != 0 ||
        qoq_h5_u64(block + 48) != QOQ_H5_UNDEFINED || qoq_h5_u32(block + 72) > 1)
        return qoq_fail(check->err, QOQ_ERR_FORMAT, check->path, NULL, "damaged: superblock");
    if (qoq_h5_u64(block + 40) != check->bytes)
        return qoq_fail(check->err, QOQ_ERR_FORMAT, check->path, NULL,
                        "truncated or damaged: %llu bytes instead of %llu",
                        (unsigned long long)check->bytes,
                        (unsigned long long)qoq_h5_u64(block + 40));
    return QOQ_OK;
}

enum qoq_status qoq_h5_check(int descriptor, uint64_t bytes, const char *path,
                             struct qoq_error *err)
{
    static const unsigned char signature[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1A, '\n'};
    uint64_t budget = BUDGET;
    struct qoq_h5_checker check = {descriptor, bytes, path, err, "/", 0, 0, NULL, 0, 0, &budget};
    unsigned char block[SUPERBLOCK_BYTES] = {0};
    enum qoq_status status;

    status = qoq_file_read_at(block, descriptor, 0,
                              bytes < sizeof block ? (size_t)bytes : sizeof block, path, err);
    if (status != QOQ_OK)
        return status;
    if (bytes < sizeof signature || memcmp(block, signature, sizeof signature) != 0)
        return qoq_fail(err, QOQ_ERR_FORMAT, path, NULL, "not an HDF5 file");
    if (bytes < sizeof block)
        return qoq_fail(err, QOQ_ERR_FORMAT, path, NULL, "truncated: %llu bytes",
                        (unsigned long long)bytes);
    status = check_superblock(&check, block);
    if (status == QOQ_OK)
        status = check_object(&check, qoq_h5_u64(block + 64), "", 0,
                              qoq_h5_u32(block + 72) == 1 ? block + 80 : NULL);
    free(check.seen);
    return status;
}
