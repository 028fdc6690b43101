/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many tensors into one directory: model.safetensors, or where that would pass a limit,
 * model-00001-of-0000n.safetensors and model.safetensors.index.json (doc/formats.md 5). Holds the
 * tensors of one file in memory at a time.
 */
#ifndef QOQ_DATA_SAFETENSORS_SHARDS_H
#define QOQ_DATA_SAFETENSORS_SHARDS_H

#include <stdint.h>

#include "data/tensor.h"

struct qoq_safetensors_shards;

/* limit: bytes of elements in a file; a larger tensor gets a file of its own. format: as in
 * qoq_safetensors_write. Both texts must outlive the writer. */
QOQ_CHECKED enum qoq_status qoq_safetensors_shards_create(struct qoq_safetensors_shards **out,
                                                          const char *directory, uint64_t limit,
                                                          const char *format,
                                                          struct qoq_error *err);

/* Takes a tensor over (clears it); on failure it may stay with the caller. */
QOQ_CHECKED enum qoq_status qoq_safetensors_shards_put(struct qoq_safetensors_shards *shards,
                                                       struct qoq_tensor *tensor,
                                                       struct qoq_error *err);

/* Writes what is left, gives the files their names and writes the index if there are several. Says
 * how many files, tensors and bytes of elements there are. Releases the writer also on failure;
 * files already written stay. */
struct qoq_shards_total {
    size_t files, tensors;
    uint64_t bytes;
};
QOQ_CHECKED enum qoq_status qoq_safetensors_shards_finish(struct qoq_safetensors_shards **shards,
                                                          struct qoq_shards_total *total,
                                                          struct qoq_error *err);

/* Releases a writer; NULL is allowed. *shards becomes NULL. */
void qoq_safetensors_shards_discard(struct qoq_safetensors_shards **shards);

#endif
