/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A static HDF5 may contain a driver for files in cloud storage, which wants an HTTP client and a
 * cryptography library; we never open such files. These stand in for what that driver calls, so
 * that a static program needs neither. Weak: the real ones win where they are linked.
 */
#include <stddef.h>

#define ABSENT(name)                                                                               \
    void *name(void);                                                                              \
    __attribute__((weak)) void *name(void)                                                         \
    {                                                                                              \
        return NULL;                                                                               \
    }

ABSENT(curl_easy_cleanup)
ABSENT(curl_easy_init)
ABSENT(curl_easy_perform)
ABSENT(curl_easy_setopt)
ABSENT(curl_global_cleanup)
ABSENT(curl_global_init)
ABSENT(curl_slist_append)
ABSENT(curl_slist_free_all)
ABSENT(EVP_sha256)
ABSENT(HMAC)
