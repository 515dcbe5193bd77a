#!/usr/bin/env bash
# Builds the policy twice, from two copies of the sources in folders of different names and lengths and with nothing
# compiled beforehand, and compares the bytes. What both built is left in target/reproducible/policy.wasm.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
folders=("$work/a" "$work/another folder, further/down")

for folder in "${folders[@]}"; do
  mkdir -p "$folder/target"
  git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
    if [ -f "$file" ]; then printf '%s\0' "$file"; fi
  done | tar --null --files-from=- -cf - | tar -xf - -C "$folder"
  if [ -d target/setup ]; then cp -r target/setup "$folder/target/"; fi
  "$folder/scripts/build-wasm.sh" spillway-policy policy.wasm
  rm -rf "$folder/target/wasm"
done

if ! cmp "${folders[0]}/policy.wasm" "${folders[1]}/policy.wasm"; then
  echo "the same sources gave two modules: a path of the build is inside" >&2
  exit 1
fi
if grep -qaF -e "$work" -e "${CARGO_HOME:-$HOME/.cargo}" "${folders[0]}/policy.wasm"; then
  echo "the module holds a path of the machine that built it" >&2
  exit 1
fi
mkdir -p target/reproducible
cp "${folders[0]}/policy.wasm" target/reproducible/policy.wasm
echo "twice the same: $(sha256sum target/reproducible/policy.wasm | cut -d' ' -f1)"
