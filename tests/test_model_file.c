/* SPDX-License-Identifier: Apache-2.0 */
/* Model files: header and tensors come back, unknown and missing tensors are errors. */
#include <config.h>

#include <hdf5.h>

#include "data/h5.h"
#include "data/model_file.h"
#include "tests/data_support.h"

TestSuite(model_file, .init = scratch_begin, .fini = scratch_end);

static enum qoq_status open_and_close(const char *path, struct qoq_error *err)
{
    struct qoq_model_header header;
    struct qoq_model_file *file;
    enum qoq_status status = qoq_model_file_open(&file, &header, path, err);

    if (status != QOQ_OK)
        cr_expect(file == NULL && header.precision == NULL && header.tokenizer == NULL);
    qoq_model_header_free(&header);
    qoq_model_file_close(&file);
    return status;
}

Test(model_file, broken_files_are_refused)
{
    walk_corpus(bad_models, bad_models_count, open_and_close);
}

Test(model_file, header_and_tensors_come_back)
{
    const size_t four = 4, dim[2] = {2, 3};
    char *path = scratch_path("model.h5");
    struct qoq_model_header header;
    struct qoq_model_file *file;
    struct qoq_error err;
    float norm[4];
    uint8_t code[6];

    cr_assert_eq(good_model(path), 0);
    cr_assert_eq(qoq_model_file_open(&file, &header, path, &err), QOQ_OK, "%s", err.text);
    cr_expect_eq(header.numerics, QOQ_NUMERICS_VERSION);
    cr_expect_eq(header.group, 128);
    cr_expect_str_eq(header.precision, "w4a8kv4-g128");
    cr_expect_str_eq(header.source, "");
    cr_expect_eq(header.tokenizer_bytes, 2);
    cr_expect_eq(memcmp(header.tokenizer, "{}", 2), 0);
    cr_expect(header.config.hidden == 8 && header.config.rms_eps == 1e-5f &&
              header.config.eos == -1);
    cr_expect_eq(qoq_model_file_tensors(file)->count, 2);
    cr_expect_str_eq(qoq_model_file_tensors(file)->item[0].name, "layers/0/q/code");
    cr_assert_eq(qoq_model_file_get(norm, file, "norm", QOQ_F32, &four, 1, &err), QOQ_OK);
    cr_expect(norm[0] == 1 && norm[3] == 4);
    cr_assert_eq(qoq_model_file_get(code, file, "layers/0/q/code", QOQ_U8, dim, 2, &err), QOQ_OK);
    cr_expect_eq(code[5], 6);
    expect_failure(qoq_model_file_get(code, file, "layers/0/k/code", QOQ_U8, dim, 2, &err), &err,
                   QOQ_ERR_FORMAT, "model.h5", "layers/0/k/code: missing");
    expect_failure(qoq_model_file_get(code, file, "norm", QOQ_F16, &four, 1, &err), &err,
                   QOQ_ERR_FORMAT, "model.h5", "norm");
    expect_failure(qoq_model_file_get(code, file, "norm", QOQ_F32, &dim[1], 1, &err), &err,
                   QOQ_ERR_SHAPE, "model.h5", "norm");
    qoq_model_header_free(&header);
    qoq_model_file_close(&file);
    free(path);
}

