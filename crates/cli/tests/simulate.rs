//! The command as a user runs it. Runs with the policy need the module that `SPILLWAY_POLICY_WASM` names, as `make test` does.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::path::Path;
use std::process::Output;

use common::policy_is_there;
use serde_json::{Value, json};

fn spillway(arguments: &[&str]) -> Output {
    common::spillway(arguments).output().unwrap()
}

fn report(output: &Output) -> Value {
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn help_has_examples_and_exit_codes() {
    let output = spillway(&["simulate", "--help"]);
    let text = String::from_utf8(output.stdout).unwrap();
    for part in [
        "spillway simulate examples/demo --seed 7 -o json",
        "Exit codes:",
        "\n  1  ",
        "\n  2  ",
    ] {
        assert!(text.contains(part), "no `{part}` in {text}");
    }
}

#[test]
fn bad_input_ends_with_2_and_says_what_to_do() {
    for (arguments, message) in [
        (vec!["simulate"], "FOLDER"),
        (
            vec!["simulate", "examples/demo", "--picture", "a.gif"],
            "--picture `a.gif`: write a file name that ends in .svg or .png",
        ),
        (
            vec!["simulate", "examples/demo", "--compare", "a.yaml"],
            "--compare: found one settings file; write at least two",
        ),
        (
            vec!["simulate", "-f", "examples/demo", "--scale", "many@1s"],
            "write a whole number",
        ),
        (
            vec![
                "simulate",
                "-f",
                "examples/demo",
                "--scale",
                "5@18446744073709000000ms",
            ],
            "write a time span of at most a year",
        ),
        (
            vec!["simulate", "-f", "examples/demo", "--duration", "5000000000h"],
            "write a time span of at most a year",
        ),
        (
            vec![
                "simulate",
                "-f",
                "examples/demo",
                "--settings",
                "examples/demo/settings.yaml",
                "--scale",
                "5000000@1s",
            ],
            "error: --scale: found `5000000`; write a whole number from 0 to 1000000",
        ),
        (
            vec!["simulate", "-f", "examples/demo/settings.yaml"],
            "error: -f: found no workload; write a manifest of kind",
        ),
        (
            vec!["simulate", "-f", "/dev/null"],
            "cannot read `/dev/null`: not a regular file",
        ),
        (
            vec!["simulate", "-f", "examples/demo", "--settings", "/dev/null"],
            "cannot read `/dev/null`: not a regular file",
        ),
        (
            vec!["torture", "--replay", "/dev/null"],
            "cannot read `/dev/null`: not a regular file",
        ),
        (
            vec!["simulate", "-f", "examples/absent"],
            "cannot read `examples/absent`",
        ),
        (
            vec!["simulate", "--all", "crates"],
            "has no folder with a scenario.yaml",
        ),
        (
            vec!["simulate", "examples/absent"],
            "cannot read `examples/absent`",
        ),
        (
            vec!["simulate", "examples/demo", "--policy-wasm", "absent.wasm"],
            "run `make policy.wasm`",
        ),
    ] {
        let output = spillway(&arguments);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        assert!(text.contains(message), "{arguments:?}: {text}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn every_fault_of_a_scenario_is_told() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("scenario.yaml"), "duration: soon\n").unwrap();
    let output = spillway(&["simulate", folder.path().to_str().unwrap()]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    // settings, Deployment, duration, nodes, events
    assert_eq!(text.lines().count(), 5, "{text}");
    assert!(
        text.contains("scenario.yaml:1: duration: found `\"soon\"`; write a time span"),
        "{text}"
    );
}

#[test]
fn the_demo_fills_the_paid_pool_first_and_drains_the_spill_first() {
    if !policy_is_there() {
        return;
    }
    let report = report(&spillway(&["simulate", "examples/demo", "-o", "json"]));
    assert_eq!(report["scenario"], "demo");
    assert_eq!(report["admissions"], 30);
    assert_eq!(report["maxOver"], json!({"fixed": 0}));
    assert_eq!(report["finalSplit"], json!({"fixed": 5, "elastic": 0}));
    assert_eq!(report["scaleIn"], json!({"removed": 25, "outOfOrder": 0}));
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    if !policy_is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let play = |picture: &str| {
        let picture = folder.path().join(picture);
        let output = spillway(&[
            "simulate",
            "examples/my-app",
            "-o",
            "json",
            "--seed",
            "9",
            "--picture",
            picture.to_str().unwrap(),
        ]);
        assert_eq!(
            report(&output)["finalSplit"],
            json!({"intel": 0, "amd64": 0, "yitian-arm": 0})
        );
        (output.stdout, std::fs::read(picture).unwrap())
    };
    assert_eq!(play("a.png"), play("b.png"));
}

#[test]
fn a_missed_expectation_ends_with_1() {
    if !policy_is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/demo");
    for file in ["deployment.yaml", "settings.yaml", "scenario.yaml"] {
        let text = std::fs::read_to_string(demo.join(file)).unwrap();
        std::fs::write(
            folder.path().join(file),
            text.replace("{fixed: 10, elastic: 8}", "{fixed: 9, elastic: 9}"),
        )
        .unwrap();
    }
    let output = spillway(&["simulate", folder.path().to_str().unwrap(), "-o", "json"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "spillway: violation: at 39s, subset `elastic` has 8 pods, expected 9\nspillway: violation: at 39s, subset `fixed` has 10 pods, expected 9\n"
    );
}

/// What the examples promise holds.
#[test]
fn every_example_keeps_what_it_promises() {
    if !policy_is_there() {
        return;
    }
    let output = spillway(&["simulate", "--all"]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("hello-web"), "{told}");
}

#[test]
fn all_scenarios_are_played_and_a_failing_one_ends_with_1() {
    if !policy_is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/demo");
    std::fs::create_dir(folder.path().join("notes")).unwrap();
    for (name, expected) in [("good", "elastic: 8"), ("wrong", "elastic: 7")] {
        let copy = folder.path().join(name);
        std::fs::create_dir(&copy).unwrap();
        for file in ["deployment.yaml", "settings.yaml", "scenario.yaml"] {
            let text = std::fs::read_to_string(demo.join(file)).unwrap();
            std::fs::write(copy.join(file), text.replace("elastic: 8", expected)).unwrap();
        }
    }
    let output = spillway(&["simulate", "--all", folder.path().to_str().unwrap(), "-o", "json"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.contains("/notes` has no scenario.yaml and is left out"),
        "{told}"
    );
    let missed = "at 39s, subset `elastic` has 8 pods, expected 7";
    let played: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        played,
        json!([
            {"scenario": "good", "admissions": 30, "passed": true, "violations": []},
            {"scenario": "wrong", "admissions": 30, "passed": false, "violations": [missed]},
        ])
    );
    assert!(told.contains(&format!("violation: wrong: {missed}")), "{told}");
}

#[test]
fn two_settings_are_compared_on_one_scenario() {
    if !policy_is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/demo/settings.yaml");
    let text = std::fs::read_to_string(demo).unwrap();
    let smaller = folder.path().join("smaller.yaml");
    std::fs::write(
        &smaller,
        text.replace("maxReplicas: 10", "maxReplicas: 4")
            .replace("elastic", "spill"),
    )
    .unwrap();
    let picture = folder.path().join("both.svg");
    let output = spillway(&[
        "simulate",
        "examples/demo",
        "--compare",
        &format!("examples/demo/settings.yaml,{}", smaller.display()),
        "--picture",
        picture.to_str().unwrap(),
        "-o",
        "json",
    ]);
    assert_eq!(output.status.code(), Some(0));
    let played: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(played[0]["violations"], json!([]));
    assert_eq!(played[1]["maxOver"], json!({"fixed": 0}));
    // What the folder expects of its own settings is not expected of others.
    assert_eq!(played[1]["violations"], json!([]));
    let drawn = std::fs::read_to_string(picture).unwrap();
    assert!(drawn.contains("examples/demo/settings.yaml") && drawn.contains("smaller.yaml"));
}

#[test]
fn manifests_of_ones_own_are_played() {
    if !policy_is_there() {
        return;
    }
    let output = spillway(&[
        "simulate",
        "-f",
        "examples/demo",
        "--settings",
        "examples/demo/settings.yaml",
        "--scale",
        "10@5s",
        "--scale",
        "14@20s",
        "-o",
        "json",
    ]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("note: no --nodes: "), "{told}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["finalSplit"], json!({"fixed": 10, "elastic": 4}));
}

#[test]
fn the_picture_of_the_readme_is_the_one_that_the_demo_draws() {
    if !policy_is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let drawn = folder.path().join("demo.svg");
    let output = spillway(&[
        "simulate",
        "examples/hello-web",
        "--picture",
        drawn.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(0));
    let drawn = std::fs::read_to_string(drawn).unwrap();
    let shown = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/images/demo.svg");
    assert!(
        drawn == std::fs::read_to_string(shown).unwrap(),
        "docs/images/demo.svg is out of date; look at what `make demo` draws, then run `make pictures`"
    );
}
