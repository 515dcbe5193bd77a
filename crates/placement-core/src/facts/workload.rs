//! The fields of a workload, or of an object between a workload and its pods, that are read.

use serde::Deserialize;

use super::pod::controller;
use super::{Labels, OwnerReference, Text};
use crate::names::DESIRED_REPLICAS_ANNOTATION;
use crate::spread::WorkloadKind;

/// A workload as a list answers it.
#[derive(Debug, Deserialize)]
pub struct WorkloadFacts<'a> {
    #[serde(borrow, default)]
    metadata: Metadata<'a>,
    #[serde(default)]
    spec: Option<serde_json::Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    #[serde(borrow, default)]
    annotations: Option<Labels<'a>>,
    #[serde(borrow, default)]
    owner_references: Option<Vec<OwnerReference<'a>>>,
}

impl<'a> WorkloadFacts<'a> {
    /// Reads one item of a list.
    ///
    /// # Errors
    /// When the text is no object with readable metadata.
    pub fn read(item: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(item)
    }

    /// The owner that manages it.
    #[must_use]
    pub fn controller(&self) -> Option<&OwnerReference<'a>> {
        controller(self.metadata.owner_references.as_deref())
    }

    /// The replicas that it asks for itself: `spec.parallelism` of a Job, `spec.replicas` of all
    /// others; 1 where it is absent, which is the API server's default.
    #[must_use]
    pub fn replicas(&self, kind: WorkloadKind) -> u32 {
        let field = if kind == WorkloadKind::Job { "parallelism" } else { "replicas" };
        let value = self.spec.as_ref().and_then(|spec| spec.get(field));
        match value {
            None | Some(serde_json::Value::Null) => 1,
            Some(value) => value.as_u64().and_then(|value| u32::try_from(value).ok()).unwrap_or(0),
        }
    }

    /// The Deployment's replicas, which the Deployment controller writes on each ReplicaSet that it
    /// scales.
    #[must_use]
    pub fn desired_by_owner(&self) -> Option<u32> {
        let annotations = self.metadata.annotations.as_ref()?;
        annotations.get(DESIRED_REPLICAS_ANNOTATION).map(Text::as_str)?.parse().ok()
    }

    /// The first ordinal of a StatefulSet.
    #[must_use]
    pub fn first_ordinal(&self) -> u32 {
        let start = self.spec.as_ref().and_then(|spec| spec.pointer("/ordinals/start"));
        start.and_then(serde_json::Value::as_u64).and_then(|start| u32::try_from(start).ok()).unwrap_or(0)
    }
}
