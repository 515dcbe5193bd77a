//! The fields of a pod that are read: of the one that arrives, and of those that are listed.

use core::fmt;
use std::collections::BTreeMap;

use serde::de::{Deserialize, Deserializer, IgnoredAny};
use serde::Deserialize as DeriveDeserialize;

use super::{Text, revision_key};
use crate::names::{CONTROLLER_REVISION_HASH, POD_TEMPLATE_HASH, SPREAD_LABEL, SUBSET_LABEL};
use crate::spread::{GroupKind, WorkloadKind};

/// Labels or annotations.
pub type Labels<'a> = BTreeMap<Text<'a>, Text<'a>>;

/// A pod as it arrives for admission.
#[derive(Debug, DeriveDeserialize)]
pub struct PodHead<'a> {
    /// `metadata`.
    #[serde(borrow, default)]
    pub metadata: PodMetadata<'a>,
    /// `status`.
    #[serde(borrow, default)]
    pub status: Option<PodStatus<'a>>,
}

/// The metadata of an arriving pod.
#[derive(Debug, Default, DeriveDeserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodMetadata<'a> {
    /// Empty where the API server makes the name after admission.
    #[serde(borrow, default)]
    pub name: Option<Text<'a>>,
    /// The namespace; the request's own counts where it is absent.
    #[serde(borrow, default)]
    pub namespace: Option<Text<'a>>,
    /// The labels.
    #[serde(borrow, default)]
    pub labels: Option<Labels<'a>>,
    /// The annotations.
    #[serde(borrow, default)]
    pub annotations: Option<Labels<'a>>,
    /// The owners.
    #[serde(borrow, default)]
    pub owner_references: Option<Vec<OwnerReference<'a>>>,
    /// Set while the pod is being deleted.
    #[serde(default)]
    pub deletion_timestamp: Present,
}

/// The status of a pod.
#[derive(Debug, Default, DeriveDeserialize)]
pub struct PodStatus<'a> {
    /// `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`.
    #[serde(borrow, default)]
    pub phase: Option<Text<'a>>,
}

/// One owner of an object.
#[derive(Clone, Debug, DeriveDeserialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnerReference<'a> {
    /// Group and version of the owner.
    #[serde(borrow)]
    pub api_version: Text<'a>,
    /// Its kind.
    #[serde(borrow)]
    pub kind: Text<'a>,
    /// Its name, in the same namespace.
    #[serde(borrow)]
    pub name: Text<'a>,
    /// Its uid.
    #[serde(borrow, default)]
    pub uid: Option<Text<'a>>,
    /// Whether it is the one that manages the object.
    #[serde(default)]
    pub controller: Option<bool>,
}

/// Whether a field has a value, whatever it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Present(pub bool);

/// A pod of a list, as far as counting needs it.
#[derive(Debug, DeriveDeserialize)]
pub struct ListedPod<'a> {
    #[serde(borrow, default)]
    metadata: ListedMetadata<'a>,
    #[serde(borrow, default)]
    status: Option<PodStatus<'a>>,
}

#[derive(Debug, Default, DeriveDeserialize)]
#[serde(rename_all = "camelCase")]
struct ListedMetadata<'a> {
    #[serde(borrow, default)]
    labels: Option<ListedLabels<'a>>,
    #[serde(borrow, default)]
    owner_references: Option<Vec<OwnerReference<'a>>>,
    #[serde(default)]
    deletion_timestamp: Present,
}

#[derive(Debug, Default, DeriveDeserialize)]
struct ListedLabels<'a> {
    #[serde(borrow, default, rename = "spillway.dev/spread")]
    spread: Option<Text<'a>>,
    #[serde(borrow, default, rename = "spillway.dev/subset")]
    subset: Option<Text<'a>>,
    #[serde(borrow, default, rename = "pod-template-hash")]
    template: Option<Text<'a>>,
    #[serde(borrow, default, rename = "controller-revision-hash")]
    revision: Option<Text<'a>>,
}

