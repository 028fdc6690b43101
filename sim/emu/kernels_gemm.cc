// SPDX-License-Identifier: Apache-2.0
// The launchers of gpu/gemm.cu on the emulator.
#include "gpu/gemm.cu"
