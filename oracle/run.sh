#!/bin/sh
# Lets Kubernetes' own code judge ours on random cases. Each oracle is a judge in Go (oracle/cmd/NAME) and a driver in
# Rust (the example NAME_oracle of a crate), which keeps cases for that crate's tests.
#
#   smp      the strategic merge patch (k8s.io/apimachinery), and the type table it works from
#   nodes    node selectors, node affinity, taints (k8s.io/component-helpers)
#   ranking  which pods a ReplicaSet deletes first (k8s.io/kubernetes/pkg/controller)
#   hpa      the HorizontalPodAutoscaler (k8s.io/kubernetes/pkg/controller/podautoscaler), in a Go module of its own
#
#   oracle/run.sh [N [SEED]]   N random cases for each; fails on a mismatch, or if the type table is stale
#   oracle/run.sh write        judges the cases anew that the tests replay
#   oracle/run.sh table        writes the type table anew, after a change of the versions in go.mod
#
# ORACLES="nodes ranking" runs only these.
set -eu
cd "$(dirname "$0")/.."

# An oracle, its crate, and how many of its cases are kept, a line each.
all='
smp kube-rules 3500
nodes kube-rules 2000
ranking simulator 2000
hpa simulator 30000
'
table=crates/kube-rules/src/smp/table.rs

mkdir -p oracle/bin
(cd oracle && go build -trimpath -o bin ./cmd/...)
(cd oracle/kubernetes && go build -trimpath -o ../bin/hpa ./cmd/hpa)

# oracle NAME CRATE ARGUMENTS: asks the judge of that name.
oracle() {
    name=$1
    crate=$2
    shift 2
    echo "oracle $name"
    cargo run --quiet --package "$crate" --example "${name}_oracle" -- --judge "oracle/bin/$name" "$@"
}

# each COMMAND ARGUMENTS: runs it with the name, crate and kept cases of each oracle. All run, whatever one says.
each() {
    failed=
    for name in ${ORACLES:-$(echo "$all" | awk '{ print $1 }')}; do
        line=$(echo "$all" | awk -v name="$name" '$1 == name { print $2, $3 }')
        if [ -z "$line" ]; then
            echo "no oracle \`$name\`; there are:$(echo "$all" | awk '{ printf " %s", $1 }')" >&2
            exit 2
        fi
        # The line is two words.
        # shellcheck disable=SC2086
        "$1" "$name" $line || failed="$failed $name"
    done
    if [ -n "$failed" ]; then
        echo "these oracles do not agree:$failed" >&2
        exit 1
    fi
}

rewrite() {
    mkdir -p "crates/$2/testdata/$1"
    oracle "$1" "$2" --count "$3" --seed 2026 --write "crates/$2/testdata/$1/judged.jsonl"
}

compare() {
    oracle "$1" "$2" --count "$count" --seed "$seed"
}

hpa() {
    cargo run --quiet --package simulator --example hpa_oracle -- --judge oracle/bin/hpa "$@"
}

case "${1:-10000}" in
table)
    oracle/bin/smp table >"$table"
    ;;
write)
    each rewrite
    ;;
*)
    count=${1:-10000}
    seed=${2:-1}
    if ! oracle/bin/smp table | cmp -s - "$table"; then
        echo "the type table is not what go.mod's versions give: run oracle/run.sh table" >&2
        exit 1
    fi
    each compare
    ;;
esac
