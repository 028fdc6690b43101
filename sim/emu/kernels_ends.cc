// SPDX-License-Identifier: Apache-2.0
// The launchers of gpu/ends.cu on the emulator.
#include "gpu/ends.cu"
