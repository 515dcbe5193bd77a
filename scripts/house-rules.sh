#!/usr/bin/env bash
# Holds the repository to what no compiler checks:
# - a Rust file has at most 400 lines before its tests;
# - no file names a folder of the machine it was written on;
# - a document, script or workflow names only targets that the Makefile has.
set -euo pipefail
cd "$(dirname "$0")/.."

faults=0
fault() {
  echo "$*" >&2
  faults=$((faults + 1))
}

limit=400
files() { git ls-files --cached --others --exclude-standard -- "$@"; }

while read -r file; do
  [ -f "$file" ] || continue
  # `#[cfg(test)]` and `mod tests {` open the tests; `mod tests;` is one line of the rest.
  lines=$(awk 'marked && /^(pub )?mod .*\{/ { n--; exit } { marked = /^#\[cfg\(test\)\]/; n++ } END { print n + 0 }' "$file")
  if [ "$lines" -gt $limit ]; then
    fault "$file: $lines lines before its tests, at most $limit: give it one subject"
  fi
done < <(files '*.rs' | grep -vE '(^|/)(tests|benches|fuzz_targets)/|tests?\.rs$')

# A home, a checkout or a scratch folder of one machine; the words are split so that this file passes.
paths="/ro""ot/|/ho""me/[a-z]|/wo""rk/|/Us""ers/|/tm""p/[a-z]"
while IFS= read -r hit; do
  fault "$hit: a path of one machine"
done < <(files | grep -vE '\.(png|wasm|lock|ttf|otf)$' | tr '\n' '\0' | xargs -0 -r grep -nIoE "(^|[^A-Za-z0-9._<>}-])($paths)" 2>/dev/null)

while read -r target; do
  grep -qE "^$target:" Makefile || fault "\`make $target\` is written in a document but not in the Makefile"
done < <(files '*.md' .ci/run '.github/**' | tr '\n' '\0' | xargs -0 -r grep -hoE '`make [a-z0-9.-]+|^ *(step |run: )make [a-z0-9.-]+' | sed 's/.*make //' | sort -u)

if [ $faults != 0 ]; then
  echo "house rules: $faults faults" >&2
  exit 1
fi
echo "house rules: kept"
