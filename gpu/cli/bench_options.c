/* SPDX-License-Identifier: Apache-2.0 */
/* Options of qoq gpu bench. */
#include <config.h>

#include "gpu/cli/bench.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "sim/cli/load.h"

#define COMMAND "gpu bench"

static const char help[] =
    "Usage: qoq gpu bench [OPTION]...\n"
    "Times every CUDA kernel at the sizes of model layers, beside cuBLASLt and what\n"
    "the chip reaches on loops that only read, copy or multiply.\n"
    "\n"
    "      --only KERNEL      this kernel alone; may be repeated (--list shows all)\n"
    "      --model NAME|FILE  sizes of this model; may be repeated (default\n"
    "                         llama-3-8b, llama-2-7b, llama-2-70b, qwen1_5-72b)\n"
    "      --rows LIST        rows of products and row kernels (1,2,4,...,8192)\n"
    "      --batch LIST       sequences of decode attention (1,4,16,64,256)\n"
    "      --context LIST     their tokens, and those of prompts, up to 8192\n"
    "                         (128,256,...,131072)\n"
    "      --quick            llama-3-8b and few sizes, unless given\n"
    "      --seconds N        begin nothing new after N seconds\n"
    "      --csv FILE         all results as comma-separated values too\n"
    "      --tile N, --splits N\n"
    "                         products with this tile and division of K, as for\n"
    "                         'qoq sim run', instead of the library's choice\n"
    "      --peer FILE        beside products, those of a shared object that has\n"
    "                         qoq_peer_product (gpu/bench/peer.h)\n"
    "      --alone            without cuBLASLt\n"
    "      --gpu NAME|FILE    the simulator's GPU for the column of predictions\n"
    "                         (by the name of the device; without: h200-sxm)\n"
    "      --dry-run          what would run: bytes, operations, prediction; no GPU\n"
    "      --tiles            how products are cut into blocks, and the library's own\n"
    "                         estimate of their time; no GPU\n"
    "      --list             kernels\n"
    "      --device N         which GPU (default 0)\n"
    "  -h, --help             this text\n"
    "\n"
    "us is the median of samples, each the mean of many calls replayed as a CUDA\n"
    "graph; +-% is half the distance of the quartiles. Calls go round copies of all\n"
    "arrays that are together three times the L2 cache. GB/s counts each input and\n"
    "output once. %read is a share of the measured speed of reading, %tensor of INT8\n"
    "wgmma or mma.sync on registers, or of cuBLASLt INT8 at the same sizes where that\n"
    "is faster. x FP16 and x INT8: how many times as fast as cuBLASLt, which gives\n"
    "binary16 and int32. Its library is found when the bench runs (libcublasLt.so,\n"
    "see LD_LIBRARY_PATH); where it is absent the output says so. What does not fit\n"
    "into memory is listed as skipped. Clocks are read, never set.\n"
    "\n"
    "Exit status: 0 good, 1 a kernel failed, 2 wrong usage or no GPU.\n";

enum {
    ONLY = 1000,
    MODEL,
    ROWS,
    BATCH,
    CONTEXT,
    QUICK,
    SECONDS,
    CSV,
    ALONE,
    GPU,
    DRY,
    TILES,
    TILE,
    PEER,
    SPLITS,
    LIST,
    DEVICE
};

