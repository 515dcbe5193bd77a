//! What a run tells is not always read: the reader may have left, the disk may be full.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::process::{Output, Stdio};

use common::{policy_is_there, spillway};

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
    let with_the_policy: &[_] = if policy_is_there() { &WITH_THE_POLICY } else { &[] };
    std::iter::once(ALONE)
        .chain(with_the_policy.iter().copied())
        .collect()
}

/// Runs with other streams than the usual ones.
fn run(arguments: &[&str], stdout: Stdio, stderr: Stdio) -> Output {
    spillway(arguments)
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
