/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes of HDF5 objects: written with fixed-width types, read strictly. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/h5_internal.h"

/* Longest string, and bytes of all strings of an attribute. */
#define MAX_STRING ((size_t)1 << 16)
#define MAX_STRINGS_BYTES ((size_t)1 << 20)

/* "object@name" for messages; the root's attributes are just named. */
static const char *field_name(char text[256], const char *object, const char *name)
{
    size_t length = strlen(object), room = 255;

    if (strcmp(object, "/") == 0 || length == 0)
        return name;
    if (length > 150)
        length = 150;
    memcpy(text, object, length);
    text[length] = '@';
    room -= length + 1;
    strncpy(text + length + 1, name, room);
    text[255] = 0;
    return text;
}

/* Writes an attribute; count 0 makes a scalar. */
static enum qoq_status put(struct qoq_h5 *file, const char *object, const char *name, hid_t stored,
                           hid_t memory, const void *value, size_t count, struct qoq_error *err)
{
    hsize_t dim = count;
    hid_t id, space, attribute;
    herr_t written = -1;
    char field[256];
    enum qoq_status status = qoq_h5_open_object(&id, file, object, err);

    if (status != QOQ_OK)
        return status;
    space = count == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &dim, NULL);
    attribute = H5Acreate2(id, name, stored, space, H5P_DEFAULT, H5P_DEFAULT);
    if (attribute >= 0) {
        written = H5Awrite(attribute, memory, value);
        H5Aclose(attribute);
    }
    if (written < 0)
        status = qoq_h5_fail(file, field_name(field, object, name), QOQ_ERR_IO,
                             "cannot write the attribute", err);
    H5Sclose(space);
    H5Oclose(id);
    return status;
}

static enum qoq_status refuse_empty(struct qoq_h5 *file, const char *name, struct qoq_error *err)
{
    return qoq_fail(err, QOQ_ERR_ARGUMENT, file->path, name, "an attribute without elements");
}

/* Strings of one fixed width, padded with zeros, UTF-8. count 0: a scalar. */
static enum qoq_status put_text(struct qoq_h5 *file, const char *object, const char *name,
                                const char *const *value, size_t count, struct qoq_error *err)
{
    size_t number = count == 0 ? 1 : count, width = 1;
    enum qoq_status status;
    char *block;
    hid_t type;

    for (size_t i = 0; i < number; i++)
        width = strlen(value[i]) > width ? strlen(value[i]) : width;
    if (width > MAX_STRING || number > MAX_STRINGS_BYTES / width)
        return qoq_fail(err, QOQ_ERR_ARGUMENT, file->path, name, "text too long for an attribute");
    block = calloc(number, width);
    if (block == NULL)
        return qoq_fail_memory(err, file->path, name, number * width);
    for (size_t i = 0; i < number; i++)
        memcpy(block + i * width, value[i], strlen(value[i]));
    type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, width);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    H5Tset_cset(type, H5T_CSET_UTF8);
    status = put(file, object, name, type, type, block, count, err);
    H5Tclose(type);
    free(block);
    return status;
}

enum qoq_status qoq_h5_put_string(struct qoq_h5 *file, const char *object, const char *name,
                                  const char *value, struct qoq_error *err)
{
    return put_text(file, object, name, &value, 0, err);
}

enum qoq_status qoq_h5_put_strings(struct qoq_h5 *file, const char *object, const char *name,
                                   const char *const *value, size_t count, struct qoq_error *err)
{
    if (count == 0)
        return refuse_empty(file, name, err);
    return put_text(file, object, name, value, count, err);
}

enum qoq_status qoq_h5_put_int(struct qoq_h5 *file, const char *object, const char *name,
                               int64_t value, struct qoq_error *err)
{
    return put(file, object, name, H5T_STD_I64LE, H5T_NATIVE_INT64, &value, 0, err);
}

enum qoq_status qoq_h5_put_double(struct qoq_h5 *file, const char *object, const char *name,
                                  double value, struct qoq_error *err)
{
    return put(file, object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &value, 0, err);
}

enum qoq_status qoq_h5_put_ints(struct qoq_h5 *file, const char *object, const char *name,
                                const int64_t *value, size_t count, struct qoq_error *err)
{
    if (count == 0)
        return refuse_empty(file, name, err);
    return put(file, object, name, H5T_STD_I64LE, H5T_NATIVE_INT64, value, count, err);
}

enum qoq_status qoq_h5_put_doubles(struct qoq_h5 *file, const char *object, const char *name,
                                   const double *value, size_t count, struct qoq_error *err)
{
    if (count == 0)
        return refuse_empty(file, name, err);
    return put(file, object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, value, count, err);
}

