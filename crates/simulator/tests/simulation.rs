//! Whole runs against doubles of the admission.

mod common;

use common::{FirstFit, play, split};
use serde_json::json;
use simulator::{AdmissionFailure, Answer, Millis, Verdict, run};

/// 0 -> 30 -> 5, with writes so slow that every admission sees the ones before it.
const UP_AND_DOWN: &str = "\
duration: 60s
cluster: {watchLag: 10ms, writesPerSecond: 20}
events:
- {at: 1s, scale: {deployment: web, replicas: 30}}
- {at: 30s, scale: {deployment: web, replicas: 5}}
expect:
  maxOver: {fixed: 0}
  splits:
  - {at: 29s, subsets: {fixed: 10, elastic: 20}}
  - {at: 60s, subsets: {fixed: 5, elastic: 0}}
";

#[test]
fn a_deployment_grows_and_shrinks() {
    let outcome = play(UP_AND_DOWN, 1, &mut FirstFit::new(10));
    assert_eq!(outcome.violations, Vec::<String>::new());
    let report = json!(outcome.report);
    assert_eq!(report["admissions"], 30);
    assert_eq!(report["maxOver"], json!({"fixed": 0}));
    assert_eq!(report["finalSplit"], json!({"fixed": 5, "elastic": 0}));
    assert_eq!(report["scaleIn"], json!({"removed": 25, "outOfOrder": 0}));
    assert_eq!(report["hostCalls"], json!({"list": 30}));
    assert_eq!(report["samples"].as_array().unwrap().len(), 61);
    assert_eq!(
        report["samples"][29],
        json!({"t": 29, "desired": 30, "subsets": {"fixed": {"running": 10, "pending": 0}, "elastic": {"running": 20, "pending": 0}}})
    );
}

#[test]
fn the_report_has_exactly_the_agreed_fields_in_order() {
    let outcome = play("duration: 1s\nevents: []\n", 4, &mut FirstFit::new(10));
    assert_eq!(
        serde_json::to_string(&outcome.report).unwrap(),
        r#"{"scenario":"test","seed":4,"admissions":0,"samples":[{"t":0,"desired":0,"subsets":{"elastic":{"running":0,"pending":0},"fixed":{"running":0,"pending":0}}},{"t":1,"desired":0,"subsets":{"elastic":{"running":0,"pending":0},"fixed":{"running":0,"pending":0}}}],"maxOver":{"fixed":0},"finalSplit":{"elastic":0,"fixed":0},"scaleIn":{"removed":0,"outOfOrder":0},"hostCalls":{}}"#
    );
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let bytes = |seed| {
        let script = UP_AND_DOWN
            .replace("watchLag: 10ms", "watchLag: 200ms, watchJitter: 300ms")
            .replace("20}", "350}");
        serde_json::to_string(&play(&script, seed, &mut FirstFit::new(10)).report).unwrap()
    };
    assert_eq!(bytes(7), bytes(7));
    assert_ne!(bytes(7), bytes(8));
}

/// The lag is real: first-fit on a view that is 250 ms behind goes far above the maximum.
#[test]
fn an_admission_sees_the_cluster_late() {
    let script = "\
duration: 30s
cluster: {watchLag: 250ms, writesPerSecond: 350}
events: [{at: 1s, scale: {deployment: web, replicas: 100}}]
";
    let outcome = play(script, 1, &mut FirstFit::new(10));
    let over = outcome.report.max_over["fixed"];
    assert!((60..=90).contains(&over), "{over} pods above the maximum");
}

#[test]
fn pods_are_asked_for_in_batches_that_double() {
    let script = "\
duration: 30s
cluster: {writesPerSecond: 1000000, admissionTime: 100ms, controllerLag: 0s}
events: [{at: 1s, scale: {deployment: web, replicas: 600}}]
";
    let mut admission = FirstFit::new(10);
    play(script, 1, &mut admission);
    let mut batches: Vec<(Millis, usize)> = Vec::new();
    for &at in &admission.calls {
        match batches.last_mut() {
            Some((time, count)) if *time == at => *count += 1,
            _ => batches.push((at, 1)),
        }
    }
    let sizes: Vec<usize> = batches.iter().map(|(_, count)| *count).collect();
    // 500 in one sync, then the rest in another, from 1 again.
    assert_eq!(sizes, [1, 2, 4, 8, 16, 32, 64, 128, 245, 1, 2, 4, 8, 16, 32, 37]);
    assert!(
        batches.windows(2).all(|pair| pair[1].0.0 - pair[0].0.0 == 101),
        "{batches:?}"
    );
}

#[test]
fn a_controller_waits_until_it_has_seen_what_it_did() {
    let script = "\
duration: 60s
cluster: {writesPerSecond: 1000000, admissionTime: 0s, controllerLag: 7s}
events: [{at: 1s, scale: {deployment: web, replicas: 501}}]
";
    let mut admission = FirstFit::new(10);
    play(script, 1, &mut admission);
    // The Deployment is seen after 7 s, its ReplicaSet after 14 s, the 500 new pods after 21 s. Nine batches take nine
    // milliseconds.
    let calls = &admission.calls;
    assert_eq!(calls.len(), 501);
    assert_eq!(
        (calls[0], calls[499], calls[500]),
        (Millis(15_001), Millis(15_009), Millis(22_010))
    );
}

