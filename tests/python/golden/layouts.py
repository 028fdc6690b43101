# SPDX-License-Identifier: Apache-2.0
"""Packed codes and tiles: N 5."""
import numpy as np


def nibbles(code):
    """[..., n] bytes to [..., 2 n] codes of four bits, low ones first."""
    return np.stack([code & 15, code >> 4], -1).reshape(code.shape[:-1] + (-1,))


def joined(code):
    """The inverse of nibbles."""
    return code[..., 0::2] | code[..., 1::2] << 4


def unpack(code, k):
    """N 5.1: plain nibbles [n][ceil(k/2)] to codes [n][k]."""
    return nibbles(code)[:, :k].astype(np.int64)


def pack(q):
    return joined(np.pad(q, ((0, 0), (0, q.shape[1] % 2))).astype(np.uint8))


def up32(n):
    return (n + 31) // 32 * 32


def tile(q):
    """N 5.2."""
    n, k = np.meshgrid(np.arange(q.shape[0]), np.arange(q.shape[1]), indexing="ij")
    byte = (((n >> 5) * (up32(q.shape[1]) >> 5) + (k >> 5)) * 512 + (((n & 7) << 2) | ((k >> 2) & 3)) * 16
            + (((k >> 4) & 1) << 3) + (((n >> 3) & 1) << 2) + (k & 3))
    out = np.zeros(up32(q.shape[0]) * up32(q.shape[1]) // 2, np.int64)
    np.add.at(out, byte, q << (((n >> 4) & 1) * 4))
    return out.astype(np.uint8)


def tile_groups(s2, z):
    """N 5.3."""
    n, groups = s2.shape
    position = (np.arange(n) & ~31) | ((np.arange(n) & 7) << 2) | ((np.arange(n) >> 3) & 3)
    scales = np.ones((groups, up32(n)), np.uint8)
    zeros = np.zeros((groups, up32(n)), np.uint8)
    scales[:, position] = s2.T
    zeros[:, position] = (-(z.astype(np.int64) * s2)).T % 256
    return scales, zeros
