/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attention over a quantized cache (N 11) with AVX2: the codes of a split are decoded once for all
 * query vectors of a block. Both sums of products are integer sums, in any order (N 1.2), of pairs
 * of int16: two dimensions of a key for the logits, two tokens for the values. Everything else is
 * elementwise. The bounds in attention_split.c hold for partial sums too.
 */
#include "numerics/half.h"
#include "numerics/vector_avx2.h"
#include "ops/attention.h"
#include "ops/kv_page.h"

#if QOQ_FMA_TARGET
#include <string.h>

/* Columns of a tile of a panel: tokens for the logits, dimensions for the values. */
#define TILE 32

#define SPLIT QOQ_SPLIT_TOKENS
#define PAIRS_MAX (QOQ_HEAD_DIM_MAX / 2)
#define WEIGHT_MAX 32767
#define UNIT 0x1p22f

/* Scale and zero of the tokens of a split, widened; past the last token, numbers of no meaning. */
struct factors {
    float scale[SPLIT], zero[SPLIT];
};

struct scratch {
    /* Pairs of int16 as they stand in a vector, in tiles one behind the other, each [depth][TILE]:
     * depth counts pairs of dimensions of K, columns are tokens; or pairs of tokens of V, columns
     * are dimensions. */
    int32_t panel[SPLIT / TILE * PAIRS_MAX * TILE];
    int32_t sum[QOQ_ATTENTION_VECTORS][QOQ_HEAD_DIM_MAX]; /* products with the panel */
    int16_t weight[QOQ_ATTENTION_VECTORS][SPLIT];         /* W, 0 past what the vector sees */
    float unit[QOQ_ATTENTION_VECTORS], common[QOQ_ATTENTION_VECTORS];
    struct factors k, v;
    float middle[SPLIT]; /* of V: f(s) mid + f(o) */
};

/* A token of one side of the cache. */
struct place {
    const uint8_t *const *page;
    size_t slot;
};

static struct place place(const uint8_t *const *pages, size_t t, const struct qoq_kv_layout *layout)
{
    return (struct place){pages + t / layout->page_tokens, t % layout->page_tokens};
}

static void advance(struct place *p, size_t tokens, const struct qoq_kv_layout *layout)
{
    p->slot += tokens;
    if (p->slot == layout->page_tokens) {
        p->slot = 0;
        p->page++;
    }
}

/* ---- Decoding ---- */

