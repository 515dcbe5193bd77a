#!/usr/bin/env bash
# Readies a machine to build Spillway: the pinned Rust, a C compiler, and a way to build the wasm.
# Run it as often as you like: what is there is left alone. It says what it does.
#
# It leaves two files that the other scripts read:
#   target/setup/toolchain  the rustup toolchain to use in place of the pinned one (empty: the pinned one)
#   target/setup/wasm-way   `rustup` or `debian`, see build-wasm.sh
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

state=target/setup
mkdir -p "$state"

# Waits no longer than this for a download server that may be out of reach.
reach=${SETUP_TIMEOUT:-180}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif [ -t 0 ]; then sudo "$@"
  else sudo -n "$@"
  fi
}

refreshed=
apt_install() {
  command -v apt-get >/dev/null || return 1
  if [ -z "$refreshed" ]; then
    say "reading Debian's package lists"
    as_root apt-get -qq update || return 1
    refreshed=yes
  fi
  say "installing $*"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends "$@" \
    >"$state/apt.log" 2>&1 || { tail -n 5 "$state/apt.log" >&2; return 1; }
}

ready_c_compiler() {
  command -v cc >/dev/null && command -v c++ >/dev/null && return
  apt_install gcc g++ libc6-dev || fail "no C and C++ compiler, and none could be installed: install gcc and g++, or clang"
}

# The pinned Rust by rustup; where that cannot be had, what is installed.
ready_rust() {
  use_settled_toolchain
  if rust_is_new_enough; then return; fi
  unset RUSTUP_TOOLCHAIN
  rm -f "$state/toolchain"
  if rust_is_new_enough; then return; fi

  if ! command -v rustup >/dev/null && command -v curl >/dev/null; then
    say "installing rustup"
    if ! curl --proto '=https' --tlsv1.2 -sSf --max-time "$reach" https://sh.rustup.rs -o "$state/rustup-init.sh" ||
      ! timeout "$reach" sh "$state/rustup-init.sh" -y --quiet --no-modify-path --default-toolchain none; then
      say "rustup cannot be reached"
    fi
  fi
  if command -v rustup >/dev/null; then
    say "installing Rust $(pinned_rust)"
    timeout "$reach" rustup toolchain install "$(pinned_rust)" --profile minimal -c rustfmt -c clippy || true
    if rust_is_new_enough; then return; fi
    settle_for_installed_toolchain && return
  fi
  apt_install rustc-web cargo-web || true
  rust_is_new_enough || fail "Rust $(pinned_rust) or newer is needed and cannot be installed: see https://rustup.rs"
}

settle_for_installed_toolchain() {
  local name
  while read -r name; do
    if RUSTUP_TOOLCHAIN=$name rust_is_new_enough; then
      say "Rust $(pinned_rust) cannot be fetched: using the installed \`$name\`"
      printf '%s\n' "$name" >"$state/toolchain"
      return
    fi
  done < <(rustup toolchain list | cut -d' ' -f1)
  return 1
}

rust_is_new_enough() {
  local version
  version=$(RUSTUP_AUTO_INSTALL=0 cargo --version 2>/dev/null | cut -d' ' -f2)
  [ -n "$version" ] && printf '%s\n%s\n' "$(pinned_rust)" "$version" | sort -V -C
}

# The target by rustup; where its server is out of reach, Debian's compiler builds the standard library as well.
ready_wasm() {
  local way
  way=$(detect_wasm_way)
  if [ -z "$way" ] && command -v rustup >/dev/null; then
    say "adding the target wasm32-wasip1 by rustup"
    timeout "$reach" rustup target add wasm32-wasip1 >"$state/rustup.log" 2>&1 ||
      say "rustup cannot fetch it: falling back on Debian's compiler"
    way=$(detect_wasm_way)
  fi
  if [ -z "$way" ]; then
    apt_install rustc-web cargo-web rust-web-src wasi-libc ||
      fail "the target wasm32-wasip1 cannot be had: neither \`rustup target add\` nor Debian's packages worked"
    [ -n "$(rust_lld)" ] || apt_install rust-web-llvm || true
    way=$(detect_wasm_way)
  fi
  [ -n "$way" ] || fail "a compiler for wasm32-wasip1 was installed but cannot be used: see $state"
  printf '%s\n' "$way" >"$state/wasm-way"
}

ready_c_compiler
ready_rust
use_settled_toolchain
ready_wasm
say "ready: $(rustc --version | cut -d' ' -f1-2), wasm by $(cat "$state/wasm-way")"
