use super::*;
use crate::checks::{Check, Names};
use crate::time::Millis;

mod duplicates;
mod limits;

const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: web}]}
";

const SETTINGS: &str = "\
spreads:
- name: web
  namespace: shop
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  subsets: [{name: fixed, maxReplicas: 2}, {name: elastic}]
";

const SCRIPT: &str = "\
duration: 1m
nodes:
- {name: a, count: 2, pods: 10, labels: {type: plain}}
- {name: b, pods: 5, taints: [{key: k, effect: NoSchedule}]}
events:
- {at: 1s, scale: {deployment: web, replicas: 3}}
- {at: 10s, ramp: {deployment: web, replicas: 0, step: 2, every: 5s}}
expect:
  splits: [{at: 9s, subsets: {fixed: 2, elastic: 1}}]
";

fn files(deployment: &str, settings: &str, script: &str) -> Vec<SourceFile> {
    let files = [
        ("deployment.yaml", deployment),
        (SETTINGS_FILE, settings),
        (SCRIPT_FILE, script),
    ];
    files.map(|(name, text)| file(name, text)).into()
}

fn file(name: &str, text: &str) -> SourceFile {
    SourceFile {
        name: name.to_owned(),
        text: text.to_owned(),
    }
}

fn read(deployment: &str, settings: &str, script: &str) -> Result<Scenario, Vec<String>> {
    read_files(&files(deployment, settings, script))
}

/// Reads the folder with these manifests beside it.
fn read_with(manifests: &[(&str, &str)]) -> Result<Scenario, Vec<String>> {
    let mut files = files(DEPLOYMENT, SETTINGS, SCRIPT);
    files.extend(manifests.iter().map(|(name, text)| file(name, text)));
    read_files(&files)
}

fn read_files(files: &[SourceFile]) -> Result<Scenario, Vec<String>> {
    Scenario::read("test", files).map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

#[test]
fn a_folder_is_read() {
    let scenario = read(DEPLOYMENT, SETTINGS, SCRIPT).unwrap();
    let names: Vec<&str> = scenario
        .script
        .nodes
        .iter()
        .map(|node| node.name.as_str())
        .collect();
    assert_eq!(names, ["a-1", "a-2", "b"]);
    let scale = |seconds: u64, replicas| ScriptEvent {
        at: Millis(seconds * 1000),
        kind: EventKind::Scale {
            workload: 0,
            replicas,
        },
    };
    assert_eq!(scenario.script.events, [scale(1, 3), scale(10, 1), scale(15, 0)]);
    assert_eq!(scenario.subsets[0][0].maximum, Some(Amount::Count(2)));
    assert_eq!(scenario.notes, Vec::<String>::new());
}

#[test]
fn every_fault_is_listed_with_its_line_and_what_to_write() {
    let script = "\
duration: 60
sampleEvery: 0s
color: red
nodes:
- {name: a, pods: many, size: 3}
- {name: a, pods: 1}
- {name: a, pods: 1, taints: [{key: k, effect: Never}]}
events:
- {at: 5s, scale: {deployment: other, replicas: -1}}
- {at: 2s}
";
    let faults = read(DEPLOYMENT, SETTINGS, script).unwrap_err();
    assert_eq!(
        faults,
        [
            "scenario.yaml:1: duration: found `60`; write a time span such as `250ms`, `10s` or `2m`",
            "scenario.yaml:2: sampleEvery: found `0s`; write a span longer than nothing",
            "scenario.yaml:5: nodes[0].pods: found `\"many\"`; write a whole number from 0 to 1000000",
            "scenario.yaml:5: nodes[0].size: unknown field `size`; the fields here are `name`, `autoscale`, `count`, `pods`, `labels`, `taints`, `cpu`, `memory`, `resources`, `startup`, `termination`",
            "scenario.yaml:7: nodes[2].taints[0].effect: found `\"Never\"`; write one of `NoSchedule`, `PreferNoSchedule`, `NoExecute`",
            "scenario.yaml:7: nodes[2]: a second node `a`; write another name",
            "scenario.yaml:9: events[0].scale.deployment: found `other`; write `web`, a workload of this folder",
            "scenario.yaml:9: events[0].scale.replicas: found `-1`; write a whole number from 0 to 1000000",
            "scenario.yaml:10: events[1]: found 0 things that happen; write exactly one of `scale`, `ramp`, `rollout`, `rolloutUndo`, `pauseRollout`, `resumeRollout`, `loseNode`, `failNode`, `reclaimNode`, `drainNode`, `deletePods`, `crashSidecar`, `policyDown`, `restartApi`",
            "scenario.yaml:3: color: unknown field `color`; the fields here are `description`, `seed`, `duration`, `sampleEvery`, `cluster`, `nodes`, `policies`, `sidecars`, `clusterAutoscaler`, `events`, `traffic`, `injectors`, `expect`, `checks`",
        ]
    );
}

#[test]
fn a_missing_file_is_a_fault() {
    let faults = Scenario::read("test", &[]).unwrap_err();
    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        faults,
        [
            "settings.yaml: the folder has no such file; write what a ClusterAdmissionPolicy has under `spec.settings`",
            "deployment.yaml: the folder has no workload; write a manifest of kind `Deployment`, `StatefulSet` or `Job`",
            "scenario.yaml: the folder has no such file; write `duration`, `nodes` and `events`",
        ]
    );
}

