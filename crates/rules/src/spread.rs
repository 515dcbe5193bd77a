//! The rule for one workload, checked.

use core::num::NonZeroU32;

use crate::amount::Amount;
use crate::overlay::Overlay;
use crate::rebalance::Rebalance;
use crate::target::{Target, WorkloadKind};

/// A checked spread. Its fields are private: a value of this type keeps every rule of
/// [`FaultCode`](crate::FaultCode).
#[derive(Clone, Debug, PartialEq)]
pub struct Spread {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) target: Target,
    pub(crate) fill: Fill,
    pub(crate) subsets: Vec<Subset>,
    pub(crate) capacity: Capacity,
    pub(crate) binding: Binding,
    pub(crate) gate_timeout_seconds: u32,
    pub(crate) rollout: Rollout,
    pub(crate) terminating: Terminating,
    pub(crate) strategy: Strategy,
    pub(crate) rebalance: Rebalance,
}

/// A named pool: what a pod gets that is placed in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Subset {
    pub(crate) name: String,
    pub(crate) overlay: Overlay,
}

/// The place of a subset in its spread's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubsetIx(usize);

/// How the ladder's rungs are laid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fill {
    /// Minimums in order, then up to the maximums in order; one [`Bounds`] per subset.
    InOrder(Vec<Bounds>),
    /// Interleaved by weight; one weight per subset. Their sum is the length of one round.
    Shares(Vec<NonZeroU32>),
}

/// What one subset takes in an ordered fill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Filled before any subset goes beyond its minimum.
    pub min: Option<Amount>,
    /// Never exceeded; absent: no end.
    pub max: Option<Amount>,
}

/// Whether a pod may wait for its place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Capacity {
    /// Bind where a binder serves the spread, otherwise best effort.
    #[default]
    Auto,
    /// Rather wait than exceed.
    Exact,
    /// Never gate.
    BestEffort,
}

/// When the overlay of a gated pod is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// When the pod is bound.
    Late,
    /// At admission; the binder releases what fits.
    Admission,
}

/// What a rollout does to the split: which revisions fill a maximum together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rollout {
    /// All together, and a pod of a new revision waits for a place of its own ladder until an old pod has left it.
    #[default]
    Keep,
    /// Each by itself, as WorkloadSpread counts: the surge stands beside the old pods for a while.
    Surge,
    /// All together, and whatever finds no place goes on to a later subset at once: the split is lost.
    Spill,
}

/// Whether pods that are being deleted hold their place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Terminating {
    /// They do not: the pod that replaces one takes its place.
    #[default]
    Ignored,
    /// They do until they are gone: a maximum that may not be passed for a second.
    Counted,
}

/// What happens to pods that find no node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// They wait.
    #[default]
    Fixed,
    /// They are moved on by the sidecar.
    Adaptive {
        /// Seconds that a pod may be unschedulable before its subset is closed.
        reschedule_critical_seconds: Option<u32>,
        /// Seconds that a subset stays closed.
        unschedulable_last_seconds: u32,
    },
}

/// How long pods that find no node are left where they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// So long a pod may be unschedulable before its subset is closed.
    pub critical_millis: i64,
    /// So long a subset stays closed before it is tried again.
    pub closed_millis: i64,
}

impl Spread {
    /// The name, unique in its namespace; also a valid label value.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The namespace whose pods it places.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Whose pods it places.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// How its ladder is laid.
    #[must_use]
    pub fn fill(&self) -> &Fill {
        &self.fill
    }

    /// The subsets, in the order that was written. Never empty.
    #[must_use]
    pub fn subsets(&self) -> &[Subset] {
        &self.subsets
    }

    /// Whether a pod may wait for its place.
    #[must_use]
    pub fn capacity(&self) -> Capacity {
        self.capacity
    }

    /// When a gated pod is given what its subset says: as written, otherwise at admission where an
    /// overlay holds what cannot be given later.
    #[must_use]
    pub fn binding(&self) -> Binding {
        self.binding
    }

    /// After so many seconds a gated pod for which there is no place is released.
    #[must_use]
    pub fn gate_timeout_seconds(&self) -> u32 {
        self.gate_timeout_seconds
    }

