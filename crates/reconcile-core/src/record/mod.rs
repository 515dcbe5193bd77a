//! What the world keeps of pods, workloads and nodes: only what a plan looks at.

mod needs;
mod node;
mod outline;
mod pod;
mod workload;

use std::collections::BTreeMap;

pub use needs::NodeNeeds;
pub use node::{Allocatable, NodeRecord};
pub use outline::Outline;
use placement_core::matching::Owner;
use placement_core::spread::GroupKind;
use placement_core::time::UnixMillis;
pub use pod::{Phase, PodRecord};
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
