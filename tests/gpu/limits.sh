#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The kernels through nvcc, no GPU needed: no warning, registers within gpu/limits.csv, no spill and no stack for any architecture; and the PTX holds
# the instructions meant, and none that would move a bit. "limits.sh print" prints the table that it finds.
[ "${1-}" = print ] && QOQ_SRCDIR=${QOQ_SRCDIR:-.} QOQ_NVCC=${QOQ_NVCC:-nvcc}
. "$QOQ_SRCDIR/tests/tap.sh"
flags="-std=c++17 --fmad=false --ftz=false -Werror all-warnings -I$QOQ_SRCDIR/ref -I$QOQ_SRCDIR"
units="gemm rows attention attention_prefill ends"

if [ -z "$QOQ_NVCC" ] || ! "$QOQ_NVCC" --version > /dev/null 2>&1; then
    skip "registers and PTX of the kernels" "no nvcc"
    finish
fi

# What the toolkit knows of these: newer ones drop old architectures, older ones lack new ones. Each takes time; `make check-full` tries all.
wanted="80 90a"
[ -z "${QOQ_FULL-}" ] && [ "${1-}" != print ] || wanted="80 86 89 90a 100 120"
architectures=
for arch in $wanted; do
    "$QOQ_NVCC" --list-gpu-arch 2> /dev/null | grep -qx "compute_${arch%a}" && architectures="$architectures $arch"
done
gencode=$(for arch in $architectures; do printf ' -gencode arch=compute_%s,code=sm_%s' "$arch" "$arch"; done)