enum qoq_status qoq_h5_put_floats(struct qoq_h5 *file, const char *object, const char *name,
                                  const float *value, size_t count, struct qoq_error *err)
{
    if (count == 0)
        return refuse_empty(file, name, err);
    return put(file, object, name, H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, value, count, err);
}

/* An attribute opened for reading. */
struct reader {
    struct qoq_h5 *file;
    struct qoq_error *err;
    const char *field;
    char text[256];
    hid_t object, id, type, space;
    size_t count;
    int array; /* rank 1 */
};

static enum qoq_status refuse(struct reader *in, enum qoq_status status, const char *reason)
{
    return qoq_fail(in->err, status, in->file->path, in->field, "%s", reason);
}

static void close_reader(struct reader *in)
{
    if (in->type >= 0)
        H5Tclose(in->type);
    if (in->space >= 0)
        H5Sclose(in->space);
    if (in->id >= 0)
        H5Aclose(in->id);
    if (in->object >= 0)
        H5Oclose(in->object);
}

/* Type and shape: a scalar, or an array of at most max_count elements. */
static enum qoq_status examine(struct reader *in, const char *name, size_t max_count)
{
    htri_t there = H5Aexists(in->object, name);
    H5S_class_t class;
    hsize_t dim = 1;

    if (there == 0)
        return refuse(in, QOQ_ERR_FORMAT, "missing attribute");
    in->id = there > 0 ? H5Aopen(in->object, name, H5P_DEFAULT) : -1;
    in->type = in->id >= 0 ? H5Aget_type(in->id) : -1;
    in->space = in->id >= 0 ? H5Aget_space(in->id) : -1;
    if (in->type < 0 || in->space < 0)
        return qoq_h5_fail(in->file, in->field, QOQ_ERR_FORMAT, "damaged attribute", in->err);
    class = H5Sget_simple_extent_type(in->space);
    in->array = class == H5S_SIMPLE;
    if (class != H5S_SCALAR && class != H5S_SIMPLE)
        return refuse(in, QOQ_ERR_FORMAT, "an attribute without a value");
    if (in->array && (H5Sget_simple_extent_ndims(in->space) != 1 ||
                      H5Sget_simple_extent_dims(in->space, &dim, NULL) != 1))
        return refuse(in, QOQ_ERR_SHAPE, "an attribute of more than one dimension");
    if (dim > max_count)
        return refuse(in, QOQ_ERR_SHAPE, "an attribute with too many elements");
    in->count = (size_t)dim;
    return QOQ_OK;
}

static enum qoq_status open_reader(struct reader *in, struct qoq_h5 *file, const char *object,
                                   const char *name, size_t max_count, struct qoq_error *err)
{
    enum qoq_status status;

    in->file = file;
    in->err = err;
    in->field = field_name(in->text, object, name);
    in->object = in->id = in->type = in->space = -1;
    status = qoq_h5_open_object(&in->object, file, object, err);
    if (status == QOQ_OK)
        status = examine(in, name, max_count);
    if (status != QOQ_OK)
        close_reader(in);
    return status;
}

/* Reads all elements into *values (malloc) as `memory`, each of `size` bytes. */
static enum qoq_status read_values(void **values, struct reader *in, hid_t memory, size_t size)
{
    *values = calloc(in->count > 0 ? in->count : 1, size);
    if (*values == NULL)
        return qoq_fail_memory(in->err, in->file->path, in->field, in->count * size);
    if (H5Aread(in->id, memory, *values) < 0) {
        free(*values);
        *values = NULL;
        return qoq_h5_fail(in->file, in->field, QOQ_ERR_FORMAT, "damaged attribute", in->err);
    }
    return QOQ_OK;
}

static enum qoq_status read_ints(int64_t **values, struct reader *in)
{
    enum qoq_status status;
    void *block;
    int wide;

    if (H5Tget_class(in->type) != H5T_INTEGER || H5Tget_size(in->type) > 8)
        return refuse(in, QOQ_ERR_FORMAT, "must be an integer attribute");
    /* uint64 is read as such: HDF5 would clamp what int64 cannot hold. */
    wide = H5Tget_size(in->type) == 8 && H5Tget_sign(in->type) == H5T_SGN_NONE;
    status = read_values(&block, in, wide ? H5T_NATIVE_UINT64 : H5T_NATIVE_INT64, 8);
    if (status != QOQ_OK)
        return status;
    *values = block;
    for (size_t i = 0; wide && i < in->count; i++) {
        if ((*values)[i] < 0) {
            free(*values);
            *values = NULL;
            return refuse(in, QOQ_ERR_RANGE, "an integer above 2^63");
        }
    }
    return QOQ_OK;
}

static enum qoq_status read_doubles(double **values, struct reader *in)
{
    enum qoq_status status;
    void *block;

