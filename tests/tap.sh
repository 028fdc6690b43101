# SPDX-License-Identifier: Apache-2.0
# TAP for shell tests: source it, call the checks, end with `finish`.
tap_count=0
tap_failed=0

pass() { tap_count=$((tap_count + 1)); echo "ok $tap_count - $1"; }
fail() { tap_count=$((tap_count + 1)); tap_failed=1; echo "not ok $tap_count - $1"; }
skip() { tap_count=$((tap_count + 1)); echo "ok $tap_count - $1 # SKIP $2"; }

# check NAME COMMAND...: passes if the command succeeds; its output is shown as comments otherwise.
check() {
    tap_name=$1
    shift
    if tap_output=$("$@" 2>&1); then pass "$tap_name"; else
        fail "$tap_name"
        printf '%s\n' "$tap_output" | sed 's/^/# /' | head -n 40
    fi
}

finish() { echo "1..$tap_count"; exit "$tap_failed"; }

# A scratch directory that disappears with the shell.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
