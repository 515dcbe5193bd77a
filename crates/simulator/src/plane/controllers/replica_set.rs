//! The ReplicaSet controller.

use std::rc::Rc;

use super::{Owned, Sync};
use crate::plane::objects::{Object, Pod, ReplicaSet, SetStatus, set_key};
use crate::plane::{Event, Plane};
use crate::time::Millis;

impl Plane<'_> {
    pub(super) fn sync_set(&mut self, workload: usize, template: u32) {
        let what = Sync::Set { workload, template };
        let Some(set) = self.controllers.sets.get(&(workload, template)).cloned() else {
            return;
        };
        if !self.is_idle(what) {
            return;
        }
        let (now, min_ready) = (self.now, self.min_ready(workload));
        let counts = |owned: &Owned| (owned.active(), owned.available(now, min_ready));
        let pods = self.controllers.pods.get(&what.maker());
        let (active, available) = pods.map_or_else(Default::default, counts);
        if let Some(next) = available.next {
            self.look_at(what, next);
        }
        if self.is_expecting_nothing(what) {
            let wanted = usize::try_from(set.replicas).unwrap_or(0);
            if active < wanted {
                self.create(&what, wanted - active);
            } else if active > wanted {
                let pods = self.active_pods(what);
                self.give_up(&what, &pods, active - wanted);
            }
        }
        let count = |pods: usize| u32::try_from(pods).unwrap_or(u32::MAX);
        let status = SetStatus {
            replicas: count(active),
            available: count(available.pods),
        };
        if status != set.status {
            self.put_set(ReplicaSet {
                status,
                ..set.as_ref().clone()
            });
        }
    }

    /// How long the pods of a workload are ready before they count as available.
    pub(super) fn min_ready(&self, workload: usize) -> Millis {
        let workload = self.setup.workloads.get(workload);
        workload.map_or(Millis::ZERO, |workload| workload.kind.min_ready())
    }

    /// Looks at an owner again then.
    pub(super) fn look_at(&mut self, what: Sync, at: Millis) {
        let work = self.controllers.work.entry(what).or_default();
        if work.looks != at {
            work.looks = at;
            self.awaited = self.awaited.max(at);
            self.queue.push(at, Event::Sync(what));
        }
    }

    pub(super) fn active_pods(&self, what: Sync) -> Vec<Rc<Pod>> {
        let owned = self.controllers.owned(what.maker());
        owned.filter(|pod| pod.is_active()).cloned().collect()
    }

    /// Writes what a controller saw last: refused by the API server if it is not the newest.
    pub(super) fn put_set(&mut self, mut set: ReplicaSet) {
        let stored = self.store.of(set_key(set.workload, set.template));
        if !matches!(stored, Some(Object::ReplicaSet(stored)) if stored.version == set.version) {
            return;
        }
        set.version = self.store.next_version();
        self.put(Object::ReplicaSet(Rc::new(set)));
    }
}
