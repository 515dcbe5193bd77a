#!/usr/bin/env bash
# build-wasm.sh PACKAGE OUT: builds a package as wasm and copies the module to OUT.
#
# Two ways, chosen by setup.sh: `rustup` uses the toolchain's own target; `debian` uses Debian's newer compiler,
# whose unstable switch builds the standard library beside the package. Both have a target folder of their own, so that
# a build of the wasm never makes the native crates stale.
set -euo pipefail
[ $# = 2 ] || { echo "usage: $0 PACKAGE OUT" >&2; exit 2; }
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh
use_settled_toolchain

package=$1 out=$2
if [ -z "${SPILLWAY_WASM_WAY:-}" ] && [ -s target/setup/wasm-way ]; then
  way=$(cat target/setup/wasm-way)
else
  way=$(detect_wasm_way)
fi
[ -n "$way" ] || fail "nothing here can build wasm: run \`make setup\`"

# The module must not hold the paths of the machine that built it. Encoded, for a path may have a space in it.
flags="--remap-path-prefix=$PWD=."$'\x1f'"--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src=crates"
dir=target/wasm/$way
build=(build --release --locked --package "$package" --target wasm32-wasip1 --target-dir "$dir")

unset RUSTFLAGS CARGO_BUILD_RUSTFLAGS
case "$way" in
  rustup) CARGO_ENCODED_RUSTFLAGS=$flags cargo "${build[@]}" ;;
  debian)
    CARGO_TARGET_WASM32_WASIP1_LINKER=$(rust_lld)
    export CARGO_TARGET_WASM32_WASIP1_LINKER
    RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 \
      CARGO_ENCODED_RUSTFLAGS="$flags"$'\x1f-Clink-self-contained=no\x1f-Lnative=/usr/lib/wasm32-wasi' \
      /usr/bin/cargo "${build[@]}" -Zbuild-std=std,panic_abort
    ;;
  *) fail "target/setup/wasm-way says \`$way\`: run \`make setup\`" ;;
esac

mkdir -p "$(dirname "$out")"
cp "$dir/wasm32-wasip1/release/${package//-/_}.wasm" "$out"
printf '%s: %s bytes, built by %s\n' "$out" "$(stat -c %s "$out")" "$way"
