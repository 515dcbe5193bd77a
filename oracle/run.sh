#!/bin/sh
# Compares what is ours with Kubernetes' own code:
#   smp   the strategic merge patch (k8s.io/apimachinery)
#   hpa   the HorizontalPodAutoscaler of the simulator (k8s.io/kubernetes, pkg/controller/podautoscaler)
#
#   oracle/run.sh [N [SEED]]   N random cases of each; fails on a mismatch, or if the type table is stale
#   oracle/run.sh write        judges the cases anew that the tests replay
#   oracle/run.sh table        writes the type table anew, after a change of the versions in go.mod
set -eu
cd "$(dirname "$0")/.."
core=crates/placement-core
simulator=crates/simulator
judge=oracle/bin/smp

mkdir -p oracle/bin
(cd oracle && go build -trimpath -o bin/smp ./cmd/smp)
(cd oracle/kubernetes && go build -trimpath -o ../bin/hpa ./cmd/hpa)

smp() {
    cargo run --quiet --package placement-core --example smp_oracle -- --judge "$judge" "$@"
}

hpa() {
    cargo run --quiet --package simulator --example hpa_oracle -- --judge oracle/bin/hpa "$@"
}

case "${1:-10000}" in
table)
    "$judge" table >"$core/src/smp/table.rs"
    ;;
write)
    mkdir -p "$core/testdata/smp" "$simulator/testdata/hpa"
    smp --count 3500 --seed 2026 --write "$core/testdata/smp/judged.jsonl"
    hpa --count 30000 --seed 2026 --write "$simulator/testdata/hpa/judged.jsonl"
    ;;
*)
    if ! "$judge" table | cmp -s - "$core/src/smp/table.rs"; then
        echo "the type table is not what go.mod's versions give: run oracle/run.sh table" >&2
        exit 1
    fi
    smp --count "${1:-10000}" --seed "${2:-1}"
    hpa --count "${1:-10000}" --seed "${2:-1}"
    ;;
esac
