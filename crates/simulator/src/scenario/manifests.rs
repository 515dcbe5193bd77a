//! The manifests of a scenario: workloads are played, objects that do not place pods are named and left out.

use std::collections::BTreeMap;

use rules::WorkloadKind;
use serde_json::Value;

use super::autoscalers::{Autoscaler, read_autoscalers};
use super::budgets::read_budget;
use super::reader::{At, Fault, Faults, Fields};
use super::{SCRIPT_FILE, SETTINGS_FILE, SourceFile, documents, unplayed};
use crate::disruption::DisruptionBudget;
use crate::time::Millis;

/// Workloads that would have to be played; leaving one out without a word would falsify the result.
const UNPLAYED_WORKLOADS: [&str; 5] = ["DaemonSet", "ReplicaSet", "CronJob", "CloneSet", "Pod"];

/// Workloads that are played, and their versions.
const PLAYED_WORKLOADS: [(&str, WorkloadKind, &str); 3] = [
    ("Deployment", WorkloadKind::Deployment, "apps/v1"),
    ("StatefulSet", WorkloadKind::StatefulSet, "apps/v1"),
    ("Job", WorkloadKind::Job, "batch/v1"),
];

/// A workload that is played.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    /// Its kind.
    pub kind: WorkloadKind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its replicas before the first event, or the parallelism of a Job.
    pub replicas: u64,
    /// How long a pod of a Job runs.
    pub runs_for: Millis,
    /// The labels of its pods.
    pub pod_labels: BTreeMap<String, String>,
    /// The whole manifest.
    pub manifest: Value,
}

/// What the manifests of a folder hold.
pub(super) struct Manifests {
    pub(super) workloads: Vec<Workload>,
    pub(super) autoscalers: Vec<Autoscaler>,
    pub(super) budgets: Vec<DisruptionBudget>,
    pub(super) notes: Vec<String>,
}

/// What becomes of a workload or document that cannot be played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unplayed {
    /// It is a fault.
    Refused,
    /// It is named in a note, and left out.
    Noted,
}

pub(super) fn read(files: &[SourceFile], faults: &mut Vec<Fault>) -> Manifests {
    read_with(files, Unplayed::Refused, faults)
}

pub(super) fn read_with(files: &[SourceFile], unplayed: Unplayed, faults: &mut Vec<Fault>) -> Manifests {
    let mut notes = Vec::new();
    let mut workloads: Vec<Workload> = Vec::new();
    let mut scalers = Vec::new();
    let mut budgets = Vec::new();
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
                Some(kind) if UNPLAYED_WORKLOADS.contains(&kind) && unplayed == Unplayed::Refused => {
                    at.fault(format!(
                        "a `{kind}` is not played; write a Deployment, a StatefulSet or a Job"
                    ));
                }
                Some("HorizontalPodAutoscaler" | "ScaledObject") => {
                    scalers.push((file.name.clone(), node.clone()))
                }
                Some("PodDisruptionBudget") => {
                    let budget = read_budget(&at, node, &value);
                    if let Some(budget) = &budget
                        && budgets
                            .iter()
                            .any(|other: &DisruptionBudget| other.is_named_as(budget))
                    {
                        at.fault(format!("a second {budget}; write another name"));
                    }
                    budgets.extend(budget);
                }
                Some(kind) => {
                    let played = PLAYED_WORKLOADS.iter().find(|(name, ..)| *name == kind);
                    if let Some((_, kind, version)) = played {
                        attempts += 1;
                        let Some(workload) = read_workload(&at, *kind, version, value) else {
                            continue;
                        };
                        if workloads.iter().any(|other| other.name == workload.name) {
                            at.fault(format!(
                                "a second workload `{}`; write another name",
                                workload.name
                            ));
                        }
                        let name = format!("{} `{}`", workload.kind.kind(), workload.name);
                        let unplayed = unplayed::paths(workload.kind, &workload.manifest).into_iter();
                        notes.extend(
                            unplayed.map(|path| format!("{}: {name}: `{path}` is not played", file.name)),
                        );
                        workloads.push(workload);
                        continue;
                    }
                    let name = value
                        .pointer("/metadata/name")
                        .and_then(Value::as_str)
                        .unwrap_or("");
                    notes.push(format!("{}: {kind} `{name}` is not played", file.name));
                }
                None if unplayed == Unplayed::Noted => {
                    notes.push(format!("{}: no `kind`, so no manifest; left out", file.name));
                }
                None => at.fault("no `kind`; write a Kubernetes manifest"),
            }
        }
        faults.extend(here.into_found());
    }
    if attempts == 0 {
        let (file, found) = match unplayed {
            Unplayed::Refused => ("deployment.yaml", "the folder has no workload"),
            Unplayed::Noted => ("-f", "found no workload"),
        };
        let here = Faults::of(file);
        let wanted = "write a manifest of kind `Deployment`, `StatefulSet` or `Job`";
        here.add(None, "", format!("{found}; {wanted}"));
        faults.extend(here.into_found());
    }
    for budget in &budgets {
        if !workloads
            .iter()
            .any(|workload| budget.selects(&workload.namespace, &workload.pod_labels))
        {
            let name = &budget.name;
            notes.push(format!(
                "the PodDisruptionBudget `{name}` selects the pods of no workload"
            ));
        }
    }
    Manifests {
        autoscalers: read_autoscalers(&scalers, &workloads, faults),
        budgets,
        workloads,
        notes,
    }
}

/// The manifest is the user's and the API server's affair; only what the controllers need is checked.
fn read_workload(
    at: &At<'_>,
    kind: WorkloadKind,
    api_version: &'static str,
    manifest: Value,
) -> Option<Workload> {
    let fields = at.as_map("a workload")?;
    if let Some(version) = fields.required("apiVersion", &format!("`{api_version}`")) {
        version.as_one_of(&[(api_version, ())]);
    }
    let metadata = fields
        .required("metadata", "`name` and `namespace`")?
        .as_map("`name` and `namespace`")?;
    let name = metadata
        .required("name", "the workload's name")
        .and_then(|at| at.as_text("the workload's name"));
    let namespace = metadata
        .optional("namespace")
        .map_or(Some("default"), |at| at.as_text("a namespace"));
    let spec = fields
        .required("spec", "`selector` and `template`")?
        .as_map("`selector` and `template`")?;
    let replicas = spec
        .optional(if kind == WorkloadKind::Job {
            "parallelism"
        } else {
            "replicas"
        })
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
    if kind != WorkloadKind::Job {
        check_selector(&spec, &labels)?;
    }
    Some(Workload {
        kind,
        runs_for: runs_for(&metadata)?,
        namespace: namespace?.to_owned(),
        name: name?.to_owned(),
        replicas: replicas?,
        pod_labels: labels,
        manifest,
    })
}

fn check_selector(spec: &Fields<'_>, labels: &BTreeMap<String, String>) -> Option<()> {
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
    Some(())
}

/// How long a pod of a Job runs: no manifest says that, so an annotation does.
fn runs_for(metadata: &Fields<'_>) -> Option<Millis> {
    const LASTS: &str = "simulator.spillway.dev/runs-for";
    let annotations = metadata.optional("annotations");
    let entries = annotations.map(|at| at.as_entries("a map of annotations"));
    let found = entries.into_iter().flatten().find(|(name, _)| *name == LASTS);
    found.map_or(Some(Millis(60_000)), |(_, at)| at.as_span())
}
