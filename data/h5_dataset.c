/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors as HDF5 datasets: fixed little-endian types, contiguous, summed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/endian.h"
#include "data/h5_internal.h"
#include "data/sha256.h"

#define MAX_DEPTH 16

/* The type in the file; binary16 is built as h5py (numpy float16) builds it. Close with H5Tclose.
 * Negative for types that are not stored. */
static hid_t stored_type(enum qoq_dtype dtype)
{
    hid_t type;

    switch (dtype) {
    case QOQ_F32:
        return H5Tcopy(H5T_IEEE_F32LE);
    case QOQ_F64:
        return H5Tcopy(H5T_IEEE_F64LE);
    case QOQ_I8:
        return H5Tcopy(H5T_STD_I8LE);
    case QOQ_U8:
        return H5Tcopy(H5T_STD_U8LE);
    case QOQ_I16:
        return H5Tcopy(H5T_STD_I16LE);
    case QOQ_I32:
        return H5Tcopy(H5T_STD_I32LE);
    case QOQ_I64:
        return H5Tcopy(H5T_STD_I64LE);
    case QOQ_F16:
        type = H5Tcopy(H5T_IEEE_F32LE);
        H5Tset_fields(type, 15, 10, 5, 0, 10);
        H5Tset_size(type, 2);
        H5Tset_ebias(type, 15);
        return type;
    default:
        return -1;
    }
}

/* The same type in the byte order of this machine. */
static hid_t memory_type(enum qoq_dtype dtype)
{
    hid_t type = stored_type(dtype);

    if (type >= 0)
        H5Tset_order(type, H5Tget_order(H5T_NATIVE_INT));
    return type;
}

/* The sum of the elements as they lie in the file. */
static void sum_elements(char hex[65], const void *data, size_t elements, size_t size)
{
    struct qoq_sha256 sum;
    const unsigned char *at = data;

    if (qoq_host_is_little_endian()) {
        qoq_sha256_hex(hex, data, elements * size);
        return;
    }
    qoq_sha256_begin(&sum);
    for (size_t i = 0; i < elements; i++, at += size) {
        for (size_t j = size; j-- > 0;)
            qoq_sha256_add(&sum, at + j, 1);
    }
    qoq_sha256_end(hex, &sum);
}

static hid_t make_space(const struct qoq_tensor *tensor)
{
    hsize_t dim[QOQ_MAX_RANK];

    if (tensor->rank == 0)
        return H5Screate(H5S_SCALAR);
    for (int i = 0; i < tensor->rank; i++)
        dim[i] = tensor->dim[i];
    return H5Screate_simple(tensor->rank, dim, NULL);
}

static enum qoq_status make_parent(struct qoq_h5 *file, const char *name, struct qoq_error *err)
{
    const char *slash = strrchr(name, '/');
    enum qoq_status status;
    char *parent;

    if (slash == NULL || slash == name)
        return QOQ_OK;
    parent = malloc((size_t)(slash - name) + 1);
    if (parent == NULL)
        return qoq_fail_memory(err, file->path, name, strlen(name));
    memcpy(parent, name, (size_t)(slash - name));
    parent[slash - name] = 0;
    status = qoq_h5_make_group(file, parent, err);
    free(parent);
    return status;
}

/* Creates and fills the dataset; 0 or negative. */
static herr_t store(struct qoq_h5 *file, const struct qoq_tensor *tensor, hid_t type)
{
    hid_t space = make_space(tensor), list = H5Pcreate(H5P_DATASET_CREATE), set;
    hid_t memory = memory_type(tensor->dtype);
    herr_t result = -1;

    H5Pset_obj_track_times(list, 0);
    H5Pset_layout(list, H5D_CONTIGUOUS);
    H5Pset_fill_time(list, H5D_FILL_TIME_NEVER);
    set = H5Dcreate2(file->id, tensor->name, type, space, H5P_DEFAULT, list, H5P_DEFAULT);
    if (set >= 0) {
        result = 0;
        if (qoq_tensor_elements(tensor) > 0)
            result = H5Dwrite(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, tensor->data);
        if (H5Dclose(set) < 0)
            result = -1;
    }
    H5Tclose(memory);
    H5Pclose(list);
    H5Sclose(space);
    return result;
}

enum qoq_status qoq_h5_write(struct qoq_h5 *file, const struct qoq_tensor *tensor,
                             struct qoq_error *err)
{
    char hex[65];
    size_t bytes;
    hid_t type;
    herr_t stored;
    enum qoq_status status;

