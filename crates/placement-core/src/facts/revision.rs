//! Which revision of its workload a pod belongs to, and which number it has.

use rules::WorkloadKind;
use rules::names::POD_TEMPLATE_HASH;
use serde_json::Value;

/// The revision of a pod, by the rule of WorkloadSpread: pods of ReplicaSets and Deployments have
/// their `pod-template-hash`, else the last part of `controller-revision-hash`; pods of all other
/// kinds share one revision, which is `None`.
#[must_use]
pub fn revision_key<'a>(
    owner: Option<WorkloadKind>,
    template_hash: Option<&'a str>,
    revision_hash: Option<&'a str>,
) -> Option<&'a str> {
    if !owner.is_some_and(WorkloadKind::has_revisions) {
        return None;
    }
    key_of_labels(template_hash, revision_hash)
}

/// The revision that a pod's labels tell, whoever owns it.
pub(super) fn key_of_labels<'a>(
    template_hash: Option<&'a str>,
    revision_hash: Option<&'a str>,
) -> Option<&'a str> {
    template_hash
        .filter(|hash| !hash.is_empty())
        .or_else(|| revision_hash.and_then(|hash| hash.rsplit('-').next()))
        .filter(|key| !key.is_empty())
}

/// The number at the end of a StatefulSet pod's name: `db-4` has 4.
#[must_use]
pub fn ordinal(pod_name: &str) -> Option<u32> {
    let (_, digits) = pod_name.rsplit_once('-')?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

/// The key of a workload's newest revision: for a Deployment the `pod-template-hash` of the
/// ReplicaSet that it owns, that is not being deleted, and that has its template; for a ReplicaSet
/// its own label. `Ok(None)` for kinds whose pods share one revision.
///
/// # Errors
/// When a Deployment has no such ReplicaSet yet.
pub fn latest_revision(workload: &Value, replica_sets: &[Value]) -> Result<Option<String>, NoRevision> {
    let text = |object: &Value, path: &str| {
        object
            .pointer(path)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let kind = WorkloadKind::named(&text(workload, "/apiVersion"), &text(workload, "/kind"));
    let hash = |object: &Value| {
        let label = object
            .pointer("/metadata/labels")
            .and_then(|labels| labels.get(POD_TEMPLATE_HASH));
        label.and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    match kind {
        Some(WorkloadKind::ReplicaSet) => Ok(Some(hash(workload))),
        Some(WorkloadKind::Deployment) => {
            let uid = text(workload, "/metadata/uid");
            let wanted = template(workload);
            let mut current: Vec<&Value> = replica_sets
                .iter()
                .filter(|set| {
                    set.pointer("/metadata/deletionTimestamp")
                        .is_none_or(Value::is_null)
                })
                .filter(|set| is_controlled_by(set, &uid) && template(set) == wanted)
                .collect();
            // Where several have the template, the Deployment controller takes the oldest.
            current.sort_by_key(|set| text(set, "/metadata/creationTimestamp"));
            current.first().map(|set| Some(hash(set))).ok_or(NoRevision)
        }
        _ => Ok(None),
    }
}

/// A Deployment has no ReplicaSet of its present template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRevision;

fn is_controlled_by(object: &Value, uid: &str) -> bool {
    let owners = object
        .pointer("/metadata/ownerReferences")
        .and_then(Value::as_array);
    owners.into_iter().flatten().any(|owner| {
        owner.get("controller").and_then(Value::as_bool) == Some(true)
            && owner.get("uid").and_then(Value::as_str) == Some(uid)
    })
}

/// The template without the label that tells ReplicaSets apart.
fn template(workload: &Value) -> Option<Value> {
    let mut template = workload.pointer("/spec/template")?.clone();
    if let Some(labels) = template
        .pointer_mut("/metadata/labels")
        .and_then(Value::as_object_mut)
    {
        labels.remove(POD_TEMPLATE_HASH);
    }
    Some(template)
}
