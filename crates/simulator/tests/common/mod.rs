//! Doubles and folders for the tests of the simulator.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may fail"
)]

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};
use simulator::{
    Admission, AdmissionCall, AdmissionFailure, Answer, Change, Millis, Outcome, SUBSET_LABEL, Scenario,
    SourceFile, Verdict, Write, run,
};

/// Places every pod in the first subset whose maximum the watches do not show as reached: first-fit on a late view.
#[derive(Default)]
pub(crate) struct FirstFit {
    pub(crate) maximum: u64,
    /// When each call was made.
    pub(crate) calls: Vec<Millis>,
    /// Answers to give instead, first come first served.
    pub(crate) script: VecDeque<Result<Answer, AdmissionFailure>>,
    coming: VecDeque<Change>,
    pods: BTreeMap<String, bool>,
}

impl FirstFit {
    pub(crate) fn new(maximum: u64) -> Self {
        Self {
            maximum,
            ..Self::default()
        }
    }
}

impl Admission for FirstFit {
    fn watch(&mut self, change: Change) {
        assert!(
            self.coming.back().is_none_or(|last| last.seen <= change.seen),
            "the watch keeps its order"
        );
        self.coming.push_back(change);
    }

    fn admit(&mut self, call: &AdmissionCall<'_>) -> Result<Answer, AdmissionFailure> {
        while let Some(change) = self.coming.pop_front_if(|change| change.seen <= call.now) {
            match change.write {
                Write::Stored(object) if object["kind"] == "Pod" => {
                    let name = object["metadata"]["name"].as_str().unwrap().to_owned();
                    self.pods
                        .insert(name, object["metadata"]["labels"][SUBSET_LABEL] == "fixed");
                }
                Write::Removed { name, .. } => drop(self.pods.remove(&name)),
                Write::Stored(_) => {}
            }
        }
        self.calls.push(call.now);
        if let Some(answer) = self.script.pop_front() {
            return answer;
        }
        let fixed = self.pods.values().filter(|fixed| **fixed).count() as u64;
        let (subset, kind, cost) = if fixed < self.maximum {
            ("fixed", "plain", "100")
        } else {
            ("elastic", "virtual", "-100")
        };
        let mut pod = call.review["request"]["object"].clone();
        pod["metadata"]["labels"][SUBSET_LABEL] = json!(subset);
        pod["metadata"]["annotations"] = json!({"controller.kubernetes.io/pod-deletion-cost": cost});
        pod["spec"]["nodeSelector"] = json!({"type": kind});
        let host_calls = BTreeMap::from([("list".to_owned(), 1)]);
        Ok(Answer {
            verdict: Verdict::Changed(pod),
            warnings: Vec::new(),
            host_calls,
        })
    }
}

/// A folder with one Deployment, a subset `fixed` of 10 and a subset `elastic`, and this script.
pub(crate) fn scenario(script: &str) -> Scenario {
    with_settings(script, "")
}

/// The same, with a further field of the spread; then a sidecar binds.
pub(crate) fn with_settings(script: &str, further: &str) -> Scenario {
    let observe = if further.is_empty() {
        ""
    } else {
        "observe: Ledger\n"
    };
    let deployment = "\
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
    let settings = "\
spreads:
- name: web
  namespace: shop
FURTHER  targetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  subsets: [{name: fixed, maxReplicas: 10}, {name: elastic}]
";
    let nodes = "\
nodes:
- {name: plain, count: 3, pods: 100, labels: {type: plain}}
- {name: virtual, pods: 5000, labels: {type: virtual}}
";
    let file = |name: &str, text: String| SourceFile {
        name: name.to_owned(),
        text,
    };
    let files = [
        file("deployment.yaml", deployment.to_owned()),
        file("settings.yaml", settings.replace("FURTHER", further) + observe),
        file("scenario.yaml", format!("{script}{nodes}")),
    ];
    Scenario::read("test", &files).unwrap_or_else(|faults| panic!("{faults:?}"))
}

pub(crate) fn play(script: &str, seed: u64, admission: &mut dyn Admission) -> Outcome {
    run(&scenario(script), seed, vec![Box::new(admission)], &mut |_| {})
}

pub(crate) fn split(outcome: &Outcome) -> Value {
    json!(outcome.report.final_split)
}
