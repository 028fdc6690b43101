#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The C API qoq_cuda.h from Python by ctypes: golden products through the CUDA kernels, every bit compared.

golden_products.py LIBRARY GOLDEN.h5

LIBRARY is libqoq-cuda.so; GOLDEN.h5 such as data/golden/gemm.h5 (doc/golden.md). Needs NumPy and h5py. Where arrays already are on the
GPU, as those of PyTorch, their addresses (`tensor.data_ptr()`) take the place of what `Device.upload` returns, and the framework's stream
that of the NULL that the handle is created with.
"""
import ctypes
import sys
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_void_p

import h5py
import numpy as np

SCHEMES = {"gemm_w8a8": 0, "gemm_w4a8_channel": 1, "gemm_w4a8_group": 2}  # enum qoq_scheme


class Act(ctypes.Structure):
    """struct qoq_cuda_act"""
    _fields_ = [("m", c_size_t), ("k", c_size_t), ("pitch", c_size_t), ("q", c_void_p), ("scale", c_void_p), ("sum", c_void_p)]


class Weight(ctypes.Structure):
    """struct qoq_cuda_weight"""
    _fields_ = [("scheme", c_int), ("n", c_size_t), ("k", c_size_t), ("group", c_size_t), ("code", c_void_p), ("s", c_void_p), ("z", c_void_p),
                ("s2_scales", c_void_p), ("s2_zeros", c_void_p)]


class Device:
    """A handle, and the arrays that it was given."""

    def __init__(self, path):
        self.library, self.handle, self.arrays = ctypes.CDLL(path), c_void_p(), []
        call = self.library
        call.qoq_cuda_message.argtypes, call.qoq_cuda_message.restype = [c_void_p], c_char_p
        call.qoq_cuda_create.argtypes = [POINTER(c_void_p), c_int, c_void_p]
        call.qoq_cuda_destroy.argtypes, call.qoq_cuda_destroy.restype = [c_void_p], None
        call.qoq_cuda_alloc.argtypes = [c_void_p, POINTER(c_void_p), c_size_t]
        call.qoq_cuda_free.argtypes, call.qoq_cuda_free.restype = [c_void_p, c_void_p], None
        call.qoq_cuda_zero.argtypes = [c_void_p, c_void_p, c_size_t]
        call.qoq_cuda_upload.argtypes = call.qoq_cuda_download.argtypes = [c_void_p, c_void_p, c_void_p, c_size_t]
        call.qoq_cuda_gemm_scratch.argtypes = [c_void_p, POINTER(c_size_t), c_size_t, POINTER(Weight)]
        call.qoq_cuda_gemm.argtypes = [c_void_p, c_void_p, POINTER(Act), POINTER(Weight), c_void_p, c_void_p, c_size_t]
        self.check(call.qoq_cuda_create(byref(self.handle), 0, None))

    def check(self, status):
        if status != 0:
            sys.exit(f"qoq_cuda: status {status} (enum qoq_status of qoq.h): {self.library.qoq_cuda_message(self.handle).decode()}")

    def alloc(self, size):
        """Memory of the device, zeros."""
        array = c_void_p()
        self.check(self.library.qoq_cuda_alloc(self.handle, byref(array), size))
        self.arrays.append(array)
        self.check(self.library.qoq_cuda_zero(self.handle, array, size))
        return array

    def upload(self, values):
        array = self.alloc(values.nbytes)
        self.check(self.library.qoq_cuda_upload(self.handle, array, values.ctypes.data, values.nbytes))
        return array

    def download(self, array, shape, dtype):
        """Waits for what was asked for before it."""
        values = np.empty(shape, dtype)
        self.check(self.library.qoq_cuda_download(self.handle, values.ctypes.data, array, values.nbytes))
        return values

    def close(self):
        for array in self.arrays:
            self.library.qoq_cuda_free(self.handle, array)
        self.library.qoq_cuda_destroy(self.handle)


def product(device, case):
    """y, as bit patterns [m][n], of a golden case."""
    scheme = SCHEMES[case.attrs["operator"].decode()]
    arrays = {name: device.upload(np.ascontiguousarray(values)) for name, values in case["inputs"].items()}
    m, n, k = (int(case.attrs[name]) for name in "mnk")
    x = Act(m, k, k, arrays["q"], arrays["scale"], arrays["sum"])
    w = Weight(scheme, n, k, int(case.attrs.get("group", 0)), arrays["tiled" if scheme else "code"], arrays["s"], arrays.get("z") if scheme == 1 else None,
               arrays.get("s2_scales"), arrays.get("s2_zeros"))
    bytes_of_scratch, y = c_size_t(), device.alloc(2 * m * n)
    device.check(device.library.qoq_cuda_gemm_scratch(device.handle, byref(bytes_of_scratch), m, byref(w)))
    scratch = device.alloc(bytes_of_scratch.value) if bytes_of_scratch.value else None
    device.check(device.library.qoq_cuda_gemm(device.handle, y, byref(x), byref(w), arrays.get("bias"), scratch, bytes_of_scratch))
    return device.download(y, (m, n), np.uint16)


def main():
    if len(sys.argv) != 3:
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        return 2
    cases = differing = 0
    with h5py.File(sys.argv[2]) as file:
        for name, case in file.items():
            if case.attrs["operator"].decode() in SCHEMES and case.attrs["profile"] == b"qoq":
                device = Device(sys.argv[1])
                bad = int((product(device, case) != case["outputs/y"][()].view(np.uint16)).sum())
                device.close()
                print(f"{name:32} {'every bit agrees' if bad == 0 else f'{bad} elements differ'}")
                cases, differing = cases + 1, differing + (bad != 0)
    print(f"{cases} cases, {differing} differ")
    return 1 if differing or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
