/* SPDX-License-Identifier: Apache-2.0 */
/* Elements of a safetensors file: as they are, or widened to binary32 (N 2.1). */
#include <math.h>
#include <string.h>

#include "data/endian.h"
#include "data/file.h"
#include "data/safetensors_internal.h"
#include "numerics/half.h"

#define CHUNK_BYTES 65536

static enum qoq_status need_entry(const struct qoq_safetensors_entry **entry, const char **file,
                                  const struct qoq_safetensors *set, const char *name,
                                  struct qoq_error *err)
{
    *entry = qoq_safetensors_find(set, name);
    *file = set->shard[*entry != NULL ? (*entry)->shard : 0].path;
    if (*entry == NULL)
        return qoq_fail(err, QOQ_ERR_FORMAT, *file, name, "missing tensor");
    return QOQ_OK;
}

static enum qoq_status check_shape(const struct qoq_safetensors_entry *entry, const char *file,
                                   const size_t *dim, int rank, struct qoq_error *err)
{
    char is[200], should[200];
    int same = entry->rank == rank;

    for (int i = 0; same && i < rank; i++)
        same = entry->dim[i] == dim[i];
    if (same)
        return QOQ_OK;
    return qoq_fail(err, QOQ_ERR_SHAPE, file, entry->name, "has shape %s, not %s",
                    qoq_shape_text(is, sizeof is, entry->dim, entry->rank),
                    qoq_shape_text(should, sizeof should, dim, rank));
}

/* Little-endian elements of dtype to binary32. */
static void widen(float *out, const unsigned char *in, size_t count, enum qoq_dtype dtype)
{
    if (dtype == QOQ_F32) {
        memcpy(out, in, count * 4);
        qoq_little_endian(out, count, 4);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint16_t bits = (uint16_t)(in[2 * i] | in[2 * i + 1] << 8);
        out[i] = dtype == QOQ_F16 ? qoq_half_to_float(bits) : qoq_bfloat_to_float(bits);
    }
}

static enum qoq_status check_finite(const float *data, size_t count, size_t first, const char *file,
                                    const char *name, struct qoq_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(data[i]))
            return qoq_fail(err, QOQ_ERR_RANGE, file, name, "element %zu is %s", first + i,
                            isnan(data[i]) ? "not a number" : "infinite");
    }
    return QOQ_OK;
}

static enum qoq_status stream(float *data, const struct qoq_shard *shard,
                              const struct qoq_safetensors_entry *entry, enum qoq_dtype dtype,
                              int finite, struct qoq_error *err)
{
    unsigned char chunk[CHUNK_BYTES];
    size_t size = qoq_dtype_size(dtype), total = (size_t)entry->bytes / size;
    enum qoq_status status = QOQ_OK;

    for (size_t done = 0; done < total && status == QOQ_OK;) {
        size_t count = total - done < CHUNK_BYTES / size ? total - done : CHUNK_BYTES / size;
        status = qoq_file_read_at(chunk, shard->descriptor, entry->offset + done * size,
                                  count * size, shard->path, err);
        if (status != QOQ_OK)
            break;
        widen(data + done, chunk, count, dtype);
        if (finite)
            status = check_finite(data + done, count, done, shard->path, entry->name, err);
        done += count;
    }
    return status;
}

enum qoq_status qoq_safetensors_read_f32(float *data, struct qoq_safetensors *set, const char *name,
                                         const size_t *dim, int rank, int finite,
                                         struct qoq_error *err)
{
    const struct qoq_safetensors_entry *entry;
    const char *file;
    enum qoq_dtype dtype;
    enum qoq_status status = need_entry(&entry, &file, set, name, err);

    if (status == QOQ_OK)
        status = check_shape(entry, file, dim, rank, err);
    if (status != QOQ_OK)
        return status;
    dtype = qoq_safetensors_dtype(entry->dtype);
    if (dtype != QOQ_F32 && dtype != QOQ_F16 && dtype != QOQ_BF16)
        return qoq_fail(err, QOQ_ERR_UNSUPPORTED, file, name, "has type %s, not F32, F16 or BF16",
                        entry->dtype);
    return stream(data, &set->shard[entry->shard], entry, dtype, finite, err);
}

enum qoq_status qoq_safetensors_read(struct qoq_tensor *out, struct qoq_safetensors *set,
                                     const char *name, struct qoq_error *err)
{
    const struct qoq_safetensors_entry *entry;
    const char *file;
    enum qoq_dtype dtype;
    enum qoq_status status = need_entry(&entry, &file, set, name, err);

    memset(out, 0, sizeof *out);
    if (status != QOQ_OK)
        return status;
    dtype = qoq_safetensors_dtype(entry->dtype);
    if (dtype == QOQ_DTYPES)
        return qoq_fail(err, QOQ_ERR_UNSUPPORTED, file, name, "type %s is not supported",
                        entry->dtype);
    status = qoq_tensor_create(out, name, dtype, entry->dim, entry->rank, err);
    if (status != QOQ_OK)
        return status;
    status = qoq_file_read_at(out->data, set->shard[entry->shard].descriptor, entry->offset,
                              (size_t)entry->bytes, file, err);
    if (status != QOQ_OK)
        qoq_tensor_free(out);
    else
        qoq_little_endian(out->data, qoq_tensor_elements(out), qoq_dtype_size(dtype));
    return status;
}
