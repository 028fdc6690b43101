/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Graphs of steps that decode. All that changes from step to step lies in memory: what the host
 * sends, the table of pages, the caches. Grids depend on the number of rows and, in attention, on
 * the longest context; that is rounded up to a power of two, whose surplus blocks leave at once.
 * The graph that rested longest makes room for a new one.
 *
 * The first step of a kind runs call by call, and its graph is made while the device is at it: by
 * then every kernel in it is loaded, which is nothing to be done while a stream is captured.
 */
#include "gpu/decoder/parts.h"

static size_t bucket_of(const struct qoq_decoder *d, size_t context)
{
    size_t bucket = 128;

    while (bucket < context) {
        bucket *= 2;
    }
    return bucket < d->options.max_tokens ? bucket : d->options.max_tokens;
}

static enum qoq_status ask(struct qoq_decoder *d, const struct qoq_decoder_pass *pass)
{
    QOQ_TRY(qoq_decoder_layers(d, pass));
    return pass->want == QOQ_WANT_NOTHING ? QOQ_OK : qoq_decoder_head(d, pass, 0, pass->wanted);
}

static enum qoq_status record(struct qoq_decoder *d, const struct qoq_decoder_pass *pass,
                              struct qoq_cuda_graph **graph)
{
    QOQ_TRY(qoq_cuda_capture_begin(d->handle));
    enum qoq_status status = ask(d, pass), ended = qoq_cuda_capture_end(d->handle, graph);
    if (status != QOQ_OK && ended == QOQ_OK) {
        qoq_cuda_graph_free(d->handle, *graph);
    }
    return status != QOQ_OK ? status : ended;
}

/* A place for a new graph: an empty one, or the one that rested longest. */
static struct qoq_decoder_graph *place(struct qoq_decoder *d)
{
    struct qoq_decoder_graph *oldest = &d->graph[0];

    if (d->graphs < QOQ_DECODER_GRAPHS) {
        return &d->graph[d->graphs++];
    }
    for (size_t i = 1; i < d->graphs; i++) {
        oldest = d->graph[i].used < oldest->used ? &d->graph[i] : oldest;
    }
    qoq_cuda_graph_free(d->handle, oldest->graph);
    return oldest;
}

enum qoq_status qoq_decoder_replay(struct qoq_decoder *d, const struct qoq_decoder_pass *pass)
{
    struct qoq_decoder_pass rounded = *pass;
    struct qoq_cuda_graph *made;

    rounded.max_context = bucket_of(d, pass->max_context);
    d->clock++;
    for (size_t i = 0; i < d->graphs; i++) {
        struct qoq_decoder_graph *g = &d->graph[i];

        if (g->rows == pass->rows && g->bucket == rounded.max_context && g->want == pass->want) {
            g->used = d->clock;
            return qoq_cuda_graph_launch(d->handle, g->graph);
        }
    }
    QOQ_TRY(record(d, &rounded, &made));
    d->made++;
    *place(d) =
        (struct qoq_decoder_graph){pass->rows, rounded.max_context, pass->want, made, d->clock};
    return qoq_cuda_graph_launch(d->handle, made);
}

void qoq_decoder_graphs_free(struct qoq_decoder *d)
{
    for (size_t i = 0; i < d->graphs; i++) {
        qoq_cuda_graph_free(d->handle, d->graph[i].graph);
    }
    d->graphs = 0;
}

size_t qoq_decoder_graphs(const struct qoq_decoder *d)
{
    return (size_t)d->made;
}
