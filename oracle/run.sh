#!/bin/sh
# Compares the strategic merge patch with the API server's own code (k8s.io/apimachinery).
#
#   oracle/run.sh [N [SEED]]   N random pods and patches; fails on a mismatch, or if the type table is stale
#   oracle/run.sh write        judges the cases anew that the tests replay
#   oracle/run.sh table        writes the type table anew, after a change of the versions in go.mod
set -eu
cd "$(dirname "$0")/.."
core=crates/placement-core
judge=oracle/bin/smp

mkdir -p oracle/bin
(cd oracle && go build -trimpath -o bin/smp ./cmd/smp)

oracle() {
    cargo run --quiet --package placement-core --example smp_oracle -- --judge "$judge" "$@"
}

case "${1:-10000}" in
table)
    "$judge" table >"$core/src/smp/table.rs"
    ;;
write)
    mkdir -p "$core/testdata/smp"
    oracle --count 3500 --seed 2026 --write "$core/testdata/smp/judged.jsonl"
    ;;
*)
    if ! "$judge" table | cmp -s - "$core/src/smp/table.rs"; then
        echo "the type table is not what go.mod's versions give: run oracle/run.sh table" >&2
        exit 1
    fi
    oracle --count "${1:-10000}" --seed "${2:-1}"
    ;;
esac
