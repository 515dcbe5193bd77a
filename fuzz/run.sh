#!/bin/sh
# Fuzzes one target on the stable toolchain: fuzz/run.sh TARGET SECONDS
#
# FUZZ_RUNS and FUZZ_SEED make a run that is the same every time: so many inputs from that seed, within SECONDS.
#
# TARGET is smp, settings or review. Seeds come from fuzz/corpus/TARGET; what is found goes to
# fuzz/corpus-found/TARGET, and an input that fails to fuzz/corpus-found/TARGET-failed-*.
set -eu
if [ $# -ne 2 ]; then
    echo "usage: fuzz/run.sh smp|settings|review SECONDS" >&2
    exit 2
fi
target=$1
seconds=$2
cd "$(dirname "$0")"

# The flags that cargo-fuzz passes to a nightly compiler, spelt for a stable one.
RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing"
export RUSTFLAGS
# With the triple given, build scripts are compiled without these flags.
host=$(rustc -vV | sed -n 's/^host: //p')
directory=${CARGO_TARGET_DIR:-target}/fuzz
cargo build --quiet --locked --release --target "$host" --target-dir "$directory" --bin "$target"

found=corpus-found/$target
mkdir -p "$found" "corpus/$target"
"$directory/$host/release/$target" -max_total_time="$seconds" -runs="${FUZZ_RUNS:--1}" -seed="${FUZZ_SEED:-0}" \
    -timeout=10 -rss_limit_mb=2048 \
    -artifact_prefix="corpus-found/$target-failed-" "$found" "corpus/$target"
