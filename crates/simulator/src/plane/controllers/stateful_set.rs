//! The StatefulSet controller: one pod for each ordinal, made upwards and given up downwards, one at a time unless its
//! pods are managed in parallel; a rollout replaces the highest ordinal first.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::Sync;
use crate::plane::Plane;
use crate::plane::objects::{Object, Pod, StatefulSet};
use crate::plane::setup::Kind;

impl Plane<'_> {
    pub(super) fn sync_stateful_set(&mut self, workload: usize) {
        let what = Sync::StatefulSet(workload);
        let Some(set) = self.controllers.stateful_sets.get(&workload).cloned() else {
            return;
        };
        let Some(spec) = self.setup.workloads.get(workload) else {
            return;
        };
        let is_parallel = matches!(
            spec.kind,
            Kind::StatefulSet {
                is_parallel: true,
                ..
            }
        );
        let hash = usize::try_from(set.template)
            .ok()
            .and_then(|template| spec.templates.get(template))
            .map(|template| template.hash.clone());
        if !self.is_idle(what) || !self.is_expecting_nothing(what) {
            return;
        }
        let pods: BTreeMap<u32, Rc<Pod>> = self
            .controllers
            .owned(what.maker())
            .filter_map(|pod| Some((ordinal(pod)?, Rc::clone(pod))))
            .collect();
        self.tell_replicas(&set, pods.len());
        let wanted = set.first_ordinal..set.first_ordinal.saturating_add(set.replicas);
        let mut missing: Vec<u32> = Vec::new();
        let mut waits = false;
        for ordinal in wanted.clone() {
            let is_ready = match pods.get(&ordinal) {
                Some(pod) if pod.finished => {
                    self.give_up(&what, &[Rc::clone(pod)], 1);
                    return;
                }
                Some(pod) => pod.is_active() && pod.ready_since.is_some(),
                None => {
                    missing.push(ordinal);
                    false
                }
            };
            if !is_ready && !is_parallel {
                waits = true;
                break;
            }
        }
        if let Some(ordinal) = missing.first() {
            let count = if is_parallel { missing.len() } else { 1 };
            let ordinals = if is_parallel {
                missing.clone()
            } else {
                vec![*ordinal]
            };
            self.create_ordinals(&what, &ordinals, count);
            return;
        }
        if waits {
            return;
        }
        let surplus = pods.iter().rev().find(|(ordinal, _)| !wanted.contains(ordinal));
        if let Some((_, pod)) = surplus {
            if !pod.terminating {
                self.give_up(&what, &[Rc::clone(pod)], 1);
            }
            return;
        }
        let is_old = |pod: &Rc<Pod>| pod.revision != hash;
        if let Some(pod) = pods.values().rev().find(|pod| is_old(pod))
            && pods
                .values()
                .all(|pod| pod.is_active() && pod.ready_since.is_some())
        {
            self.give_up(&what, &[Rc::clone(pod)], 1);
        }
    }

    fn tell_replicas(&mut self, set: &StatefulSet, replicas: usize) {
        let status_replicas = u32::try_from(replicas).unwrap_or(u32::MAX);
        let stored = self
            .store
            .of((crate::plane::objects::Kind::StatefulSet, set.workload as u64));
        let is_newest = matches!(stored, Some(Object::StatefulSet(stored)) if stored.version == set.version);
        if set.status_replicas == status_replicas || !is_newest {
            return;
        }
        let version = self.store.next_version();
        self.put(Object::StatefulSet(Rc::new(StatefulSet {
            status_replicas,
            version,
            ..set.clone()
        })));
    }
}

/// The number at the end of a pod's name.
fn ordinal(pod: &Pod) -> Option<u32> {
    pod.name.rsplit_once('-')?.1.parse().ok()
}