#[test]
fn broken_yaml_names_the_line() {
    let faults = read(DEPLOYMENT, "spreads: [", SCRIPT).unwrap_err();
    assert_eq!(faults.len(), 1);
    assert!(faults[0].starts_with("settings.yaml:"), "{faults:?}");
}

#[test]
fn faults_of_the_settings_stand_at_their_line() {
    let settings = SETTINGS
        .replace("maxReplicas: 2", "maxReplicas: many")
        .replace("  namespace: shop\n", "");
    let faults = read(DEPLOYMENT, &settings, SCRIPT).unwrap_err();
    let heads: Vec<&str> = faults
        .iter()
        .map(|fault| fault.split(": ").next().unwrap())
        .collect();
    assert_eq!(heads, ["settings.yaml:4", "settings.yaml:2"], "{faults:?}");
}

#[test]
fn workloads_that_are_not_played_are_refused_and_other_objects_named() {
    let manifests = format!("{DEPLOYMENT}---\napiVersion: v1\nkind: Service\nmetadata: {{name: web}}\n");
    assert_eq!(
        read(&manifests, SETTINGS, SCRIPT).unwrap().notes,
        ["deployment.yaml: Service `web` is not played"]
    );
    let manifests =
        format!("{DEPLOYMENT}---\napiVersion: apps/v1\nkind: DaemonSet\nmetadata: {{name: db}}\n");
    assert_eq!(
        read(&manifests, SETTINGS, SCRIPT).unwrap_err(),
        ["deployment.yaml:11: a `DaemonSet` is not played; write a Deployment, a StatefulSet or a Job"]
    );
}

#[test]
fn a_selector_must_select_the_template() {
    let manifest = DEPLOYMENT.replace("matchLabels: {app: web}", "matchLabels: {app: api}");
    assert_eq!(
        read(&manifest, SETTINGS, SCRIPT).unwrap_err(),
        [
            "deployment.yaml:6: spec.selector.matchLabels: `app: api` is not among the template's labels; write a label of the template"
        ]
    );
}

#[test]
fn an_expectation_must_name_a_subset() {
    let script = SCRIPT.replace("elastic: 1", "spot: 1");
    assert_eq!(
        read(DEPLOYMENT, SETTINGS, &script).unwrap_err(),
        ["scenario.yaml: expect.splits: no subset `spot` in the settings; write one of `fixed`, `elastic`"]
    );
}

#[test]
fn events_stand_in_order_of_time_and_before_the_end() {
    let script = SCRIPT.replace("at: 1s", "at: 50s");
    assert_eq!(
        read(DEPLOYMENT, SETTINGS, &script).unwrap_err(),
        [
            "scenario.yaml:7: events[1]: at 10s, before the event above it at 50s; write the events in order of time"
        ]
    );
    let script = SCRIPT.replace("duration: 1m", "duration: 12s");
    assert_eq!(
        read(DEPLOYMENT, SETTINGS, &script).unwrap_err(),
        ["scenario.yaml:1: the last event is at 15s, the run ends at 12s; write a longer `duration`"]
    );
}

