#!/usr/bin/env bash
# Builds the command line as it is shipped, into out/dist/.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh
use_settled_toolchain

# No path of the machine that builds is in what is shipped.
unset RUSTFLAGS CARGO_BUILD_RUSTFLAGS
CARGO_ENCODED_RUSTFLAGS="--remap-path-prefix=$PWD=."$'\x1f'"--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src=crates" \
  cargo build --locked --profile dist --package spillway-cli --bin spillway

version=$(sed -n '/^\[workspace.package\]/,/^$/ s/^version *= *"\(.*\)"/\1/p' Cargo.toml)
target=$(rustc -vV | sed -n 's/^host: //p')
name=spillway-$version-$target
mkdir -p out/dist
rm -f out/dist/spillway-*.tar.gz
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 \
  --transform "s|^|$name/|" -czf "out/dist/$name.tar.gz" LICENSE README.md -C target/dist spillway
(cd out/dist && sha256sum "$name.tar.gz")
