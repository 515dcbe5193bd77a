//! The Deployment controller: `syncDeployment` of pkg/controller/deployment. What a rolling update comes to in numbers is
//! in [`rollout`](super::rollout).

use std::rc::Rc;

use super::Owned;
use super::rollout::{Share, Wanted};
use crate::plane::Plane;
use crate::plane::objects::{Deployment, Kind, Maker, Object, ReplicaSet, SetStatus, set_key};
use crate::plane::setup::{Strategy, Template};

/// A Deployment as its controller sees it.
struct Seen {
    deployment: Rc<Deployment>,
    /// The oldest first.
    sets: Vec<Rc<ReplicaSet>>,
    wanted: Wanted,
}

impl Seen {
    fn shares(&self) -> Vec<Share> {
        self.sets.iter().map(|set| self.share(set)).collect()
    }

    fn share(&self, set: &ReplicaSet) -> Share {
        Share {
            is_new: self.is_new(set),
            replicas: set.replicas,
            available: set.status.available,
            desired: set.desired,
            max: set.max,
        }
    }

    fn is_new(&self, set: &ReplicaSet) -> bool {
        set.template == self.deployment.template
    }

    fn new_set(&self) -> Option<&Rc<ReplicaSet>> {
        self.sets.iter().find(|set| self.is_new(set))
    }

    /// The number that the new ReplicaSet has as `deployment.kubernetes.io/revision`: above that of every old one, of which
    /// one may be seen late (`SetNewReplicaSetAnnotations`).
    fn revision(&self) -> u64 {
        let old = self.sets.iter().filter(|set| !self.is_new(set));
        let above = old.map(|set| set.ordinal + 1).max().unwrap_or(1);
        self.new_set().map_or(above, |new| new.ordinal.max(above))
    }
}

impl Plane<'_> {
    pub(super) fn sync_deployment(&mut self, workload: usize) {
        let Some(deployment) = self.controllers.deployments.get(&workload).cloned() else {
            return;
        };
        let known = self.controllers.sets.range((workload, 0)..=(workload, u32::MAX));
        let mut sets: Vec<Rc<ReplicaSet>> = known.map(|(_, set)| Rc::clone(set)).collect();
        sets.sort_by_key(|set| (set.created, set.name.clone()));
        let status = sets.iter().map(|set| set.status.replicas).sum();
        let wanted = Wanted::new(deployment.replicas, &deployment.kind.strategy, status);
        if deployment.status_replicas != status {
            self.put_deployment(Deployment {
                status_replicas: status,
                ..deployment.as_ref().clone()
            });
        }
        let seen = Seen {
            deployment,
            sets,
            wanted,
        };
        if seen.deployment.is_paused || wanted.is_scaling(&seen.shares()) {
            self.scale_sets(&seen);
            return;
        }
        match seen.deployment.kind.strategy {
            Strategy::Recreate => self.recreate(&seen),
            Strategy::Rolling { .. } => self.roll(&seen),
        }
    }

    /// The replicas were changed, or the rollout is held: it stands still.
    fn scale_sets(&mut self, seen: &Seen) {
        let sizes = seen.wanted.scaled(&seen.shares());
        for (set, size) in seen.sets.iter().zip(sizes) {
            self.resize(set, size, seen.wanted, set.ordinal);
        }
    }

    fn roll(&mut self, seen: &Seen) {
        let Some(new) = seen.new_set() else {
            self.create_set(seen);
            return;
        };
        let shares = seen.shares();
        let size = seen.wanted.of_new(&shares).unwrap_or(0);
        if self.renew(seen, new, size) {
            return;
        }
        for (set, size) in seen.sets.iter().zip(seen.wanted.of_old(&shares)) {
            if !seen.is_new(set) && size != set.replicas {
                self.resize(set, size, seen.wanted, set.ordinal);
            }
        }
    }

    /// All old pods go; only once the last of them is gone the new ones come.
    fn recreate(&mut self, seen: &Seen) {
        let old: Vec<&Rc<ReplicaSet>> = seen.sets.iter().filter(|set| !seen.is_new(set)).collect();
        if old.iter().any(|set| set.replicas > 0) {
            for set in old {
                self.resize(set, 0, seen.wanted, set.ordinal);
            }
            return;
        }
        let maker = |set: &ReplicaSet| Maker::Set {
            workload: set.workload,
            template: set.template,
        };
        let runs = |owned: &Owned| owned.all().any(|pod| !pod.finished);
        let mut pods = old
            .iter()
            .filter_map(|set| self.controllers.pods.get(&maker(set)));
        if pods.any(runs) {
            return;
        }
        match seen.new_set() {
            None => self.create_set(seen),
            Some(new) => drop(self.renew(seen, new, seen.wanted.replicas)),
        }
    }

    /// Writes the new ReplicaSet as it should be; whether there was anything to write.
    fn renew(&mut self, seen: &Seen, new: &ReplicaSet, size: u32) -> bool {
        let ordinal = seen.revision();
        let is_due = size != new.replicas || new.ordinal != ordinal || new.desired != seen.wanted.replicas;
        if is_due {
            self.resize(new, size, seen.wanted, ordinal);
        }
        is_due
    }

    /// A pod of a Deployment's ReplicaSet is gone: who waits for the last one may go on.
    pub(super) fn old_pod_gone(&mut self, workload: usize) {
        let deployment = self.controllers.deployments.get(&workload);
        if deployment.is_some_and(|deployment| deployment.kind.strategy == Strategy::Recreate) {
            self.queue_sync(super::Sync::Deployment(workload));
        }
    }

    pub(super) fn template(&self, workload: usize, number: u32) -> Option<Rc<Template>> {
        let templates = &self.setup.workloads.get(workload)?.templates;
        templates.get(usize::try_from(number).ok()?).cloned()
    }

    fn create_set(&mut self, seen: &Seen) {
        let Seen {
            deployment, wanted, ..
        } = seen;
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
        let mut set = ReplicaSet {
            workload: deployment.workload,
            id: Rc::clone(&deployment.id),
            uid: self.chance.uids.uuid(),
            version: self.store.next_version(),
            owner: deployment.uid.clone(),
            created: self.now,
            template: deployment.template,
            made_of: template,
            hash,
            ordinal: seen.revision(),
            replicas: 0,
            desired: wanted.replicas,
            max: wanted.max(),
            status: SetStatus::default(),
            name,
        };
        set.replicas = match deployment.kind.strategy {
            Strategy::Recreate => wanted.replicas,
            Strategy::Rolling { .. } => {
                let mut shares = seen.shares();
                shares.push(seen.share(&set));
                wanted.of_new(&shares).unwrap_or(0)
            }
        };
        self.put(Object::ReplicaSet(Rc::new(set)));
    }

    /// Writes what the controller saw last: refused by the API server if it is not the newest.
    fn resize(&mut self, set: &ReplicaSet, size: u32, wanted: Wanted, ordinal: u64) {
        let new = ReplicaSet {
            replicas: size,
            desired: wanted.replicas,
            max: wanted.max(),
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
