# SPDX-License-Identifier: Apache-2.0
"""The launches that check_ptx.py holds against the emulator, and what makes their parameters."""
from . import attention, decode, ends, products, rows

CASES = [*rows.CASES, *products.CASES, *attention.CASES, *decode.CASES, *ends.CASES]
UNITS = sorted({case.unit for case in CASES})
