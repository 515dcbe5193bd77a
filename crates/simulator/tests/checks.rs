//! Checks of whole runs against a double of the admission.

mod common;

use common::{FirstFit, play, split};
use serde_json::json;
use simulator::{Scenario, SourceFile, run};

/// 0 -> 12 -> 3, with writes so slow that every admission sees the ones before it.
fn script(checks: &str) -> String {
    format!(
        "\
duration: 60s
cluster: {{watchLag: 10ms, writesPerSecond: 20, startup: 2s, termination: 3s}}
events:
- {{at: 1s, scale: {{deployment: web, replicas: 12}}}}
- {{at: 30s, scale: {{deployment: web, replicas: 3}}}}
checks:
{checks}"
    )
}

#[test]
fn checks_hold_of_a_good_run() {
    let script = script(
        "\
- at 20s: fixed.running == 10 and elastic.running == 2
- always: elastic.total == 0 until first fixed.total == 10
- always: fixed.total <= 10
- 'always: desired == 3 after first desired < 12 and desired > 0'
- from 10s to 29s: total.running == desired
- eventually by 2s: fixed.pending
- within 3s of first desired == 3: total.terminating == 9
- 'finally: fixed.running == 3 and total.total == 3 and unplaced.total == 0'
",
    );
    let outcome = play(&script, 1, &mut FirstFit::new(10));
    assert_eq!(outcome.violations, Vec::<String>::new());
    assert_eq!(split(&outcome), json!({"fixed": 3, "elastic": 0}));
    assert_eq!(
        json!(outcome.checks),
        json!([
            {"text": "at 20s: fixed.running == 10 and elastic.running == 2", "held": true, "at": 20,
             "state": "fixed 10 running; elastic 2 running; desired 12"},
            {"text": "always: elastic.total == 0 until first fixed.total == 10", "held": true},
            {"text": "always: fixed.total <= 10", "held": true},
            {"text": "always: desired == 3 after first desired < 12 and desired > 0", "held": true},
            {"text": "from 10s to 29s: total.running == desired", "held": true},
            {"text": "eventually by 2s: fixed.pending", "held": true, "at": 1.026,
             "state": "fixed 1 pending; elastic 0; desired 12"},
            {"text": "within 3s of first desired == 3: total.terminating == 9", "held": true, "at": 30.421,
             "state": "fixed 3 running, 7 terminating; elastic 2 terminating; desired 3"},
            {"text": "finally: fixed.running == 3 and total.total == 3 and unplaced.total == 0", "held": true,
             "at": 60, "state": "fixed 3 running; elastic 0; desired 3"},
        ])
    );
}

#[test]
fn a_check_that_fails_says_when_what_was_seen_and_the_seed() {
    let script = script(
        "\
- at 20s: fixed.running == 9
- always: elastic.total == 0
- eventually by 25s: elastic.running > 2
- from 31s to 32s: total.terminating == 0
- always: lost == 0
",
    );
    let outcome = play(&script, 4, &mut FirstFit::new(10));
    assert_eq!(
        outcome.violations,
        [
            "check `at 20s: fixed.running == 9` failed at 20s: fixed 10 running; elastic 2 running; desired 12; seed 4",
            "check `always: elastic.total == 0` failed at 1.526s: fixed 10 pending; elastic 1 pending; desired 12; seed 4",
            "check `eventually by 25s: elastic.running > 2` failed at 25s: fixed 10 running; elastic 2 running; desired 12; \
             seed 4",
            "check `from 31s to 32s: total.terminating == 0` failed at 31s: fixed 3 running, 7 terminating; \
             elastic 2 terminating; desired 3; seed 4",
            "check `always: lost == 0` had nothing to look at: nobody sends requests; seed 4",
        ]
    );
    assert!(outcome.checks.iter().all(|check| !check.held));
}

#[test]
fn pods_that_no_node_takes_are_seen_as_unschedulable() {
    let script = "\
duration: 60s
cluster: {watchLag: 10ms, writesPerSecond: 20}
events: [{at: 1s, scale: {deployment: web, replicas: 310}}]
checks:
- finally: fixed.running == 299
- within 1s of first fixed.unschedulable: fixed.unschedulable == 10
";
    // Three nodes of 100 pods take 300; everything is `fixed` for this admission.
    let outcome = play(script, 1, &mut FirstFit::new(1000));
    assert_eq!(
        outcome.violations,
        [
            "check `finally: fixed.running == 299` failed at 60s: fixed 300 running, 10 pending (10 unschedulable); \
          elastic 0; desired 310; seed 1"
        ]
    );
}

/// Each workload has its own requests; without a name they are those of all.
#[test]
fn requests_are_counted_by_workload() {
    let deployment = |name: &str| {
        format!(
            "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: shop}}\nspec:\n  replicas: 1\n  \
             selector: {{matchLabels: {{app: {name}}}}}\n  template: {{metadata: {{labels: {{app: {name}}}}}, spec: {{}}}}\n"
        )
    };
    let settings = "\
spreads:
- name: web
  namespace: shop
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  subsets: [{name: fixed, maxReplicas: 10}, {name: elastic}]
";
    let script = "\
duration: 60s
nodes: [{name: plain, pods: 10, labels: {type: plain}}]
traffic:
- {workload: web, points: [{at: 0s, rps: 100}], requestsPerSecond: 70}
- {workload: api, points: [{at: 0s, rps: 30}], requestsPerSecond: 30}
events: []
checks:
- 'from 2s to 60s: web/arriving == 100 and web/served == 70 and web/lost == 30'
- 'from 2s to 60s: api/arriving == 30 and api/served == 30 and api/lost == 0'
- 'from 2s to 60s: arriving == 130 and served == 100 and lost == 30'
- 'always: idle/served == 0'
";
    let file = |name: &str, text: String| SourceFile {
        name: name.to_owned(),
        text,
    };
    let files = [
        file(
            "deployments.yaml",
            ["web", "api", "idle"].map(deployment).concat(),
        ),
        file("settings.yaml", settings.to_owned()),
        file("scenario.yaml", script.to_owned()),
    ];
    let scenario = Scenario::read("test", &files).unwrap();
    let outcome = run(&scenario, 1, vec![Box::new(&mut FirstFit::new(10))], &mut |_| {});
    assert_eq!(
        outcome.violations,
        ["check `always: idle/served == 0` had nothing to look at: nobody sends requests; seed 1"]
    );
}
