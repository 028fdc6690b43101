/* SPDX-License-Identifier: Apache-2.0 */
/* Status strings and the version. */
#include "qoq.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test(status, strings)
{
    for (int i = QOQ_ERR_DIFFERS; i <= QOQ_OK; i++) {
        for (int j = i + 1; j <= QOQ_OK; j++)
            cr_assert_str_neq(qoq_status_string((enum qoq_status)i),
                              qoq_status_string((enum qoq_status)j));
        cr_assert_str_neq(qoq_status_string((enum qoq_status)i),
                          qoq_status_string((enum qoq_status)(-99)));
    }
    cr_assert_not_null(qoq_status_string((enum qoq_status)7));
}

Test(status, version)
{
    const char *expected = getenv("QOQ_VERSION");

    if (expected == NULL)
        cr_skip("QOQ_VERSION is not set");
    cr_assert_str_eq(qoq_version(), expected);
}
