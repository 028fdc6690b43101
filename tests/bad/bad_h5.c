/* SPDX-License-Identifier: Apache-2.0 */
/* Broken HDF5 files: a good token or model file is written, then one thing in it is changed. */
#include <config.h>

#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/model_file.h"
#include "data/token_file.h"
#include "tests/bad/bad.h"

static int report(enum qoq_status status, const struct qoq_error *err)
{
    if (status == QOQ_OK)
        return 0;
    fprintf(stderr, "%s\n", err->text);
    return -1;
}

int good_tokens(const char *path)
{
    int64_t offset[] = {0, 3, 3, 8};
    int32_t token[] = {1, 5, 6, 1, 7, 8, 9, 2};
    struct qoq_token_file tokens = {10, 3, offset, token, "a tokenizer", "a text", NULL};
    struct qoq_error err;

    return report(qoq_token_file_write(path, &tokens, &err), &err);
}

int good_model(const char *path)
{
    struct qoq_model_header header;
    struct qoq_model_file *file = NULL;
    struct qoq_error err;
    const float norm[4] = {1, 2, 3, 4};
    const uint8_t code[6] = {1, 2, 3, 4, 5, 6};
    const size_t dim[2] = {2, 3}, four = 4;
    enum qoq_status status;

    memset(&header, 0, sizeof header);
    header.config.vocab = 10;
    header.config.hidden = 8;
    header.config.intermediate = 16;
    header.config.layers = header.config.heads = header.config.kv_heads = 1;
    header.config.head_dim = 8;
    header.config.max_positions = 32;
    header.config.rms_eps = 1e-5f;
    header.config.rope.theta = 10000;
    header.config.rope.factor = 1;
    header.config.bos = 1;
    header.config.eos = -1;
    header.numerics = QOQ_NUMERICS_VERSION;
    header.precision = "w4a8kv4-g128";
    header.group = 128;
    header.tokenizer = "{}";
    header.tokenizer_bytes = 2;
    status = qoq_model_file_create(&file, path, &header, &err);
    if (status == QOQ_OK)
        status = qoq_model_file_put(file, "norm", norm, QOQ_F32, &four, 1, &err);
    if (status == QOQ_OK)
        status = qoq_model_file_put(file, "layers/0/q/code", code, QOQ_U8, dim, 2, &err);
    if (status == QOQ_OK)
        return report(qoq_model_file_commit(&file, &err), &err);
    qoq_model_file_close(&file);
    return report(status, &err);
}

static hid_t bad_type(int number)
{
    hid_t type;

    switch (number) {
    case BAD_UINT32:
        return H5Tcopy(H5T_STD_U32LE);
    case BAD_INT32_BIG_ENDIAN:
        return H5Tcopy(H5T_STD_I32BE);
    case BAD_INT16:
        return H5Tcopy(H5T_STD_I16LE);
    case BAD_FLOAT32:
        return H5Tcopy(H5T_IEEE_F32LE);
    case BAD_STRING:
        type = H5Tcopy(H5T_C_S1);
        H5Tset_size(type, 4);
        return type;
    case BAD_COMPOUND:
        type = H5Tcreate(H5T_COMPOUND, 4);
        H5Tinsert(type, "x", 0, H5T_STD_I32LE);
        return type;
    default:
        type = H5Tenum_create(H5T_STD_I32LE);
        H5Tenum_insert(type, "one", &(int){1});
        return type;
    }
}

