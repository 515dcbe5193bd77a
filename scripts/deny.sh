#!/usr/bin/env bash
# Checks the dependencies against deny.toml with cargo-deny, which it builds when it is not there.
set -euo pipefail
cd "$(dirname "$0")/.."

version=0.20.2
tools=$PWD/target/tools
deny=$tools/bin/cargo-deny

if [ "$("$deny" --version 2>/dev/null)" != "cargo-deny $version" ]; then
  echo "building cargo-deny $version into target/tools"
  # Unoptimised: it builds three times as fast, and reads a few hundred crates.
  CARGO_PROFILE_DEV_DEBUG=0 scripts/cargo.sh install cargo-deny --version "$version" --locked --debug --quiet \
    --root "$tools" --target-dir "$tools/build"
  rm -rf "$tools/build"
fi

scripts/cargo.sh fetch --locked --quiet
"$deny" --workspace --offline --locked check bans licenses sources

if timeout 20 git ls-remote --quiet --exit-code https://github.com/rustsec/advisory-db HEAD >/dev/null 2>&1; then
  "$deny" --workspace --locked check advisories
else
  echo "advisories: not checked, the database cannot be reached"
fi
