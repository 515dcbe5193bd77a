//! The manifests of a scenario: one Deployment is played, objects that do not place pods are named and left out.

use std::collections::BTreeMap;

use serde_json::Value;

use super::reader::{At, Fault, Faults};
use super::{SCRIPT_FILE, SETTINGS_FILE, SourceFile, documents};

/// Workloads that would have to be played; leaving one out without a word would falsify the result.
const UNPLAYED_WORKLOADS: [&str; 7] = [
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "Job",
    "CronJob",
    "CloneSet",
    "Pod",
];

/// The Deployment that is played.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its replicas before the first event.
    pub replicas: u64,
    /// The labels of its pods.
    pub pod_labels: BTreeMap<String, String>,
    /// The whole manifest.
    pub manifest: Value,
}

pub(super) fn read(files: &[SourceFile], faults: &mut Vec<Fault>) -> (Option<Workload>, Vec<String>) {
    let mut notes = Vec::new();
    let mut workloads = Vec::new();
    let mut attempts = 0_usize;
    for file in files
        .iter()
        .filter(|file| file.name != SCRIPT_FILE && file.name != SETTINGS_FILE)
    {
        let found = documents(file, faults);
        let here = Faults::of(&file.name);
        for node in &found {
            let at = At::root(node, &here);
            let value = at.value();
            match value.get("kind").and_then(Value::as_str) {
                Some("Deployment") => {
                    attempts += 1;
                    workloads.extend(read_deployment(&at, value).filter(|_| attempts == 1));
                    if attempts > 1 {
                        at.fault("a second Deployment; a scenario plays exactly one");
                    }
                }
                Some(kind) if UNPLAYED_WORKLOADS.contains(&kind) => {
                    at.fault(format!("a `{kind}` is not played; write a Deployment"));
                }
                Some(kind) => {
                    let name = value
                        .pointer("/metadata/name")
                        .and_then(Value::as_str)
                        .unwrap_or("");
                    notes.push(format!("{}: {kind} `{name}` is not played", file.name));
                }
                None => at.fault("no `kind`; write a Kubernetes manifest"),
            }
        }
        faults.extend(here.into_found());
    }
    if attempts == 0 {
        let here = Faults::of("deployment.yaml");
        here.add(
            None,
            "",
            "the folder has no Deployment; write one manifest of kind `Deployment`",
        );
        faults.extend(here.into_found());
    }
    (workloads.pop(), notes)
}

/// The manifest is the user's and the API server's affair; only what the controllers need is checked.
fn read_deployment(at: &At<'_>, manifest: Value) -> Option<Workload> {
    let fields = at.as_map("a Deployment")?;
    if let Some(version) = fields.required("apiVersion", "`apps/v1`") {
        version.as_one_of(&[("apps/v1", ())]);
    }
    let metadata = fields
        .required("metadata", "`name` and `namespace`")?
        .as_map("`name` and `namespace`")?;
    let name = metadata
        .required("name", "the Deployment's name")
        .and_then(|at| at.as_text("the Deployment's name"));
    let namespace = metadata
        .optional("namespace")
        .map_or(Some("default"), |at| at.as_text("a namespace"));
    let spec = fields
        .required("spec", "`selector` and `template`")?
        .as_map("`selector` and `template`")?;
    let replicas = spec
        .optional("replicas")
        .map_or(Some(1), |at| at.as_number(0, 1_000_000));
    let template = spec
        .required("template", "the pods' template")?
        .as_map("the pods' template")?;
    let template_metadata = template.required("metadata", "`labels`")?.as_map("`labels`")?;
    let labels = template_metadata
        .required("labels", "the pods' labels")?
        .as_texts("a map of labels");
    template
        .required("spec", "the pods' spec")?
        .as_map("the pods' spec")?;
    let selector = spec
        .required("selector", "`matchLabels`")?
        .as_map("`matchLabels`")?;
    let match_labels = selector.required("matchLabels", "labels of the template")?;
    for (key, value) in match_labels.as_texts("a map of labels") {
        if labels.get(&key) != Some(&value) {
            match_labels.fault(format!(
                "`{key}: {value}` is not among the template's labels; write a label of the template"
            ));
        }
    }
    Some(Workload {
        namespace: namespace?.to_owned(),
        name: name?.to_owned(),
        replicas: replicas?,
        pod_labels: labels,
        manifest,
    })
}
