#!/usr/bin/env bash
# Runs every test of the workspace. The last line is `N passed, N failed`, also kept in target/test-totals.
set -uo pipefail
cd "$(dirname "$0")/.."

report=target/test-report.txt
rm -f target/test-totals
scripts/cargo.sh test --workspace --locked --no-fail-fast 2>&1 | tee "$report"
status=${PIPESTATUS[0]}

# `test result: ok. 12 passed; 0 failed; ...`, one line for each test program. A build that fails prints none.
awk -v status="$status" '
  /^test result: / { passed += $4; failed += $6 }
  END {
    if (status != 0 && failed == 0) failed = 1
    printf "%d passed, %d failed\n", passed, failed
  }' "$report" | tee target/test-totals
exit "$status"
