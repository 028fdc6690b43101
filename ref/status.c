/* SPDX-License-Identifier: Apache-2.0 */
/* Status phrases and the version of the library. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "qoq.h"

const char *qoq_status_string(enum qoq_status status)
{
    switch (status) {
    case QOQ_OK:
        return "success";
    case QOQ_ERR_ARGUMENT:
        return "invalid argument";
    case QOQ_ERR_SHAPE:
        return "sizes do not fit";
    case QOQ_ERR_RANGE:
        return "value out of range";
    case QOQ_ERR_UNSUPPORTED:
        return "not supported";
    case QOQ_ERR_MEMORY:
        return "out of memory";
    case QOQ_ERR_IO:
        return "input or output failed";
    case QOQ_ERR_FORMAT:
        return "malformed file";
    case QOQ_ERR_DIFFERS:
        return "values differ";
    case QOQ_ERR_NO_DEVICE:
        return "no such GPU";
    case QOQ_ERR_DEVICE:
        return "the GPU failed";
    }
    return "unknown status";
}

const char *qoq_version(void)
{
    return PACKAGE_VERSION;
}
