/* SPDX-License-Identifier: Apache-2.0 */
/* Speed of attention (N 11, 12.2) on this machine by the plain and the fast path, `make bench`:
 * best of several runs, 4 D operations a query head and token of its context. */
#include <config.h>

#include "bench.h"
#include "ops/attention.h"
#include "ops/attention_f32.h"

#define CONTEXT 2048
#define CHUNK 64
#define PAGE 64
/* Of the fast path; the plain one runs once. */
#define RUNS 5

struct shape {
    size_t q_heads, kv_heads, head_dim;
};

struct operands {
    struct qoq_f32_rows f32;
    struct qoq_kv_layout layout[2]; /* KV8, KV4 */
    uint8_t *page[2][2][CONTEXT / PAGE];
    qoq_half *half;
};

static int has_fast_path(void)
{
#if QOQ_FMA_TARGET
    return qoq_machine_has_fma();
#else
    return 0;
#endif
}

static float *numbers(size_t count)
{
    float *x = bench_array(count * sizeof *x);
    uint32_t state = 1;

    for (size_t i = 0; i < count; i++)
        x[i] = bench_number(&state);
    return x;
}

static void fill_pages(struct operands *o, int which)
{
    const struct qoq_kv_layout *layout = &o->layout[which];
    size_t row = layout->heads * layout->head_dim;

    for (size_t i = 0; i < CONTEXT / PAGE; i++) {
        for (int side = 0; side < 2; side++)
            o->page[which][side][i] = bench_array(qoq_kv_page_bytes(layout));
    }
    for (size_t t = 0; t < CONTEXT; t++) {
        uint8_t **k = o->page[which][0] + t / PAGE, **v = o->page[which][1] + t / PAGE;

        if (qoq_kv_write(*k, o->f32.k + t * row, layout, t % PAGE) != QOQ_OK ||
            qoq_kv_write(*v, o->f32.v + t * row, layout, t % PAGE) != QOQ_OK)
            exit(2);
    }
}

static void begin(struct operands *o, struct shape s)
{
    size_t wide = CHUNK * s.q_heads * s.head_dim, cache = CONTEXT * s.kv_heads * s.head_dim;

    o->f32 = (struct qoq_f32_rows){
        .context = CONTEXT, .q_heads = s.q_heads, .kv_heads = s.kv_heads, .head_dim = s.head_dim};
    o->f32.out = bench_array(wide * sizeof *o->f32.out);
    o->f32.x = numbers(wide);
    o->f32.k = numbers(cache);
    o->f32.v = numbers(cache);
    o->f32.work = bench_array(CHUNK * s.q_heads * CONTEXT * sizeof *o->f32.work);
    o->half = bench_array(wide * sizeof *o->half);
    for (int i = 0; i < 2; i++) {
        o->layout[i] = (struct qoq_kv_layout){i ? 4 : 8, PAGE, s.kv_heads, s.head_dim};
        fill_pages(o, i);
    }
}

static void end(struct operands *o)
{
    for (int i = 0; i < 4; i++) {
        for (size_t j = 0; j < CONTEXT / PAGE; j++)
            free(o->page[i / 2][i % 2][j]);
    }
    free(o->f32.out);
    free((void *)o->f32.x);
    free((void *)o->f32.k);
    free((void *)o->f32.v);
    free(o->f32.work);
    free(o->half);
}

/* One measurement; which: 0 for KV8, 1 for KV4, 2 for binary32. */
struct step {
    const struct operands *o;
    int which, fast;
    size_t rows;
};

static void run_quantized(const struct step *s)
{
    const struct operands *o = s->o;
    struct qoq_kv_sequence sequence = {(const uint8_t *const *)o->page[s->which][0],
                                       (const uint8_t *const *)o->page[s->which][1]};
    struct qoq_attention_rows a = {o->half, o->f32.x, &sequence,     &o->layout[s->which],
                                   s->rows, CONTEXT,  o->f32.q_heads};

#if QOQ_FMA_TARGET
    qoq_attention_run(&a, s->fast ? &qoq_attention_avx2 : &qoq_attention_plain);
#else
    qoq_attention_run(&a, &qoq_attention_plain);
#endif
}

static void run_baseline(const struct step *s)
{
    struct qoq_f32_rows a = s->o->f32;

    a.rows = s->rows;
#if QOQ_FMA_TARGET
    qoq_f32_run(&a, s->fast ? qoq_f32_attend_avx2 : qoq_f32_attend_plain);
#else
    qoq_f32_run(&a, qoq_f32_attend_plain);
#endif
}

static void run_step(void *step)
{
    const struct step *s = step;

    if (s->which == 2)
        run_baseline(s);
    else
        run_quantized(s);
}

static void print_row(const struct operands *o, int which, size_t rows, int fast)
{
    static const char *const names[] = {"KV8", "KV4", "binary32"};
    double tokens = (double)rows * (CONTEXT - 0.5 * (double)(rows - 1));
    struct step step = {o, which, fast, rows};
    double took = 1e3 * bench_best(fast ? RUNS : 1, run_step, &step);

    printf("%2zu/%-2zu %4zu  %-8s %-7s %-5s %10.3f %8.1f\n", o->f32.q_heads, o->f32.kv_heads,
           o->f32.head_dim, names[which], rows == 1 ? "decode" : "prefill", fast ? "fast" : "plain",
           took, 4e-6 * tokens * (double)(o->f32.q_heads * o->f32.head_dim) / took);
}

static void print_shape(struct shape s)
{
    struct operands o;

    begin(&o, s);
    for (int which = 0; which < 3; which++) {
        for (size_t rows = 1; rows <= CHUNK; rows += CHUNK - 1) {
            print_row(&o, which, rows, 0);
            if (has_fast_path())
                print_row(&o, which, rows, 1);
        }
    }
    end(&o);
}

int main(void)
{
    printf("context %d; prefill: its last %d tokens at once\n", CONTEXT, CHUNK);
    printf("heads    D  cache    step    path          ms    GOP/s\n");
    print_shape((struct shape){9, 3, 64});
    print_shape((struct shape){32, 8, 128});
    return 0;
}