    if (qoq_shape_bytes(&bytes, tensor->dtype, tensor->dim, tensor->rank) != 0)
        return qoq_fail(err, QOQ_ERR_SHAPE, file->path, tensor->name, "its size overflows");
    type = stored_type(tensor->dtype);
    if (type < 0)
        return qoq_fail(err, QOQ_ERR_UNSUPPORTED, file->path, tensor->name,
                        "type %s is not stored in HDF5", qoq_dtype_name(tensor->dtype));
    status = make_parent(file, tensor->name, err);
    stored = status == QOQ_OK ? store(file, tensor, type) : -1;
    H5Tclose(type);
    if (status != QOQ_OK)
        return status;
    if (stored < 0)
        return qoq_h5_fail(file, tensor->name, QOQ_ERR_IO, "cannot write", err);
    sum_elements(hex, tensor->data, qoq_tensor_elements(tensor), qoq_dtype_size(tensor->dtype));
    return qoq_h5_put_string(file, tensor->name, "sha256", hex, err);
}

/* The element type of a dataset, or QOQ_DTYPES. Exact: byte order, width, sign, bit fields. */
static enum qoq_dtype find_dtype(hid_t set)
{
    hid_t type = H5Dget_type(set);
    int found = QOQ_DTYPES;

    for (int i = 0; i < QOQ_DTYPES && type >= 0; i++) {
        hid_t known = stored_type((enum qoq_dtype)i);
        if (known < 0)
            continue;
        if (H5Tequal(type, known) > 0)
            found = i;
        H5Tclose(known);
    }
    if (type >= 0)
        H5Tclose(type);
    H5Eclear2(H5E_DEFAULT);
    return (enum qoq_dtype)found;
}

/* NULL, or what is wrong with the shape. */
static const char *find_shape(struct qoq_tensor *out, hid_t set)
{
    hid_t space = H5Dget_space(set);
    hsize_t dim[H5S_MAX_RANK];
    H5S_class_t class = space >= 0 ? H5Sget_simple_extent_type(space) : H5S_NO_CLASS;
    const char *wrong = NULL;
    size_t bytes;

    out->rank = space >= 0 ? H5Sget_simple_extent_ndims(space) : -1;
    if (class != H5S_SCALAR && class != H5S_SIMPLE)
        wrong = "has no shape";
    else if (out->rank < 0 || out->rank > QOQ_MAX_RANK)
        wrong = "has more than 8 dimensions";
    else if (H5Sget_simple_extent_dims(space, dim, NULL) != out->rank)
        wrong = "has a damaged shape";
    for (int i = 0; wrong == NULL && i < out->rank; i++) {
        if (dim[i] > SIZE_MAX - 1)
            wrong = "its size overflows";
        else
            out->dim[i] = (size_t)dim[i];
    }
    if (wrong == NULL && qoq_shape_bytes(&bytes, out->dtype, out->dim, out->rank) != 0)
        wrong = "its size overflows";
    if (space >= 0)
        H5Sclose(space);
    return wrong;
}

/* NULL, or why the elements do not simply lie in this file. */
static const char *find_storage(hid_t set)
{
    hid_t list = H5Dget_create_plist(set);
    const char *wrong = NULL;
    H5D_layout_t layout;

    if (list < 0)
        return "damaged";
    layout = H5Pget_layout(list);
    if (H5Pget_nfilters(list) != 0)
        wrong = "compressed or filtered; store it plainly";
    else if (layout == H5D_CHUNKED)
        wrong = "chunked; store it contiguously";
    else if (layout != H5D_CONTIGUOUS && layout != H5D_COMPACT)
        wrong = "virtual or unknown storage";
    else if (H5Pget_external_count(list) != 0)
        wrong = "stored in another file";
    H5Pclose(list);
    return wrong;
}

/* Fills dtype, rank and dim, after all checks that need no element. */
static enum qoq_status describe(struct qoq_tensor *out, struct qoq_h5 *file, const char *object,
                                hid_t set, struct qoq_error *err)
{
    const char *wrong;
    size_t bytes;

    memset(out, 0, sizeof *out);
    if (H5Iget_type(set) != H5I_DATASET)
        return qoq_fail(err, QOQ_ERR_FORMAT, file->path, object, "not a dataset");
    wrong = find_storage(set);
    if (wrong != NULL)
        return qoq_fail(err, QOQ_ERR_UNSUPPORTED, file->path, object, "%s", wrong);
    out->dtype = find_dtype(set);
    if (out->dtype == QOQ_DTYPES)
        return qoq_fail(err, QOQ_ERR_FORMAT, file->path, object, "unsupported element type");
    wrong = find_shape(out, set);
    if (wrong != NULL)
        return qoq_fail(err, QOQ_ERR_SHAPE, file->path, object, "%s", wrong);
    bytes = qoq_tensor_bytes(out);
    if (bytes > 0 && (H5Dget_storage_size(set) != bytes || bytes > file->bytes))
        return qoq_fail(err, QOQ_ERR_FORMAT, file->path, object,
                        "its %zu bytes are not all in the file", bytes);
    return QOQ_OK;
}

