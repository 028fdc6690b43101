#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# gpu/first-run with the emulator for a GPU and a stand-in for compute-sanitizer; the static program, where CUDA is built.
. "$QOQ_SRCDIR/tests/tap.sh"
emulated=$QOQ_BUILDDIR/tests/gpu/emulated
script=$QOQ_SRCDIR/gpu/first-run
out=$scratch/results
mkdir -p "$scratch/bin"
# Records its arguments and runs the program behind its own options.
cat > "$scratch/bin/compute-sanitizer" <<TEXT
#!/bin/sh
echo "\$@" >> "$scratch/sanitized"
shift 4
exec "\$@"
TEXT
chmod +x "$scratch/bin/compute-sanitizer"
PATH=$scratch/bin:$PATH

all_parts() {
    QOQ_GPU=$emulated BENCH_OPTIONS='--only residual_add --rows 1' sh "$script" -o "$out" -s 100 -v 2 -n 1 > "$scratch/log" 2>&1 || { cat "$scratch/log"; return 1; }
    [ "$(grep -c ' passed$' "$scratch/log")" = 5 ] && [ "$(ls "$out" | wc -l)" = 7 ] && grep -q '^residual_add,.*,measured,' "$out"/*-bench.csv &&
        grep -q '^act_quantize  *2 cases  OK' "$out"/*-verify.txt && grep -q '^golden rope_write .* OK' "$out"/*-verify.txt && grep -q -- '--tool racecheck --error-exitcode 9' "$scratch/sanitized"
}
failing_part() {
    printf '#!/bin/sh\n[ "$4" = 1 ]\n' > "$scratch/broken" # passes the question for a GPU alone
    chmod +x "$scratch/broken"
    QOQ_GPU=$scratch/broken sh "$script" -o "$out" verify memcheck > "$scratch/log" 2>&1
    [ $? = 1 ] && grep -qx 'verify     FAILED' "$scratch/log"
}
stopped_part() {
    printf '#!/bin/sh\n[ "$4" = 1 ] || sleep 20\n' > "$scratch/slow"
    chmod +x "$scratch/slow"
    QOQ_GPU=$scratch/slow sh "$script" -o "$out" -s 1 verify > "$scratch/log" 2>&1
    [ $? = 1 ] && grep -qx 'verify     STOPPED after 1 s' "$scratch/log"
}
refused() { sh "$script" "$@" > "$scratch/log" 2>&1; [ $? = 2 ]; }

if [ "$QOQ_HAVE_EMULATOR" = yes ] && [ -x "$emulated" ]; then
    check "all parts" all_parts
else
    skip "all parts" "no emulator"
fi
check "a part that fails" failing_part
check "a part that takes too long" stopped_part
check "no such part" refused faster
check "no program" env QOQ_GPU="$scratch/none" sh -c 'sh "$1" > /dev/null 2>&1; [ $? = 2 ]' - "$script"

# The static program: nothing but the C library, and it works where nothing is installed.
static_program() {
    make -s -C "$QOQ_BUILDDIR" qoq-gpu-static && cp "$QOQ_BUILDDIR/qoq-gpu-static" "$scratch/program" || return 1
    ldd "$scratch/program"
    ! ldd "$scratch/program" | grep -vE 'linux-vdso|linux-gate|lib(c|m|dl|rt|pthread)\.so|/ld-linux|/ld64'
}
static_dry_run() {
    cp -R "$QOQ_SRCDIR/data" "$scratch/data" && cd "$scratch" &&
        env -i QOQ_DATADIR=data ./program bench --dry-run --quick | grep -q '^gemm_w4a8_group .* gate+up 2048 x 28672 x 4096 '
}
static_without_gpu() {
    env -i "$scratch/program" verify > "$scratch/log" 2>&1
    status=$?
    [ $status = 0 ] || { [ $status = 2 ] && [ "$(wc -l < "$scratch/log")" = 1 ] && grep -q 'no such GPU' "$scratch/log"; }
}
if [ -x "$QOQ_BUILDDIR/qoq-gpu" ]; then
    check "qoq-gpu-static needs the C library alone" static_program
    check "its dry run, elsewhere" static_dry_run
    check "its verify, or one line that there is no GPU" static_without_gpu
else
    skip "qoq-gpu-static" "built without CUDA"
fi
finish
