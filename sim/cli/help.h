/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of help texts that subcommands share. */
#ifndef QOQ_SIM_CLI_HELP_H
#define QOQ_SIM_CLI_HELP_H

#include "sim/cli/options.h"

#define QOQ_SIM_HELP_WHAT                                                                          \
    "  -g, --gpu NAME           GPU, or its JSON file (default a100-80g-sxm)\n"
#define QOQ_SIM_HELP_COMMON                                                                        \
    "      --set KIND.FIELD=X   changes a field; KIND is gpu, scheme, kv, model, work or cal;\n"   \
    "                           a value such as 4x multiplies; gpu.int32 is all integer lanes\n"   \
    "      --csv, --json        for programs\n"                                                    \
    "  -h, --help               this text\n"                                                       \
    "\n"                                                                                           \
    "'qoq sim list' shows the names; 'qoq sim list gpu' the fields of a GPU. A NAME with a slash " \
    "or\n"                                                                                         \
    "ending in .json is a file of your own.\n"
#define QOQ_SIM_HELP_GEMM                                                                          \
    "  -s, --scheme NAME        scheme of the product, see 'qoq sim list'\n"                       \
    "  -m M, -n N, -k K         rows (tokens), output channels, input channels\n"
#define QOQ_SIM_HELP_ATTENTION                                                                     \
    "  -c, --kv NAME            scheme of the cache\n"                                             \
    "      --batch N            sequences\n"                                                       \
    "      --length N           cached tokens of each\n"                                           \
    "      --q-heads N, --kv-heads N, --head-dim N    or the heads of -M, --model NAME\n"

#endif
