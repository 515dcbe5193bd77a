//! What a run tells is not always read: the reader may have left, the disk may be full.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// One command that needs no policy, and some that do.
const ALONE: &[&str] = &["torture", "--runs", "1"];
const WITH_THE_POLICY: [&[&str]; 3] = [
    &["simulate", "examples/demo"],
    &["simulate", "examples/demo", "-o", "json"],
    &[
        "simulate",
        "examples/demo",
        "--compare",
        "examples/demo/settings.yaml,examples/demo/settings.yaml",
    ],
];

fn commands() -> Vec<&'static [&'static str]> {
    let is_there = std::env::var_os("SPILLWAY_POLICY_WASM").is_some_and(|path| PathBuf::from(path).is_file());
    if !is_there {
        eprintln!("some skipped: SPILLWAY_POLICY_WASM names no module; run `make test`");
    }
    let others = WITH_THE_POLICY.into_iter().filter(|_| is_there);
    std::iter::once(ALONE).chain(others).collect()
}

/// Runs with other streams than the usual ones.
fn run(arguments: &[&str], stdout: Stdio, stderr: Stdio) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    Command::new(env!("CARGO_BIN_EXE_spillway"))
        .args(arguments)
        .current_dir(root)
        .stdout(stdout)
        .stderr(stderr)
        .output()
        .unwrap()
}

fn full() -> Stdio {
    let device = std::fs::OpenOptions::new().write(true).open("/dev/full");
    device.unwrap().into()
}

#[test]
fn a_reader_that_left_is_no_fault() {
    for arguments in commands() {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = run(arguments, writer.into(), Stdio::piped());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {told}");
        assert!(!told.contains("panicked"), "{arguments:?}: {told}");
    }
}

#[test]
fn a_full_disk_is_one() {
    for arguments in commands() {
        let output = run(arguments, full(), Stdio::piped());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(
            told.contains("spillway: error: cannot write to standard output: "),
            "{arguments:?}: {told}"
        );
    }
}

#[test]
fn faults_that_nobody_can_be_told_end_with_their_code() {
    let output = run(&["simulate", "examples/absent"], Stdio::piped(), full());
    assert_eq!(output.status.code(), Some(2));
}
