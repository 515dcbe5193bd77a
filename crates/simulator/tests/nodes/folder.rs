//! A folder with one Deployment of four pods, two on each of two nodes.

use serde_json::json;
use simulator::{
    Admission, AdmissionCall, AdmissionFailure, Answer, Change, Outcome, Scenario, SourceFile, Verdict, run,
};

/// Creates every pod as it came, or behind a gate that nobody opens.
struct AsTheyCome {
    is_gating: bool,
}

impl Admission for AsTheyCome {
    fn watch(&mut self, _change: Change) {}

    fn admit(&mut self, call: &AdmissionCall<'_>) -> Result<Answer, AdmissionFailure> {
        let mut answer = Answer::default();
        if self.is_gating {
            let mut pod = call.review["request"]["object"].clone();
            pod["spec"]["schedulingGates"] = json!([{"name": "wait"}]);
            answer.verdict = Verdict::Changed(pod);
        }
        Ok(answer)
    }
}

const SETTINGS: &str = "\
spreads:
- name: web
  namespace: shop
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  subsets: [{name: fixed, maxReplicas: 2}, {name: elastic}]
";

const CLUSTER: &str = "\
duration: 10m
cluster: {startup: 2s, termination: 1s}
";
/// Two pods of one CPU run on each of two nodes, which have room for four; unless the script has nodes of its own.
const NODES: &str = "nodes: [{name: node, count: 2, pods: 110, cpu: 4}]\n";

pub(crate) fn read(manifests: &str, script: &str) -> Result<Scenario, Vec<String>> {
    let deployment = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 4
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      TOLERATIONS
      containers: [{name: main, image: web, resources: {requests: {cpu: 1}}}]
";
    let (tolerations, manifests) = manifests.split_once("---\n").unwrap_or((manifests, ""));
    let nodes = if script.contains("nodes:") { "" } else { NODES };
    let file = |name: &str, text: String| SourceFile {
        name: name.to_owned(),
        text,
    };
    let files = [
        file(
            "deployment.yaml",
            deployment.replace("TOLERATIONS", tolerations.trim()),
        ),
        file("budgets.yaml", manifests.to_owned()),
        file("settings.yaml", SETTINGS.to_owned()),
        file("scenario.yaml", format!("{CLUSTER}{nodes}{script}")),
    ];
    let read = Scenario::read("test", &files);
    read.map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

/// Plays with the manifests of budgets, behind the tolerations of the pods; every check must hold.
#[track_caller]
pub(crate) fn play(manifests: &str, script: &str) -> Outcome {
    let scenario = read(manifests, script).unwrap();
    play_scenario(&scenario, false)
}

/// Plays a scenario whose pods all wait behind a gate.
#[track_caller]
pub(crate) fn play_gated(script: &str) -> Outcome {
    let scenario = read("", script).unwrap();
    play_scenario(&scenario, true)
}

#[track_caller]
fn play_scenario(scenario: &Scenario, is_gating: bool) -> Outcome {
    let outcome = run(scenario, 1, vec![Box::new(AsTheyCome { is_gating })], &mut |_| {});
    assert_eq!(outcome.violations, Vec::<String>::new());
    assert!(!outcome.checks.is_empty());
    outcome
}

pub(crate) fn budget(name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {{name: {name}, namespace: shop}}\n\
         spec: {{selector: {{matchLabels: {{app: web}}}}, {spec}}}\n"
    )
}
