/* SPDX-License-Identifier: Apache-2.0 */
/* How products are cut into blocks. */
#include "gpu/bench/tiles.h"

static enum qoq_status print_row(FILE *file, const struct qoq_bench_case *it, int sms, int wgmma,
                                 double stream)
{
    const struct qoq_bench_shape *s = &it->shape;
    struct qoq_cuda_weight w = {
        (enum qoq_scheme)it->kernel->variant, s->n, s->k, s->group, NULL, NULL, NULL, NULL, NULL};
    struct qoq_cuda_gemm_plan p;
    enum qoq_status status = qoq_cuda_gemm_plan(&p, sms, wgmma, s->m, &w);

    if (status == QOQ_OK) {
        double least = 1e6 * it->kernel->cost(s, it->kernel->variant).bytes / stream;

        fprintf(file,
                "%-36s %-12s %-8s %5zu %6zu %6zu %6zu %6zu %6.2f %6zu %8.1f %6.1f %6.1f %5.0f\n",
                p.kernel, s->model, s->layer, s->m, s->n, s->k, p.blocks, p.splits, p.rounds,
                p.flight / 1024, p.us, p.join_us, p.even_us, 100 * least / p.us);
    }
    return status;
}

enum qoq_status qoq_bench_print_tiles(FILE *file, const struct qoq_bench_plan *plan, int sms,
                                      int wgmma, double stream)
{
    enum qoq_status status = QOQ_OK;

    fprintf(file, "%-36s %-12s %-8s %5s %6s %6s %6s %6s %6s %6s %8s %6s %6s %5s\n", "tile", "model",
            "layer", "m", "n", "k", "blocks", "splits", "rounds", "KB/SM", "us", "join", "even",
            "%read");
    for (size_t i = 0; i < plan->count && status == QOQ_OK; i++) {
        if (plan->list[i].kernel->family == QOQ_BENCH_PRODUCT) {
            status = print_row(file, &plan->list[i], sms, wgmma, stream);
        }
    }
    return status;
}