    if (H5Tequal(in->type, H5T_IEEE_F64LE) <= 0 && H5Tequal(in->type, H5T_IEEE_F32LE) <= 0)
        return refuse(in, QOQ_ERR_FORMAT, "must be a binary32 or binary64 attribute");
    status = read_values(&block, in, H5T_NATIVE_DOUBLE, sizeof(double));
    if (status != QOQ_OK)
        return status;
    *values = block;
    for (size_t i = 0; i < in->count; i++) {
        if (!isfinite((*values)[i])) {
            free(*values);
            *values = NULL;
            return refuse(in, QOQ_ERR_RANGE, "not a finite number");
        }
    }
    return QOQ_OK;
}

enum qoq_status qoq_h5_get_ints(int64_t **value, size_t *count, struct qoq_h5 *file,
                                const char *object, const char *name, size_t max_count,
                                struct qoq_error *err)
{
    struct reader in;
    enum qoq_status status = open_reader(&in, file, object, name, max_count, err);

    *value = NULL;
    if (status != QOQ_OK)
        return status;
    status = read_ints(value, &in);
    *count = in.count;
    close_reader(&in);
    return status;
}

enum qoq_status qoq_h5_get_doubles(double **value, size_t *count, struct qoq_h5 *file,
                                   const char *object, const char *name, size_t max_count,
                                   struct qoq_error *err)
{
    struct reader in;
    enum qoq_status status = open_reader(&in, file, object, name, max_count, err);

    *value = NULL;
    if (status != QOQ_OK)
        return status;
    status = read_doubles(value, &in);
    *count = in.count;
    close_reader(&in);
    return status;
}

enum qoq_status qoq_h5_get_floats(float **value, size_t *count, struct qoq_h5 *file,
                                  const char *object, const char *name, size_t max_count,
                                  struct qoq_error *err)
{
    struct reader in;
    double *wide = NULL;
    enum qoq_status status = open_reader(&in, file, object, name, max_count, err);

    *value = NULL;
    if (status != QOQ_OK)
        return status;
    if (H5Tequal(in.type, H5T_IEEE_F32LE) <= 0)
        status = refuse(&in, QOQ_ERR_FORMAT, "must be a binary32 attribute");
    else
        status = read_doubles(&wide, &in);
    *count = in.count;
    close_reader(&in);
    if (status != QOQ_OK)
        return status;
    *value = malloc((*count > 0 ? *count : 1) * sizeof **value);
    if (*value == NULL)
        status = qoq_fail_memory(err, file->path, name, *count * sizeof **value);
    for (size_t i = 0; status == QOQ_OK && i < *count; i++)
        (*value)[i] = (float)wide[i];
    free(wide);
    return status;
}

enum qoq_status qoq_h5_get_int(int64_t *value, struct qoq_h5 *file, const char *object,
                               const char *name, int64_t lo, int64_t hi, struct qoq_error *err)
{
    int64_t *all;
    size_t count;
    char text[256];
    enum qoq_status status = qoq_h5_get_ints(&all, &count, file, object, name, 1, err);

    if (status != QOQ_OK)
        return status;
    if (count != 1)
        status = qoq_fail(err, QOQ_ERR_SHAPE, file->path, field_name(text, object, name),
                          "must be one integer");
    else if (all[0] < lo || all[0] > hi)
        status = qoq_fail(err, QOQ_ERR_RANGE, file->path, field_name(text, object, name),
                          "%lld is not in [%lld, %lld]", (long long)all[0], (long long)lo,
                          (long long)hi);
    else
        *value = all[0];
    free(all);
    return status;
}

enum qoq_status qoq_h5_get_double(double *value, struct qoq_h5 *file, const char *object,
                                  const char *name, double lo, double hi, struct qoq_error *err)
{
    double *all;
    size_t count;
    char text[256];
    enum qoq_status status = qoq_h5_get_doubles(&all, &count, file, object, name, 1, err);

    if (status != QOQ_OK)
        return status;
    if (count != 1)
        status = qoq_fail(err, QOQ_ERR_SHAPE, file->path, field_name(text, object, name),
                          "must be one number");
    else if (all[0] < lo || all[0] > hi)
        status = qoq_fail(err, QOQ_ERR_RANGE, file->path, field_name(text, object, name),
                          "%g is not in [%g, %g]", all[0], lo, hi);
    else
        *value = all[0];
    free(all);
    return status;
}

/* Copies count strings into out. `at(i)` is block + i * width with at most width bytes, or the i-th
 * pointer where width is 0. */