static const struct option long_options[] = {
    {"only", required_argument, NULL, ONLY},
    {"model", required_argument, NULL, MODEL},
    {"rows", required_argument, NULL, ROWS},
    {"batch", required_argument, NULL, BATCH},
    {"context", required_argument, NULL, CONTEXT},
    {"quick", no_argument, NULL, QUICK},
    {"seconds", required_argument, NULL, SECONDS},
    {"csv", required_argument, NULL, CSV},
    {"alone", no_argument, NULL, ALONE},
    {"gpu", required_argument, NULL, GPU},
    {"dry-run", no_argument, NULL, DRY},
    {"tiles", no_argument, NULL, TILES},
    {"tile", required_argument, NULL, TILE},
    {"peer", required_argument, NULL, PEER},
    {"splits", required_argument, NULL, SPLITS},
    {"list", no_argument, NULL, LIST},
    {"device", required_argument, NULL, DEVICE},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int list_kernels(void)
{
    for (const struct qoq_bench_kernel *k = qoq_bench_kernels; k->name != NULL; k++) {
        printf("%-18s %s\n", k->name, k->idea);
    }
    return qoq_cli_finish(QOQ_EXIT_GOOD);
}

static int add_name(const char **names, size_t *count, const char *name)
{
    if (*count == QOQ_BENCH_NAMES) {
        return qoq_cli_misuse(COMMAND, "gpu: %s: more than %d names", name, QOQ_BENCH_NAMES);
    }
    names[(*count)++] = name;
    return -1;
}

static int take_sizes(struct qoq_bench_sizes *sizes, const char *option, size_t hi)
{
    return qoq_bench_read_sizes(sizes, optarg, 1, hi) == 0
               ? -1
               : qoq_cli_misuse(COMMAND, "gpu: --%s: %s: wants different numbers of 1 to %zu",
                                option, optarg, hi);
}

static int take_number(size_t *value, const char *option, size_t hi)
{
    return qoq_cli_parse_size(value, optarg, 0, hi) == 0
               ? -1
               : qoq_cli_misuse(COMMAND, "gpu: --%s: %s is not a number", option, optarg);
}

static int take(struct qoq_bench_options *o, int option, char **argv)
{
    switch (option) {
    case ONLY:
        return qoq_bench_find(optarg) != NULL
                   ? add_name(o->kernel, &o->kernels, optarg)
                   : qoq_cli_misuse(COMMAND, "gpu: --only: %s: no such kernel", optarg);
    case MODEL:
        return add_name(o->model_name, &o->models, optarg);
    case ROWS:
        return take_sizes(&o->rows, "rows", 1 << 20);
    case BATCH:
        return take_sizes(&o->batches, "batch", 1 << 16);
    case CONTEXT:
        return take_sizes(&o->contexts, "context", 1 << 22);
    case TILE:
        o->tile_asked = 1;
        return take_number(&o->tile, "tile", (size_t)qoq_cuda_gemm_tiles() - 1);
    case SPLITS:
        return take_number(&o->splits, "splits", 1000);
    case SECONDS:
        return take_number(&o->seconds, "seconds", 1000000);
    case DEVICE:
        return take_number(&o->device, "device", 1000);
    case LIST:
        return list_kernels();
    case 'h':
        return qoq_cli_help(help);
    case QUICK:
        o->quick = 1;
        return -1;
    case ALONE:
        o->alone = 1;
        return -1;
    case DRY:
        o->dry_run = 1;
        return -1;
    case TILES:
        o->tiles = 1;
        return -1;
    case PEER:
        o->peer = optarg;
        return -1;
    case CSV:
        o->csv = optarg;
        return -1;
    case GPU:
        o->gpu = optarg;
        return -1;
    default:
        return qoq_cli_bad_option(COMMAND, argv);
    }
}

static void fill_defaults(struct qoq_bench_options *o)
{
    static const char *const all[] = {"llama-3-8b", "llama-2-7b", "llama-2-70b", "qwen1_5-72b"};
    size_t models = o->quick ? 1 : sizeof all / sizeof all[0];

    for (size_t i = 0; o->models == i && i < models; i++) {
        o->model_name[o->models++] = all[i];
    }
    if (o->rows.count == 0) {
        o->rows = o->quick ? (struct qoq_bench_sizes){4, {1, 16, 128, 2048}}
                           : qoq_bench_powers(1, 8192, 2);
    }
    if (o->batches.count == 0) {
        o->batches = o->quick ? (struct qoq_bench_sizes){2, {1, 64}} : qoq_bench_powers(1, 256, 4);
    }
    if (o->contexts.count == 0) {
        o->contexts = o->quick ? (struct qoq_bench_sizes){3, {1024, 8192, 32768}}
                               : qoq_bench_powers(128, 131072, 2);
    }
}

static int load_models(struct qoq_bench_options *o)
{
    struct qoq_sim_case it;
    struct qoq_error err;

    for (size_t i = 0; i < o->models; i++) {
        if (qoq_sim_load(&it, QOQ_SIM_MODEL, o->model_name[i], &err) != QOQ_OK ||
            qoq_bench_check_model(&it.model, o->model_name[i], &err) != QOQ_OK) {
            return qoq_cli_trouble("gpu: %s", err.text);
        }
        o->model[i] = it.model;
        /* A file's own name: the last part of a path is enough. */
        const char *slash = strrchr(o->model_name[i], '/');
        o->model_name[i] = slash != NULL ? slash + 1 : o->model_name[i];
    }
    return -1;
}

int qoq_bench_read_options(struct qoq_bench_options *o, int argc, char **argv)
{
    memset(o, 0, sizeof *o);
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "h", long_options, NULL)) != -1;) {
        int status = take(o, option, argv);

        if (status >= 0) {
            return status;
        }
    }
    if (optind < argc) {
        return qoq_cli_misuse(COMMAND, "gpu: %s: what is this?", argv[optind]);
    }
    fill_defaults(o);
    return load_models(o);
}

int qoq_bench_is_asked(const struct qoq_bench_options *o, const char *kernel)
{
    for (size_t i = 0; i < o->kernels; i++) {
        if (strcmp(o->kernel[i], kernel) == 0) {
            return 1;
        }
    }
    return o->kernels == 0;
}
