#!/usr/bin/env bash
# Checks the dependencies: those of Rust against deny.toml with cargo-deny, which it builds when it is not there, the fuzz
# targets' too; those of the Go modules (oracle, control plane of the tests) by their sums and for known vulnerabilities.
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
# One file for both workspaces: what only one of them has is no news in the other.
unmet=(--allow license-not-encountered --allow license-exception-not-encountered)
"$deny" --workspace --offline --locked check "${unmet[@]}" bans licenses sources
# The fuzz targets are a workspace of their own, with a lock file of its own. What only they bring is built by nobody else.
scripts/cargo.sh fetch --locked --quiet --manifest-path fuzz/Cargo.toml
fuzz=("$deny" --manifest-path fuzz/Cargo.toml --config deny.toml --locked)
"${fuzz[@]}" --offline check "${unmet[@]}" bans licenses sources

if timeout 20 git ls-remote --quiet --exit-code https://github.com/rustsec/advisory-db HEAD >/dev/null 2>&1; then
  "$deny" --workspace --locked check advisories
  "${fuzz[@]}" check advisories
else
  echo "advisories: not checked, the database cannot be reached"
fi

if ! command -v go >/dev/null; then
  echo "Go modules: not checked, Go is not installed"
  exit
fi
govulncheck=golang.org/x/vuln/cmd/govulncheck@v1.9.0
has_database=
if timeout 20 curl -sSf -o /dev/null https://vuln.go.dev/index/db.json 2>/dev/null; then has_database=yes; fi
while read -r folder; do
  # That what was fetched is what go.sum names.
  if ! (cd "$folder" && go mod verify >/dev/null); then
    echo "$folder: a module is not what go.sum names" >&2
    exit 1
  fi
  echo "$folder: sums ok"
  [ -n "$has_database" ] || continue
  case $folder in
    oracle*) (cd "$folder" && go run "$govulncheck" ./...) ;;
    # The control plane of the tests is shipped to nobody: what is known of it is told, and renovate brings the newer one.
    *) (cd "$folder" && go run "$govulncheck" -scan module) || echo "$folder: see above; it runs in tests alone" ;;
  esac
done < <(git ls-files '*go.mod' | xargs -n 1 dirname)
if [ -z "$has_database" ]; then echo "vulnerabilities of Go modules: not checked, the database cannot be reached"; fi