/// What counting needs to know of one pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodFacts<'a> {
    /// The spread that it belongs to.
    pub spread: Option<&'a str>,
    /// The subset that it was placed in.
    pub subset: Option<&'a str>,
    /// Its revision, as [`revision_key`] tells it.
    pub revision: Option<&'a str>,
    /// Succeeded or Failed.
    pub finished: bool,
    /// Being deleted.
    pub terminating: bool,
}

impl PodHead<'_> {
    /// Whether it is neither finished nor being deleted.
    #[must_use]
    pub fn is_active(&self) -> bool {
        !self.metadata.deletion_timestamp.0 && !is_finished(self.status.as_ref())
    }

    /// The owner that manages it.
    #[must_use]
    pub fn controller(&self) -> Option<&OwnerReference<'_>> {
        controller(self.metadata.owner_references.as_deref())
    }

    /// One of its labels.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&str> {
        self.metadata.labels.as_ref()?.get(key).map(Text::as_str)
    }

    /// One of its annotations.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.metadata.annotations.as_ref()?.get(key).map(Text::as_str)
    }

    /// Its revision: `None` where its owner's kind has none.
    #[must_use]
    pub fn revision(&self) -> Option<&str> {
        let owner = self.controller().and_then(OwnerReference::known);
        revision_key(owner, self.label(POD_TEMPLATE_HASH), self.label(CONTROLLER_REVISION_HASH))
    }
}

impl ListedPod<'_> {
    /// What counting needs.
    #[must_use]
    pub fn facts(&self) -> PodFacts<'_> {
        let labels = self.metadata.labels.as_ref();
        let owner = self.owner().and_then(OwnerReference::known);
        let template = labels.and_then(|labels| labels.template.as_ref()).map(Text::as_str);
        let revision = labels.and_then(|labels| labels.revision.as_ref()).map(Text::as_str);
        PodFacts {
            spread: labels.and_then(|labels| labels.spread.as_ref()).map(Text::as_str),
            subset: labels.and_then(|labels| labels.subset.as_ref()).map(Text::as_str),
            revision: revision_key(owner, template, revision),
            finished: is_finished(self.status.as_ref()),
            terminating: self.metadata.deletion_timestamp.0,
        }
    }

    /// The owner that manages it.
    #[must_use]
    pub fn owner(&self) -> Option<&OwnerReference<'_>> {
        controller(self.metadata.owner_references.as_deref())
    }
}

impl OwnerReference<'_> {
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

/// The owner that manages an object.
pub(super) fn controller<'o, 'a>(owners: Option<&'o [OwnerReference<'a>]>) -> Option<&'o OwnerReference<'a>> {
    owners?.iter().find(|owner| owner.controller == Some(true))
}

fn is_finished(status: Option<&PodStatus<'_>>) -> bool {
    let phase = status.and_then(|status| status.phase.as_ref());
    phase.is_some_and(|phase| matches!(phase.as_str(), "Succeeded" | "Failed"))
}

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<IgnoredAny>::deserialize(deserializer).map(|value| Self(value.is_some()))
    }
}

impl fmt::Display for GroupKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.group.is_empty() {
            f.write_str(&self.kind)
        } else {
            write!(f, "{}/{}", self.group, self.kind)
        }
    }
}

// The serde renames above cannot name constants; this keeps the two from drifting apart.
const _: () = {
    assert!(matches!(SPREAD_LABEL.as_bytes(), b"spillway.dev/spread"));
    assert!(matches!(SUBSET_LABEL.as_bytes(), b"spillway.dev/subset"));
    assert!(matches!(POD_TEMPLATE_HASH.as_bytes(), b"pod-template-hash"));
    assert!(matches!(CONTROLLER_REVISION_HASH.as_bytes(), b"controller-revision-hash"));
};
