#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make check-transformers: makes a virtual environment, installs PyTorch and transformers into it with pip, and lets
# tests/python/make_architectures.py make the models of tests/architectures again and compare weights and logits. Not part of
# `make check`: the default build of PyTorch brings gigabytes of GPU libraries, though only the CPU is used.
#
#   QOQ_TRANSFORMERS_VENV   where the environment is kept, to be used again (otherwise a scratch directory)
#   QOQ_TRANSFORMERS        what to install (default: torch transformers h5py), e.g. to choose versions
source=${1:-.}
packages=${QOQ_TRANSFORMERS:-torch transformers h5py}
venv=$QOQ_TRANSFORMERS_VENV
if [ -z "$venv" ]; then
    venv=$(mktemp -d) || exit 1
    trap 'rm -rf "$venv"' EXIT
fi

skip() { echo "SKIP: check-transformers: $1"; exit 0; }
PYTHONDONTWRITEBYTECODE=1; export PYTHONDONTWRITEBYTECODE
if [ ! -x "$venv/bin/python" ]; then
    echo "making a virtual environment in $venv"
    python3 -m venv "$venv" || skip "python3 cannot make a virtual environment"
fi
if ! "$venv/bin/python" -c 'import torch, transformers, h5py' 2> /dev/null; then
    echo "installing $packages (several gigabytes)"
    # shellcheck disable=SC2086
    "$venv/bin/pip" install --quiet --disable-pip-version-check $packages || skip "pip could not install $packages (offline?)"
fi
if "$venv/bin/python" "$source/tests/python/make_architectures.py" --check "$source/tests/architectures"; then
    echo "PASS: check-transformers"
else
    echo "FAIL: check-transformers"
    exit 1
fi
