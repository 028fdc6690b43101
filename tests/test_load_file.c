/* SPDX-License-Identifier: Apache-2.0 */
/* Models into model files and back: every bit returns, and what does not fit is refused. */
#include <config.h>

#include <math.h>

#include "cli/store.h"
#include "data/file.h"
#include "tests/load_support.h"

static struct qoq_loaded origin_of(void)
{
    struct qoq_loaded origin;

    memset(&origin, 0, sizeof origin);
    origin.header.source = "somewhere";
    origin.header.tokenizer = "{\"model\": {\"type\": \"Unigram\"}}";
    origin.header.tokenizer_bytes = strlen(origin.header.tokenizer);
    return origin;
}

static void store(const char *path, const struct qoq_model *model, const char *method)
{
    struct qoq_loaded origin = origin_of();
    struct qoq_error err = {QOQ_OK, ""};

    cr_assert_eq(qoq_store(path, model, &origin, method, &err), QOQ_OK, "%s", err.text);
}

static void expect_same_file(struct place *place, const char *a, const char *b)
{
    char *left, *right;
    size_t left_bytes, right_bytes;

    cr_assert_eq(qoq_file_read(&left, &left_bytes, in(place, a), 1 << 24, NULL), QOQ_OK);
    cr_assert_eq(qoq_file_read(&right, &right_bytes, in(place, b), 1 << 24, NULL), QOQ_OK);
    cr_assert_eq(left_bytes, right_bytes);
    cr_expect_arr_eq(left, right, left_bytes);
    free(left);
    free(right);
}

static void expect_same_config(const struct qoq_config *a, const struct qoq_config *b)
{
    cr_expect_eq(a->arch, b->arch);
    cr_expect_eq(a->vocab, b->vocab);
    cr_expect_eq(a->kv_heads, b->kv_heads);
    cr_expect_eq(a->head_dim, b->head_dim);
    cr_expect_eq(a->max_positions, b->max_positions);
    cr_expect_eq(a->rms_eps, b->rms_eps);
    cr_expect_eq(a->rope.kind, b->rope.kind);
    cr_expect_eq(a->rope.theta, b->rope.theta);
    cr_expect_eq(a->rope.kind == QOQ_ROPE_PLAIN ? 0 : a->rope.factor,
                 b->rope.kind == QOQ_ROPE_PLAIN ? 0 : b->rope.factor);
    cr_expect_eq(a->tie_embeddings, b->tie_embeddings);
    cr_expect_eq(a->qkv_bias, b->qkv_bias);
    cr_expect_eq(a->o_bias, b->o_bias);
    cr_expect_eq(a->mlp_bias, b->mlp_bias);
    cr_expect_eq(a->qk_norm, b->qk_norm);
    cr_expect_eq(a->bos, b->bos);
    cr_expect_eq(a->eos, b->eos);
}

static void round_trip(const struct shape *shape, enum qoq_precision precision)
{
    struct place place = new_place();
    struct qoq_model *model = random_model(shape, precision);
    struct qoq_error err = {QOQ_OK, ""};
    struct qoq_loaded loaded;

    store(in(&place, "m.h5"), model, "rtn");
    cr_assert_eq(qoq_load(&loaded, in(&place, "m.h5"), &err), QOQ_OK, "%s, %s: %s", shape->name,
                 qoq_precision_name(precision), err.text);
    expect_same_model(loaded.model, model, shape->name);
    expect_same_config(&loaded.model->config, &model->config);
    cr_expect_str_eq(loaded.header.source, "somewhere");
    cr_expect_str_eq(loaded.header.method, "rtn");
    cr_expect_str_eq(loaded.header.precision, qoq_precision_name(precision));
    cr_assert_eq(qoq_store(in(&place, "n.h5"), loaded.model, &loaded, "rtn", &err), QOQ_OK, "%s",
                 err.text);
    expect_same_file(&place, "m.h5", "n.h5");
    qoq_loaded_free(&loaded);
    qoq_model_free(model);
    remove_place(&place);
}

