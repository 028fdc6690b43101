/* SPDX-License-Identifier: Apache-2.0 */
/* How byte-level vocabularies spell bytes; only files tokenizer*.c include this header. */
#ifndef QOQ_DATA_TOKENIZER_BYTES_H
#define QOQ_DATA_TOKENIZER_BYTES_H

#include <stddef.h>

/* The character that stands for a byte, in UTF-8: 1 or 2 bytes long. */
size_t qoq_byte_spelling(char spelling[2], unsigned char byte);

/* The bytes that a token spells, at most `length` of them; the spelling itself where one of its
 * characters stands for no byte. Returns how many. */
size_t qoq_bytes_of_spelling(char *out, const char *spelling, size_t length);

#endif
