//! What somebody wrote, field by field, before the rules between fields are checked.

use kube_rules::labels::LabelSelector;
use serde_json::Value;

use crate::amount::Amount;
use crate::rebalance::Rebalance;
use crate::spread::{Binding, Capacity, Rollout, Strategy, Terminating};
use crate::target::{GroupKind, ReplicasPath};

/// A field of a draft. `Faulty` means that its fault was reported already, so that the check of
/// the rules between fields does not report it again.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Field<T> {
    /// Not written.
    #[default]
    Absent,
    /// Written, and refused by the reader.
    Faulty,
    /// Written, and of the right shape.
    Set(T),
}

/// A spread as it was written.
#[derive(Clone, Debug, Default)]
pub struct SpreadDraft {
    /// Where it stands, such as `spreads[0]`; every fault's path begins with it.
    pub path: String,
    /// Its name.
    pub name: Field<String>,
    /// Its namespace.
    pub namespace: Field<String>,
    /// `targetRef`.
    pub target_ref: Field<TargetDraft>,
    /// `selector`.
    pub selector: Field<LabelSelector>,
    /// `targetFilter.selector`.
    pub filter: Field<LabelSelector>,
    /// `targetFilter.replicasPathList`.
    pub replicas: Field<Vec<ReplicasPath>>,
    /// `subsets`.
    pub subsets: Field<Vec<SubsetDraft>>,
    /// `capacity`.
    pub capacity: Field<Capacity>,
    /// `binding`.
    pub binding: Field<Binding>,
    /// `gateTimeoutSeconds`.
    pub gate_timeout_seconds: Field<u32>,
    /// `rollout`, or what `maximumScope` says of it.
    pub rollout: Field<Rollout>,
    /// `terminating`.
    pub terminating: Field<Terminating>,
    /// `scheduleStrategy`, already put together.
    pub strategy: Field<Strategy>,
    /// `rebalance`.
    pub rebalance: Field<Rebalance>,
}

impl<T> Field<T> {
    /// Whether something was written, be it faulty.
    pub fn is_written(&self) -> bool {
        !matches!(self, Self::Absent)
    }

    /// The value, where it is of the right shape.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Absent | Self::Faulty => None,
        }
    }

    /// The value; the default where it is absent, `None` where it is faulty.
    pub fn or_default(self) -> Option<T>
    where
        T: Default,
    {
        match self {
            Self::Set(value) => Some(value),
            Self::Absent => Some(T::default()),
            Self::Faulty => None,
        }
    }
}

/// `targetRef` as it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetDraft {
    /// Group and kind.
    pub kind: GroupKind,
    /// The version.
    pub version: String,
    /// The workload's name.
    pub name: String,
}

/// A subset as it was written.
#[derive(Clone, Debug, Default)]
pub struct SubsetDraft {
    /// Its name.
    pub name: Field<String>,
    /// `minReplicas`.
    pub min: Field<Amount>,
    /// `maxReplicas`.
    pub max: Field<Amount>,
    /// `replicas`, a percentage.
    pub share: Field<Amount>,
    /// `requiredNodeSelectorTerm`.
    pub required: Field<Value>,
    /// `preferredNodeSelectorTerms`.
    pub preferred: Field<Vec<Value>>,
    /// `tolerations`.
    pub tolerations: Field<Vec<Value>>,
    /// `patch`.
    pub patch: Field<Value>,
}
