# SPDX-License-Identifier: Apache-2.0
"""doc/numerics.md once more in NumPy, for check_golden.py: shares no code with ref/. N and a number cite a clause of it."""
