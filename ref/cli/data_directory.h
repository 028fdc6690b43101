/* SPDX-License-Identifier: Apache-2.0 */
/* Where the data files of the installation are. */
#ifndef QOQ_CLI_DATA_DIRECTORY_H
#define QOQ_CLI_DATA_DIRECTORY_H

#include <stdlib.h>

#ifndef QOQ_PKGDATADIR
#define QOQ_PKGDATADIR "data"
#endif

/* $QOQ_DATADIR, or what the program was configured with. */
static inline const char *qoq_data_directory(void)
{
    const char *given = getenv("QOQ_DATADIR");

    return given != NULL && given[0] != '\0' ? given : QOQ_PKGDATADIR;
}

#endif
