//! Pods that no spread has, by the controller that they name: once that one is seen, one may have them after all.

use std::collections::{BTreeMap, BTreeSet};

use crate::record::{PodRecord, WorkloadId};

/// Those whose namespace has rules; of the others nobody asks before rules change, and then all are looked at.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    by_owner: BTreeMap<WorkloadId, BTreeSet<usize>>,
    owners: BTreeMap<usize, WorkloadId>,
}

impl Strangers {
    /// The pod at this place is one.
    pub(super) fn insert(&mut self, place: usize, pod: &PodRecord) {
        let owner = pod.owner.as_ref().map(|owner| WorkloadId {
            namespace: pod.namespace.clone(),
            kind: owner.owner.kind.clone(),
            name: owner.owner.name.clone(),
        });
        if self.owners.get(&place) == owner.as_ref() {
            return;
        }
        self.remove(place);
        if let Some(owner) = owner {
            self.by_owner.entry(owner.clone()).or_default().insert(place);
            self.owners.insert(place, owner);
        }
    }

    /// The pod at this place is none, or is no more.
    pub(super) fn remove(&mut self, place: usize) {
        let Some(owner) = self.owners.remove(&place) else {
            return;
        };
        if let Some(places) = self.by_owner.get_mut(&owner) {
            places.remove(&place);
            if places.is_empty() {
                self.by_owner.remove(&owner);
            }
        }
    }

    /// Those that name this controller.
    pub(super) fn of(&self, owner: &WorkloadId) -> Vec<usize> {
        self.by_owner.get(owner).into_iter().flatten().copied().collect()
    }
}
