/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptions: everything shipped loads and is consistent, everything broken is refused in one
 * line (C 2, 3). */
#include "sim_case.h"

#include <dirent.h>
#include <math.h>
#include <unistd.h>

static int ends_with(const char *name, const char *suffix)
{
    size_t length = strlen(name), tail = strlen(suffix);

    return length > tail && strcmp(name + length - tail, suffix) == 0;
}

/* Loads every file of a directory with the table its name asks for; returns their number. */
static int load_all(const char *directory, const char *suffix)
{
    char path[4096], file[4096 + 300];
    union {
        struct qoq_sim_gpu gpu;
        struct qoq_sim_scheme scheme;
        struct qoq_sim_kv kv;
        struct qoq_sim_model model;
    } part;
    struct qoq_error error;
    int count = 0;
    DIR *open = opendir(data_path(path, directory, "", ""));

    cr_assert_not_null(open, "%s", path);
    for (struct dirent *entry; (entry = readdir(open)) != NULL;) {
        if (!ends_with(entry->d_name, suffix)) {
            continue;
        }
        const struct qoq_field_table *table =
            strcmp(directory, "gpus") == 0         ? &qoq_sim_gpu_table
            : strcmp(directory, "models") == 0     ? &qoq_sim_model_table
            : strncmp(entry->d_name, "kv", 2) == 0 ? &qoq_sim_kv_table
                                                   : &qoq_sim_scheme_table;
        snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        enum qoq_status status = qoq_description_load(&part, table, file, &error);
        cr_expect_eq(status, QOQ_OK, "%s", status == QOQ_OK ? "" : error.text);
        count++;
    }
    closedir(open);
    return count;
}

Test(sim_description, all_shipped_files_load)
{
    cr_expect_geq(load_all("gpus", ".json"), 16);
    cr_expect_geq(load_all("schemes", ".json"), 20);
    cr_expect_geq(load_all("models", ".shape.json"), 15);
}

/* C 3.6: the data sheet's peaks are lanes times clock. */
Test(sim_description, peaks_follow_from_lanes_and_clock)
{
    static const char *const gpus[] = {
        "a100-40g-sxm", "a100-80g-sxm", "l40s",      "rtx4090",      "h100-sxm", "h200-sxm",
        "h800-sxm",     "h20",          "b200",      "rtx6000-ada",  "l4",       "a10",
        "a10g",         "rtx3090",      "rtx-a6000", "v100-sxm2-32g"};

    for (size_t i = 0; i < COUNT(gpus); i++) {
        struct qoq_sim_case it = load_case(gpus[i], NULL, NULL, NULL);
        const double peak[] = {it.gpu.peak_fp16_tflops, it.gpu.peak_int8_tops,
                               it.gpu.peak_fp8_tflops, it.gpu.peak_int4_tops,
                               it.gpu.peak_fp4_tflops};
        const double rate[] = {it.gpu.tc_fp16, it.gpu.tc_int8, it.gpu.tc_fp8, it.gpu.tc_int4,
                               it.gpu.tc_fp4};
        for (int p = 0; p < 5; p++) {
            double derived = 2 * rate[p] * it.gpu.sms * it.gpu.clk_tc_mhz * 1e-6;
            if (peak[p] > 0 && rate[p] > 0) {
                cr_expect_lt(fabs(derived / peak[p] - 1), 0.02,
                             "%s path %d: derived %g, printed %g", gpus[i], p, derived, peak[p]);
            }
        }
    }
}

static enum qoq_status load_text(struct qoq_sim_gpu *gpu, const char *text, size_t bytes,
                                 struct qoq_error *error)
{
    char path[64];

    snprintf(path, sizeof path, "/tmp/qoq-sim-test-%ld.json", (long)getpid());
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file, "%s", path);
    fwrite(text, 1, bytes, file);
    fclose(file);
    enum qoq_status status = qoq_description_load(gpu, &qoq_sim_gpu_table, path, error);
    remove(path);
    return status;
}