QOQ_VECTOR __m256i load(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

QOQ_VECTOR void store(void *p, __m256i v)
{
    _mm256_storeu_si256((__m256i *)p, v);
}

QOQ_WITH_FMA static void widen(float *out, const qoq_half *in)
{
#pragma omp simd
    for (size_t t = 0; t < SPLIT; t++)
        out[t] = qoq_half_to_float(in[t]);
}

/* Factors of `count` tokens from p on. Slots of a head lie side by side; x86 is little endian like
 * the page. */
QOQ_WITH_FMA static void get_factors(struct factors *f, struct place p, size_t count,
                                     const struct qoq_attention_head *view)
{
    const struct qoq_kv_layout *layout = view->layout;
    qoq_half scale[SPLIT] = {0}, zero[SPLIT] = {0};

    for (size_t t = 0; t < count;) {
        size_t left = layout->page_tokens - p.slot, run = count - t < left ? count - t : left;

        memcpy(scale + t, *p.page + qoq_kv_scale_offset(layout, view->kv_head, p.slot), 2 * run);
        memcpy(zero + t, *p.page + qoq_kv_zero_offset(layout, view->kv_head, p.slot), 2 * run);
        advance(&p, run, layout);
        t += run;
    }
    widen(f->scale, scale);
    widen(f->zero, zero);
}

/* u [32] = the codes in 16 bytes. */
QOQ_VECTOR void split_nibbles(uint8_t *u, const uint8_t *code)
{
    __m128i x = _mm_loadu_si128((const __m128i *)code), mask = _mm_set1_epi8(15);
    __m128i even = _mm_and_si128(x, mask), odd = _mm_and_si128(_mm_srli_epi16(x, 4), mask);

    _mm_storeu_si128((__m128i *)u, _mm_unpacklo_epi8(even, odd));
    _mm_storeu_si128((__m128i *)u + 1, _mm_unpackhi_epi8(even, odd));
}

/* u = codes of one head vector, then zeros up to a multiple of 32. */
QOQ_WITH_FMA static void get_codes(uint8_t *u, const uint8_t *code,
                                   const struct qoq_kv_layout *layout)
{
    size_t bytes = layout->head_dim / 2, whole = bytes / 16 * 16;

    if (layout->bits == 8) {
        memcpy(u, code, layout->head_dim);
        memset(u + layout->head_dim, 0, -layout->head_dim % 32);
        return;
    }
    for (size_t i = 0; i < whole; i += 16)
        split_nibbles(u + 2 * i, code + i);
    if (whole < bytes) {
        uint8_t rest[16] = {0};

        memcpy(rest, code + whole, bytes - whole);
        split_nibbles(u + 2 * whole, rest);
    }
}

/* Codes of eight tokens; the last row of a vector ends with the array. */
typedef uint8_t eight_tokens[QOQ_LANES][QOQ_HEAD_DIM_MAX];

/* Of the next `count` tokens from p on, which moves behind them; zeros if there are less than
 * eight.
 */
QOQ_WITH_FMA static void get_eight(eight_tokens u, struct place *p, size_t count,
                                   const struct qoq_attention_head *view)
{
    const struct qoq_kv_layout *layout = view->layout;

    for (size_t i = 0; i < QOQ_LANES; i++) {
        if (i >= count) {
            memset(u[i], 0, QOQ_HEAD_DIM_MAX);
            continue;
        }
        get_codes(u[i], *p->page + qoq_kv_code_offset(layout, view->kv_head, p->slot), layout);
        advance(p, 1, layout);
    }
}

/* Rows of the panel of K, with what fills the last group of eight pairs. */
static size_t key_depth(size_t head_dim)
{
    return (head_dim + 15) / 16 * QOQ_LANES;
}

/* Two rows of a panel from four codes of each of eight tokens. */
QOQ_VECTOR void put_two_rows(int32_t *row, __m256 codes)
{
    const __m256i first =
        _mm256_setr_epi8(0, -1, 1, -1, 4, -1, 5, -1, 8, -1, 9, -1, 12, -1, 13, -1, 0, -1, 1, -1, 4,
                         -1, 5, -1, 8, -1, 9, -1, 12, -1, 13, -1);
    const __m256i second =
        _mm256_setr_epi8(2, -1, 3, -1, 6, -1, 7, -1, 10, -1, 11, -1, 14, -1, 15, -1, 2, -1, 3, -1,
                         6, -1, 7, -1, 10, -1, 11, -1, 14, -1, 15, -1);
    __m256i u = _mm256_castps_si256(codes);

    store(row, _mm256_shuffle_epi8(u, first));
    store(row + TILE, _mm256_shuffle_epi8(u, second));
}

/* Fills the columns of `count` tokens from p on, whole groups of eight. */
QOQ_WITH_FMA static void fill_keys(int32_t *panel, struct place p, size_t count,
                                   const struct qoq_attention_head *view)
{
    size_t depth = key_depth(view->layout->head_dim);
    eight_tokens u;

    for (size_t t = 0; t < count; t += QOQ_LANES) {
        int32_t *column = panel + t / TILE * depth * TILE + t % TILE;

        get_eight(u, &p, count - t, view);
        for (size_t i = 0; i < depth; i += 8) {
            struct qoq_columns c =
                qoq_transpose_8x4((const float *)(const void *)(u[0] + 2 * i), sizeof u[0] / 4);

            put_two_rows(column + i * TILE, c.c0);
            put_two_rows(column + (i + 2) * TILE, c.c1);
            put_two_rows(column + (i + 4) * TILE, c.c2);
            put_two_rows(column + (i + 6) * TILE, c.c3);
        }
    }
}

/* 16 columns of a row of the panel of V, from tokens a and b. */
QOQ_VECTOR void put_columns(int32_t *row, const uint8_t *a, const uint8_t *b, __m256i middle)
{
    __m128i x = _mm_loadu_si128((const __m128i *)a), y = _mm_loadu_si128((const __m128i *)b);
    __m256i low = _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(x, y));
    __m256i high = _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(x, y));

    store(row, _mm256_sub_epi16(low, middle));
    store(row + QOQ_LANES, _mm256_sub_epi16(high, middle));
}

