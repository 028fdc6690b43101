/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the structure of an HDF5 file before the library does. The library trusts sizes and offsets
 * inside a file (1.10.8 reads beyond its buffers when an attribute lies about its size), so every
 * structure that it would follow is checked here first, and everything outside the subset of
 * doc/formats.md 1 is refused. HDF5 File Format Specification 2.0, of which: superblock version 0,
 * version 1 object headers, symbol tables with version 1 B-trees, contiguous and compact layouts,
 * global heaps for strings.
 */
#ifndef QOQ_DATA_H5_CHECK_H
#define QOQ_DATA_H5_CHECK_H

#include <stdint.h>

#include "data/error.h"

/* `path` is for messages; objects are named by their paths in the file. */
QOQ_CHECKED enum qoq_status qoq_h5_check(int descriptor, uint64_t bytes, const char *path,
                                         struct qoq_error *err);

#endif