/* Replaces a dataset by one of another make; its sum is not stored. */
static void replace(hid_t file, const struct bad_case *bad)
{
    hsize_t dim[2] = {8, 2}, huge = (hsize_t)1 << 60;
    hid_t list = H5Pcreate(H5P_DATASET_CREATE), type = H5Tcopy(H5T_STD_I32LE), space, set;
    int64_t zero[16] = {0};

    H5Ldelete(file, bad->object, H5P_DEFAULT);
    if (bad->edit == BAD_TYPE) {
        H5Tclose(type);
        type = bad_type((int)bad->number);
    }
    if (bad->edit == BAD_CHUNKED || bad->edit == BAD_DEFLATED)
        H5Pset_chunk(list, 1, dim);
    if (bad->edit == BAD_DEFLATED)
        H5Pset_deflate(list, 9);
    if (bad->edit == BAD_EXTERNAL_FILE)
        H5Pset_external(list, "elsewhere.raw", 0, H5F_UNLIMITED);
    space = bad->edit == BAD_NULL_SPACE ? H5Screate(H5S_NULL)
            : bad->edit == BAD_HUGE     ? H5Screate_simple(1, &huge, NULL)
                                    : H5Screate_simple(bad->edit == BAD_RANK ? 2 : 1, dim, NULL);
    if (bad->edit == BAD_VIRTUAL)
        H5Pset_virtual(list, space, "elsewhere.h5", "tokens", space);
    set = H5Dcreate2(file, bad->object, type, space, H5P_DEFAULT, list, H5P_DEFAULT);
    if (bad->edit == BAD_CHUNKED || bad->edit == BAD_DEFLATED || bad->edit == BAD_TYPE ||
        bad->edit == BAD_RANK)
        H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, zero);
    H5Dclose(set);
    H5Sclose(space);
    H5Tclose(type);
    H5Pclose(list);
}

static void set_attribute(hid_t file, const struct bad_case *bad)
{
    hid_t object = H5Oopen(file, bad->object, H5P_DEFAULT), space = H5Screate(H5S_SCALAR), type, id;
    double real = bad->number == 0 ? (double)NAN : (double)bad->number;
    int64_t integer = bad->number;
    const void *value = bad->edit == BAD_INT_ATTRIBUTE    ? (const void *)&integer
                        : bad->edit == BAD_REAL_ATTRIBUTE ? (const void *)&real
                                                          : (const void *)bad->text;

    if (bad->edit == BAD_INT_ATTRIBUTE) {
        type = H5Tcopy(H5T_NATIVE_INT64);
    } else if (bad->edit == BAD_REAL_ATTRIBUTE) {
        type = H5Tcopy(H5T_NATIVE_DOUBLE);
    } else {
        type = H5Tcopy(H5T_C_S1);
        H5Tset_size(type, bad->text != NULL ? strlen(bad->text) + 1 : 1);
    }
    H5Adelete(object, bad->attribute);
    if (bad->edit != BAD_DELETE_ATTRIBUTE) {
        id = H5Acreate2(object, bad->attribute, type, space, H5P_DEFAULT, H5P_DEFAULT);
        H5Awrite(id, type, value);
        H5Aclose(id);
    }
    H5Tclose(type);
    H5Sclose(space);
    H5Oclose(object);
}

static void set_element(hid_t file, const struct bad_case *bad)
{
    hid_t set = H5Dopen2(file, bad->object, H5P_DEFAULT), space = H5Dget_space(set), memory;
    hsize_t start[2] = {0, 0}, count[2] = {1, 1};

    memory = H5Screate_simple(1, count, NULL);
    H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL);
    H5Dwrite(set, H5T_NATIVE_INT64, memory, space, H5P_DEFAULT, &(int64_t){bad->number});
    if (bad->edit == BAD_ELEMENT_SUMMED)
        H5Adelete(set, "sha256");
    H5Sclose(memory);
    H5Sclose(space);
    H5Dclose(set);
}

