/* SPDX-License-Identifier: Apache-2.0 */
/* The driver's management library, found at run time: its C interface has been stable for years, so
 * the few functions in use are declared here and its header is not needed. */
#include <config.h>

#include "gpu/bench/nvml.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, CLOCK_SM = 1, CLOCK_MEMORY = 2, SENSOR_GPU = 0 };

struct qoq_bench_nvml {
    void *library, *gpu;
    int (*init)(void);
    int (*shutdown)(void);
    int (*by_pci)(const char *pci, void **gpu);
    int (*driver)(char *text, unsigned room);
    int (*clock)(void *gpu, int which, unsigned *mhz);
    int (*temperature)(void *gpu, int sensor, unsigned *celsius);
    int (*power)(void *gpu, unsigned *milliwatts);
};

/* ISO C has no conversion of a data pointer to a function pointer. */
static void find(struct qoq_bench_nvml *it, const char *name, void *function)
{
    void *symbol = dlsym(it->library, name);

    memcpy(function, &symbol, sizeof symbol);
}

struct qoq_bench_nvml *qoq_bench_nvml_open(const char *pci)
{
    struct qoq_bench_nvml *it = calloc(1, sizeof *it);

    if (it == NULL) {
        return NULL;
    }
    it->library = dlopen("libnvidia-ml.so.1", RTLD_NOW);
    if (it->library == NULL) {
        free(it);
        return NULL;
    }
    find(it, "nvmlInit_v2", &it->init);
    find(it, "nvmlShutdown", &it->shutdown);
    find(it, "nvmlDeviceGetHandleByPciBusId_v2", &it->by_pci);
    find(it, "nvmlSystemGetDriverVersion", &it->driver);
    find(it, "nvmlDeviceGetClockInfo", &it->clock);
    find(it, "nvmlDeviceGetTemperature", &it->temperature);
    find(it, "nvmlDeviceGetPowerUsage", &it->power);
    if (it->init == NULL || it->shutdown == NULL || it->by_pci == NULL || it->init() != SUCCESS) {
        dlclose(it->library);
        free(it);
        return NULL;
    }
    if (it->by_pci(pci, &it->gpu) != SUCCESS) {
        qoq_bench_nvml_close(it);
        return NULL;
    }
    return it;
}

void qoq_bench_nvml_close(struct qoq_bench_nvml *it)
{
    if (it != NULL) {
        it->shutdown();
        dlclose(it->library);
        free(it);
    }
}

void qoq_bench_nvml_driver(struct qoq_bench_nvml *it, char *text, unsigned room)
{
    text[0] = '\0';
    if (it != NULL && it->driver != NULL && it->driver(text, room) != SUCCESS) {
        text[0] = '\0';
    }
}

struct qoq_bench_clocks qoq_bench_nvml_clocks(struct qoq_bench_nvml *it)
{
    struct qoq_bench_clocks clocks = {0, 0, 0, 0};

    if (it == NULL) {
        return clocks;
    }
    if (it->clock == NULL || it->clock(it->gpu, CLOCK_SM, &clocks.sm_mhz) != SUCCESS ||
        it->clock(it->gpu, CLOCK_MEMORY, &clocks.memory_mhz) != SUCCESS) {
        clocks.sm_mhz = clocks.memory_mhz = 0;
    }
    if (it->temperature == NULL ||
        it->temperature(it->gpu, SENSOR_GPU, &clocks.celsius) != SUCCESS) {
        clocks.celsius = 0;
    }
    if (it->power == NULL || it->power(it->gpu, &clocks.watts) != SUCCESS) {
        clocks.watts = 0;
    }
    clocks.watts /= 1000;
    return clocks;
}
