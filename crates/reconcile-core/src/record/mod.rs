//! What the world keeps of pods, workloads and nodes: only what a plan looks at.

mod outline;
mod pod;
mod workload;

use std::collections::BTreeMap;

use kube_rules::nodes::{NodeFacts, Resources, Taint, pods};
use kube_rules::time::UnixMillis;
pub use outline::Outline;
pub use pod::{Phase, PodRecord};
use rules::GroupKind;
use rules::Owner;
use serde::Deserialize;
use serde_json::Value;
pub use workload::WorkloadRecord;

/// A controller of pods, or of other controllers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerRecord {
    /// Kind and name.
    pub owner: Owner,
    /// Its uid.
    pub uid: String,
}

/// Which workload.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WorkloadId {
    /// Its namespace.
    pub namespace: String,
    /// Group and kind.
    pub kind: GroupKind,
    /// Its name.
    pub name: String,
}

/// A node, as far as adoption and closed subsets look.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeRecord {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its taints.
    pub taints: Vec<Taint>,
    /// When it was created.
    pub created: UnixMillis,
    /// Whether it is cordoned.
    pub is_cordoned: bool,
    /// Whether it says that it is not ready.
    pub is_unready: bool,
    /// What pods may take of it; `None`: not known.
    pub allocatable: Option<Resources>,
    /// How many pods it takes; `None`: not known.
    pub pods: Option<u64>,
}

/// Why an object cannot be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable(pub String);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(default)]
    name: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    uid: String,
    #[serde(default)]
    resource_version: Option<String>,
    #[serde(default)]
    creation_timestamp: Option<String>,
    #[serde(default)]
    deletion_timestamp: Option<Value>,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
    #[serde(default)]
    owner_references: Option<Vec<Reference>>,
    #[serde(default)]
    managed_fields: Option<Vec<Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    api_version: String,
    kind: String,
    name: String,
    #[serde(default)]
    uid: String,
    #[serde(default)]
    controller: Option<bool>,
}

#[derive(Deserialize)]
struct Object {
    metadata: Metadata,
    #[serde(default)]
    spec: Value,
    #[serde(default)]
    status: Value,
}

impl Object {
    fn read(object: &Value) -> Result<Self, Unreadable> {
        Self::deserialize(object).map_err(|error| Unreadable(error.to_string()))
    }
}

impl Metadata {
    fn controller(&self) -> Option<OwnerRecord> {
        let references = self.owner_references.as_deref().unwrap_or_default();
        let reference = references
            .iter()
            .find(|reference| reference.controller == Some(true))?;
        Some(OwnerRecord {
            owner: Owner {
                kind: GroupKind::of(&reference.api_version, &reference.kind)?,
                name: reference.name.clone(),
            },
            uid: reference.uid.clone(),
        })
    }

    /// Whether whoever made the pod named its node. The scheduler's binding is no edit of a field, and nobody else may set
    /// it later.
    fn was_made_with_node(&self) -> bool {
        let entries = self.managed_fields.as_deref().unwrap_or_default();
        let names_node = |entry: &Value| entry.pointer("/fieldsV1/f:spec/f:nodeName").is_some();
        entries.iter().any(names_node)
    }

    fn created(&self) -> UnixMillis {
        let created = self.creation_timestamp.as_deref().and_then(UnixMillis::parse);
        created.unwrap_or_default()
    }

    fn label(&self, key: &str) -> Option<&str> {
        self.labels.as_ref()?.get(key).map(String::as_str)
    }

    fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.as_ref()?.get(key).map(String::as_str)
    }
}

impl NodeRecord {
    /// What is kept of a node.
    ///
    /// # Errors
    /// When it has not the shape of a stored node.
    pub fn read(node: &Value) -> Result<Self, Unreadable> {
        let Object {
            metadata,
            spec,
            status,
        } = Object::read(node)?;
        let allocatable = status.get("allocatable").filter(|list| list.is_object());
        let path = "status.allocatable";
        Ok(Self {
            created: metadata.created(),
            is_cordoned: spec.get("unschedulable").and_then(Value::as_bool) == Some(true),
            is_unready: is_unready(&status),
            allocatable: allocatable.and_then(|list| Resources::read(Some(list), path).ok()),
            pods: pods(allocatable, path).unwrap_or_default(),
            name: metadata.name,
            labels: metadata.labels.unwrap_or_default(),
            taints: spec
                .get("taints")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Taint::read)
                .collect(),
        })
    }

    /// What node selector terms look at.
    #[must_use]
    pub fn facts(&self) -> NodeFacts<'_> {
        NodeFacts {
            name: &self.name,
            labels: &self.labels,
        }
    }
}

/// A node that says nothing of it is taken to be ready.
fn is_unready(status: &Value) -> bool {
    let conditions = status.get("conditions").and_then(Value::as_array);
    let text = |condition: &Value, field: &str, word: &str| {
        condition.get(field).and_then(Value::as_str) == Some(word)
    };
    conditions
        .into_iter()
        .flatten()
        .any(|condition| text(condition, "type", "Ready") && !text(condition, "status", "True"))
}

impl core::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "the object cannot be read: {}", self.0)
    }
}

impl core::error::Error for Unreadable {}

impl core::fmt::Display for WorkloadId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} {}/{}", self.kind.kind, self.namespace, self.name)
    }
}
