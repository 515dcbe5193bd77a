//! A pod and the spread that concerns it: what both observers look at, and what they bring back.

use kube_rules::time::UnixMillis;
use placement_core::Observation;
use placement_core::decide::Order;
use placement_core::facts::PodHead;
use placement_core::ledger::BinderRow;
use policy_settings::SettingsText;
use rules::{CustomKind, Spread, WorkloadKind};

use crate::cluster::Cluster;
use crate::envelope::Request;
use crate::matched::Matched;
use crate::owners::Owners;

/// A pod and the spread that concerns it.
pub(crate) struct Case<'a> {
    pub(crate) request: &'a Request<'a>,
    pub(crate) pod: &'a PodHead<'a>,
    pub(crate) settings: &'a SettingsText<'a>,
    pub(crate) custom: &'a [CustomKind],
    pub(crate) cluster: &'a dyn Cluster,
    /// When the admission began.
    pub(crate) now: UnixMillis,
    pub(crate) matched: &'a Matched,
}

/// What was counted for a pod.
pub(crate) struct Counted {
    /// The binder is absent where nobody can bind; otherwise one is assumed to serve, of which `binder` tells.
    pub(crate) observation: Observation,
    /// How the pod is ordered among those of its workload.
    pub(crate) order: Order,
    /// Who binds, if anybody said so. Whether they are there is not known yet.
    pub(crate) binder: Option<BinderRow>,
}

impl Case<'_> {
    pub(crate) fn spread(&self) -> &Spread {
        &self.matched.spread
    }

    /// Whether the pod has its rung by the number at the end of its name: the target owns it, and numbers its pods.
    pub(crate) fn is_by_ordinal(&self, owners: &Owners<'_>) -> bool {
        self.matched.level == Some(0) && owners.nearest_known().is_some_and(WorkloadKind::has_ordinals)
    }
}