static enum qoq_status copy_strings(struct qoq_h5_names *out, struct reader *in, const void *block,
                                    size_t width)
{
    out->name = calloc(in->count > 0 ? in->count : 1, sizeof *out->name);
    if (out->name == NULL)
        return qoq_fail_memory(in->err, in->file->path, in->field, in->count * sizeof *out->name);
    for (size_t i = 0; i < in->count; i++) {
        const char *text = width > 0 ? (const char *)block + i * width : ((char *const *)block)[i];
        size_t length = 0;
        while (text != NULL && length <= MAX_STRING && (width == 0 || length < width) &&
               text[length] != 0)
            length++;
        if (length > MAX_STRING)
            return refuse(in, QOQ_ERR_SHAPE, "a string that is too long");
        out->name[i] = malloc(length + 1);
        if (out->name[i] == NULL)
            return qoq_fail_memory(in->err, in->file->path, in->field, length + 1);
        if (length > 0)
            memcpy(out->name[i], text, length);
        out->name[i][length] = 0;
        out->count++;
    }
    return QOQ_OK;
}

static enum qoq_status read_fixed(struct qoq_h5_names *out, struct reader *in)
{
    size_t width = H5Tget_size(in->type);
    enum qoq_status status;
    void *block;

    if (width == 0 || width > MAX_STRING || in->count > MAX_STRINGS_BYTES / width)
        return refuse(in, QOQ_ERR_SHAPE, "a string that is too long");
    status = read_values(&block, in, in->type, width);
    if (status != QOQ_OK)
        return status;
    status = copy_strings(out, in, block, width);
    free(block);
    return status;
}

static enum qoq_status read_variable(struct qoq_h5_names *out, struct reader *in)
{
    hid_t memory = H5Tcopy(H5T_C_S1);
    enum qoq_status status;
    void *block;

    H5Tset_size(memory, H5T_VARIABLE);
    H5Tset_cset(memory, H5Tget_cset(in->type));
    status = read_values(&block, in, memory, sizeof(char *));
    if (status == QOQ_OK) {
        status = copy_strings(out, in, block, 0);
        H5Dvlen_reclaim(memory, in->space, H5P_DEFAULT, block);
        free(block);
    }
    H5Tclose(memory);
    return status;
}

enum qoq_status qoq_h5_get_strings(struct qoq_h5_names *value, struct qoq_h5 *file,
                                   const char *object, const char *name, size_t max_count,
                                   struct qoq_error *err)
{
    struct reader in;
    enum qoq_status status = open_reader(&in, file, object, name, max_count, err);

    memset(value, 0, sizeof *value);
    if (status != QOQ_OK)
        return status;
    if (H5Tget_class(in.type) != H5T_STRING)
        status = refuse(&in, QOQ_ERR_FORMAT, "must be a string attribute");
    else if (H5Tis_variable_str(in.type) > 0)
        status = read_variable(value, &in);
    else
        status = read_fixed(value, &in);
    close_reader(&in);
    if (status != QOQ_OK)
        qoq_h5_names_free(value);
    return status;
}

enum qoq_status qoq_h5_get_string(char **value, struct qoq_h5 *file, const char *object,
                                  const char *name, struct qoq_error *err)
{
    struct qoq_h5_names all;
    char text[256];
    enum qoq_status status = qoq_h5_get_strings(&all, file, object, name, 1, err);

    *value = NULL;
    if (status != QOQ_OK)
        return status;
    if (all.count != 1) {
        qoq_h5_names_free(&all);
        return qoq_fail(err, QOQ_ERR_SHAPE, file->path, field_name(text, object, name),
                        "must be one string");
    }
    *value = all.name[0];
    free(all.name);
    return QOQ_OK;
}

int qoq_h5_has(struct qoq_h5 *file, const char *object, const char *name)
{
    hid_t id;
    int there;

    if (qoq_h5_open_object(&id, file, object, NULL) != QOQ_OK)
        return 0;
    there = H5Aexists(id, name) > 0;
    H5Oclose(id);
    return there;
}

enum qoq_status qoq_h5_put_format(struct qoq_h5 *file, const char *format, int version,
                                  struct qoq_error *err)
{
    enum qoq_status status = qoq_h5_put_string(file, "/", "format", format, err);

    if (status == QOQ_OK)
        status = qoq_h5_put_int(file, "/", "version", version, err);
    return status;
}

enum qoq_status qoq_h5_check_format(struct qoq_h5 *file, const char *format, int version,
                                    struct qoq_error *err)
{
    char *found;
    int64_t number;
    enum qoq_status status = qoq_h5_get_string(&found, file, "/", "format", err);

    if (status != QOQ_OK)
        return status;
    if (strcmp(found, format) != 0)
        status = qoq_fail(err, QOQ_ERR_FORMAT, file->path, "format", "is \"%.64s\", not \"%s\"",
                          found, format);
    free(found);
    if (status != QOQ_OK)
        return status;
    status = qoq_h5_get_int(&number, file, "/", "version", INT64_MIN, INT64_MAX, err);
    if (status == QOQ_OK && number != version)
        status = qoq_fail(err, QOQ_ERR_UNSUPPORTED, file->path, "version",
                          "%lld, but this program reads version %d", (long long)number, version);
    return status;
}
