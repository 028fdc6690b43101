/* SPDX-License-Identifier: Apache-2.0 */
/* One-line messages about files, with everything unprintable escaped. */
#include "data/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Bytes of the well-formed UTF-8 character at text, or 0. */
static size_t utf8_length(const unsigned char *text)
{
    static const unsigned char least[5] = {0, 0, 0x80, 0xA0, 0x90};
    size_t length = text[0] < 0x80   ? 1
                    : text[0] < 0xC2 ? 0
                    : text[0] < 0xE0 ? 2
                    : text[0] < 0xF0 ? 3
                    : text[0] < 0xF5 ? 4
                                     : 0;

    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xC0) != 0x80)
            return 0;
    }
    if ((text[0] == 0xE0 || text[0] == 0xF0) && text[1] < least[length])
        return 0;
    if ((text[0] == 0xED && text[1] > 0x9F) || (text[0] == 0xF4 && text[1] > 0x8F))
        return 0;
    return length;
}

/* Whether a character may be shown as it is: not a control character (C0, DEL, C1). */
static int is_printable(const unsigned char *text, size_t length)
{
    if (length == 1)
        return text[0] >= 0x20 && text[0] != 0x7F;
    return length > 1 && !(text[0] == 0xC2 && text[1] < 0xA0);
}

/* Copies text into out[size], escaping; ends with "..." where it does not fit. */
static void copy_escaped(char *out, size_t size, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t used = 0;

    while (*at != 0) {
        size_t length = utf8_length(at);
        int plain = is_printable(at, length);
        size_t room = plain ? length : 4;
        if (used + room + 4 > size) {
            memcpy(out + used, "...", 3);
            used += 3;
            break;
        }
        if (plain)
            memcpy(out + used, at, length);
        else
            snprintf(out + used, 5, "\\x%02X", (unsigned)at[0]);
        used += room;
        at += plain ? length : 1;
    }
    out[used] = 0;
}

/* At most 160 bytes of each part, so that the reason always fits. */
static size_t put_part(char *line, size_t used, size_t size, const char *part)
{
    size_t length = strlen(part);

    if (length > 160) {
        memcpy(line + used, "...", 3);
        used += 3;
        part += length - 157;
    }
    return used + (size_t)snprintf(line + used, size - used, "%s: ", part);
}

enum qoq_status qoq_fail(struct qoq_error *err, enum qoq_status status, const char *file,
                         const char *field, const char *format, ...)
{
    char line[1024];
    size_t used = 0;
    va_list arguments;

    if (err == NULL)
        return status;
    if (file != NULL)
        used = put_part(line, used, sizeof line, file);
    if (field != NULL)
        used = put_part(line, used, sizeof line, field);
    va_start(arguments, format);
    vsnprintf(line + used, sizeof line - used, format, arguments);
    va_end(arguments);
    copy_escaped(err->text, sizeof err->text, line);
    err->status = status;
    return status;
}

enum qoq_status qoq_fail_memory(struct qoq_error *err, const char *file, const char *field,
                                size_t bytes)
{
    return qoq_fail(err, QOQ_ERR_MEMORY, file, field, "not enough memory (%zu bytes)", bytes);
}
