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
        let sets = self.world.workloads_by_uid();
        let mut wanted: BTreeMap<&str, u32> = BTreeMap::new();
        for pod in self.world.pods_of(self.id).filter(|pod| pod.record.is_active()) {
            let Some(owner) = &pod.record.owner else {
                wanted.insert(&pod.record.uid, 1);
                continue;
            };
            let set = sets.get(owner.uid.as_str())?;
            match &set.owner {
                Some(above) => {
                    let deployment = sets.get(above.uid.as_str());
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

    /// The uids of ReplicaSets whose Deployment has a newer one.
    fn old_sets(&self) -> &BTreeSet<&'w str> {
        self.old_sets.get_or_init(|| {
            let mut newest: BTreeMap<&str, &WorkloadRecord> = BTreeMap::new();
            let sets = || {
                let here = self.world.workloads_in(&self.id.namespace);
                here.filter(|set| set.id.kind.known() == Some(WorkloadKind::ReplicaSet))
            };
            for set in sets() {
                let Some(owner) = &set.owner else { continue };
                let known = newest.entry(&owner.uid).or_insert(set);
                if (known.ordinal, known.created) < (set.ordinal, set.created) {
                    *known = set;
                }
            }
            let is_old = |set: &&WorkloadRecord| {
                let owner = set.owner.as_ref();
                owner.is_some_and(|owner| {
                    newest
                        .get(owner.uid.as_str())
                        .is_some_and(|new| new.uid != set.uid)
                })
            };
            sets().filter(is_old).map(|set| set.uid.as_str()).collect()
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

impl crate::world::World {
    fn workloads_in<'w>(&'w self, namespace: &'w str) -> impl Iterator<Item = &'w WorkloadRecord> {
        self.workloads
            .values()
            .filter(move |workload| workload.id.namespace == namespace)
    }

    fn workloads_by_uid(&self) -> BTreeMap<&str, &WorkloadRecord> {
        self.workloads
            .values()
            .map(|workload| (workload.uid.as_str(), workload))
            .collect()
    }
}