Test(load_file, round_trip)
{
    for (size_t i = 0; i < SHAPES; i++) {
        for (int p = 0; p < QOQ_PRECISIONS; p++) {
            round_trip(&shapes[i], (enum qoq_precision)p);
        }
    }
}

/* Writes a model with one array left out, of another type or size, or with a stranger beside it. */
enum forgery_kind { DROP, RETYPE, RESHAPE, EXTRA };

struct forgery {
    struct qoq_model_file *file;
    const char *victim;
    enum forgery_kind how;
};

static enum qoq_status forge_array(void *context, const struct qoq_array *array)
{
    struct forgery *forgery = context;
    char name[QOQ_ARRAY_NAME];
    enum qoq_dtype dtype = array->dtype;
    size_t dim[2] = {array->dim[0], array->dim[1]};

    qoq_array_name(name, array);
    if (strcmp(name, forgery->victim) == 0) {
        if (forgery->how == DROP) {
            return QOQ_OK;
        }
        dtype = forgery->how == RETYPE ? QOQ_I8 : dtype;
        dim[0] -= forgery->how == RESHAPE;
        if (forgery->how == EXTRA) {
            cr_assert_eq(qoq_model_file_put(forgery->file, "layers/0/q_proj/spare", array->data,
                                            dtype, dim, array->rank, NULL),
                         QOQ_OK);
        }
    }
    return qoq_model_file_put(forgery->file, name, array->data, dtype, dim, array->rank, NULL);
}

static void forge(const char *path, const struct qoq_model *model,
                  const struct qoq_model_header *header, const char *victim, enum forgery_kind how)
{
    struct forgery forgery = {.victim = victim, .how = how};
    struct qoq_outline outline = qoq_model_outline(model);
    struct qoq_error err = {QOQ_OK, ""};

    cr_assert_eq(qoq_model_file_create(&forgery.file, path, header, &err), QOQ_OK, "%s", err.text);
    cr_assert_eq(qoq_arrays_visit(&outline, forge_array, &forgery), QOQ_OK);
    cr_assert_eq(qoq_model_file_commit(&forgery.file, &err), QOQ_OK, "%s", err.text);
}

static struct qoq_model_header header_of(const struct qoq_model *model, char *precision)
{
    struct qoq_model_header header = {.config = model->config,
                                      .numerics = QOQ_NUMERICS_VERSION,
                                      .precision = precision,
                                      .group = model->group};

    return header;
}

Test(load_file, arrays_that_do_not_fit)
{
    static const struct {
        enum forgery_kind how;
        const char *victim, *field, *reason;
    } cases[] = {
        {DROP, "layers/1/up_proj/s2", "layers/1/up_proj/s2", "missing"},
        {DROP, "norm", "norm", "missing"},
        {DROP, "layers/0/q_proj/bias", "layers/0/q_proj/bias", "missing"},
        {RETYPE, "layers/0/k_proj/code", "layers/0/k_proj/code", "asks for u8"},
        {RESHAPE, "layers/0/k_proj/z", "layers/0/k_proj/z", "asks for"},
        {RESHAPE, "head", "head", "asks for"},
        {EXTRA, "layers/0/q_proj/z", "layers/0/q_proj/spare", ""},
    };
    struct place place = new_place();
    struct qoq_model *model = random_model(&shapes[2], QOQ_W4A8KV4_GROUP);
    char precision[] = "w4a8kv4-group";
    struct qoq_model_header header = header_of(model, precision);

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        forge(in(&place, "m.h5"), model, &header, cases[i].victim, cases[i].how);
        expect_refusal(in(&place, "m.h5"), QOQ_ERR_FORMAT, cases[i].field, cases[i].reason);
    }
    qoq_model_free(model);
    remove_place(&place);
}

static void expect_bad_header(struct place *place, const struct qoq_model *model,
                              struct qoq_model_header header, enum qoq_status status,
                              const char *field)
{
    forge(in(place, "m.h5"), model, &header, "", DROP);
    expect_refusal(in(place, "m.h5"), status, field, "");
}

