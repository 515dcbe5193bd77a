//! The workloads of a scenario as what a plane is made of: what each manifest says of how pods are replaced, and the
//! templates that its rollouts bring.

use std::rc::Rc;

use kube_rules::smp;
use rules::WorkloadKind;
use rules::names::POD_TEMPLATE_HASH;
use serde_json::{Value, json};

use super::setup::count;
use crate::json;
use crate::objects::{set_pod_defaults, template_hash};
use crate::plane::setup::{
    DeploymentKind, Kind, StatefulSetKind, Strategy, Template, Update, Workload, WorkloadName,
};
use crate::scenario::{self, Revision, Scenario};
use crate::time::Millis;

/// A workload; `waits`: it has no pods until a sidecar leads.
pub(super) fn workload(scenario: &Scenario, ix: usize, spec: &scenario::Workload, waits: bool) -> Workload {
    let further = scenario.script.revisions.get(ix).map_or(&[][..], Vec::as_slice);
    let first = Revision::default();
    let revisions = core::iter::once(&first).chain(further);
    Workload {
        id: Rc::new(WorkloadName {
            namespace: spec.namespace.clone(),
            name: spec.name.clone(),
        }),
        kind: kind(spec),
        templates: (0..)
            .zip(revisions)
            .map(|(number, revision)| Rc::new(template(spec, number, revision)))
            .collect(),
        replicas: if waits { 0 } else { count(spec.replicas) },
    }
}

fn kind(spec: &scenario::Workload) -> Kind {
    let number = |path: &str| spec.manifest.pointer(path).and_then(Value::as_u64);
    let seconds = |path: &str| Millis(number(path).unwrap_or(0).saturating_mul(1000));
    let says = |path: &str, word: &str| spec.manifest.pointer(path).and_then(Value::as_str) == Some(word);
    let min_ready = seconds("/spec/minReadySeconds");
    match spec.kind {
        WorkloadKind::StatefulSet => Kind::StatefulSet(Rc::new(StatefulSetKind {
            first_ordinal: count(number("/spec/ordinals/start").unwrap_or(0)),
            is_parallel: says("/spec/podManagementPolicy", "Parallel"),
            update: if says("/spec/updateStrategy/type", "OnDelete") {
                Update::OnDelete
            } else {
                let partition = number("/spec/updateStrategy/rollingUpdate/partition");
                Update::Rolling {
                    partition: count(partition.unwrap_or(0)),
                }
            },
            min_ready,
        })),
        WorkloadKind::Job => Kind::Job {
            completions: count(number("/spec/completions").unwrap_or(spec.replicas)),
            run: spec.runs_for,
            backoff_limit: count(number("/spec/backoffLimit").unwrap_or(6)),
        },
        _ => Kind::Deployment(Rc::new(DeploymentKind {
            strategy: if says("/spec/strategy/type", "Recreate") {
                Strategy::Recreate
            } else {
                let amount = |field: &str| {
                    let written = spec
                        .manifest
                        .pointer(&format!("/spec/strategy/rollingUpdate/{field}"));
                    let text = |value: &Value| {
                        value
                            .as_str()
                            .map_or_else(|| value.to_string(), ToOwned::to_owned)
                    };
                    written.map_or_else(|| "25%".to_owned(), text)
                };
                Strategy::rolling(&amount("maxSurge"), &amount("maxUnavailable"))
            },
            min_ready,
        })),
    }
}

/// A rollout changes nothing but an annotation, as `kubectl rollout restart` does, unless it says more.
fn template(spec: &scenario::Workload, number: u32, revision: &Revision) -> Template {
    let mut value = json::at(&spec.manifest, &["spec", "template"])
        .cloned()
        .unwrap_or_default();
    if let Some(patch) = &revision.patch {
        // The reader has tried it.
        value = smp::merge_pod(value.clone(), patch).unwrap_or(value);
    }
    if number > 0 {
        let at = &["metadata", "annotations", "kubectl.kubernetes.io/restartedAt"];
        json::put(&mut value, at, json!(number.to_string()));
    }
    let hash = template_hash(&value);
    if spec.kind == WorkloadKind::Deployment {
        json::put(
            &mut value,
            &["metadata", "labels", POD_TEMPLATE_HASH],
            json!(hash),
        );
    }
    if spec.kind == WorkloadKind::Job {
        json::put_default(&mut value, &["spec", "restartPolicy"], json!("Never"));
    }
    set_pod_defaults(&mut value);
    Template {
        value,
        hash,
        is_never_ready: revision.is_never_ready,
    }
}