    /// What a rollout does to the split.
    #[must_use]
    pub fn rollout(&self) -> Rollout {
        self.rollout
    }

    /// Whether pods that are being deleted hold their place.
    #[must_use]
    pub fn terminating(&self) -> Terminating {
        self.terminating
    }

    /// Whether each revision has a ladder of its own. Shares always do: every rollout then ends within one pod. Labels take
    /// the pods of several workloads, whose revisions have nothing to do with each other.
    #[must_use]
    pub fn is_per_revision(&self) -> bool {
        let is_workload = matches!(self.target, Target::Workload { .. });
        let is_kept = self.rollout == Rollout::Keep || matches!(self.fill, Fill::Shares(_));
        self.rollout == Rollout::Surge || (is_workload && is_kept)
    }

    /// Whether the places of all revisions fill a maximum together.
    #[must_use]
    pub fn has_shared_maximums(&self) -> bool {
        self.rollout != Rollout::Surge && matches!(self.fill, Fill::InOrder(_))
    }

    /// What happens to pods that find no node.
    #[must_use]
    pub fn strategy(&self) -> Strategy {
        self.strategy
    }

    /// How long pods are left where there is no node for them; `None`: for ever. An ordinal names its rung: were a
    /// subset of a StatefulSet closed, all rungs above it would be other ordinals' rungs.
    #[must_use]
    pub fn patience(&self) -> Option<Patience> {
        let Strategy::Adaptive {
            reschedule_critical_seconds: Some(critical),
            unschedulable_last_seconds: last,
        } = self.strategy
        else {
            return None;
        };
        let by_ordinal = match &self.target {
            Target::Workload { kind, .. } => kind.known().is_some_and(WorkloadKind::has_ordinals),
            Target::Selector(_) => false,
        };
        (!by_ordinal && self.subsets.len() > 1).then_some(Patience {
            critical_millis: i64::from(critical) * 1000,
            closed_millis: i64::from(last) * 1000,
        })
    }

    /// The same spread where nobody moves pods.
    #[must_use]
    pub fn unmoved(self) -> Self {
        Self {
            strategy: Strategy::Fixed,
            ..self
        }
    }

    /// When pods are moved home, and how many.
    #[must_use]
    pub fn rebalance(&self) -> Rebalance {
        self.rebalance
    }

    /// Whether some of its bounds are parts of the workload, so that its ladder moves with the replicas.
    #[must_use]
    pub fn has_percentages(&self) -> bool {
        let is_percent = |amount: Option<Amount>| amount.is_some_and(Amount::is_percent);
        match &self.fill {
            Fill::InOrder(bounds) => bounds
                .iter()
                .any(|bounds| is_percent(bounds.min) || is_percent(bounds.max)),
            Fill::Shares(_) => false,
        }
    }

    /// Whether every pod goes to the one subset there is. WorkloadSpread never asks then whether it
    /// is full or closed.
    #[must_use]
    pub fn has_only_one_endless_subset(&self) -> bool {
        match &self.fill {
            Fill::InOrder(bounds) => matches!(bounds.as_slice(), [only] if only.max.is_none()),
            Fill::Shares(weights) => weights.len() == 1,
        }
    }

    /// The place of a subset in the order, by name.
    #[must_use]
    pub fn subset_named(&self, name: &str) -> Option<SubsetIx> {
        self.subsets
            .iter()
            .position(|subset| subset.name == name)
            .map(SubsetIx::new)
    }

    /// The subset at a place in the order.
    #[must_use]
    pub fn subset(&self, ix: SubsetIx) -> Option<&Subset> {
        self.subsets.get(ix.index())
    }
}

impl Subset {
    /// The name, a valid label value.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its pods get.
    #[must_use]
    pub fn overlay(&self) -> &Overlay {
        &self.overlay
    }
}

impl SubsetIx {
    /// The subset at this place, counted from 0.
    #[must_use]
    pub const fn new(index: usize) -> Self {
        Self(index)
    }

    /// The place, counted from 0.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0
    }
}