Test(load_file, headers_that_do_not_fit)
{
    struct place place = new_place();
    struct qoq_model *model = random_model(&shapes[0], QOQ_W4A8KV4_CHANNEL);
    char good[] = "w4a8kv4-channel", group[] = "w4a8kv4-group", strange[] = "w2a2kv2",
         w8[] = "w8a8kv8";
    struct qoq_model_header header = header_of(model, good);

    header.precision = strange;
    expect_bad_header(&place, model, header, QOQ_ERR_UNSUPPORTED, "precision");
    header.precision = group;
    expect_bad_header(&place, model, header, QOQ_ERR_FORMAT, "group");
    header.precision = w8;
    expect_bad_header(&place, model, header, QOQ_ERR_FORMAT, "layers/0/q_proj/code");
    header.precision = good;
    header.group = 64;
    expect_bad_header(&place, model, header, QOQ_ERR_FORMAT, "group");
    header.group = 0;
    header.numerics = QOQ_NUMERICS_VERSION + 1;
    expect_bad_header(&place, model, header, QOQ_ERR_UNSUPPORTED, "numerics");
    qoq_model_free(model);
    remove_place(&place);
}

static void expect_bad_value(struct place *place, const struct qoq_model *model, const char *field,
                             const char *what)
{
    char precision[32];

    snprintf(precision, sizeof precision, "%s", qoq_precision_name(model->precision));
    struct qoq_model_header header = header_of(model, precision);
    forge(in(place, "m.h5"), model, &header, "", DROP);
    struct qoq_loaded loaded;
    struct qoq_error err = {QOQ_OK, ""};
    cr_expect_eq(qoq_load(&loaded, in(place, "m.h5"), &err), QOQ_ERR_RANGE, "%s: %s", what,
                 err.text);
    cr_expect_not_null(strstr(err.text, field), "%s: %s", what, err.text);
}

/* Sets one element, expects a refusal, and puts it back. */
#define BAD(element, value, field)                                                                 \
    do {                                                                                           \
        __typeof__(element) before_ = (element);                                                   \
        (element) = (value);                                                                       \
        expect_bad_value(&place, model, (field), #element);                                        \
        (element) = before_;                                                                       \
    } while (0)

Test(load_file, values_that_no_model_has)
{
    struct place place = new_place();
    struct qoq_model *model = random_model(&shapes[2], QOQ_W4A8KV4_GROUP);
    struct qoq_linear *linear = model->layer[1].linear;

    BAD(linear[QOQ_UP].w.z[3], 16, "layers/1/up_proj");
    BAD(linear[QOQ_O].w.s2[0], 0, "layers/1/o_proj");
    BAD(linear[QOQ_O].w.s2[0], 18, "layers/1/o_proj");
    BAD(linear[QOQ_K].w.s[1], 0x7C00, "layers/1/k_proj/s");
    BAD(linear[QOQ_K].w.s[1], 0x8001, "layers/1/k_proj");
    BAD(linear[QOQ_K].w.s[1], 0, "layers/1/k_proj");
    BAD(linear[QOQ_DOWN].bias[2], NAN, "layers/1/down_proj/bias");
    BAD(model->layer[0].post_norm[5], INFINITY, "layers/0/post_norm");
    BAD(model->embed[9], 0x7E00, "embed");
    BAD(model->head[9], 0xFC00, "head");
    BAD(model->norm[47], NAN, "norm");
    qoq_model_free(model);
    remove_place(&place);
}

Test(load_file, not_a_model)
{
    struct place place = new_place();
    struct qoq_loaded loaded;
    struct qoq_error err = {QOQ_OK, ""};

    cr_expect_eq(qoq_load(&loaded, in(&place, "m.h5"), &err), QOQ_ERR_IO, "%s", err.text);
    write_text(in(&place, "m.h5"), "no HDF5");
    cr_expect_eq(qoq_load(&loaded, in(&place, "m.h5"), &err), QOQ_ERR_FORMAT, "%s", err.text);
    cr_expect_null(loaded.model);
    remove_place(&place);
}
