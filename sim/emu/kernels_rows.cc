// SPDX-License-Identifier: Apache-2.0
// The launchers of gpu/rows.cu on the emulator.
#include "gpu/rows.cu"
