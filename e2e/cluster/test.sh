#!/usr/bin/env bash
# test.sh [PART]: runs the tests on a real control plane, all or those whose names have PART in them. Those called `long_`
# run by name only. The last line is `N passed, N failed`, also kept in target/e2e-totals. What they need is built by
# `make e2e`.
set -uo pipefail
cd "$(dirname "$0")/../.."

report=target/e2e-report.txt
rm -f target/e2e-totals
[ $# = 0 ] && set -- --skip ::long_
# With --workspace the crates are those that `make test` has compiled.
scripts/cargo.sh test --workspace --locked --test cluster -- "$@" 2>&1 | tee "$report"
status=${PIPESTATUS[0]}

awk -v status="$status" '
  /^test result: / { passed += $4; failed += $6 }
  END {
    if (status != 0 && failed == 0) failed = 1
    printf "%d passed, %d failed\n", passed, failed
  }' "$report" | tee target/e2e-totals
exit "$status"