static void change_link(hid_t file, const struct bad_case *bad)
{
    H5Ldelete(file, bad->object, H5P_DEFAULT);
    switch (bad->edit) {
    case BAD_SOFT_LINK:
        H5Lcreate_soft(bad->text, file, bad->object, H5P_DEFAULT, H5P_DEFAULT);
        break;
    case BAD_EXTERNAL_LINK:
        H5Lcreate_external("elsewhere.h5", "/tokens", file, bad->object, H5P_DEFAULT, H5P_DEFAULT);
        break;
    case BAD_GROUP:
        H5Gclose(H5Gcreate2(file, bad->object, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
        break;
    case BAD_CYCLE:
        H5Gclose(H5Gcreate2(file, bad->object, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
        H5Lcreate_hard(file, bad->object, file, bad->text, H5P_DEFAULT, H5P_DEFAULT);
        break;
    default:
        break;
    }
}

static int change_bytes(const char *path, const struct bad_case *bad)
{
    FILE *file;
    int byte;

    if (bad->edit == BAD_TRUNCATED)
        return truncate(path, (off_t)bad->number);
    file = fopen(path, "r+b");
    if (file == NULL)
        return -1;
    fseek(file, (long)bad->number, SEEK_SET);
    byte = fgetc(file);
    fseek(file, (long)bad->number, SEEK_SET);
    fputc(~byte & 0xff, file);
    return fclose(file);
}

static int change(const char *path, const struct bad_case *bad)
{
    hid_t file;

    if (bad->edit == BAD_TRUNCATED || bad->edit == BAD_BYTE)
        return change_bytes(path, bad);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    if (file < 0)
        return -1;
    switch (bad->edit) {
    case BAD_DELETE_ATTRIBUTE:
    case BAD_INT_ATTRIBUTE:
    case BAD_REAL_ATTRIBUTE:
    case BAD_TEXT_ATTRIBUTE:
        set_attribute(file, bad);
        break;
    case BAD_ELEMENT:
    case BAD_ELEMENT_SUMMED:
        set_element(file, bad);
        break;
    case BAD_DELETE:
    case BAD_SOFT_LINK:
    case BAD_EXTERNAL_LINK:
    case BAD_GROUP:
    case BAD_CYCLE:
        change_link(file, bad);
        break;
    default:
        replace(file, bad);
        break;
    }
    return H5Fclose(file) < 0 ? -1 : 0;
}

static int make_tokens(const char *path, const struct bad_case *bad)
{
    return good_tokens(path) == 0 ? change(path, bad) : -1;
}

static int make_model(const char *path, const struct bad_case *bad)
{
    return good_model(path) == 0 ? change(path, bad) : -1;
}

static int make_plain(const char *path, const struct bad_case *bad)
{
    return bad_write(path, bad->text, strlen(bad->text));
}

#define FILE_OF(maker, name, status, field, edit, object, attribute, number, text)                 \
    {                                                                                              \
        name ".h5", status, field, maker, text, NULL, number, 0, edit, object, attribute           \
    }
#define TOKENS(name, status, field, edit, object, attribute, number)                               \
    FILE_OF(make_tokens, name, status, field, edit, object, attribute, number, NULL)
#define MODEL(name, status, field, edit, object, attribute, number)                                \
    FILE_OF(make_model, name, status, field, edit, object, attribute, number, NULL)

const struct bad_case bad_tokens[] = {
    {"empty.h5", QOQ_ERR_FORMAT, "", make_plain, "", NULL, 0, 0, BAD_NO_EDIT, NULL, NULL},
    {"text.h5", QOQ_ERR_FORMAT, "", make_plain, "not an HDF5 file at all", NULL, 0, 0, BAD_NO_EDIT,
     NULL, NULL},
    {"signature-only.h5", QOQ_ERR_FORMAT, "", make_plain, "\x89HDF\r\n\x1a\n", NULL, 0, 0,
     BAD_NO_EDIT, NULL, NULL},
    TOKENS("magic", QOQ_ERR_FORMAT, "", BAD_BYTE, NULL, NULL, 0),
    TOKENS("superblock", QOQ_ERR_UNSUPPORTED, "superblock", BAD_BYTE, NULL, NULL, 8),
    TOKENS("cut-16", QOQ_ERR_FORMAT, "", BAD_TRUNCATED, NULL, NULL, 16),
    TOKENS("cut-512", QOQ_ERR_FORMAT, "", BAD_TRUNCATED, NULL, NULL, 512),
    TOKENS("cut-2000", QOQ_ERR_FORMAT, "", BAD_TRUNCATED, NULL, NULL, 2000),
    TOKENS("no-format", QOQ_ERR_FORMAT, "format", BAD_DELETE_ATTRIBUTE, "/", "format", 0),
    FILE_OF(make_tokens, "other-format", QOQ_ERR_FORMAT, "format", BAD_TEXT_ATTRIBUTE, "/",
            "format", 0, "qoq-model"),
    TOKENS("format-number", QOQ_ERR_FORMAT, "format", BAD_INT_ATTRIBUTE, "/", "format", 1),
    TOKENS("no-version", QOQ_ERR_FORMAT, "version", BAD_DELETE_ATTRIBUTE, "/", "version", 0),
    TOKENS("version", QOQ_ERR_UNSUPPORTED, "version", BAD_INT_ATTRIBUTE, "/", "version", 2),
    TOKENS("version-negative", QOQ_ERR_UNSUPPORTED, "version", BAD_INT_ATTRIBUTE, "/", "version",
           -1),
    TOKENS("version-real", QOQ_ERR_FORMAT, "version", BAD_REAL_ATTRIBUTE, "/", "version", 1),
    FILE_OF(make_tokens, "version-text", QOQ_ERR_FORMAT, "version", BAD_TEXT_ATTRIBUTE, "/",
            "version", 0, "1"),
    TOKENS("no-vocab", QOQ_ERR_FORMAT, "vocab", BAD_DELETE_ATTRIBUTE, "/", "vocab", 0),
    TOKENS("vocab-zero", QOQ_ERR_RANGE, "vocab", BAD_INT_ATTRIBUTE, "/", "vocab", 0),
    TOKENS("vocab-small", QOQ_ERR_RANGE, "tokens", BAD_INT_ATTRIBUTE, "/", "vocab", 9),
    TOKENS("vocab-huge", QOQ_ERR_RANGE, "vocab", BAD_INT_ATTRIBUTE, "/", "vocab", 1LL << 40),
    TOKENS("tokenizer-number", QOQ_ERR_FORMAT, "tokenizer", BAD_INT_ATTRIBUTE, "/", "tokenizer", 1),
    TOKENS("no-tokens", QOQ_ERR_FORMAT, "tokens", BAD_DELETE, "tokens", NULL, 0),
    TOKENS("no-offsets", QOQ_ERR_FORMAT, "offsets", BAD_DELETE, "offsets", NULL, 0),
    FILE_OF(make_tokens, "soft-link", QOQ_ERR_UNSUPPORTED, "tokens", BAD_SOFT_LINK, "tokens", NULL,
            0, "/offsets"),
    FILE_OF(make_tokens, "dangling-link", QOQ_ERR_UNSUPPORTED, "tokens", BAD_SOFT_LINK, "tokens",
            NULL, 0, "/nowhere"),
    FILE_OF(make_tokens, "link-to-itself", QOQ_ERR_UNSUPPORTED, "tokens", BAD_SOFT_LINK, "tokens",
            NULL, 0, "/tokens"),
    TOKENS("external-link", QOQ_ERR_UNSUPPORTED, "external links", BAD_EXTERNAL_LINK, "tokens",
           NULL, 0),
    TOKENS("group", QOQ_ERR_FORMAT, "tokens", BAD_GROUP, "tokens", NULL, 0),
    TOKENS("chunked", QOQ_ERR_UNSUPPORTED, "tokens", BAD_CHUNKED, "tokens", NULL, 0),
    TOKENS("deflated", QOQ_ERR_UNSUPPORTED, "tokens", BAD_DEFLATED, "tokens", NULL, 0),
    TOKENS("virtual", QOQ_ERR_UNSUPPORTED, "tokens", BAD_VIRTUAL, "tokens", NULL, 0),
    TOKENS("external-file", QOQ_ERR_UNSUPPORTED, "tokens", BAD_EXTERNAL_FILE, "tokens", NULL, 0),
    TOKENS("uint32", QOQ_ERR_FORMAT, "tokens", BAD_TYPE, "tokens", NULL, BAD_UINT32),
    TOKENS("big-endian", QOQ_ERR_FORMAT, "tokens", BAD_TYPE, "tokens", NULL, BAD_INT32_BIG_ENDIAN),
    TOKENS("int16", QOQ_ERR_FORMAT, "tokens", BAD_TYPE, "tokens", NULL, BAD_INT16),
    TOKENS("float32", QOQ_ERR_FORMAT, "tokens", BAD_TYPE, "tokens", NULL, BAD_FLOAT32),
    TOKENS("string", QOQ_ERR_FORMAT, "tokens", BAD_TYPE, "tokens", NULL, BAD_STRING),
    TOKENS("compound", QOQ_ERR_FORMAT, "tokens", BAD_TYPE, "tokens", NULL, BAD_COMPOUND),
    TOKENS("enum", QOQ_ERR_FORMAT, "tokens", BAD_TYPE, "tokens", NULL, BAD_ENUM),
    TOKENS("offsets-int32", QOQ_ERR_FORMAT, "offsets", BAD_TYPE, "offsets", NULL, BAD_INT16),
    TOKENS("matrix", QOQ_ERR_SHAPE, "tokens", BAD_RANK, "tokens", NULL, 0),
    TOKENS("null-space", QOQ_ERR_SHAPE, "tokens", BAD_NULL_SPACE, "tokens", NULL, 0),
    TOKENS("huge", QOQ_ERR_FORMAT, "tokens", BAD_HUGE, "tokens", NULL, 0),
    TOKENS("unwritten", QOQ_ERR_FORMAT, "tokens", BAD_UNWRITTEN, "tokens", NULL, 0),
    TOKENS("sum", QOQ_ERR_FORMAT, "tokens", BAD_ELEMENT, "tokens", NULL, 3),
    FILE_OF(make_tokens, "sum-text", QOQ_ERR_FORMAT, "tokens", BAD_TEXT_ATTRIBUTE, "tokens",
            "sha256", 0, "0"),
    TOKENS("sum-number", QOQ_ERR_FORMAT, "tokens@sha256", BAD_INT_ATTRIBUTE, "tokens", "sha256", 1),
    TOKENS("id-negative", QOQ_ERR_RANGE, "tokens", BAD_ELEMENT_SUMMED, "tokens", NULL, -1),
    TOKENS("id-large", QOQ_ERR_RANGE, "tokens", BAD_ELEMENT_SUMMED, "tokens", NULL, 10),
    TOKENS("offset-first", QOQ_ERR_RANGE, "offsets", BAD_ELEMENT_SUMMED, "offsets", NULL, 1),
    TOKENS("offset-negative", QOQ_ERR_RANGE, "offsets", BAD_ELEMENT_SUMMED, "offsets", NULL, -5),
};
const size_t bad_tokens_count = sizeof bad_tokens / sizeof bad_tokens[0];

const struct bad_case bad_models[] = {
    {"empty.h5", QOQ_ERR_FORMAT, "", make_plain, "", NULL, 0, 0, BAD_NO_EDIT, NULL, NULL},
    MODEL("magic", QOQ_ERR_FORMAT, "", BAD_BYTE, NULL, NULL, 1),
    MODEL("cut-100", QOQ_ERR_FORMAT, "", BAD_TRUNCATED, NULL, NULL, 100),
    MODEL("cut-3000", QOQ_ERR_FORMAT, "", BAD_TRUNCATED, NULL, NULL, 3000),
    FILE_OF(make_model, "format", QOQ_ERR_FORMAT, "format", BAD_TEXT_ATTRIBUTE, "/", "format", 0,
            "qoq-tokens"),
    MODEL("version", QOQ_ERR_UNSUPPORTED, "version", BAD_INT_ATTRIBUTE, "/", "version", 0),
    MODEL("numerics", QOQ_ERR_UNSUPPORTED, "numerics", BAD_INT_ATTRIBUTE, "/", "numerics", 0),
    MODEL("no-numerics", QOQ_ERR_FORMAT, "numerics", BAD_DELETE_ATTRIBUTE, "/", "numerics", 0),
    MODEL("no-precision", QOQ_ERR_FORMAT, "precision", BAD_DELETE_ATTRIBUTE, "/", "precision", 0),
    MODEL("group-negative", QOQ_ERR_RANGE, "group", BAD_INT_ATTRIBUTE, "/", "group", -1),
    MODEL("no-config", QOQ_ERR_FORMAT, "config", BAD_DELETE, "config", NULL, 0),
    FILE_OF(make_model, "arch", QOQ_ERR_UNSUPPORTED, "arch", BAD_TEXT_ATTRIBUTE, "config", "arch",
            0, "gpt"),
    FILE_OF(make_model, "rope", QOQ_ERR_UNSUPPORTED, "rope", BAD_TEXT_ATTRIBUTE, "config", "rope",
            0, "yarn"),
    FILE_OF(make_model, "rope-linear", QOQ_ERR_FORMAT, "config@rope_factor", BAD_TEXT_ATTRIBUTE,
            "config", "rope", 0, "linear"),
    MODEL("hidden-zero", QOQ_ERR_RANGE, "config@hidden", BAD_INT_ATTRIBUTE, "config", "hidden", 0),
    MODEL("hidden-huge", QOQ_ERR_RANGE, "config@hidden", BAD_INT_ATTRIBUTE, "config", "hidden",
          1LL << 62),
    MODEL("no-layers", QOQ_ERR_FORMAT, "config@layers", BAD_DELETE_ATTRIBUTE, "config", "layers",
          0),
    MODEL("layers-real", QOQ_ERR_FORMAT, "config@layers", BAD_REAL_ATTRIBUTE, "config", "layers",
          1),
    MODEL("kv-heads", QOQ_ERR_SHAPE, "config@kv_heads", BAD_INT_ATTRIBUTE, "config", "kv_heads", 2),
    MODEL("head-dim", QOQ_ERR_SHAPE, "config@head_dim", BAD_INT_ATTRIBUTE, "config", "head_dim", 7),
    MODEL("eps-nan", QOQ_ERR_RANGE, "config@rms_eps", BAD_REAL_ATTRIBUTE, "config", "rms_eps", 0),
    MODEL("eps-integer", QOQ_ERR_FORMAT, "config@rms_eps", BAD_INT_ATTRIBUTE, "config", "rms_eps",
          1),
    MODEL("theta", QOQ_ERR_RANGE, "config@rope_theta", BAD_REAL_ATTRIBUTE, "config", "rope_theta",
          -10000),
    MODEL("bos", QOQ_ERR_RANGE, "config@bos", BAD_INT_ATTRIBUTE, "config", "bos", 10),
    MODEL("tie", QOQ_ERR_RANGE, "config@tie_embeddings", BAD_INT_ATTRIBUTE, "config",
          "tie_embeddings", 2),
    MODEL("qk-norm", QOQ_ERR_RANGE, "config@qk_norm", BAD_INT_ATTRIBUTE, "config", "qk_norm", 2),
    MODEL("no-qkv-bias", QOQ_ERR_FORMAT, "config@qkv_bias", BAD_DELETE_ATTRIBUTE, "config",
          "qkv_bias", 0),
    MODEL("tokenizer-type", QOQ_ERR_FORMAT, "tokenizer", BAD_TYPE, "tokenizer", NULL, BAD_INT16),
    MODEL("tokenizer-sum", QOQ_ERR_FORMAT, "tokenizer", BAD_ELEMENT, "tokenizer", NULL, 'x'),
    MODEL("tokenizer-huge", QOQ_ERR_FORMAT, "tokenizer", BAD_HUGE, "tokenizer", NULL, 0),
    MODEL("no-tensors", QOQ_ERR_FORMAT, "tensors", BAD_DELETE, "tensors", NULL, 0),
    FILE_OF(make_model, "cycle", QOQ_ERR_UNSUPPORTED, "tensors/loop/loop", BAD_CYCLE,
            "tensors/loop", NULL, 0, "tensors/loop/loop"),
    FILE_OF(make_model, "link-out", QOQ_ERR_UNSUPPORTED, "tensors/norm", BAD_SOFT_LINK,
            "tensors/norm", NULL, 0, "/tokenizer"),
    MODEL("external", QOQ_ERR_UNSUPPORTED, "tensors: ", BAD_EXTERNAL_LINK, "tensors/layers", NULL,
          0),
    MODEL("chunked", QOQ_ERR_UNSUPPORTED, "tensors/norm", BAD_CHUNKED, "tensors/norm", NULL, 0),
    MODEL("huge", QOQ_ERR_FORMAT, "tensors/norm", BAD_HUGE, "tensors/norm", NULL, 0),
    MODEL("compound", QOQ_ERR_FORMAT, "tensors/norm", BAD_TYPE, "tensors/norm", NULL, BAD_COMPOUND),
};
const size_t bad_models_count = sizeof bad_models / sizeof bad_models[0];