/* Fills the rows of `count` tokens from p on, whole groups of eight; codes are centred. */
QOQ_WITH_FMA static void fill_values(int32_t *panel, struct place p, size_t count,
                                     const struct qoq_attention_head *view)
{
    __m256i middle = _mm256_set1_epi16((int16_t)(1 << (view->layout->bits - 1)));
    eight_tokens u;

    for (size_t t = 0; t < count; t += QOQ_LANES) {
        get_eight(u, &p, count - t, view);
        for (size_t d = 0; d < view->layout->head_dim; d += TILE) {
            int32_t *row = panel + (d / TILE * (SPLIT / 2) + t / 2) * TILE;

            for (size_t i = 0; i < QOQ_LANES; i += 2, row += TILE) {
                put_columns(row, u[i] + d, u[i + 1] + d, middle);
                put_columns(row + 16, u[i] + d + 16, u[i + 1] + d + 16, middle);
            }
        }
    }
}

/* ---- Products ---- */

struct quad {
    __m256i v0, v1, v2, v3;
};

QOQ_VECTOR struct quad load_quad(const int32_t *p)
{
    return (struct quad){load(p), load(p + 8), load(p + 16), load(p + 24)};
}

QOQ_VECTOR void store_quad(int32_t *p, struct quad s)
{
    store(p, s.v0);
    store(p + 8, s.v1);
    store(p + 16, s.v2);
    store(p + 24, s.v3);
}

/* s += the pair at a times each pair of b */
QOQ_VECTOR struct quad add_products(struct quad s, const int16_t *a, struct quad b)
{
    int32_t bits;
    __m256i pair;

    memcpy(&bits, a, sizeof bits);
    pair = _mm256_set1_epi32(bits);
    s.v0 = _mm256_add_epi32(s.v0, _mm256_madd_epi16(pair, b.v0));
    s.v1 = _mm256_add_epi32(s.v1, _mm256_madd_epi16(pair, b.v1));
    s.v2 = _mm256_add_epi32(s.v2, _mm256_madd_epi16(pair, b.v2));
    s.v3 = _mm256_add_epi32(s.v3, _mm256_madd_epi16(pair, b.v3));
    return s;
}

/* y0, y1, y2 [TILE] = a0, a1, a2 [depth] pairs times a tile */
QOQ_WITH_FMA static void multiply_tile(int32_t *y0, int32_t *y1, int32_t *y2, const int16_t *a0,
                                       const int16_t *a1, const int16_t *a2, const int32_t *tile,
                                       size_t depth)
{
    __m256i zero = _mm256_setzero_si256();
    struct quad s0 = {zero, zero, zero, zero}, s1 = s0, s2 = s0;

    for (size_t i = 0; i < depth; i++) {
        struct quad b = load_quad(tile + i * TILE);

        s0 = add_products(s0, a0 + 2 * i, b);
        s1 = add_products(s1, a1 + 2 * i, b);
        s2 = add_products(s2, a2 + 2 * i, b);
    }
    store_quad(y0, s0);
    store_quad(y1, s1);
    store_quad(y2, s2);
}

/*
 * s->sum [count][0 .. width), up to a whole tile, = rows of `depth` pairs, `stride` int16 apart,
 * times the panel, whose tiles are tile_depth deep. A row past the last stands for the last.
 */
QOQ_WITH_FMA static void multiply(struct scratch *s, const int16_t *a, size_t stride, size_t count,
                                  size_t depth, size_t tile_depth, size_t width)
{
    for (size_t n = 0; n < width; n += TILE) {
        const int32_t *tile = s->panel + n * tile_depth;

        for (size_t i = 0; i < count; i += 3) {
            size_t j = i + 1 < count ? i + 1 : i, k = i + 2 < count ? i + 2 : j;

            multiply_tile(s->sum[i] + n, s->sum[j] + n, s->sum[k] + n, a + i * stride,
                          a + j * stride, a + k * stride, tile, depth);
        }
    }
}

/* ---- Probabilities and weights of one query vector that sees `count` tokens ---- */

