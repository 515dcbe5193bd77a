//! The command as a user runs it.

#![allow(
    clippy::print_stderr,
    reason = "each test binary uses a part; a test that is skipped says so"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

/// The command with these arguments, at the root of the repository.
pub(crate) fn spillway(arguments: &[&str]) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut command = Command::new(env!("CARGO_BIN_EXE_spillway"));
    command.args(arguments).current_dir(root);
    command
}

/// Whether runs with the policy can be made; `make test` names its module.
pub(crate) fn policy_is_there() -> bool {
    let there = std::env::var_os("SPILLWAY_POLICY_WASM").is_some_and(|path| PathBuf::from(path).is_file());
    if !there {
        eprintln!("skipped: SPILLWAY_POLICY_WASM names no module; run `make test`");
    }
    there
}
