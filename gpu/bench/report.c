/* SPDX-License-Identifier: Apache-2.0 */
/* The bench on paper. */
#include "gpu/bench/report.h"

#include <math.h>
#include <string.h>

double qoq_bench_bandwidth_share(const struct qoq_bench_result *r,
                                 const struct qoq_bench_ceilings *ceilings)
{
    double seconds = r->measured.seconds.median;

    return r->outcome == QOQ_BENCH_MEASURED && ceilings->read > 0 && seconds > 0
               ? r->cost.bytes / seconds / ceilings->read
               : NAN;
}

double qoq_bench_tensor_share(const struct qoq_bench_result *r,
                              const struct qoq_bench_ceilings *ceilings)
{
    double seconds = r->measured.seconds.median, most = ceilings->int8;

    if (r->outcome != QOQ_BENCH_MEASURED || r->what->kernel->family != QOQ_BENCH_PRODUCT) {
        return NAN;
    }
    if (r->int8.seconds > 0 && r->cost.ops / r->int8.seconds > most) {
        most = r->cost.ops / r->int8.seconds;
    }
    return most > 0 && seconds > 0 ? r->cost.ops / seconds / most : NAN;
}

/* ---- Header ---- */

static void print_gpu(FILE *file, const char *prefix, const struct qoq_bench_header *h)
{
    const struct qoq_bench_info *i = h->info;

    fprintf(file,
            "%sGPU: %s, compute capability %d.%d, %d multiprocessors, %.1f GiB, L2 %.0f MiB\n",
            prefix, i->name, i->major, i->minor, i->sms, (double)i->memory / 0x1p30,
            (double)i->l2 / 0x1p20);
    fprintf(file, "%sclocks: at most %d MHz and %d MHz memory (%d bits)", prefix, i->max_mhz,
            i->max_memory_mhz, i->bus_bits);
    if (h->clocks.sm_mhz != 0) {
        fprintf(file, "; before the run %u MHz and %u MHz, %u C, %u W", h->clocks.sm_mhz,
                h->clocks.memory_mhz, h->clocks.celsius, h->clocks.watts);
    }
    fprintf(file, "\n%sdriver: %s for CUDA %d.%d, runtime %d.%d\n", prefix,
            i->driver[0] != '\0' ? i->driver : "(version unknown)", i->driver_cuda / 1000,
            i->driver_cuda % 1000 / 10, i->runtime_cuda / 1000, i->runtime_cuda % 1000 / 10);
}

static void print_ceilings(FILE *file, const char *prefix, const struct qoq_bench_header *h)
{
    const struct qoq_bench_ceilings *c = &h->ceilings;

    if (c->read <= 0 && c->int8 <= 0) {
        fprintf(file, "%sceilings: not measured\n", prefix);
        return;
    }
    fprintf(file, "%sceilings: reading %.0f GB/s, copying %.0f GB/s (both ways together), ", prefix,
            c->read * 1e-9, c->copy * 1e-9);
    fprintf(file, "%.0f TOP/s INT8 (%s), %.0f TFLOP/s binary16 (mma.sync)\n", c->int8 * 1e-12,
            c->wide ? "wgmma" : "mma.sync", c->half_ * 1e-12);
    if (h->info->major == 10 || (h->info->major == 9 && !c->wide)) {
        fprintf(file, "%sthe loops do not reach what %s does on this GPU: ", prefix,
                h->info->major == 9 ? "wgmma" : "tcgen05");
        fprintf(file, "where cuBLASLt is faster, %%tensor is a share of that\n");
    }
}

void qoq_bench_print_header(FILE *file, const char *prefix, const struct qoq_bench_header *h)
{
    fprintf(file, "%sqoq gpu bench %s, %s\n", prefix, qoq_version(), h->date);
    if (h->info == NULL) {
        fprintf(file, "%sdry run: nothing is measured\n", prefix);
    } else {
        print_gpu(file, prefix, h);
        print_ceilings(file, prefix, h);
    }
    if (h->info != NULL && (h->tile >= 0 || h->splits > 0)) {
        fprintf(file, "%sproducts: tile %d, %d splits, as asked (-1, 0: the library's choice)\n",
                prefix, h->tile, h->splits);
    }
    fprintf(file, "%scuBLASLt: %s\n", prefix, h->library);
    if (h->simulated != NULL) {
        fprintf(file, "%ssimulator: %s\n", prefix, h->simulated);
    }
}

/* ---- Terminal ---- */

void qoq_bench_print_columns(FILE *file, int dry)
{
    fprintf(file, "%-18s %-13s %-30s ", "kernel", "model", "shape");
    fprintf(file, dry ? "%9s %9s %9s %9s\n" : "%9s %5s %7s %6s %7s %7s %6s %6s %9s\n",
            dry ? "set MB" : "us", dry ? "MB" : "+-%", dry ? "GOP" : "GB/s",
            dry ? "sim us" : "%read", "TOP/s", "%tensor", "x FP16", "x INT8", "sim us");
}

/* A number, or a dash where it is not known. */
static void number(FILE *file, int width, int digits, double x)
{
    if (isfinite(x)) {
        fprintf(file, " %*.*f", width, digits, x);
    } else {
        fprintf(file, " %*s", width, "-");
    }
}

static double ratio(const struct qoq_bench_rival *rival, const struct qoq_bench_result *r)
{
    return rival->seconds > 0 ? rival->seconds / r->measured.seconds.median : NAN;
}