/* l, by eights; past the count -infinity. Returns M. */
QOQ_WITH_FMA static float logits(float *l, const struct scratch *s, const int32_t *sum,
                                 const struct qoq_attention_head *view, size_t count)
{
    const __m256 none = _mm256_set1_ps(-INFINITY);
    __m256 c = _mm256_set1_ps(view->c), qsum = _mm256_set1_ps(view->sum), most = none;

    for (size_t t = 0; t < count; t += QOQ_LANES) {
        __m256 offset = _mm256_mul_ps(_mm256_loadu_ps(s->k.zero + t), qsum);
        __m256 product = _mm256_cvtepi32_ps(load(sum + t));
        __m256 logit =
            _mm256_mul_ps(c, _mm256_fmadd_ps(_mm256_loadu_ps(s->k.scale + t), product, offset));

        logit = _mm256_blendv_ps(none, logit, qoq_lanes_below(count - t));
        _mm256_storeu_ps(l + t, logit);
        most = qoq_max_8(most, logit);
    }
    return ceilf(qoq_max_of_8(most)) + 0.0f;
}

/* w and y, by eights, with the largest w and |y|, or 0; past the count 0. */
struct weights {
    float w[SPLIT], y[SPLIT], most_w, most_y;
};

/* Sets w; returns L. */
QOQ_WITH_FMA static float weigh(struct weights *w, const float *l, float max,
                                const struct scratch *s, size_t count)
{
    __m256 most_w = _mm256_setzero_ps(), most_y = most_w, m = _mm256_set1_ps(max);
    __m256i sum = _mm256_setzero_si256();

    for (size_t t = 0; t < count; t += QOQ_LANES) {
        __m256 seen = qoq_lanes_below(count - t);
        __m256 p = qoq_exp2_8(_mm256_sub_ps(_mm256_loadu_ps(l + t), m));
        __m256 pw = _mm256_and_ps(_mm256_mul_ps(p, _mm256_loadu_ps(s->v.scale + t)), seen);
        __m256 py = _mm256_and_ps(_mm256_mul_ps(p, _mm256_loadu_ps(s->middle + t)), seen);

        sum = _mm256_add_epi32(
            sum, qoq_round_clamp_8(_mm256_mul_ps(p, _mm256_set1_ps(UNIT)), 0.0f, UNIT));
        most_w = qoq_max_8(most_w, pw);
        most_y = qoq_max_8(most_y, qoq_abs_8(py));
        _mm256_storeu_ps(w->w + t, pw);
        _mm256_storeu_ps(w->y + t, py);
    }
    w->most_w = qoq_max_of_8(most_w);
    w->most_y = qoq_max_of_8(most_y);
    return (float)qoq_sum_of_8(sum) * 0x1p-22f;
}

/* W [tokens], by eights, and the two numbers that turn sums of W into O for vector i. */
QOQ_WITH_FMA static void round_weights(struct scratch *s, size_t i, const struct weights *w,
                                       size_t count, size_t tokens)
{
    float a = qoq_scale_floor(w->most_w), b = qoq_scale_floor(w->most_y);
    __m256 ra = _mm256_set1_ps((float)WEIGHT_MAX / a), rb = _mm256_set1_ps(UNIT / b);
    __m256i sum = _mm256_setzero_si256();
    size_t t = 0;

    for (; t < count; t += QOQ_LANES) {
        __m256i weight = qoq_round_clamp_8(_mm256_mul_ps(_mm256_loadu_ps(w->w + t), ra), 0.0f,
                                           (float)WEIGHT_MAX);
        __m256 y = _mm256_mul_ps(_mm256_loadu_ps(w->y + t), rb);

        sum = _mm256_add_epi32(sum, qoq_round_clamp_8(y, -UNIT, UNIT));
        _mm_storeu_si128(
            (__m128i *)(s->weight[i] + t),
            _mm_packs_epi32(_mm256_castsi256_si128(weight), _mm256_extracti128_si256(weight, 1)));
    }
    for (; t < tokens; t += QOQ_LANES)
        _mm_storeu_si128((__m128i *)(s->weight[i] + t), _mm_setzero_si128());
    s->unit[i] = a / (float)WEIGHT_MAX;
    s->common[i] = (float)qoq_sum_of_8(sum) * (b * 0x1p-22f);
}

/* ---- Splits ---- */

