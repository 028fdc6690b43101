// SPDX-License-Identifier: Apache-2.0
// The launchers of gpu/attention_prefill.cu on the emulator.
#include "gpu/attention_prefill.cu"
