//! The fields of a workload, or of an object between a workload and its pods, that are read.

use rules::WorkloadKind;
use rules::names::DESIRED_REPLICAS_ANNOTATION;

use super::{FieldError, Fields, OwnerReference, Texts};

/// A workload as a list answers it.
#[derive(Debug)]
pub struct WorkloadFacts<'a> {
    annotations: Texts<'a>,
    controller: Option<OwnerReference<'a>>,
    spec: Fields<'a>,
}

impl<'a> WorkloadFacts<'a> {
    /// Reads one item of a list.
    ///
    /// # Errors
    /// When the text is no object with readable metadata.
    pub fn read(item: &'a str) -> Result<Self, FieldError> {
        let item = Fields::of(item, "item")?;
        let metadata = item.object("metadata")?;
        Ok(Self {
            annotations: Texts::of(&metadata, "annotations")?,
            controller: OwnerReference::controller(&metadata)?,
            spec: item.object("spec").unwrap_or_default(),
        })
    }

    /// The owner that manages it.
    #[must_use]
    pub fn controller(&self) -> Option<&OwnerReference<'a>> {
        self.controller.as_ref()
    }

    /// The replicas that it asks for itself: `spec.parallelism` of a Job, `spec.replicas` of all
    /// others; 1 where it is absent, which is the API server's default, and 0 where it is no number
    /// of pods.
    #[must_use]
    pub fn replicas(&self, kind: WorkloadKind) -> u32 {
        let field = if kind == WorkloadKind::Job {
            "parallelism"
        } else {
            "replicas"
        };
        self.spec
            .raw(field)
            .map_or(1, |value| value.get().parse().unwrap_or(0))
    }

    /// The Deployment's replicas, which the Deployment controller writes on each ReplicaSet that it
    /// scales.
    #[must_use]
    pub fn desired_by_owner(&self) -> Option<u32> {
        self.annotations.named(DESIRED_REPLICAS_ANNOTATION)?.parse().ok()
    }

    /// The first ordinal of a StatefulSet.
    #[must_use]
    pub fn first_ordinal(&self) -> u32 {
        let ordinals = self.spec.object("ordinals").unwrap_or_default();
        ordinals
            .raw("start")
            .and_then(|start| start.get().parse().ok())
            .unwrap_or(0)
    }
}
