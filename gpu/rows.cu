// SPDX-License-Identifier: Apache-2.0
// Launches the kernels of rows.cuh and norm.cuh.
#include "gpu/handle.cuh"
#include "gpu/norm.cuh"
#include "gpu/rows.cuh"

using namespace qoq;

static enum qoq_status check_act(const struct qoq_cuda *handle, const struct qoq_cuda_act *out)
{
    if (handle == nullptr || out == nullptr || out->q == nullptr || out->scale == nullptr ||
        out->sum == nullptr) {
        return QOQ_ERR_ARGUMENT;
    }
    if (out->m == 0 || out->m > INT32_MAX || out->k == 0 || out->k > 131072 ||
        out->pitch < out->k) {
        return QOQ_ERR_SHAPE;
    }
    return QOQ_OK;
}

// in: whether the inputs too may be taken by fours.
static row_output make_output(const struct qoq_cuda_act *out, bool in)
{
    row_output it;

    it.q = {out->q, "q"};
    it.scale = {out->scale, "scale"};
    it.sum = {out->sum, "sum"};
    it.pitch = out->pitch;
    it.k = static_cast<uint32_t>(out->k);
    it.by_fours = in && out->k % 4 == 0 && out->pitch % 4 == 0 && is_aligned(out->q, 4);
    return it;
}

template <class Source>
static enum qoq_status launch_rows(struct qoq_cuda *handle, const char *name,
                                   const struct qoq_cuda_act *out, const row_params<Source> &p)
{
    return launch(handle, name, quantize_rows<Source>,
                  {{static_cast<uint32_t>(out->m), 1, 1}, ROW_THREADS, ROW_SHARED}, p);
}

extern "C" enum qoq_status qoq_cuda_act_quantize(struct qoq_cuda *handle, struct qoq_cuda_act *out,
                                                 const qoq_half *x)
{
    enum qoq_status status = check_act(handle, out);
    row_params<row_half> p;

    if (status != QOQ_OK) {
        return status;
    }
    if (x == nullptr) {
        return QOQ_ERR_ARGUMENT;
    }
    enter(handle);
    p.source.x = {x, "x"};
    p.out = make_output(out, is_aligned(x, 8));
    return launch_rows(handle, "act_quantize", out, p);
}

extern "C" enum qoq_status qoq_cuda_rmsnorm_quantize(struct qoq_cuda *handle,
                                                     struct qoq_cuda_act *out, float *r,
                                                     const qoq_half *o, const float *gamma,
                                                     float eps)
{
    enum qoq_status status = check_act(handle, out);
    row_params<row_norm> p;

    if (status != QOQ_OK) {
        return status;
    }
    if (r == nullptr || gamma == nullptr || !(eps >= 0.0f && eps <= FLT_MAX)) {
        return QOQ_ERR_ARGUMENT;
    }
    enter(handle);
    p.source.r = {r, "r"};
    p.source.o = {o, "o"};
    p.source.gamma = {gamma, "gamma"};
    p.source.eps = eps;
    p.out = make_output(out, is_aligned(r, 16) && is_aligned(o, 8) && is_aligned(gamma, 16));
    return launch_rows(handle, "rmsnorm_quantize", out, p);
}

extern "C" enum qoq_status qoq_cuda_rmsnorm(struct qoq_cuda *handle, float *y, float *r,
                                            const qoq_half *o, const float *gamma,
                                            const int32_t *row, size_t m, size_t k, float eps)
{
    norm_params p = {};

    if (handle == nullptr || y == nullptr || r == nullptr || gamma == nullptr ||
        !(eps >= 0.0f && eps <= FLT_MAX)) {
        return QOQ_ERR_ARGUMENT;
    }
    if (m == 0 || m > INT32_MAX || k == 0 || k > 131072) {
        return QOQ_ERR_SHAPE;
    }
    enter(handle);
    p.source.r = {r, "r"};
    p.source.o = {o, "o"};
    p.source.gamma = {gamma, "gamma"};
    p.source.eps = eps;
    p.out.k = static_cast<uint32_t>(k);
    p.out.by_fours = k % 4 == 0 && is_aligned(r, 16) && is_aligned(o, 8) && is_aligned(gamma, 16);
    p.row = {row, "row"};
    p.y = {y, "y"};
    return launch(handle, "rmsnorm", norm_rows,
                  {{static_cast<uint32_t>(m), 1, 1}, ROW_THREADS, NORM_SHARED}, p);
}

extern "C" enum qoq_status qoq_cuda_silu_mul_quantize(struct qoq_cuda *handle,
                                                      struct qoq_cuda_act *out,
                                                      const qoq_half *gate, const qoq_half *up,
                                                      size_t pitch)
{
    enum qoq_status status = check_act(handle, out);
    row_params<row_silu> p;

    if (status != QOQ_OK) {
        return status;
    }
    if (gate == nullptr || up == nullptr) {
        return QOQ_ERR_ARGUMENT;
    }
    if (pitch < out->k) {
        return QOQ_ERR_SHAPE;
    }
    enter(handle);
    p.source.gate = {gate, "gate"};
    p.source.up = {up, "up"};
    p.source.pitch = pitch;
    p.out = make_output(out, is_aligned(gate, 8) && is_aligned(up, 8) && pitch % 4 == 0);
    return launch_rows(handle, "silu_mul_quantize", out, p);
}

extern "C" enum qoq_status qoq_cuda_residual_add(struct qoq_cuda *handle, float *r,
                                                 const qoq_half *o, size_t count)
{
    residual_params p;
    const size_t blocks = (count + ROW_THREADS - 1) / ROW_THREADS;

    if (handle == nullptr || r == nullptr || o == nullptr) {
        return QOQ_ERR_ARGUMENT;
    }
    if (count == 0) {
        return QOQ_ERR_SHAPE;
    }
    enter(handle);
    p.r = {r, "r"};
    p.o = {o, "o"};
    p.count = count;
    return launch(handle, "residual_add", residual_add,
                  {{static_cast<uint32_t>(blocks < 65535 ? blocks : 65535), 1, 1}, ROW_THREADS, 0},
                  p);
}
