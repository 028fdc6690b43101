/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The free constants of the model: named, bounded, one value for every GPU, scheme, model and row
 * (C 10). They live here and nowhere else; descriptions have no field for them.
 */
#ifndef QOQ_SIM_CALIBRATION_H
#define QOQ_SIM_CALIBRATION_H

#include "data/field.h"

struct qoq_sim_calibration {
    struct qoq_description head;
    double eta_hbm, eta_l2, eta_library, eta_kernel, eta_issue, eta_flash, eta_link,
        eta_elementwise;
    double overlap, sync_clk, attention_overlap, attention_floor_us;
    double launch_us, timer_us, step_us, link_hop_us, reserve;
};

extern const struct qoq_field_table qoq_sim_calibration_table;

#endif