static double rate(double amount, double seconds)
{
    return amount > 0 && seconds > 0 ? amount / seconds : NAN;
}

void qoq_bench_print_line(FILE *file, const struct qoq_bench_result *r,
                          const struct qoq_bench_ceilings *ceilings)
{
    char text[100];
    double seconds = r->measured.seconds.median;

    qoq_bench_describe(text, sizeof text, r->what);
    fprintf(file, "%-18s %-13s %-30s", r->what->kernel->name, r->what->shape.model, text);
    if (r->outcome == QOQ_BENCH_SKIPPED || r->outcome == QOQ_BENCH_FAILED) {
        fprintf(file, " %s: %s\n", r->outcome == QOQ_BENCH_SKIPPED ? "skipped" : "FAILED",
                r->reason);
        return;
    }
    if (r->outcome == QOQ_BENCH_PLANNED) {
        number(file, 9, 1, (double)r->bytes * 1e-6);
        number(file, 9, 1, r->cost.bytes * 1e-6);
        number(file, 9, 2, r->cost.ops * 1e-9);
        number(file, 9, 1, r->predicted * 1e6);
        fputc('\n', file);
        return;
    }
    number(file, 9, 2, seconds * 1e6);
    number(file, 5, 1, 100 * qoq_bench_spread(&r->measured.seconds));
    number(file, 7, 0, rate(r->cost.bytes, seconds) * 1e-9);
    number(file, 6, 1, 100 * qoq_bench_bandwidth_share(r, ceilings));
    number(file, 7, 1, rate(r->cost.ops, seconds) * 1e-12);
    number(file, 7, 1, 100 * qoq_bench_tensor_share(r, ceilings));
    number(file, 6, 2, ratio(&r->half_, r));
    number(file, 6, 2, ratio(&r->int8, r));
    number(file, 9, 1, r->predicted * 1e6);
    fputc('\n', file);
}

/* ---- CSV ---- */

void qoq_bench_csv_columns(FILE *file)
{
    fputs("kernel,model,layer,m,n,k,q_heads,kv_heads,head_dim,context,outcome,reason,set_bytes,"
          "sets,calls,samples,way,time_us,least_us,lower_us,upper_us,bytes,ops,gbps,read_share,"
          "tops,tensor_share,cublaslt_fp16_us,cublaslt_fp16_algorithms,cublaslt_int8_us,"
          "cublaslt_int8_algorithms,simulated_us,sm_mhz,memory_mhz\n",
          file);
}

/* A field, quoted where it must be. */
static void field(FILE *file, const char *text)
{
    int quoted = strpbrk(text, ",\"\n") != NULL;

    fputs(quoted ? "\"" : "", file);
    for (const char *c = text; *c != '\0'; c++) {
        fputs(*c == '"' ? "\"" : "", file);
        fputc(*c, file);
    }
    fputs(quoted ? "\"," : ",", file);
}

static void whole(FILE *file, size_t x)
{
    if (x != 0) {
        fprintf(file, "%zu", x);
    }
    fputc(',', file);
}

static void real(FILE *file, double x)
{
    if (isfinite(x) && x > 0) {
        fprintf(file, "%.6g", x);
    }
    fputc(',', file);
}

static void csv_shape(FILE *file, const struct qoq_bench_case *what)
{
    const struct qoq_bench_shape *s = &what->shape;

    field(file, what->kernel->name);
    field(file, s->model);
    field(file, s->layer);
    whole(file, s->m);
    whole(file, s->n);
    whole(file, s->k);
    whole(file, s->q_heads);
    whole(file, s->kv_heads);
    whole(file, s->head_dim);
    whole(file, s->context);
}

static void csv_times(FILE *file, const struct qoq_bench_result *r)
{
    const struct qoq_bench_measured *m = &r->measured;

    whole(file, r->sets);
    whole(file, m->calls);
    whole(file, m->samples);
    field(file, r->outcome != QOQ_BENCH_MEASURED ? "" : m->timing.graph ? "graph" : "stream");
    real(file, m->seconds.median * 1e6);
    real(file, m->seconds.least * 1e6);
    real(file, m->seconds.lower * 1e6);
    real(file, m->seconds.upper * 1e6);
}

void qoq_bench_csv_row(FILE *file, const struct qoq_bench_result *r,
                       const struct qoq_bench_ceilings *ceilings)
{
    static const char *const outcomes[] = {"planned", "measured", "skipped", "failed"};
    double seconds = r->measured.seconds.median;

    csv_shape(file, r->what);
    field(file, outcomes[r->outcome]);
    field(file, r->reason);
    whole(file, r->bytes);
    csv_times(file, r);
    real(file, r->cost.bytes);
    real(file, r->cost.ops);
    real(file, rate(r->cost.bytes, seconds) * 1e-9);
    real(file, qoq_bench_bandwidth_share(r, ceilings));
    real(file, rate(r->cost.ops, seconds) * 1e-12);
    real(file, qoq_bench_tensor_share(r, ceilings));
    real(file, r->half_.seconds * 1e6);
    whole(file, (size_t)r->half_.algorithms);
    real(file, r->int8.seconds * 1e6);
    whole(file, (size_t)r->int8.algorithms);
    real(file, r->predicted * 1e6);
    whole(file, r->measured.timing.clocks.sm_mhz);
    if (r->measured.timing.clocks.memory_mhz != 0) {
        fprintf(file, "%u", r->measured.timing.clocks.memory_mhz);
    }
    fputc('\n', file);
}