QOQ_WITH_FMA static void get_middle(struct scratch *s, float middle)
{
    for (size_t t = 0; t < SPLIT; t += QOQ_LANES)
        _mm256_storeu_ps(s->middle + t,
                         _mm256_fmadd_ps(_mm256_loadu_ps(s->v.scale + t), _mm256_set1_ps(middle),
                                         _mm256_loadu_ps(s->v.zero + t)));
}

QOQ_WITH_FMA static void put_out(float *out, const int32_t *sum, size_t head_dim, float unit,
                                 float common)
{
    for (size_t d = 0; d < head_dim; d += QOQ_LANES)
        _mm256_storeu_ps(out + d, _mm256_fmadd_ps(_mm256_cvtepi32_ps(load(sum + d)),
                                                  _mm256_set1_ps(unit), _mm256_set1_ps(common)));
}

static size_t most_tokens(const struct qoq_attention_head *view, size_t count, size_t j)
{
    size_t most = 0;

    for (size_t i = 0; i < count; i++) {
        size_t tokens = qoq_split_tokens(view[i].context, j);

        most = tokens > most ? tokens : most;
    }
    return most;
}

/* W of every vector; sets M and L. */
QOQ_WITH_FMA static void weigh_all(struct qoq_attention_partial *partial, struct scratch *s,
                                   const struct qoq_attention_head *view, size_t count, size_t j)
{
    size_t tokens = most_tokens(view, count, j);
    float l[SPLIT];
    struct weights w;

    for (size_t i = 0; i < count; i++) {
        size_t seen = qoq_split_tokens(view[i].context, j);

        partial[i].max = logits(l, s, s->sum[i], &view[i], seen);
        partial[i].sum = weigh(&w, l, partial[i].max, s, seen);
        round_weights(s, i, &w, seen, tokens);
    }
}

QOQ_WITH_FMA static void split(struct qoq_attention_partial *partial,
                               const struct qoq_attention_head *view, size_t count, size_t j)
{
    const struct qoq_kv_layout *layout = view->layout;
    size_t head_dim = layout->head_dim, tokens = most_tokens(view, count, j);
    struct place k = place(view->sequence->k_page, j * SPLIT, layout);
    struct place v = place(view->sequence->v_page, j * SPLIT, layout);
    struct scratch s;

    get_factors(&s.k, k, tokens, view);
    get_factors(&s.v, v, tokens, view);
    get_middle(&s, (float)(1 << (layout->bits - 1)));
    fill_keys(s.panel, k, tokens, view);
    multiply(&s, view->q, sizeof *view / sizeof *view->q, count, head_dim / 2, key_depth(head_dim),
             tokens);
    weigh_all(partial, &s, view, count, j);
    fill_values(s.panel, v, tokens, view);
    multiply(&s, s.weight[0], SPLIT, count, (tokens + 1) / 2, SPLIT / 2, head_dim);
    for (size_t i = 0; i < count; i++)
        put_out(partial[i].out, s.sum[i], head_dim, s.unit[i], s.common[i]);
}

/* M is an integer plus 0 or not finite, so it has no sign of zero to keep. */
QOQ_WITH_FMA static void merge(struct qoq_attention_partial *left,
                               const struct qoq_attention_partial *right, size_t head_dim)
{
    __m256 a = _mm256_set1_ps(left->max), b = _mm256_set1_ps(right->max), most = qoq_max_8(a, b);
    __m256 fa = qoq_exp2_8(_mm256_sub_ps(a, most)), fb = qoq_exp2_8(_mm256_sub_ps(b, most));

    left->max = _mm256_cvtss_f32(most);
    left->sum = left->sum * _mm256_cvtss_f32(fa) + right->sum * _mm256_cvtss_f32(fb);
    for (size_t d = 0; d < head_dim; d += QOQ_LANES)
        _mm256_storeu_ps(left->out + d,
                         _mm256_add_ps(_mm256_mul_ps(_mm256_loadu_ps(left->out + d), fa),
                                       _mm256_mul_ps(_mm256_loadu_ps(right->out + d), fb)));
}

QOQ_WITH_FMA static void finish(qoq_half *out, const struct qoq_attention_partial *all,
                                size_t head_dim)
{
#pragma omp simd
    for (size_t d = 0; d < head_dim; d++)
        out[d] = qoq_half_from_float(all->out[d] / all->sum);
}

const struct qoq_attention_path qoq_attention_avx2 = {split, merge, finish};

#endif
