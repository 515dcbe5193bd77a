//! What must hold once the cluster is at rest.

use std::rc::Rc;

use placement_core::spread::Binding;
use reference_model as naive;

use super::Judge;
use crate::plane::objects::{Kind, Maker, Object, Pod};
use crate::plane::store::Store;
use crate::time::Millis;

impl Judge {
    /// The cluster is at rest.
    pub(super) fn rests(&mut self, now: Millis, store: &Store, leads: bool) {
        self.tolerated.led = leads;
        self.tolerated.exempt = u32::try_from(self.exempt.len()).unwrap_or(u32::MAX);
        let pods: Vec<Rc<Pod>> = store.pods().cloned().collect();
        self.tolerated.empty = self.empty_places(&pods);
        if !leads {
            return;
        }
        if let Some(pod) = pods.iter().find(|pod| pod.gated) {
            self.violated(
                now,
                "left gated",
                format!("pod {} still waits at the end", pod.name),
                Some(store),
            );
        }
        self.desired_reached(now, store, &pods);
        self.ledger_tells(now, store, &pods);
        if self.tolerated.empty > 0 {
            let excuses = self.freed + self.tolerated.exempt + self.unserved;
            if self.calm.is_growing
                && self.spread.binding() == Binding::Late
                && (excuses == 0 || self.tolerated.empty > excuses)
            {
                let text = format!(
                    "{} places are empty, though a later subset has pods",
                    self.tolerated.empty
                );
                self.violated(now, "empty", text, Some(store));
            }
        }
        if self.calm.is_growing && self.calm.is_faultless {
            self.few_writes(now, store, &pods);
        }
    }

    pub(super) fn few_writes(&mut self, now: Millis, store: &Store, pods: &[Rc<Pod>]) {
        for pod in pods {
            let writes = self.writes.get(&pod.uid).copied().unwrap_or(0);
            let allowed = u32::from(self.opened.contains(&pod.uid) || self.exempt.contains(&pod.uid));
            if writes > allowed {
                let text = format!(
                    "pod {} was written to {writes} times, {allowed} would do",
                    pod.name
                );
                self.violated(now, "writes", text, Some(store));
                return;
            }
        }
    }

    pub(super) fn empty_places(&self, pods: &[Rc<Pod>]) -> u32 {
        let replicas = self.history.last().map_or(0, |(_, replicas)| *replicas);
        let of = |ix: usize| {
            let placed = pods.iter().filter(|pod| pod.is_placed() && pod.is_active());
            placed
                .filter(|pod| self.subset_of(pod).is_some_and(|(of, _)| of == ix))
                .count()
        };
        let counts: Vec<usize> = (0..self.fill.subsets()).map(of).collect();
        let ladder = naive::ladder(&self.fill, replicas, &[], counts.iter().sum());
        let wanted = naive::invariant::split(&ladder, counts.len());
        let short = wanted
            .iter()
            .zip(&counts)
            .map(|(wanted, count)| wanted.saturating_sub(u32::try_from(*count).unwrap_or(0)));
        short.sum()
    }

    pub(super) fn desired_reached(&mut self, now: Millis, store: &Store, pods: &[Rc<Pod>]) {
        let unschedulable = pods.iter().any(|pod| pod.is_active() && pod.node.is_none());
        let sets: Vec<_> = store
            .all(Kind::ReplicaSet)
            .filter_map(|object| {
                if let Object::ReplicaSet(set) = object {
                    Some(set)
                } else {
                    None
                }
            })
            .collect();
        for set in &sets {
            let active = pods
                .iter()
                .filter(|pod| {
                    pod.origin.maker
                        == Maker::Set {
                            workload: set.workload,
                            template: set.template,
                        }
                        && pod.is_active()
                })
                .count();
            if active != usize::try_from(set.replicas).unwrap_or(0) {
                let text = format!(
                    "ReplicaSet {} has {active} pods and wants {}",
                    set.name, set.replicas
                );
                self.violated(now, "desired", text, Some(store));
            }
        }
        let wanted = self.history.last().map_or(0, |(_, replicas)| *replicas);
        let all: u32 = sets.iter().map(|set| set.replicas).sum();
        if !self.is_job && !unschedulable && all != wanted {
            let text = format!("the ReplicaSets want {all} pods and the Deployment {wanted}");
            self.violated(now, "desired", text, Some(store));
        }
    }

    /// At rest the ledger tells what is.
    pub(super) fn ledger_tells(&mut self, now: Millis, store: &Store, pods: &[Rc<Pod>]) {
        let Some(Object::Ledger(_, ledger)) = store.all(Kind::Ledger).next() else {
            self.violated(now, "ledger", "there is none".to_owned(), Some(store));
            return;
        };
        let number = |path: &str| ledger.pointer(path).and_then(serde_json::Value::as_u64);
        let ours = |pod: &&Rc<Pod>| !pod.finished;
        let active = pods.iter().filter(ours).filter(|pod| !pod.terminating).count() as u64;
        if number("/status/active") != Some(active) {
            let text = format!(
                "it tells {:?} active pods, there are {active}",
                number("/status/active")
            );
            self.violated(now, "ledger", text, Some(store));
        }
        for (ix, subset) in self.spread.clone().subsets().iter().enumerate() {
            let placed = pods
                .iter()
                .filter(ours)
                .filter(|pod| pod.is_placed() && pod.subset.as_deref() == Some(subset.name()));
            let placed = placed.count() as u64;
            let told = number(&format!("/status/taken/{ix}"));
            if told != Some(placed) {
                let text = format!("it tells {told:?} pods in {}, there are {placed}", subset.name());
                self.violated(now, "ledger", text, Some(store));
            }
        }
    }
}
