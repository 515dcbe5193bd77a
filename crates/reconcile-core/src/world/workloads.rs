//! Workloads and what stands between them and their pods, found by name, by uid and by whoever owns them.

use std::collections::{BTreeMap, BTreeSet};

use rules::{Spread, Target, WorkloadKind};
use slab::Slab;

use super::World;
use crate::record::{WorkloadId, WorkloadRecord};

/// All that were seen.
#[derive(Debug, Default)]
pub(crate) struct Workloads {
    places: Slab<WorkloadRecord>,
    by_id: BTreeMap<WorkloadId, usize>,
    by_uid: BTreeMap<String, usize>,
    /// By the controller that they name, whether that one was seen or not.
    owned: BTreeMap<WorkloadId, BTreeSet<usize>>,
}

impl Workloads {
    pub(crate) fn get(&self, id: &WorkloadId) -> Option<&WorkloadRecord> {
        self.places.get(*self.by_id.get(id)?)
    }

    pub(crate) fn of_uid(&self, uid: &str) -> Option<&WorkloadRecord> {
        self.places.get(*self.by_uid.get(uid)?)
    }

    /// Those with the same controller, the workload itself among them; none where it has no controller.
    pub(crate) fn siblings<'w>(
        &'w self,
        workload: &'w WorkloadRecord,
    ) -> impl Iterator<Item = &'w WorkloadRecord> {
        let uid = workload.owner.as_ref().map(|owner| owner.uid.as_str());
        let owned = owner_id(workload).and_then(|owner| self.owned.get(&owner));
        let owned = owned.into_iter().flatten();
        let owned = owned.filter_map(|place| self.places.get(*place));
        owned.filter(move |other| other.owner.as_ref().map(|owner| owner.uid.as_str()) == uid)
    }

    pub(super) fn insert(&mut self, workload: WorkloadRecord) {
        self.remove(&workload.id);
        let (id, uid, owner) = (workload.id.clone(), workload.uid.clone(), owner_id(&workload));
        let place = self.places.insert(workload);
        self.by_id.insert(id, place);
        self.by_uid.insert(uid, place);
        if let Some(owner) = owner {
            self.owned.entry(owner).or_default().insert(place);
        }
    }

    pub(super) fn remove(&mut self, id: &WorkloadId) {
        let Some(place) = self.by_id.remove(id) else {
            return;
        };
        let Some(workload) = self.places.try_remove(place) else {
            return;
        };
        if self.by_uid.get(&workload.uid) == Some(&place) {
            self.by_uid.remove(&workload.uid);
        }
        let Some(owner) = owner_id(&workload) else { return };
        if let Some(owned) = self.owned.get_mut(&owner) {
            owned.remove(&place);
            if owned.is_empty() {
                self.owned.remove(&owner);
            }
        }
    }
}

/// Who controls a workload. Owners of namespaced objects are of the same namespace, or of none.
fn owner_id(workload: &WorkloadRecord) -> Option<WorkloadId> {
    let owner = &workload.owner.as_ref()?.owner;
    Some(WorkloadId {
        namespace: workload.id.namespace.clone(),
        kind: owner.kind.clone(),
        name: owner.name.clone(),
    })
}

impl World {
    /// The workload that a spread names, as it was last seen.
    pub(crate) fn workload_of(&self, spread: &Spread) -> Option<&WorkloadRecord> {
        self.workloads.get(&target_of(spread)?)
    }

    /// The ReplicaSets of the Deployment that a spread names, or the one that it names itself.
    pub(crate) fn sets_of(&self, spread: &Spread) -> impl Iterator<Item = &WorkloadRecord> {
        let target = target_of(spread);
        let itself = target.as_ref().and_then(|target| self.workloads.get(target));
        let owned = target
            .as_ref()
            .and_then(|target| self.workloads.owned.get(target))
            .into_iter()
            .flatten();
        let owned = owned.filter_map(|place| self.workloads.places.get(*place));
        let is_set = |workload: &&WorkloadRecord| workload.id.kind.known() == Some(WorkloadKind::ReplicaSet);
        itself.into_iter().chain(owned).filter(is_set)
    }
}

fn target_of(spread: &Spread) -> Option<WorkloadId> {
    let Target::Workload { kind, name, .. } = spread.target() else {
        return None;
    };
    Some(WorkloadId {
        namespace: spread.namespace().to_owned(),
        kind: kind.clone(),
        name: name.clone(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::json;

    use super::{WorkloadId, WorkloadRecord, Workloads};

    /// A ReplicaSet of a few names, owned by one of a few Deployments or by nobody; made anew, it has another uid.
    fn set(name: u8, owner: u8, uid: u8) -> WorkloadRecord {
        let mut object = json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {"namespace": "shop", "name": format!("set-{name}"), "uid": format!("{name}-{uid}")},
        });
        if owner > 0 {
            object["metadata"]["ownerReferences"] = json!([{
                "apiVersion": "apps/v1", "kind": "Deployment", "controller": true,
                "name": format!("web-{}", owner % 2), "uid": format!("web-{owner}"),
            }]);
        }
        WorkloadRecord::read(&object).unwrap()
    }

    proptest! {
        #[test]
        fn what_the_indexes_find_is_what_a_look_at_all_of_them_finds(
            events in prop::collection::vec((0_u8..6, 0_u8..4, 0_u8..2, prop::bool::weighted(0.3)), 1..60),
        ) {
            let mut workloads = Workloads::default();
            let mut all: BTreeMap<WorkloadId, WorkloadRecord> = BTreeMap::new();
            for (name, owner, uid, is_gone) in events {
                let set = set(name, owner, uid);
                if is_gone {
                    workloads.remove(&set.id);
                    all.remove(&set.id);
                } else {
                    workloads.insert(set.clone());
                    all.insert(set.id.clone(), set);
                }
                for name in 0..6 {
                    for uid in 0..2 {
                        let known = all.values().find(|set| set.uid == format!("{name}-{uid}"));
                        prop_assert_eq!(workloads.of_uid(&format!("{name}-{uid}")), known);
                    }
                }
                for set in all.values() {
                    prop_assert_eq!(workloads.get(&set.id), Some(set));
                    let has_same = |other: &&WorkloadRecord| other.owner.is_some() && other.owner == set.owner;
                    let mut siblings: Vec<&WorkloadRecord> = workloads.siblings(set).collect();
                    siblings.sort_by_key(|sibling| &sibling.id);
                    prop_assert_eq!(siblings, all.values().filter(has_same).collect::<Vec<_>>());
                }
            }
        }
    }
}