# kernel,registers,stack,spills: the most over the architectures. Names are demangled and stripped of what is the same in all.
measure() {
    # shellcheck disable=SC2086
    for unit in $units; do
        "$QOQ_NVCC" $flags $gencode -Xptxas -v -c "$QOQ_SRCDIR/gpu/$unit.cu" -o "$scratch/$unit.o" 2> "$scratch/$unit.log" || {
            cat "$scratch/$unit.log"
            return 1
        }
    done
    cat "$scratch"/*.log | c++filt | sed "s/Compiling entry function '\(.*\)' for/Compiling entry function \1 for/" | awk '
        /Compiling entry function/ { name = $0; sub(/.*entry function /, "", name); sub(/ for .*/, "", name); gsub(/qoq::/, "", name)
                                     sub(/^void /, "", name); sub(/\([a-z_]*params.*\)$/, "", name); gsub(/\(gemm_scheme\)/, "", name); gsub(/, /, " ", name) }
        /bytes stack frame/ { if ($1 > stack[name]) stack[name] = $1; if ($5 + $9 > spill[name]) spill[name] = $5 + $9 }
        /Used [0-9]+ registers/ { for (i = 1; i < NF; i++) if ($i == "Used" && $(i + 1) > used[name]) used[name] = $(i + 1) }
        END { for (name in used) printf "%s,%d,%d,%d\n", name, used[name], stack[name], spill[name] }' | LC_ALL=C sort > "$scratch/found.csv"
}
# The table gives the most registers allowed; stack and spills must be 0.
within() {
    awk -F, 'NR == FNR { if (FNR > 1) most[$1] = $2; next }
        { seen[$1] = 1; if (!($1 in most)) { print $1 ": not in the table"; bad = 1 } else if ($2 > most[$1]) { print $1 ": " $2 " registers, " most[$1] " allowed"; bad = 1 }
          if ($3 + $4 > 0) { print $1 ": stack " $3 ", spills " $4; bad = 1 } }
        END { for (name in most) if (!(name in seen)) { print name ": in the table, but there is no such kernel"; bad = 1 } exit bad }' "$QOQ_SRCDIR/gpu/limits.csv" "$scratch/found.csv"
}
ptx() {
    for unit in $units; do
        # shellcheck disable=SC2086
        "$QOQ_NVCC" $flags -arch=compute_80 -ptx "$QOQ_SRCDIR/gpu/$unit.cu" -o "$scratch/$unit.ptx" || return 1
    done
    case " $architectures " in *" 90a "*)
        # shellcheck disable=SC2086
        "$QOQ_NVCC" $flags -arch=compute_90a -ptx "$QOQ_SRCDIR/gpu/gemm.cu" -o "$scratch/hopper.ptx" ;;
    esac
}
# count UNIT ENTRY PATTERN: instructions in the body of the entries whose name matches.
count() {
    awk -v entry="$2" -v pattern="$3" '/\.entry/ { on = ($0 ~ entry) } on && $0 ~ pattern { n++ } END { print n + 0 }' "$scratch/$1.ptx"
}
# The body of the main loop is there once: one use of each instruction per warp and tile of K, as the emulator counts them.
tensor() {
    # 16 x 128 x 128, per group: 4 steps of 1 x 4 tensor instructions, 1 load_matrix each.
    entry='gemm_tileILi16ELi128ELi128.*schemeE2'
    echo "mma $(count gemm "$entry" 'mma\.sync\.aligned\.m16n8k32'), ldmatrix $(count gemm "$entry" 'ldmatrix')"
    [ "$(count gemm "$entry" 'mma\.sync\.aligned\.m16n8k32')" = 16 ] && [ "$(count gemm "$entry" 'ldmatrix')" = 4 ] &&
        [ "$(count gemm "$entry" 'cp\.async\.cg')" -gt 0 ] && [ "$(count gemm "$entry" 'cp\.async\.wait_group')" -gt 0 ] &&
        [ "$(count attention 'attention_splitILi4' 'dp2a')" -gt 0 ] && prefill && ordered
}
# The head multiplies and adds in one instruction, always: 8 x 4 outputs, 8 input channels a step.
ordered() {
    [ "$(count ends 'ordered_tile' 'cp\.async\.cg')" -gt 0 ] && [ "$(count ends 'ordered_tileILi8' 'fma\.rn\.f32')" -ge 256 ] &&
        [ "$(count ends 'ordered_tile' '(mul|add)\.(rn\.)?f32')" = 0 ]
}
# Logits: each of 4 parts of a split has 4 + 4 tensor instructions in its loop over dimensions; values: 4 parts, 4 steps of 32 dimensions, 8 each.
prefill() {
    for bits in 4 8; do
        entry="attention_prefillINS_13prefill_shapeILi$bits"
        for form in s8.u8 u8.u8 u8.s8; do
            printf 'prefill %s %s: %s\n' "$bits" "$form" "$(count attention_prefill "$entry" "mma\\.sync.*s32\\.$form\\.s32")"
        done
        [ "$(count attention_prefill "$entry" 'mma\.sync.*s32\.s8\.u8\.s32')" = 16 ] &&
            [ "$(count attention_prefill "$entry" 'mma\.sync.*s32\.u8\.u8\.s32')" = 16 ] &&
            [ "$(count attention_prefill "$entry" 'mma\.sync.*s32\.u8\.s8\.s32')" = 128 ] &&
            [ "$(count attention_prefill "$entry" 'ldmatrix.*\.trans')" = $((4 * bits)) ] &&
            [ "$(count attention_prefill "$entry" 'max\.NaN\.f32')" -gt 0 ] &&
            [ "$(count attention_prefill "$entry" 'cvt\.rni\.s32')" -le 4 ] || return 1
    done
}
# Of Hopper: 128 tokens x 256 channels x 128, two products of 64 channels in each of 4 steps. Per group the loop is there twice, for groups that fill whole
# stages and for others. 4-bit weights go from shared memory to registers and nowhere else: the one store is that of the block that joins the sums.
expect() {
    found=$(count hopper "gemm_wgmma_tileILi128.*schemeE$1" "$2")
    [ "$found" = "$3" ] || { echo "scheme $1: $found times $2, not $3"; return 1; }
}
hopper() {
    for scheme in 0 1 2; do
        loops=$((scheme == 2 ? 2 : 1))
        expect $scheme 'wgmma\.mma_async\.sync\.aligned\.m64n128k32\.s32\.s8\.s8' $((8 * loops)) && expect $scheme 'wgmma\.fence' $(((scheme == 0 ? 1 : 4) * loops)) &&
            expect $scheme 'wgmma\.commit_group' $(((scheme == 0 ? 1 : 4) * loops)) && expect $scheme 'wgmma\.wait_group.* 1;' $(((scheme == 0 ? 1 : 4) * loops)) &&
            expect $scheme 'wgmma\.wait_group.* 0;' $loops && expect $scheme 'cp\.async\.bulk\.tensor\.2d' $((2 * loops)) && expect $scheme 'mbarrier\.try_wait' $((1 + loops)) &&
            expect $scheme 'mbarrier\.arrive\.expect_tx' 1 && expect $scheme 'fence\.proxy\.async' 1 && expect $scheme 'setmaxnreg' 2 && expect $scheme 'mma\.sync' 0 &&
            expect $scheme 'st\.shared' 1 || return 1
    done
}
without() { ! grep -hnE "$1" "$scratch"/*.ptx; }
without_in() { ! grep -hnE "$2" "$1"; }

measure_result=0
measure > "$scratch/log" 2>&1 || measure_result=1
if [ "${1-}" = print ]; then
    cat "$scratch/log"
    echo "kernel,registers"
    awk -F, '{ print $1 "," int(($2 + 7) / 8) * 8 }' "$scratch/found.csv"
    exit "$measure_result"
fi
check "kernels compile for sm$(echo "$architectures" | tr ' ' _) without a warning" sh -c 'cat "$1"; exit "$2"' - "$scratch/log" "$measure_result"
check "registers within gpu/limits.csv, no stack, no spills" within
check "PTX" ptx
check "tensor, matrix, copy and dot product instructions are where they belong" tensor
case " $architectures " in *" 90a "*)
    check "products of warpgroups, bulk copies and barriers of Hopper" hopper
    check "no product is serialized" without_in "$scratch"/gemm.log 'C75[0-9][0-9]' ;;
esac
check "no local memory" without '\b(ld|st)\.local'
check "no flushing, no approximation" without '\.ftz|\.approx'
finish
