use super::*;
use crate::scenario::{EventKind, ScriptEvent};

const MANIFESTS: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: web}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: shop}
";

const POLICY: &str = "\
apiVersion: policies.kubewarden.io/v1
kind: ClusterAdmissionPolicy
metadata: {name: spillway}
spec:
  settings:
    spreads:
    - name: web
      namespace: shop
      targetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
      subsets:
      - name: fixed
        maxReplicas: 2
        requiredNodeSelectorTerm: {matchExpressions: [{key: pool, operator: In, values: [paid]}]}
      - name: elastic
        tolerations: [{key: virtual, operator: Exists}]
";

const NODES: &str = "\
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Node
  metadata: {name: a, labels: {pool: paid}, uid: x}
  spec:
    taints: [{key: k, effect: NoSchedule, timeAdded: '2026-01-01T00:00:00Z'}]
  status: {allocatable: {cpu: '4', pods: '110'}}
";

fn file(name: &str, text: &str) -> SourceFile {
    SourceFile {
        name: name.to_owned(),
        text: text.to_owned(),
    }
}

fn case() -> OwnCase {
    OwnCase {
        name: "mine".to_owned(),
        manifests: vec![file("m/web.yaml", MANIFESTS), file("m/policy.yaml", POLICY)],
        nodes: Some(file("nodes.yaml", NODES)),
        ..OwnCase::default()
    }
}

fn told(case: &OwnCase) -> Vec<String> {
    let faults = Scenario::of_manifests(case).unwrap_err();
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn workloads_come_to_be_at_the_beginning_and_are_scaled_as_told() {
    let scenario = Scenario::of_manifests(&OwnCase {
        scales: vec![OwnScale {
            workload: None,
            replicas: 30,
            at: Millis(90_000),
        }],
        ..case()
    })
    .unwrap();
    let scale = |at, replicas| ScriptEvent {
        at: Millis(at),
        kind: EventKind::Scale {
            workload: 0,
            replicas,
        },
    };
    assert_eq!(scenario.script.events, [scale(0, 3), scale(90_000, 30)]);
    assert_eq!(scenario.script.duration, Millis(150_000));
    assert_eq!(scenario.subsets[0].len(), 2);
    assert_eq!(
        scenario.notes,
        [
            "m/web.yaml: Service `web` is not played",
            "m/web.yaml: DaemonSet `agent` is not played",
            "m/policy.yaml: ClusterAdmissionPolicy `spillway` is not played",
        ]
    );
}

#[test]
fn nodes_are_read_as_kubectl_prints_them() {
    let node = Scenario::of_manifests(&case()).unwrap().script.nodes.remove(0);
    assert_eq!((node.name.as_str(), node.pods), ("a", 110));
    assert_eq!(node.labels["pool"], "paid");
    assert_eq!(
        (node.taints[0].key.as_str(), node.taints[0].effect),
        ("k", "NoSchedule")
    );
}

#[test]
fn without_nodes_every_subset_has_one_that_fits_it() {
    let scenario = Scenario::of_manifests(&OwnCase {
        nodes: None,
        ..case()
    })
    .unwrap();
    let nodes = &scenario.script.nodes;
    assert_eq!(
        (nodes[0].name.as_str(), nodes[0].labels["pool"].as_str()),
        ("1-fixed", "paid")
    );
    assert_eq!(
        (nodes[1].name.as_str(), nodes[1].taints[0].key.as_str()),
        ("2-elastic", "virtual")
    );
    assert!(scenario.notes.iter().any(|note| note.starts_with("no --nodes")));
}

#[test]
fn faults_name_the_file_and_the_line() {
    let mut wrong = case();
    wrong.nodes = Some(file("nodes.yaml", &NODES.replace("pods: '110'", "pods: many")));
    assert_eq!(
        told(&wrong),
        ["nodes.yaml:9: [0].pods: found `\"many\"`; write a whole number from 0 to 1000000"]
    );
    let mut wrong = case();
    wrong.manifests[1].text = POLICY.replace("maxReplicas: 2", "maxReplicas: soon");
    let faults = told(&wrong);
    assert!(
        faults[0].starts_with("m/policy.yaml:12: spreads[0].subsets[0].maxReplicas: "),
        "{faults:?}"
    );
}

#[test]
fn what_is_missing_or_there_twice_is_told() {
    let mut without = case();
    without.manifests.pop();
    assert!(told(&without)[0].contains("name a file with --settings"));
    let mut twice = case();
    twice.manifests.push(file("m/z.yaml", POLICY));
    assert_eq!(
        told(&twice),
        [
            "m/z.yaml:6: spec.settings: a second policy with spreads; leave one out, or name a file with --settings"
        ]
    );
    let mut unknown = case();
    unknown.scales = vec![OwnScale {
        workload: Some("shop".to_owned()),
        replicas: 1,
        at: Millis(0),
    }];
    assert_eq!(
        told(&unknown),
        ["--scale: found the workload `shop`; write `web` before `=`"]
    );
}

#[test]
fn what_a_flag_said_names_the_flag() {
    let scale = |replicas, at| OwnScale {
        workload: None,
        replicas,
        at: Millis(at),
    };
    let mut case = case();
    case.scales = vec![scale(5_000_000, 1000)];
    case.duration = Some(Millis::ZERO);
    assert_eq!(
        told(&case),
        [
            "--duration: found `0s`; write a span longer than nothing",
            "--scale: found `5000000`; write a whole number from 0 to 1000000",
        ]
    );
    case.scales = vec![scale(5, 18_446_744_073_709_000_000)];
    case.duration = None;
    assert_eq!(
        told(&case),
        ["--scale: found `\"18446744073709000s\"`; write a time span of at most a year, `8760h`",]
    );
    case.scales = vec![scale(5, 10_000)];
    case.duration = Some(Millis(5000));
    assert_eq!(
        told(&case),
        ["--duration: the last event is at 10s, the run ends at 5s; write a longer `duration`"]
    );
}

#[test]
fn a_long_run_has_samples_that_far_apart() {
    let mut case = case();
    case.duration = Some(Millis::LONGEST);
    let script = Scenario::of_manifests(&case).unwrap().script;
    assert_eq!(
        (script.duration, script.sample_every),
        (Millis::LONGEST, Millis(31_536))
    );
}

#[test]
fn without_a_workload_there_is_nothing_to_play() {
    let mut case = case();
    case.manifests = vec![file("m/policy.yaml", POLICY)];
    assert_eq!(
        told(&case),
        ["-f: found no workload; write a manifest of kind `Deployment`, `StatefulSet` or `Job`"]
    );
}
