//! What is to be done, each with its reason.

use core::fmt;

use placement_core::{DeletionCost, Reason};
use rules::SubsetIx;
use serde_json::Value;
use spread_api::SpreadLedger;

use crate::record::{PodRecord, WorkloadId};
use crate::world::SpreadId;

/// One write to the API server.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// For whose sake.
    pub spread: SpreadId,
    /// What.
    pub action: Action,
}

/// What a write does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Gives a gated pod its subset and opens the gate.
    Bind {
        /// The pod.
        pod: PodRef,
        /// The subset.
        subset: SubsetIx,
        /// Its deletion cost, where its controller ranks by it.
        cost: Option<DeletionCost>,
        /// Why it gets it.
        reason: Reason,
        /// The write.
        patch: PodPatch,
    },
    /// Opens the gate of a pod that gets no subset.
    Release {
        /// The pod.
        pod: PodRef,
        /// Why.
        why: WhyReleased,
        /// The write.
        patch: PodPatch,
    },
    /// Deletes a pod that was never scheduled, because its subset has no place for it and it can have no other.
    /// Only with the pod's uid and version as preconditions: never one whose gate somebody opened meanwhile.
    DeletePod {
        /// The pod.
        pod: PodRef,
        /// Its `resourceVersion`.
        version: Option<u64>,
    },
    /// Gives a pod another subset as it stands: one that waits in vain gets the toleration of the next pool, one that came
    /// back to its first pool gets its label back.
    Move {
        /// The pod.
        pod: PodRef,
        /// The subset that it was in.
        from: SubsetIx,
        /// The subset.
        subset: SubsetIx,
        /// The subset's name.
        to: String,
        /// Its deletion cost, where its controller ranks by it.
        cost: Option<i32>,
        /// The write.
        patch: PodPatch,
    },
    /// Deletes a pod for which there is no node, so that its controller makes another, which goes elsewhere. Only with
    /// the pod's uid and version as preconditions: never one that got a node meanwhile.
    Recreate {
        /// The pod.
        pod: PodRef,
        /// Its `resourceVersion`.
        version: Option<u64>,
        /// The subset that it was in.
        from: SubsetIx,
        /// Why.
        why: WhyRecreated,
    },
    /// Evicts a pod that runs, so that its controller makes another, which goes to a subset where a place is free. Only with
    /// the pod's uid and version as preconditions, and only if its PodDisruptionBudget allows it.
    Evict {
        /// The pod.
        pod: PodRef,
        /// Its `resourceVersion`.
        version: Option<u64>,
        /// The subset that it is in, if any.
        from: Option<SubsetIx>,
        /// The subset that has a free place.
        to: SubsetIx,
        /// A node of that subset on which there is room.
        node: String,
        /// Why.
        why: WhyMoved,
    },
    /// Corrects a deletion cost.
    PatchCost {
        /// The pod.
        pod: PodRef,
        /// The cost it is to have.
        cost: i32,
        /// The write.
        patch: PodPatch,
    },
    /// Gives a running pod that was never placed the subset it fits.
    Adopt {
        /// The pod.
        pod: PodRef,
        /// The subset.
        subset: SubsetIx,
        /// The write.
        patch: PodPatch,
    },
    /// Writes the ledger, by server-side apply with one field owner.
    PublishLedger(Box<SpreadLedger>),
    /// Removes the ledger of a spread that is no more.
    RemoveLedger,
    /// Tells people.
    Note(Note),
}

/// Which pod: a name alone may be another pod's by now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodRef {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
}

/// A change of a pod. Both kinds name the uid, so that the API server refuses them for any other pod.
#[derive(Clone, Debug, PartialEq)]
pub enum PodPatch {
    /// A JSON patch (RFC 6902) that tests before it changes.
    Json(json_patch::Patch),
    /// A JSON merge patch (RFC 7396).
    Merge(Value),
}

