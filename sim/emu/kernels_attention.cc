// SPDX-License-Identifier: Apache-2.0
// The launchers of gpu/attention.cu on the emulator.
#include "gpu/attention.cu"