#[test]
fn checks_are_read_with_and_without_quotes() {
    let script = format!(
        "{SCRIPT}checks:\n- at 9s: fixed.running == 2\n- 'finally: total.total == 0'\n- always: desired\n"
    );
    let scenario = read(DEPLOYMENT, SETTINGS, &script).unwrap();
    let texts: Vec<&str> = scenario.script.checks.iter().map(Check::text).collect();
    assert_eq!(
        texts,
        [
            "at 9s: fixed.running == 2",
            "finally: total.total == 0",
            "always: desired"
        ]
    );
}

#[test]
fn a_check_that_is_not_understood_is_a_fault_at_its_line() {
    let script = format!(
        "{SCRIPT}checks:\n- at 2m: fixed.running == 2\n- always: spot.total == 0\n- always: 3\n- {{at: 3s, check: x}}\n- 'always fixed.total'\n"
    );
    assert_eq!(
        read(DEPLOYMENT, SETTINGS, &script).unwrap_err(),
        [
            "scenario.yaml:11: checks[0]: found `120s` at character 1; write a time up to 60s, when the run ends",
            "scenario.yaml:12: checks[1]: found `spot.total` at character 9; write one of `fixed.total`, `elastic.total`, `total.total`, `unplaced.total`",
            "scenario.yaml:13: checks[2]: found `{\"always\":3}`; write a check such as `at 120s: fixed.running == 10`",
            "scenario.yaml:14: checks[3]: found `{\"at\":\"3s\",\"check\":\"x\"}`; write a check such as `at 120s: fixed.running == 10`",
            "scenario.yaml:15: checks[4]: found `fixed.total` at character 8; write `:` and what must be true",
        ]
    );
    // Without settings nobody knows what may be named; the grammar is looked at all the same.
    let faults = read(DEPLOYMENT, "spreads: [", &script).unwrap_err();
    let lines: Vec<&str> = faults.iter().map(|fault| &fault[..16]).collect();
    assert_eq!(
        lines[1..],
        [
            "scenario.yaml:11",
            "scenario.yaml:13",
            "scenario.yaml:14",
            "scenario.yaml:15"
        ]
    );
}

/// The example of the documents has every field, and is read as it stands.
#[test]
fn the_documented_scenario_is_read() {
    let document = include_str!("../../../../docs/scenarios.md");
    let (_, rest) = document.split_once("```yaml\n").unwrap();
    let (script, _) = rest.split_once("```\n").unwrap();
    let settings = SETTINGS.replace("maxReplicas: 2", "maxReplicas: 10");
    let scenario = read(DEPLOYMENT, &settings, script).unwrap();
    assert_eq!(scenario.script.cluster, Cluster::default());
    assert_eq!(scenario.script.nodes.len(), 4);
    assert_eq!(scenario.script.checks.len(), 2);
    assert_eq!(scenario.script.expectations.len(), 2);
}

/// So is every check that it shows.
#[test]
fn the_documented_checks_are_read() {
    let document = include_str!("../../../../docs/scenarios.md");
    let (_, checks) = document.split_once("## Checks").unwrap();
    let shown = checks.lines().filter_map(|line| {
        let cell = line.strip_prefix("| `").and_then(|rest| rest.split_once("` |"));
        let indented = line
            .strip_prefix("    ")
            .filter(|line| line.starts_with("finally"));
        cell.map(|(text, _)| text)
            .or(indented)
            .filter(|text| text.contains(": "))
    });
    let shown: Vec<&str> = shown.collect();
    assert_eq!(shown.len(), 11);
    let names = Names::new(vec![(
        "web".to_owned(),
        vec!["fixed".to_owned(), "elastic".to_owned()],
    )]);
    for text in shown {
        assert!(
            Check::read(text, Some(&names), Millis(300_000))
                .unwrap()
                .is_some(),
            "{text}"
        );
    }
}