static enum qoq_status open_and_describe(hid_t *set, struct qoq_tensor *out, struct qoq_h5 *file,
                                         const char *object, struct qoq_error *err)
{
    enum qoq_status status = qoq_h5_open_object(set, file, object, err);

    if (status != QOQ_OK)
        return status;
    status = describe(out, file, object, *set, err);
    if (status != QOQ_OK)
        H5Oclose(*set);
    return status;
}

enum qoq_status qoq_h5_describe(struct qoq_tensor *out, struct qoq_h5 *file, const char *object,
                                struct qoq_error *err)
{
    hid_t set;
    enum qoq_status status = open_and_describe(&set, out, file, object, err);

    if (status != QOQ_OK) {
        memset(out, 0, sizeof *out);
        return status;
    }
    H5Oclose(set);
    out->name = malloc(strlen(object) + 1);
    if (out->name == NULL)
        return qoq_fail_memory(err, file->path, object, strlen(object));
    strcpy(out->name, object);
    return QOQ_OK;
}

struct qoq_h5_want qoq_h5_anything(void)
{
    struct qoq_h5_want want = {(1u << QOQ_DTYPES) - 1, -1, {0}, SIZE_MAX, 0};

    return want;
}

struct qoq_h5_want qoq_h5_exactly(enum qoq_dtype dtype, const size_t *dim, int rank)
{
    struct qoq_h5_want want = {1u << dtype, rank, {0}, SIZE_MAX, 1};

    for (int i = 0; i < rank; i++)
        want.dim[i] = dim[i];
    return want;
}

static int shape_fits(const struct qoq_tensor *found, const struct qoq_h5_want *want)
{
    if (want->rank < 0)
        return 1;
    if (found->rank != want->rank)
        return 0;
    for (int i = 0; i < want->rank; i++) {
        if (want->dim[i] != QOQ_H5_ANY && found->dim[i] != want->dim[i])
            return 0;
    }
    return 1;
}

/* "[4, any]" */
static void want_text(char *text, size_t size, const struct qoq_h5_want *want)
{
    size_t used = (size_t)snprintf(text, size, "[");

    for (int i = 0; i < want->rank && used < size; i++) {
        const char *comma = i > 0 ? ", " : "";
        if (want->dim[i] == QOQ_H5_ANY)
            used += (size_t)snprintf(text + used, size - used, "%sany", comma);
        else
            used += (size_t)snprintf(text + used, size - used, "%s%zu", comma, want->dim[i]);
    }
    if (used < size)
        snprintf(text + used, size - used, "]");
}

static enum qoq_status check_want(const struct qoq_tensor *found, struct qoq_h5 *file,
                                  const char *object, const struct qoq_h5_want *want,
                                  struct qoq_error *err)
{
    char is[200], should[200];

    if ((want->dtypes & 1u << found->dtype) == 0) {
        const char *only = "";
        for (int i = 0; i < QOQ_DTYPES; i++) {
            if (want->dtypes == 1u << i)
                only = qoq_dtype_name((enum qoq_dtype)i);
        }
        return qoq_fail(err, QOQ_ERR_FORMAT, file->path, object, "has type %s, not %s",
                        qoq_dtype_name(found->dtype), only[0] != 0 ? only : "one of those allowed");
    }
    if (!shape_fits(found, want)) {
        want_text(should, sizeof should, want);
        return qoq_fail(err, QOQ_ERR_SHAPE, file->path, object, "has shape %s, not %s",
                        qoq_shape_text(is, sizeof is, found->dim, found->rank), should);
    }
    if (qoq_tensor_bytes(found) > want->max_bytes)
        return qoq_fail(err, QOQ_ERR_SHAPE, file->path, object, "larger than %zu bytes",
                        want->max_bytes);
    return QOQ_OK;
}

static enum qoq_status check_sum(struct qoq_h5 *file, const char *object, const void *data,
                                 const struct qoq_tensor *shape, int need, struct qoq_error *err)
{
    enum qoq_status status;
    char hex[65], *stored;

    if (!need && !qoq_h5_has(file, object, "sha256"))
        return QOQ_OK;
    status = qoq_h5_get_string(&stored, file, object, "sha256", err);
    if (status != QOQ_OK)
        return status;
    sum_elements(hex, data, qoq_tensor_elements(shape), qoq_dtype_size(shape->dtype));
    if (strcmp(hex, stored) != 0)
        status = qoq_fail(err, QOQ_ERR_FORMAT, file->path, object,
                          "damaged: its elements do not match its sha256");
    free(stored);
    return status;
}