/* Every kind of rotary embedding and both architectures. */
Test(model_file, every_description_comes_back)
{
    static const struct qoq_rope ropes[] = {{QOQ_ROPE_PLAIN, 12345.678, 1, 0, 0, 0},
                                            {QOQ_ROPE_LINEAR, 1e6, 2.5, 0, 0, 0},
                                            {QOQ_ROPE_LLAMA3, 5e5, 32, 1, 4, 8192}};
    char *path = scratch_path("model.h5"), *again = scratch_path("again.h5");

    for (int i = 0; i < 12; i++) {
        struct qoq_model_header header, back;
        struct qoq_model_file *file;
        struct qoq_error err;
        memset(&header, 0, sizeof header);
        header.config = (struct qoq_config){(enum qoq_arch)(i / 3),
                                            100,
                                            64,
                                            96,
                                            2,
                                            4,
                                            2,
                                            16,
                                            77,
                                            0.1f,
                                            ropes[i % 3],
                                            i & 1,
                                            i >> 1 & 1,
                                            i >> 2 & 1,
                                            i >> 3,
                                            i % 3 == 1,
                                            99,
                                            -1};
        header.numerics = QOQ_NUMERICS_VERSION;
        header.source = "caf\xc3\xa9";
        header.method = "rtn";
        cr_assert_eq(qoq_model_file_create(&file, path, &header, &err), QOQ_OK, "%s", err.text);
        cr_assert_eq(qoq_model_file_commit(&file, &err), QOQ_OK);
        cr_assert_eq(qoq_model_file_open(&file, &back, path, &err), QOQ_OK, "%s", err.text);
        cr_expect_eq(back.config.arch, header.config.arch);
        cr_expect(back.config.max_positions == 77 && back.config.rms_eps == 0.1f);
        cr_expect(back.config.rope.kind == header.config.rope.kind &&
                  back.config.rope.theta == header.config.rope.theta &&
                  back.config.rope.factor == header.config.rope.factor &&
                  back.config.rope.low_freq == header.config.rope.low_freq &&
                  back.config.rope.high_freq == header.config.rope.high_freq &&
                  back.config.rope.original_positions == header.config.rope.original_positions);
        cr_expect(back.config.tie_embeddings == (i & 1) && back.config.bos == 99);
        cr_expect(back.config.qkv_bias == (i >> 1 & 1) && back.config.o_bias == (i >> 2 & 1) &&
                  back.config.mlp_bias == i >> 3 && back.config.qk_norm == (i % 3 == 1));
        cr_expect_str_eq(back.source, "caf\xc3\xa9");
        cr_expect_null(back.tokenizer);
        qoq_model_file_close(&file);
        cr_assert_eq(qoq_model_file_create(&file, again, &back, &err), QOQ_OK, "%s", err.text);
        cr_assert_eq(qoq_model_file_commit(&file, &err), QOQ_OK);
        expect_same_bytes(path, again);
        qoq_model_header_free(&back);
    }
    free(path);
    free(again);
}

Test(model_file, an_unfinished_model_leaves_nothing)
{
    char *path = scratch_path("model.h5");
    struct qoq_model_header header;
    struct qoq_model_file *file;
    struct qoq_error err;
    const size_t one = 1;

    memset(&header, 0, sizeof header);
    header.config.vocab = 1;
    cr_assert_eq(qoq_model_file_create(&file, path, &header, &err), QOQ_OK, "%s", err.text);
    expect_failure(qoq_model_file_put(file, "b", &one, QOQ_BF16, &one, 1, &err), &err,
                   QOQ_ERR_UNSUPPORTED, "model.h5", "b: ");
    expect_failure(qoq_model_file_put(file, "x", &one, QOQ_U8, &one, 9, &err), &err,
                   QOQ_ERR_ARGUMENT, "model.h5", "x: ");
    cr_assert_eq(qoq_model_file_put(file, "x", &one, QOQ_U8, &one, 1, &err), QOQ_OK);
    expect_failure(qoq_model_file_put(file, "x", &one, QOQ_U8, &one, 1, &err), &err, QOQ_ERR_IO,
                   "model.h5", "x: ");
    qoq_model_file_close(&file);
    cr_expect_eq(scratch_files(0), 0);
    free(path);
}

/* A model whose sums were taken off is not accepted. */
Test(model_file, sums_are_needed)
{
    const size_t four = 4;
    char *path = scratch_path("model.h5");
    struct qoq_model_header header;
    struct qoq_model_file *file;
    struct qoq_error err;
    float norm[4];
    hid_t id;

    cr_assert_eq(good_model(path), 0);
    id = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    H5Adelete_by_name(id, "tensors/norm", "sha256", H5P_DEFAULT);
    H5Fclose(id);
    cr_assert_eq(qoq_model_file_open(&file, &header, path, &err), QOQ_OK, "%s", err.text);
    expect_failure(qoq_model_file_get(norm, file, "norm", QOQ_F32, &four, 1, &err), &err,
                   QOQ_ERR_FORMAT, "model.h5", "tensors/norm@sha256");
    qoq_model_header_free(&header);
    qoq_model_file_close(&file);
    free(path);
}
