/* SPDX-License-Identifier: Apache-2.0 */
/* qoq gpu verify: the kernels on a GPU against the reference. */
#include <config.h>

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "gpu/cli/commands.h"
#include "gpu/cli/verify_golden.h"
#include "gpu/qoq_cuda.h"
#include "gpu/verify/verify.h"

static const char help[] =
    "Usage: qoq gpu verify [KERNEL]... [OPTION]...\n"
    "Runs CUDA kernels on a GPU and compares every bit of their results: with golden\n"
    "files, then with the reference on seeded inputs of random ragged shapes.\n"
    "'qoq sim run --list' shows the kernels and sizes.\n"
    "\n"
    "      --golden PATH      a golden file, or a directory of them, instead of those\n"
    "                         that came with the program; may be repeated\n"
    "      --no-golden        no golden files\n"
    "      --random N         random shapes of each kernel (default 100; 0: none)\n"
    "      --seed N           of the first shape and its inputs (default 1)\n"
    "      --shape \"TEXT\"     one shape instead, as a failure prints it\n"
    "      --device N         which GPU (default 0)\n"
    "  -h, --help             this text\n"
    "\n"
    "With a KERNEL, golden cases are those of its operators; with --shape there are\n"
    "none unless --golden names them. 'qoq gpu golden' has a row for each case.\n"
    "\n"
    "Exit status: 0 no bit differs, 1 something differs, 2 wrong usage, bad input or\n"
    "no GPU.\n";

enum { SEED = 1000, RANDOM, SHAPE, DEVICE, GOLDEN, NO_GOLDEN };

static const struct option long_options[] = {
    {"golden", required_argument, NULL, GOLDEN},
    {"no-golden", no_argument, NULL, NO_GOLDEN},
    {"random", required_argument, NULL, RANDOM},
    {"seed", required_argument, NULL, SEED},
    {"shape", required_argument, NULL, SHAPE},
    {"device", required_argument, NULL, DEVICE},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

struct verify {
    uint64_t seed;
    size_t random, device;
    int one;       /* the one shape below */
    int no_golden; /* no golden files */
    struct qoq_verify_golden_part golden;
    struct qoq_verify_shape shape;
    size_t passed, failed;
};

/* "--m 3 --k 100" into a shape. */
static int read_shape(struct verify *it, const char *text)
{
    char copy[300];

    snprintf(copy, sizeof copy, "%s", text);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " ")) {
        char *name = word + 2, *value = strtok(NULL, " ");

        if (strncmp(word, "--", 2) != 0 || value == NULL) {
            return qoq_cli_misuse("gpu verify", "gpu: --shape: %s: --NAME NUMBER is wanted", word);
        }
        for (char *c = name; *c != '\0'; c++) {
            *c = *c == '-' ? '_' : *c;
        }
        if (qoq_verify_set(&it->shape, name, value) != 0) {
            return qoq_cli_misuse("gpu verify", "gpu: --shape: %s %s: no such size", word, value);
        }
    }
    it->one = 1;
    return -1;
}

static int take(struct verify *it, int option, char **argv)
{
    switch (option) {
    case SEED:
        return qoq_cli_parse_u64(&it->seed, optarg) == 0
                   ? -1
                   : qoq_cli_misuse("gpu verify", "gpu: --seed: %s is not a number", optarg);
    case RANDOM:
        return qoq_cli_parse_size(&it->random, optarg, 0, 1000000) == 0
                   ? -1
                   : qoq_cli_misuse("gpu verify", "gpu: --random: %s is not a number from 0 on",
                                    optarg);
    case DEVICE:
        return qoq_cli_parse_size(&it->device, optarg, 0, 1000) == 0
                   ? -1
                   : qoq_cli_misuse("gpu verify", "gpu: --device: %s is not a number", optarg);
    case SHAPE:
        return read_shape(it, optarg);
    case GOLDEN:
        if (it->golden.paths == QOQ_VERIFY_PATHS) {
            return qoq_cli_misuse("gpu verify", "gpu: --golden: at most %d", QOQ_VERIFY_PATHS);
        }
        it->golden.path[it->golden.paths++] = optarg;
        return -1;
    case NO_GOLDEN:
        it->no_golden = 1;
        return -1;
    case 'h':
        return qoq_cli_help(help);
    default:
        return qoq_cli_bad_option("gpu verify", argv);
    }
}