static enum qoq_status load(void *data, struct qoq_h5 *file, const char *object, hid_t set,
                            const struct qoq_tensor *shape, int need_sum, struct qoq_error *err)
{
    enum qoq_status status = QOQ_OK;

    if (qoq_tensor_elements(shape) > 0) {
        hid_t type = memory_type(shape->dtype);
        if (H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
            status = qoq_h5_fail(file, object, QOQ_ERR_FORMAT, "truncated or damaged", err);
        H5Tclose(type);
    }
    if (status != QOQ_OK)
        return status;
    return check_sum(file, object, data, shape, need_sum, err);
}

enum qoq_status qoq_h5_read(struct qoq_tensor *out, struct qoq_h5 *file, const char *object,
                            const struct qoq_h5_want *want, struct qoq_error *err)
{
    struct qoq_tensor shape;
    enum qoq_status status;
    hid_t set;

    memset(out, 0, sizeof *out);
    status = open_and_describe(&set, &shape, file, object, err);
    if (status != QOQ_OK)
        return status;
    status = check_want(&shape, file, object, want, err);
    if (status == QOQ_OK)
        status = qoq_tensor_create(out, object, shape.dtype, shape.dim, shape.rank, err);
    if (status == QOQ_OK)
        status = load(out->data, file, object, set, &shape, want->need_sum, err);
    if (status != QOQ_OK)
        qoq_tensor_free(out);
    H5Oclose(set);
    return status;
}

enum qoq_status qoq_h5_read_into(void *data, struct qoq_h5 *file, const char *object,
                                 enum qoq_dtype dtype, const size_t *dim, int rank, int need_sum,
                                 struct qoq_error *err)
{
    struct qoq_h5_want want = qoq_h5_exactly(dtype, dim, rank);
    struct qoq_tensor shape;
    enum qoq_status status;
    hid_t set;

    status = open_and_describe(&set, &shape, file, object, err);
    if (status != QOQ_OK)
        return status;
    status = check_want(&shape, file, object, &want, err);
    if (status == QOQ_OK)
        status = load(data, file, object, set, &shape, need_sum, err);
    H5Oclose(set);
    return status;
}

/* A walk over a group: what is left of the allowed number of objects. */
struct walk {
    struct qoq_tensors *out;
    struct qoq_h5 *file;
    size_t left;
    size_t skip; /* length of the name of the group at the top, with its slash */
    struct qoq_error *err;
};

static enum qoq_status walk_group(struct walk *walk, const char *group, int depth);

/* One child: a dataset is described, a group entered. */
static enum qoq_status walk_object(struct walk *walk, const char *object, int depth)
{
    struct qoq_tensor tensor;
    enum qoq_status status;
    hid_t id;
    H5I_type_t type;

    status = qoq_h5_open_object(&id, walk->file, object, walk->err);
    if (status != QOQ_OK)
        return status;
    type = H5Iget_type(id);
    H5Oclose(id);
    if (type == H5I_GROUP)
        return walk_group(walk, object, depth + 1);
    status = qoq_h5_describe(&tensor, walk->file, object, walk->err);
    if (status != QOQ_OK)
        return status;
    memmove(tensor.name, tensor.name + walk->skip, strlen(tensor.name + walk->skip) + 1);
    status = qoq_tensors_add(walk->out, &tensor, walk->err);
    if (status != QOQ_OK)
        qoq_tensor_free(&tensor);
    return status;
}

static enum qoq_status walk_group(struct walk *walk, const char *group, int depth)
{
    struct qoq_h5_names names;
    enum qoq_status status;

    if (depth > MAX_DEPTH)
        return qoq_fail(walk->err, QOQ_ERR_FORMAT, walk->file->path, group,
                        "more than %d levels of groups", MAX_DEPTH);
    status = qoq_h5_children(&names, walk->file, group, walk->left, walk->err);
    if (status != QOQ_OK)
        return status;
    walk->left -= names.count;
    for (size_t i = 0; i < names.count && status == QOQ_OK; i++) {
        char *object = qoq_file_join(group, names.name[i]);
        if (object == NULL)
            status = qoq_fail_memory(walk->err, walk->file->path, group, 0);
        else
            status = walk_object(walk, object, depth);
        free(object);
    }
    qoq_h5_names_free(&names);
    return status;
}

enum qoq_status qoq_h5_walk(struct qoq_tensors *out, struct qoq_h5 *file, const char *object,
                            size_t max_count, struct qoq_error *err)
{
    size_t length = strlen(object);
    struct walk walk = {out, file, max_count, 0, err};
    enum qoq_status status;

    memset(out, 0, sizeof *out);
    walk.skip = length > 0 && object[length - 1] == '/' ? length : length + 1;
    status = walk_group(&walk, object, 0);
    if (status != QOQ_OK)
        qoq_tensors_free(out);
    return status;
}
