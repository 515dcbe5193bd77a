//! Which revision a pod is of: that of its workload, or, where a selector takes the pods of several workloads, whether it is
//! of the newest of its own.

use std::collections::{BTreeMap, BTreeSet};

use rules::{Rollout, Spread, Target, WorkloadKind};

use crate::ledger::replicas;
use crate::plan::Planning;
use crate::record::WorkloadRecord;
use crate::world::KnownPod;

/// The pods of the newest revision of every workload that a selector takes.
const NEWEST: &str = "";

impl<'w> Planning<'w> {
    /// The revision on whose ladder a pod stands; `None`: all stand on one.
    pub(crate) fn scope<'p>(&self, spread: &Spread, pod: &'p KnownPod) -> Option<&'p str> {
        if spread.is_per_revision() {
            return pod.record.revision.as_deref();
        }
        if !has_generations(spread) {
            return None;
        }
        let owner = pod.record.owner.as_ref();
        let is_old = owner.is_some_and(|owner| self.old_sets().contains(owner.uid.as_str()));
        match is_old {
            true => pod.record.revision.as_deref(),
            false => Some(NEWEST),
        }
    }

    /// How many pods there are to be: the replicas of the workload, or of all whose pods a selector takes. `None`: not
    /// known.
    pub(crate) fn wanted(&self, spread: &Spread) -> Option<u32> {
        match spread.target() {
            Target::Workload { .. } => replicas(self.world, spread),
            Target::Selector(_) if has_generations(spread) => self.wanted_of_all(),
            Target::Selector(_) => None,
        }
    }

    fn wanted_of_all(&self) -> Option<u32> {
        let workloads = &self.world.workloads;
        let mut wanted: BTreeMap<&str, u32> = BTreeMap::new();
        for pod in self.world.pods_of(self.id).filter(|pod| pod.record.is_active()) {
            let Some(owner) = &pod.record.owner else {
                wanted.insert(&pod.record.uid, 1);
                continue;
            };
            let set = workloads.of_uid(&owner.uid)?;
            match &set.owner {
                Some(above) => {
                    let deployment = workloads.of_uid(&above.uid);
                    let replicas = deployment.map(|deployment| deployment.replicas);
                    wanted.insert(&above.uid, replicas.or(set.desired_by_owner)?);
                }
                None if set.id.kind.known().is_some() => {
                    wanted.insert(&set.uid, set.replicas);
                }
                None => return None,
            }
        }
        Some(wanted.values().fold(0, |sum, wanted| sum.saturating_add(*wanted)))
    }

    /// The uids of ReplicaSets of this spread's pods whose Deployment has a newer one.
    fn old_sets(&self) -> &BTreeSet<&'w str> {
        self.old_sets.get_or_init(|| {
            let workloads = &self.world.workloads;
            let owners = self
                .world
                .pods_of(self.id)
                .filter_map(|pod| pod.record.owner.as_ref());
            let uids: BTreeSet<&str> = owners.map(|owner| owner.uid.as_str()).collect();
            let is_old = |uid: &&str| {
                let set = workloads.of_uid(uid).filter(|set| is_replica_set(set));
                set.is_some_and(|set| {
                    let mut others = workloads.siblings(set).filter(|other| is_replica_set(other));
                    others.any(|other| set.revision_order() < other.revision_order())
                })
            };
            uids.into_iter().filter(is_old).collect()
        })
    }

    /// Whether pods of several revisions of one workload are there.
    pub(crate) fn has_revisions(&self, spread: &Spread) -> bool {
        let mut active = self.world.pods_of(self.id).filter(|pod| pod.record.is_active());
        if has_generations(spread) {
            return active.any(|pod| self.scope(spread, pod) != Some(NEWEST));
        }
        let first = active.next().map(|pod| pod.record.revision.as_deref());
        first.is_some_and(|first| active.any(|pod| pod.record.revision.as_deref() != first))
    }
}

/// Whether the pods of several workloads stand on one ladder, each workload with revisions of its own.
fn has_generations(spread: &Spread) -> bool {
    let is_selector = matches!(spread.target(), Target::Selector(_));
    is_selector && spread.rollout() == Rollout::Keep && spread.has_shared_maximums()
}

fn is_replica_set(workload: &WorkloadRecord) -> bool {
    workload.id.kind.known() == Some(WorkloadKind::ReplicaSet)
}
