//! The cluster of a vector, as our policy would find it.
//!
//! Pods of a vector carry Kruise's marker alone; the policy counts by labels of its own, which a
//! pod that was placed by it would have. Nothing else is added to a pod.

use rules::names::{DESIRED_REPLICAS_ANNOTATION, KRUISE_MARKER, SPREAD_LABEL, SUBSET_LABEL};
use rules::{GroupKind, WorkloadKind};
use serde_json::{Value, json};

use crate::settings::namespace;

/// A text of an object; empty where it is absent.
pub(crate) fn text<'v>(object: &'v Value, path: &str) -> &'v str {
    object.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

/// The group and kind of an object, or of a reference to one.
pub(crate) fn group_kind(object: &Value) -> Option<GroupKind> {
    GroupKind::of(text(object, "/apiVersion"), text(object, "/kind"))
}

/// The owner that manages an object.
pub(crate) fn controller(object: &Value) -> Option<&Value> {
    let owners = object.pointer("/metadata/ownerReferences")?.as_array()?;
    owners
        .iter()
        .find(|owner| owner.get("controller") == Some(&Value::Bool(true)))
}

/// One uid for all revisions in the vectors; a cluster has one for each ReplicaSet.
pub(crate) fn uid_of_set(owner: &Value) -> String {
    format!("{}-{}", text(owner, "/uid"), text(owner, "/name"))
}

/// The object of a group, kind and name in a namespace.
pub(crate) fn find<'v>(
    objects: &'v [Value],
    kind: &GroupKind,
    name: &str,
    within: &str,
) -> Option<&'v Value> {
    objects.iter().find(|object| {
        group_kind(object).as_ref() == Some(kind)
            && text(object, "/metadata/name") == name
            && namespace(object) == within
    })
}

/// A pod as it is listed: named, and with the labels that say where it was placed.
pub(crate) fn listed(pod: &Value, number: usize) -> Value {
    let mut pod = named(pod, number);
    // Early releases of Kruise wrote the marker's keys in other cases.
    let marker = marker(&pod).map(|marker| (field(&marker, "name"), field(&marker, "subset")));
    if let Some((Some(spread), Some(subset))) = marker
        && let Some(metadata) = pod.get_mut("metadata").and_then(Value::as_object_mut)
        && let Some(labels) = metadata
            .entry("labels")
            .or_insert_with(|| json!({}))
            .as_object_mut()
    {
        labels.insert(SPREAD_LABEL.to_owned(), Value::from(spread));
        labels.insert(SUBSET_LABEL.to_owned(), Value::from(subset));
    }
    pod
}

/// The marker of a pod, parsed.
pub(crate) fn marker(pod: &Value) -> Option<Value> {
    let annotations = pod.pointer("/metadata/annotations")?.as_object()?;
    serde_json::from_str(annotations.get(KRUISE_MARKER)?.as_str()?).ok()
}

/// A text field of a marker, whatever the case of its key.
pub(crate) fn field(marker: &Value, name: &str) -> Option<String> {
    let (_, value) = marker
        .as_object()?
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    value.as_str().map(str::to_owned)
}

/// The objects, each under the version that the policy lists: an API server serves all of them.
pub(crate) fn served(objects: &[Value], custom: &Value) -> Vec<Value> {
    let version = |kind: &GroupKind| {
        let listed = custom.as_array().into_iter().flatten().flat_map(|workload| {
            let subs = workload.get("subResources").and_then(Value::as_array);
            core::iter::once(workload).chain(subs.into_iter().flatten())
        });
        let custom = listed
            .filter(|listed| group_kind(listed).as_ref() == Some(kind))
            .map(|listed| text(listed, "/apiVersion"));
        kind.known()
            .map(WorkloadKind::api_version)
            .or(custom.into_iter().next())
            .map(str::to_owned)
    };
    objects
        .iter()
        .map(|object| {
            let mut object = in_namespace(object);
            if let Some(version) = group_kind(&object).as_ref().and_then(version) {
                set(&mut object, "apiVersion", Value::from(version));
            }
            object
        })
        .collect()
}

/// What the Deployment controller makes before any pod: the ReplicaSet that owns the pod, with its
/// owner and with the Deployment's replicas. Vectors on the choice of a subset leave it out.
pub(crate) fn with_replica_set(mut objects: Vec<Value>, pod: &Value, target: &Value) -> Vec<Value> {
    let deployment = GroupKind {
        group: "apps".to_owned(),
        kind: "Deployment".to_owned(),
    };
    let Some(owner) = controller(pod) else {
        return objects;
    };
    let Some(kind) = group_kind(owner).filter(|kind| kind.known() == Some(WorkloadKind::ReplicaSet)) else {
        return objects;
    };
    if group_kind(target).as_ref() != Some(&deployment) {
        return objects;
    }
    let (within, name) = (namespace(pod), text(owner, "/name"));
    if find(&objects, &kind, name, within).is_some() {
        return objects;
    }
    let mut replica_set = json!({
        "apiVersion": WorkloadKind::ReplicaSet.api_version(),
        "kind": WorkloadKind::ReplicaSet.kind(),
        "metadata": {
            "name": name,
            "namespace": within,
            "ownerReferences": [
                {"apiVersion": "apps/v1", "kind": "Deployment", "name": text(target, "/name"), "uid": "d", "controller": true},
            ],
            "annotations": {},
        },
    });
    let replicas = find(&objects, &deployment, text(target, "/name"), within)
        .and_then(|deployment| deployment.pointer("/spec/replicas"))
        .and_then(Value::as_u64);
    if let (Some(replicas), Some(annotations)) = (replicas, replica_set.pointer_mut("/metadata/annotations"))
    {
        set(
            annotations,
            DESIRED_REPLICAS_ANNOTATION,
            Value::from(replicas.to_string()),
        );
    }
    objects.push(replica_set);
    objects
}

/// A pod that has the name which the API server would give it.
pub(crate) fn named(pod: &Value, number: usize) -> Value {
    let mut pod = in_namespace(pod);
    if text(&pod, "/metadata/name").is_empty() {
        let name = format!("{}generated-{number}", text(&pod, "/metadata/generateName"));
        if let Some(metadata) = pod.get_mut("metadata") {
            set(metadata, "name", Value::from(name));
        }
    }
    pod
}

/// An object of kind and version Pod, or of its own, with its namespace written out.
fn in_namespace(object: &Value) -> Value {
    let mut object = object.clone();
    let within = namespace(&object).to_owned();
    if text(&object, "/kind").is_empty() {
        set(&mut object, "kind", Value::from("Pod"));
        set(&mut object, "apiVersion", Value::from("v1"));
    }
    if object.get("metadata").is_none() {
        set(&mut object, "metadata", json!({}));
    }
    if let Some(metadata) = object.get_mut("metadata") {
        set(metadata, "namespace", Value::from(within));
    }
    object
}

fn set(object: &mut Value, key: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(key.to_owned(), value);
    }
}
