//! The fields that are read of a pod that arrives.

use kube_rules::nodes::NodeAffinity;
use rules::names::{CONTROLLER_REVISION_HASH, MIRROR_ANNOTATION, PLACEMENT_GATE, POD_TEMPLATE_HASH};
use rules::{GroupKind, WorkloadKind};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{FieldError, Fields, Foreign, Text, Texts, revision_key};

/// A pod as it arrives for admission.
#[derive(Debug)]
pub struct PodHead<'a> {
    name: Option<Text<'a>>,
    labels: Texts<'a>,
    annotations: Texts<'a>,
    controller: Option<OwnerReference<'a>>,
    is_active: bool,
    spec: Option<&'a RawValue>,
}

/// One owner of an object.
#[derive(Clone, Debug)]
pub struct OwnerReference<'a> {
    /// Group and version of the owner.
    pub api_version: Text<'a>,
    /// Its kind.
    pub kind: Text<'a>,
    /// Its name, in the same namespace.
    pub name: Text<'a>,
}

impl<'a> PodHead<'a> {
    /// Reads what is needed of a pod.
    ///
    /// # Errors
    /// When a field that is needed has another type than a pod's.
    pub fn read(pod: &'a str) -> Result<Self, FieldError> {
        let pod = Fields::of(pod, "object")?;
        let metadata = pod.object("metadata")?;
        let phase = pod.object("status")?.text("phase")?;
        let is_finished = phase.is_some_and(|phase| is_finished(phase.as_str()));
        Ok(Self {
            name: metadata.text("name")?,
            labels: Texts::of(&metadata, "labels")?,
            annotations: Texts::of(&metadata, "annotations")?,
            controller: OwnerReference::controller(&metadata)?,
            is_active: !is_finished && metadata.raw("deletionTimestamp").is_none(),
            spec: pod.raw("spec"),
        })
    }

    /// The name; absent where the API server makes it after admission.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_ref().map(Text::as_str)
    }

    /// Whether it is neither finished nor being deleted.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.is_active
    }

    /// Whether it has the gate of Spillway already.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.spec.is_some_and(|spec| is_held(spec).unwrap_or(false))
    }

    /// Why it is not ours to place, if it is not.
    #[must_use]
    pub fn foreign(&self) -> Option<Foreign> {
        let controller = self.controller().and_then(OwnerReference::group_kind);
        let has_node = self.spec.is_some_and(|spec| has_node(spec).unwrap_or(false));
        let is_mirror = self.annotation(MIRROR_ANNOTATION).is_some();
        Foreign::of(controller.as_ref(), is_mirror, has_node)
    }

    /// What it requires of a node itself. What cannot be read requires nothing.
    #[must_use]
    pub fn wishes(&self) -> NodeAffinity {
        let spec = self.spec.and_then(|spec| Fields::of(spec.get(), "spec").ok());
        let kept = ["nodeSelector", "affinity"].into_iter().filter_map(|field| {
            let value = spec.as_ref()?.raw(field)?;
            Some((field.to_owned(), serde_json::from_str(value.get()).ok()?))
        });
        NodeAffinity::of_pod(&Value::Object(kept.collect()))
    }

    /// The owner that manages it.
    #[must_use]
    pub fn controller(&self) -> Option<&OwnerReference<'a>> {
        self.controller.as_ref()
    }

    /// One of its labels.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&str> {
        self.labels.named(key)
    }

    /// One of its annotations.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.named(key)
    }

    /// Its revision: `None` where its owner's kind has none.
    #[must_use]
    pub fn revision(&self) -> Option<&str> {
        let owner = self.controller().and_then(OwnerReference::known);
        revision_key(
            owner,
            self.label(POD_TEMPLATE_HASH),
            self.label(CONTROLLER_REVISION_HASH),
        )
    }
}

impl<'a> OwnerReference<'a> {
    /// The owner in an object's metadata that manages it.
    ///
    /// # Errors
    /// When the references have not the shape that the API server gives them.
    pub(super) fn controller(metadata: &Fields<'a>) -> Result<Option<Self>, FieldError> {
        for reference in metadata.list("ownerReferences")? {
            let reference = Fields::of(reference.get(), "ownerReferences")?;
            if !reference.is_true("controller") {
                continue;
            }
            let text = |field| {
                reference
                    .text(field)
                    .map(|text| text.unwrap_or_else(|| Text::from("")))
            };
            return Ok(Some(Self {
                api_version: text("apiVersion")?,
                kind: text("kind")?,
                name: text("name")?,
            }));
        }
        Ok(None)
    }

    /// The known kind that it is.
    #[must_use]
    pub fn known(&self) -> Option<WorkloadKind> {
        WorkloadKind::named(self.api_version.as_str(), self.kind.as_str())
    }

    /// Group and kind; `None` where the apiVersion is malformed.
    #[must_use]
    pub fn group_kind(&self) -> Option<GroupKind> {
        GroupKind::of(self.api_version.as_str(), self.kind.as_str())
    }
}

fn is_held(spec: &RawValue) -> Result<bool, FieldError> {
    let spec = Fields::of(spec.get(), "spec")?;
    for gate in spec.list("schedulingGates")? {
        let name = Fields::of(gate.get(), "schedulingGates")?.text("name")?;
        if name.is_some_and(|name| name.as_str() == PLACEMENT_GATE) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn has_node(spec: &RawValue) -> Result<bool, FieldError> {
    let node = Fields::of(spec.get(), "spec")?.text("nodeName")?;
    Ok(node.is_some_and(|node| !node.as_str().is_empty()))
}

/// Whether a pod in this phase has run to its end.
pub(super) fn is_finished(phase: &str) -> bool {
    matches!(phase, "Succeeded" | "Failed")
}