Test(sim_description, refuses_in_one_line)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"", ""},
        {"[]", ""},
        {"{}", "format"},
        {"{\"format\":\"qoq-model\",\"version\":1,\"title\":\"t\",\"source\":\"s\",\"values\":{}}",
         "qoq-gpu"},
        {"{\"format\":\"qoq-gpu\",\"version\":2,\"title\":\"t\",\"source\":\"s\",\"values\":{}}",
         "version"},
        {"{\"format\":\"qoq-gpu\",\"version\":1,\"title\":\"t\",\"source\":\"s\"}", "values"},
        {"{\"format\":\"qoq-gpu\",\"version\":1,\"title\":\"t\",\"source\":\"s\",\"values\":{}}",
         "missing"},
        {"{\"format\":\"qoq-gpu\",\"version\":1,\"title\":\"t\",\"source\":\"s\",\"values\":{"
         "\"smms\":3}}",
         "smms"},
        {"{\"format\":\"qoq-gpu\",\"version\":1,\"title\":\"t\",\"values\":{\"sms\":3}}", "source"},
        {"{\"format\":\"qoq-gpu\",\"version\":1,\"title\":\"t\",\"source\":\"s\",\"values\":{"
         "\"sms\":3.5}}",
         "whole"},
        {"{\"format\":\"qoq-gpu\",\"version\":1,\"title\":\"t\",\"source\":\"s\",\"values\":{"
         "\"sms\":-3}}",
         "sms"},
        {"{\"format\":\"qoq-gpu\",\"version\":1,\"title\":\"t\",\"source\":\"s\",\"values\":{"
         "\"sms\":\"many\"}}",
         "sms"},
        {"{\"format\":\"qoq-gpu\",\"version\":1,\"title\":\"t\",\"source\":\"s\",\"values\":{"
         "\"sms\":{\"value\":3,\"source\":\"q\"}}}",
         "q"},
        {"{\"format\":\"qoq-gpu\",\"version\":1,\"title\":\"t\",\"source\":\"s\",\"base\":\"../"
         "x\",\"values\":{}}",
         "base"},
        {"{\"format\":\"qoq-gpu\",\"version\":1,\"title\":\"t\",\"source\":\"s\",\"base\":"
         "\"nothing-there\",\"values\":{}}",
         "nothing-there"},
    };

    for (size_t i = 0; i < COUNT(bad); i++) {
        struct qoq_sim_gpu gpu;
        struct qoq_error error = {QOQ_OK, ""};
        cr_expect_neq(load_text(&gpu, bad[i].text, strlen(bad[i].text), &error), QOQ_OK, "%s",
                      bad[i].text);
        cr_expect_not_null(strstr(error.text, bad[i].says), "%s gave: %s", bad[i].text, error.text);
        cr_expect_null(strchr(error.text, '\n'), "%s", error.text);
    }
}

/* Bytes of a good file changed at random: any answer but a crash, and a good one is in range. */
Test(sim_description, survives_broken_bytes, .timeout = 60)
{
    char path[4096], text[16384];
    uint64_t seed = 20240507;
    FILE *file = fopen(data_path(path, "gpus", "l40s", ".json"), "rb");

    cr_assert_not_null(file, "%s", path);
    size_t bytes = fread(text, 1, sizeof text, file);
    fclose(file);
    for (int round = 0; round < 1500; round++) {
        char broken[16384];
        struct qoq_sim_gpu gpu;
        struct qoq_error error = {QOQ_OK, ""};
        memcpy(broken, text, bytes);
        for (int i = 0; i <= round % 4; i++) {
            broken[next_random(&seed) % bytes] = (char)next_random(&seed);
        }
        enum qoq_status status =
            load_text(&gpu, broken, round % 7 ? bytes : next_random(&seed) % bytes, &error);
        cr_assert(status == QOQ_OK ? gpu.sms >= 1 && isfinite(gpu.sms) : error.text[0] != '\0',
                  "round %d", round);
    }
}

/* C 10: the constants of the model are in one table; a description cannot bring its own. */
Test(sim_description, no_constant_hides_in_a_description)
{
    const struct qoq_field_table *const tables[] = {&qoq_sim_gpu_table, &qoq_sim_scheme_table,
                                                    &qoq_sim_kv_table, &qoq_sim_model_table,
                                                    &qoq_sim_work_table};

    for (size_t c = 0; c < qoq_sim_calibration_table.count; c++) {
        const char *constant = qoq_sim_calibration_table.field[c].name;
        for (size_t t = 0; t < COUNT(tables); t++) {
            cr_expect_null(qoq_field_find(tables[t], constant), "%s is also a field of a %s",
                           constant, tables[t]->kind);
        }
    }
}

Test(sim_description, a_base_is_the_start)
{
    struct qoq_sim_case a = load_case("a100-80g-sxm", NULL, NULL, NULL),
                        b = load_case("what-if-a100-int32x4", NULL, NULL, NULL);

    cr_expect_eq(b.gpu.rate[QOQ_SIM_LOP3], 4 * a.gpu.rate[QOQ_SIM_LOP3]);
    cr_expect_eq(b.gpu.hbm_gbps, a.gpu.hbm_gbps);
    cr_expect_str_eq(b.gpu.head.name, "what-if-a100-int32x4");
}