#[test]
fn a_writer_keeps_to_its_rate() {
    let script = "\
duration: 30s
cluster: {writesPerSecond: 20}
events: [{at: 1s, scale: {deployment: web, replicas: 100}}]
";
    let mut admission = FirstFit::new(10);
    play(script, 1, &mut admission);
    assert!(
        admission.calls.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 50),
        "{:?}",
        admission.calls
    );
}

#[test]
fn without_an_answer_the_pod_is_created_unchanged() {
    let script = "duration: 30s\nevents: [{at: 1s, scale: {deployment: web, replicas: 3}}]\n";
    let mut admission = FirstFit::new(10);
    admission.script.push_back(Err(AdmissionFailure {
        reason: "timed out".into(),
    }));
    let outcome = play(script, 1, &mut admission);
    assert_eq!(split(&outcome), json!({"fixed": 2, "elastic": 0, "unplaced": 1}));
    assert_eq!(
        json!(outcome.warnings),
        json!({"the admission gave no answer: timed out": 1})
    );
    assert_eq!(outcome.subset_order, ["fixed", "elastic", "unplaced"]);
}

#[test]
fn a_refusal_ends_the_batches_and_the_rest_is_tried_again() {
    let script = "\
duration: 30s
cluster: {writesPerSecond: 1000000, admissionTime: 100ms, controllerLag: 0s}
events: [{at: 1s, scale: {deployment: web, replicas: 7}}]
";
    let mut admission = FirstFit::new(10);
    let refused = || {
        Ok(Answer {
            verdict: Verdict::Refused("no".into()),
            ..Answer::default()
        })
    };
    admission.script = [refused(), refused()].into();
    let outcome = play(script, 1, &mut admission);
    let times: Vec<u64> = admission.calls.iter().map(|at| at.0).collect();
    // Refused twice, the second wait twice as long; then 1, 2, 4. A request is on its way for a millisecond.
    assert_eq!(times, [1001, 1107, 1218, 1319, 1319, 1420, 1420, 1420, 1420]);
    assert_eq!(split(&outcome), json!({"fixed": 7, "elastic": 0}));
    assert_eq!(json!(outcome.warnings), json!({"refused: no": 2}));
}

#[test]
fn pods_that_no_node_takes_stay_pending_and_go_first() {
    let script = "\
duration: 60s
cluster: {watchLag: 10ms, writesPerSecond: 20}
events:
- {at: 1s, scale: {deployment: web, replicas: 310}}
- {at: 40s, scale: {deployment: web, replicas: 300}}
";
    // Three nodes of 100 pods take 300; everything is `fixed` for this admission.
    let outcome = play(script, 1, &mut FirstFit::new(1000));
    let fixed = |t: usize| outcome.report.samples[t].subsets["fixed"];
    assert_eq!((fixed(39).running, fixed(39).pending), (300, 10));
    assert_eq!((fixed(60).running, fixed(60).pending), (300, 0));
    assert_eq!(outcome.report.max_over["fixed"], 300);
}

#[test]
fn an_expectation_that_does_not_hold_is_a_violation() {
    let script = UP_AND_DOWN.replace("{fixed: 10, elastic: 20}", "{fixed: 12, elastic: 20}, within: 1");
    let outcome = play(&script, 1, &mut FirstFit::new(11));
    assert_eq!(
        outcome.violations,
        ["subset `fixed` was 1 pods above its maximum, expected at most 0"]
    );
    let outcome = play(&script, 1, &mut FirstFit::new(10));
    assert_eq!(
        outcome.violations,
        ["at 29s, subset `fixed` has 10 pods, expected 12 (within 1)"]
    );
}

/// With a sidecar nothing is placed ungated where there is a maximum: an admission that does so breaks an invariant.
#[test]
fn a_scenario_in_which_an_invariant_is_broken_fails_with_moment_state_and_seed() {
    let script = "\
duration: 30s
events: [{at: 1s, scale: {deployment: web, replicas: 3}}]
";
    let clean = play(script, 7, &mut FirstFit::new(10));
    assert_eq!(clean.violations, Vec::<String>::new());
    let exact = common::with_settings(script, "  capacity: Exact\n");
    let broken = run(&exact, 7, vec![Box::new(FirstFit::new(10))], &mut |_| {});
    let [violation] = &broken.violations[..] else {
        panic!("{:?}", broken.violations)
    };
    assert!(
        violation.starts_with("at 1")
            && violation.contains("invariant `ungated` of spread `web` is broken: pod web-"),
        "{violation}"
    );
    assert!(
        violation
            .contains("is placed in fixed at admission, ungated (fixed 1/10 and 0 terminating, elastic 0"),
        "{violation}"
    );
    assert!(violation.ends_with("3 wanted, 0 exempt); seed 7"), "{violation}");
}
