//! The Deployment controller.

use std::rc::Rc;

use super::rollout::{Share, Wanted};
use crate::plane::Plane;
use crate::plane::objects::{Deployment, Kind, Object, ReplicaSet, SetStatus, set_key};
use crate::plane::setup::{Kind as WorkloadKind, Template};

impl Plane<'_> {
    pub(super) fn sync_deployment(&mut self, workload: usize) {
        let Some(deployment) = self.controllers.deployments.get(&workload).cloned() else {
            return;
        };
        let Some(WorkloadKind::Deployment {
            max_surge,
            max_unavailable,
        }) = self.setup.workloads.get(workload).map(|workload| &workload.kind)
        else {
            return;
        };
        let known = self.controllers.sets.range((workload, 0)..=(workload, u32::MAX));
        let mut sets: Vec<Rc<ReplicaSet>> = known.map(|(_, set)| Rc::clone(set)).collect();
        sets.sort_by_key(|set| (set.created, set.name.clone()));
        let status = sets.iter().map(|set| set.status.replicas).sum();
        let wanted = Wanted::new(deployment.replicas, max_surge, max_unavailable, status);
        if deployment.status_replicas != status {
            self.put_deployment(Deployment {
                status_replicas: status,
                ..deployment.as_ref().clone()
            });
        }
        let newest = sets.iter().map(|set| set.ordinal).max().unwrap_or(0);
        let Some(new) = sets.iter().find(|set| set.template == deployment.template) else {
            self.new_set(&deployment, &sets, wanted, newest + 1);
            return;
        };
        let share = |set: &Rc<ReplicaSet>| Share {
            is_new: set.template == deployment.template,
            replicas: set.replicas,
            available: set.status.available,
            desired: set.desired,
            max: set.max,
        };
        let shares: Vec<Share> = sets.iter().map(share).collect();
        let ordinal_of_new = if new.ordinal == newest { newest } else { newest + 1 };
        if wanted.is_scaling(&shares) {
            let sizes = wanted.scaled(&shares);
            for (set, size) in sets.iter().zip(sizes) {
                self.resize(set, size, wanted, set.ordinal);
            }
            return;
        }
        let size = wanted.of_new(&shares).unwrap_or(0);
        if size != new.replicas || new.ordinal != ordinal_of_new || new.desired != wanted.replicas {
            self.resize(new, size, wanted, ordinal_of_new);
            return;
        }
        for (set, size) in sets.iter().zip(wanted.of_old(&shares)) {
            if set.name != new.name && size != set.replicas {
                self.resize(set, size, wanted, set.ordinal);
            }
        }
    }

    pub(super) fn template(&self, workload: usize, number: u32) -> Option<Rc<Template>> {
        let templates = &self.setup.workloads.get(workload)?.templates;
        templates.get(usize::try_from(number).ok()?).cloned()
    }

    fn new_set(&mut self, deployment: &Deployment, sets: &[Rc<ReplicaSet>], wanted: Wanted, ordinal: u64) {
        let Some(template) = self.template(deployment.workload, deployment.template) else {
            return;
        };
        let hash = template.hash.clone();
        let name = format!("{}-{hash}", deployment.id.name);
        if self
            .store
            .of(set_key(deployment.workload, deployment.template))
            .is_some()
        {
            return;
        }
        let mut shares: Vec<Share> = sets
            .iter()
            .map(|set| Share {
                is_new: false,
                replicas: set.replicas,
                available: set.status.available,
                desired: set.desired,
                max: set.max,
            })
            .collect();
        shares.push(Share {
            is_new: true,
            replicas: 0,
            available: 0,
            desired: wanted.replicas,
            max: 0,
        });
        let set = ReplicaSet {
            workload: deployment.workload,
            id: Rc::clone(&deployment.id),
            uid: self.chance.uids.uuid(),
            version: self.store.next_version(),
            owner: deployment.uid.clone(),
            created: self.now,
            template: deployment.template,
            made_of: template,
            hash,
            ordinal,
            replicas: wanted.of_new(&shares).unwrap_or(0),
            desired: wanted.replicas,
            max: wanted.replicas + wanted.surge,
            status: SetStatus::default(),
            name,
        };
        self.put(Object::ReplicaSet(Rc::new(set)));
    }

    /// Writes what the controller saw last: refused by the API server if it is not the newest.
    fn resize(&mut self, set: &ReplicaSet, size: u32, wanted: Wanted, ordinal: u64) {
        let new = ReplicaSet {
            replicas: size,
            desired: wanted.replicas,
            max: wanted.replicas + wanted.surge,
            ordinal,
            ..set.clone()
        };
        if new != *set {
            self.put_set(new);
        }
    }

    fn put_deployment(&mut self, mut deployment: Deployment) {
        let stored = self.store.of((Kind::Deployment, deployment.workload as u64));
        if !matches!(stored, Some(Object::Deployment(stored)) if stored.version == deployment.version) {
            return;
        }
        deployment.version = self.store.next_version();
        self.put(Object::Deployment(Rc::new(deployment)));
    }
}
