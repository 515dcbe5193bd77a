//! How pods are replaced: each strategy as its controller plays it, on pods that are created as they come.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may fail")]

use simulator::{
    Admission, AdmissionCall, AdmissionFailure, Answer, Change, Millis, Outcome, Scenario, SourceFile,
    Verdict, run,
};

/// Puts every pod of the first template in `fixed`, and every other in `elastic`.
struct ByTemplate;

impl Admission for ByTemplate {
    fn watch(&mut self, _change: Change) {}

    fn admit(&mut self, call: &AdmissionCall<'_>) -> Result<Answer, AdmissionFailure> {
        let mut pod = call.review["request"]["object"].clone();
        let restarted = pod.pointer("/metadata/annotations/kubectl.kubernetes.io~1restartedAt");
        let subset = if restarted.is_none() { "fixed" } else { "elastic" };
        pod["metadata"]["labels"][simulator::SUBSET_LABEL] = subset.into();
        Ok(Answer {
            verdict: Verdict::Changed(pod),
            ..Answer::default()
        })
    }
}

fn read(kind: &str, spec: &str, script: &str) -> Result<Scenario, Vec<String>> {
    let file = |name: &str, text: String| SourceFile {
        name: name.to_owned(),
        text,
    };
    let workload = format!(
        "apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: web, namespace: shop}}\nspec:\n  replicas: 4\n  \
         selector: {{matchLabels: {{app: web}}}}\n  {spec}\n  template:\n    metadata: {{labels: {{app: web}}}}\n    \
         spec: {{terminationGracePeriodSeconds: 10, containers: [{{name: main, image: web}}]}}\n"
    );
    let settings = format!(
        "spreads:\n- name: web\n  namespace: shop\n  targetRef: {{apiVersion: apps/v1, kind: {kind}, name: web}}\n  \
         subsets: [{{name: fixed}}, {{name: elastic}}]\n"
    );
    let script = format!(
        "duration: 3m\ncluster: {{startup: 2s, termination: 5s}}\nnodes: [{{name: node, count: 2, pods: 110}}]\n{script}"
    );
    let files = [
        file("workload.yaml", workload),
        file("settings.yaml", settings),
        file("scenario.yaml", script),
    ];
    Scenario::read("test", &files).map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

/// Plays; every check must hold.
#[track_caller]
fn play(kind: &str, spec: &str, script: &str) -> Outcome {
    let outcome = run(
        &read(kind, spec, script).unwrap(),
        1,
        vec![Box::new(ByTemplate)],
        &mut |_| {},
    );
    assert_eq!(outcome.violations, Vec::<String>::new());
    outcome
}

#[test]
fn recreate_lets_the_last_old_pod_go_before_the_first_new_one_comes() {
    play(
        "Deployment",
        "strategy: {type: Recreate}",
        "events: [{at: 10s, rollout: {workload: web}}]
checks:
- at 9s: fixed.running == 4
- 'from 11s to 14s: fixed.terminating == 4 and total.total == 0'
- 'always: not (fixed.total + fixed.terminating > 0 and elastic.total > 0)'
- 'finally: elastic.running == 4'
",
    );
}

#[test]
fn a_rollout_that_is_held_stands_still_and_is_scaled_in_proportion() {
    play(
        "Deployment",
        "strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}",
        "events:
- {at: 10s, rollout: {workload: web}}
- {at: 13s, pauseRollout: {workload: web}}
- {at: 60s, scale: {workload: web, replicas: 8}}
- {at: 100s, resumeRollout: {workload: web}}
checks:
- 'from 30s to 59s: fixed.running > 0 and elastic.running > 0 and total.terminating == 0'
- 'from 70s to 99s: fixed.running > 3 and elastic.running > 1'
- 'finally: elastic.running == 8 and total.total == 8'
",
    );
}

#[test]
fn a_deployment_whose_manifest_says_paused_is_held_once_its_first_pods_run() {
    play(
        "Deployment",
        "paused: true",
        "events: [{at: 10s, rollout: {workload: web}}, {at: 90s, resumeRollout: {workload: web}}]
checks:
- 'from 1s to 89s: fixed.running == 4 and elastic.total == 0'
- 'finally: elastic.running == 4'
",
    );
}

#[test]
fn a_rollout_that_never_becomes_ready_stays_and_can_be_undone() {
    play(
        "Deployment",
        "strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 1}}",
        "events:
- {at: 10s, rollout: {workload: web, neverReady: true}}
- {at: 90s, rolloutUndo: {workload: web}}
checks:
- 'from 40s to 89s: fixed.running == 3 and elastic.running == 0 and elastic.pending == 2'
- 'finally: fixed.running == 4 and elastic.total == 0'
",
    );
}

#[test]
fn a_pod_is_available_when_it_was_ready_for_long_enough() {
    play(
        "Deployment",
        "minReadySeconds: 10\n  strategy: {rollingUpdate: {maxSurge: 4, maxUnavailable: 0}}",
        "events: [{at: 10s, rollout: {workload: web}}]
checks:
- 'from 14s to 20s: elastic.running == 4 and fixed.running == 4'
- 'at 30s: fixed.total == 0'
",
    );
}

#[test]
fn all_or_none_at_once() {
    play(
        "Deployment",
        "strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 100%}}",
        "events: [{at: 10s, rollout: {workload: web}}]
checks:
- 'at 11s: fixed.total == 0 and elastic.total == 4'
- 'always: total.total <= 4'
",
    );
}

#[test]
fn a_stateful_set_at_rest_rests_and_is_rolled_out_from_the_highest_ordinal() {
    let outcome = play(
        "StatefulSet",
        "updateStrategy: {rollingUpdate: {partition: 1}}",
        "events: [{at: 60s, rollout: {workload: web}}, {at: 150s, deletePods: {workload: web, pods: 4}}]
checks:
- 'from 1s to 59s: fixed.running == 4'
- 'from 1s to 149s: total.running >= 3'
- 'at 149s: fixed.running == 1 and elastic.running == 3'
- 'finally: fixed.running == 1 and elastic.running == 3'
",
    );
    assert_eq!(outcome.report.admissions, 4 + 3 + 4);
}

#[test]
fn a_stateful_set_on_delete_waits_for_somebody_to_delete() {
    play(
        "StatefulSet",
        "updateStrategy: {type: OnDelete}",
        "events: [{at: 10s, rollout: {workload: web}}, {at: 60s, deletePods: {workload: web, pods: 2}}]
checks:
- 'from 1s to 59s: fixed.running == 4'
- 'finally: fixed.running == 2 and elastic.running == 2'
",
    );
}

#[test]
fn pods_take_their_time_to_end_but_no_longer_than_their_grace_period() {
    let script = "events: [{at: 10s, scale: {workload: web, replicas: 0}}]
checks:
- 'from 11s to 19s: total.terminating == 4'
- 'at 21s: total.terminating == 0'
";
    let mut scenario = read("Deployment", "minReadySeconds: 0", script).unwrap();
    for node in &mut scenario.script.nodes {
        node.termination = Some(Millis(40_000));
    }
    let outcome = run(&scenario, 1, vec![Box::new(ByTemplate)], &mut |_| {});
    assert_eq!(outcome.violations, Vec::<String>::new());
}

#[test]
fn what_cannot_be_undone_or_held_is_a_fault() {
    for (kind, events, fault) in [
        (
            "Deployment",
            "{at: 1s, rolloutUndo: {workload: web}}",
            "no revision before this one",
        ),
        (
            "Deployment",
            "{at: 1s, rollout: {}}, {at: 2s, pauseRollout: {}}, {at: 3s, rolloutUndo: {}}",
            "the rollout is held",
        ),
        (
            "StatefulSet",
            "{at: 1s, pauseRollout: {}}",
            "a StatefulSet cannot be held",
        ),
        (
            "Deployment",
            "{at: 1s, rollout: {neverReady: 1}}",
            "write true or false",
        ),
    ] {
        let found = read(kind, "minReadySeconds: 0", &format!("events: [{events}]\n")).unwrap_err();
        assert!(found.iter().any(|found| found.contains(fault)), "{found:?}");
    }
}