/// Why a pod is made anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyRecreated {
    /// Its subset has no node for it.
    NoNode,
    /// It is a stepping stone of a rollout, and there is no node for it beside the old pods.
    NoNodeBeside,
}

/// Why a gate is opened for a pod that gets no subset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyReleased {
    /// No spread has its name.
    NoSpread,
    /// Every subset is at its maximum or closed, and the spread would rather exceed than wait.
    LadderFull,
    /// What every subset requires of a node contradicts what the pod itself requires.
    NotOffered,
    /// It waited as long as the spread lets it.
    TimedOut,
    /// The API server refused to bind it again and again.
    Refused,
}

/// Why a pod that runs is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WhyMoved {
    /// A rollout put it there as a stepping stone.
    SteppingStone,
    /// It was let go without a subset, and one has a place by now.
    Unplaced,
    /// Its subset stands above its percent maximum, and no order of removal keeps that.
    AboveMaximum,
    /// A subset that comes before its own has a place.
    Home,
}

/// An Event on the workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The workload; `None`: pods are chosen by label, the Event is the ledger's.
    pub regarding: Option<WorkloadId>,
    /// The workload's uid, where it was seen.
    pub uid: Option<String>,
    /// How bad.
    pub severity: Severity,
    /// In one word, such as `PodReleased`.
    pub reason: &'static str,
    /// In a sentence.
    pub text: String,
}

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// `Normal`.
    Normal,
    /// `Warning`.
    Warning,
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It was done, now or by an earlier attempt; the pod as it is now, where the answer holds one.
    Done(Option<Box<PodRecord>>),
    /// The object is no more, or is another by now.
    Gone,
    /// The API server refused it, and the pod, looked at again, still is not what the step would have made of it:
    /// something was edited meanwhile, or it is not allowed. Planned anew after a while.
    Refused(String),
    /// Nobody knows: no answer, a server error. What was assumed stays assumed, and the same is tried again.
    Unknown(String),
}

impl Action {
    /// A word for logs and metrics.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Bind { .. } => "bind",
            Self::Release { .. } => "release",
            Self::DeletePod { .. } => "delete",
            Self::Move { .. } => "move",
            Self::Recreate { .. } => "recreate",
            Self::Evict { .. } => "evict",
            Self::PatchCost { .. } => "cost",
            Self::Adopt { .. } => "adopt",
            Self::PublishLedger(_) => "publish",
            Self::RemoveLedger => "unpublish",
            Self::Note(_) => "event",
        }
    }

    /// The pod that is changed.
    #[must_use]
    pub const fn pod(&self) -> Option<&PodRef> {
        match self {
            Self::Bind { pod, .. }
            | Self::Release { pod, .. }
            | Self::DeletePod { pod, .. }
            | Self::Move { pod, .. }
            | Self::Recreate { pod, .. }
            | Self::Evict { pod, .. }
            | Self::PatchCost { pod, .. }
            | Self::Adopt { pod, .. } => Some(pod),
            Self::PublishLedger(_) | Self::RemoveLedger | Self::Note(_) => None,
        }
    }
}

impl fmt::Display for PodRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl fmt::Display for WhyReleased {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSpread => "no spread has the name that the pod carries",
            Self::LadderFull => "every subset is at its maximum or closed",
            Self::NotOffered => "its own node selector or affinity contradicts that of every subset",
            Self::TimedOut => "no place came free in time",
            Self::Refused => "the API server refused to bind the pod",
        })
    }
}

impl WhyMoved {
    /// A word for metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::SteppingStone => "stepping_stone",
            Self::Unplaced => "unplaced",
            Self::AboveMaximum => "above_maximum",
            Self::Home => "home",
        }
    }
}

impl fmt::Display for WhyMoved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SteppingStone => "it stood there only for a rollout",
            Self::Unplaced => "it has no subset, and one has a place and a node",
            Self::AboveMaximum => "its subset stands above its maximum",
            Self::Home => "a subset before its own has a place and a node",
        })
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        })
    }
}