/* Cases of one kernel and their row. Returns 0 to go on, or -1 where the device has failed. */
static int verify_kernel(struct verify *it, struct qoq_cuda *gpu,
                         const struct qoq_verify_kernel *kernel)
{
    size_t cases = it->one ? 1 : it->random, failed = 0;
    enum qoq_status status = QOQ_OK;

    for (size_t i = 0; i < cases && status != QOQ_ERR_DEVICE; i++) {
        struct qoq_verify_shape shape = it->shape;
        char text[700], described[300];

        if (!it->one) {
            qoq_verify_random_shape(&shape, kernel, it->seed + i);
        }
        status = qoq_verify_run(gpu, kernel, &shape, it->seed + i, text, sizeof text);
        if (status != QOQ_OK) {
            failed++;
            qoq_verify_print_shape(described, sizeof described, kernel, &shape);
            qoq_cli_trouble("gpu: %s: %s\n  again: qoq gpu verify %s --seed %" PRIu64
                            " --shape \"%s\"",
                            kernel->name, text, kernel->name, it->seed + i, described);
        }
    }
    printf("%-33s %6zu cases  %s\n", kernel->name, cases, failed == 0 ? "OK" : "FAILED");
    it->passed += cases - failed;
    it->failed += failed;
    return status == QOQ_ERR_DEVICE ? -1 : 0;
}

/* All random shapes, or the one; kernels until the device fails. */
static void verify_kernels(struct verify *it, struct qoq_cuda *gpu)
{
    for (const struct qoq_verify_kernel *k = qoq_verify_kernels; k->name != NULL; k++) {
        if (qoq_gpu_verify_named(k->name, it->golden.kernels, it->golden.kernel) &&
            verify_kernel(it, gpu, k) != 0) {
            break;
        }
    }
}

static int verify(struct verify *it)
{
    struct qoq_golden_walk *walk = &it->golden.cases.walk;
    struct qoq_cuda *gpu;
    enum qoq_status status = qoq_cuda_create(&gpu, (int)it->device, NULL);

    if (status != QOQ_OK) {
        return qoq_cli_trouble("gpu: %s: %s", qoq_status_string(status), qoq_cuda_message(NULL));
    }
    printf("qoq gpu verify %s, seed %" PRIu64 "\n", qoq_version(), it->seed);
    if (!it->no_golden) {
        it->golden.cases.handle = gpu;
        it->golden.cases.on = "gpu";
        qoq_gpu_verify_golden(&it->golden);
    }
    if ((it->one || it->random > 0) && !walk->stop) {
        verify_kernels(it, gpu);
    }
    qoq_cuda_destroy(gpu);
    printf("%zu passed, %zu failed", it->passed + walk->passed, it->failed + walk->failed);
    if (!it->no_golden) {
        printf("; golden cases among them: %zu passed, %zu failed, %zu skipped", walk->passed,
               walk->failed, walk->skipped);
    }
    putchar('\n');
    qoq_golden_walk_worsen(walk, it->failed == 0 ? QOQ_EXIT_GOOD : QOQ_EXIT_DIFFERS);
    return qoq_cli_finish(walk->status);
}

int qoq_gpu_cli_verify(int argc, char **argv)
{
    struct verify it = {.seed = 1, .random = 100};

    qoq_verify_default_shape(&it.shape);
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "h", long_options, NULL)) != -1;) {
        int status = take(&it, option, argv);

        if (status >= 0) {
            return status;
        }
    }
    for (int i = optind; i < argc; i++) {
        if (qoq_verify_find(argv[i]) == NULL) {
            return qoq_cli_misuse("gpu verify", "gpu: %s: no such kernel", argv[i]);
        }
    }
    if (it.no_golden && it.golden.paths > 0) {
        return qoq_cli_misuse("gpu verify", "gpu: --golden and --no-golden: one of them");
    }
    it.no_golden = it.no_golden || (it.one && it.golden.paths == 0);
    it.golden.kernels = argc - optind;
    it.golden.kernel = argv + optind;
    return verify(&it);
}
