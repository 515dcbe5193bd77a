# What the scripts share. Sourced, from the root of the repository.
# shellcheck shell=bash

case ":$PATH:" in
  *":${CARGO_HOME:-$HOME/.cargo}/bin:"*) ;;
  *) PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH" ;;
esac

say() { printf 'set-up: %s\n' "$*" >&2; }

fail() {
  say "$*"
  exit 1
}

pinned_rust() { sed -n 's/^channel *= *"\(.*\)"/\1/p' rust-toolchain.toml; }

# The set-up may have settled on another toolchain than the pinned one.
use_settled_toolchain() {
  if [ -s target/setup/toolchain ]; then
    RUSTUP_TOOLCHAIN=$(cat target/setup/toolchain)
    export RUSTUP_TOOLCHAIN
  fi
}

# `rustup`: the active toolchain has the target. `debian`: Debian's compiler can build the standard library.
# SPILLWAY_WASM_WAY forces one of them. Nothing: neither is there.
detect_wasm_way() {
  local way
  for way in ${SPILLWAY_WASM_WAY:-rustup debian}; do
    case "$way" in
      rustup) [ -d "$(rustc --print target-libdir --target wasm32-wasip1 2>/dev/null)" ] || continue ;;
      debian)
        [ -x /usr/bin/rustc ] && [ -x /usr/bin/cargo ] || continue
        [ -e /usr/lib/wasm32-wasi/crt1-reactor.o ] || continue
        [ -d "$(/usr/bin/rustc --print sysroot)/lib/rustlib/src/rust/library/std" ] || continue
        [ -n "$(rust_lld)" ] || continue
        ;;
      *) fail "\`$way\` is no way to build the wasm: write rustup or debian" ;;
    esac
    printf '%s\n' "$way"
    return
  done
}

# A linker for wasm: rustup's toolchains bring one, Debian has one in rust-web-llvm.
rust_lld() {
  local lld
  for lld in "$(rustc --print sysroot 2>/dev/null)"/lib/rustlib/*/bin/rust-lld /usr/bin/rust-lld; do
    if [ -x "$lld" ]; then
      printf '%s\n' "$lld"
      return
    fi
  done
}
