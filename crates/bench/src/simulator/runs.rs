//! Runs of the CLI: how long they take, and how much memory they need at most.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use wait4::Wait4;

use crate::figure::Figure;

/// The file of a folder that says what happens.
const SCRIPT: &str = "scenario.yaml";
/// One round of hello-web's traffic.
const ROUND_SECONDS: u64 = 600;
const DAY_SECONDS: u64 = 24 * 3600;

/// A day of hello-web: its ten minutes, again and again.
pub(super) fn day(cli: &Path, policy: &Path, examples: &Path) -> Result<Vec<Figure>> {
    let run = play(cli, policy, &examples.join("hello-web"), |script| {
        set(script, "/duration", json!(format!("{DAY_SECONDS}s")));
        let points = script
            .pointer("/traffic/0/points")
            .and_then(Value::as_array)
            .cloned();
        let points = points.unwrap_or_default();
        let rounds = DAY_SECONDS / ROUND_SECONDS;
        let all = (0..rounds).flat_map(|round| {
            points
                .iter()
                .map(move |point| later(point, round * ROUND_SECONDS))
        });
        set(script, "/traffic/0/points", all.collect());
    })?;
    Ok(vec![Figure {
        what: "a day of hello-web, by the compiled policy",
        value: run.time.as_secs_f64(),
        unit: "s",
        aim: None,
    }])
}

/// A burst of pods with the sidecar: the largest example, larger.
pub(super) fn burst(cli: &Path, policy: &Path, examples: &Path, pods: u32) -> Result<Vec<Figure>> {
    let run = play(cli, policy, &examples.join("burst-3000"), |script| {
        set(script, "/duration", json!("300s"));
        set(script, "/sampleEvery", json!("5s"));
        set(script, "/cluster/writesPerSecond", json!(2000));
        set(script, "/nodes/1/pods", json!(pods));
        let scale = json!([{"at": "2s", "scale": {"deployment": "agent", "replicas": pods}}]);
        set(script, "/events", scale);
    })?;
    Ok(vec![
        Figure {
            what: "the largest burst, by the compiled policy",
            value: run.time.as_secs_f64(),
            unit: "s",
            aim: None,
        },
        Figure {
            what: "its memory, at most",
            value: run.mebibytes,
            unit: "MiB",
            aim: None,
        },
    ])
}

struct Run {
    time: Duration,
    mebibytes: f64,
}

/// Plays a copy of an example whose script was changed, without what it expects.
fn play(cli: &Path, policy: &Path, example: &Path, change: impl Fn(&mut Value)) -> Result<Run> {
    let folder = tempfile::tempdir()?;
    for entry in fs::read_dir(example).with_context(|| format!("cannot read `{}`", example.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        let text = fs::read_to_string(entry.path())?;
        let text = if name == SCRIPT {
            let mut script: Value = serde_saphyr::from_str(&text)?;
            if let Some(script) = script.as_object_mut() {
                script.remove("checks");
                script.remove("expect");
            }
            change(&mut script);
            script.to_string()
        } else if name == "settings.yaml" {
            text.replace("observe: Pods", "observe: Ledger")
        } else {
            text
        };
        fs::write(folder.path().join(name), text)?;
    }
    let start = Instant::now();
    let mut child = Command::new(cli)
        .arg("simulate")
        .arg(folder.path())
        .arg("--policy-wasm")
        .arg(policy)
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .with_context(|| format!("cannot start `{}`", cli.display()))?;
    let ended = child.wait4()?;
    ensure!(
        ended.status.success(),
        "`spillway simulate` ended with {}",
        ended.status
    );
    Ok(Run {
        time: start.elapsed(),
        mebibytes: mebibytes(ended.rusage.maxrss),
    })
}

fn set(script: &mut Value, at: &str, value: Value) {
    if let Some(place) = script.pointer_mut(at) {
        *place = value;
    }
}

/// A point of the traffic, so many seconds later.
fn later(point: &Value, seconds: u64) -> Value {
    let at = point.get("at").and_then(Value::as_str).unwrap_or("0s");
    let at: u64 = at.trim_end_matches('s').parse().unwrap_or(0);
    let mut point = point.clone();
    set(&mut point, "/at", json!(format!("{}s", at + seconds)));
    point
}

#[expect(clippy::cast_precision_loss, reason = "less than 2^52 bytes")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}
