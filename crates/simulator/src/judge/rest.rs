//! What must hold once the cluster is at rest.

use std::rc::Rc;

use reference_model as naive;
use rules::Binding;

use super::Judge;
use crate::plane::objects::{Kind, Maker, Object, Pod};
use crate::plane::store::Store;
use crate::time::Millis;

impl Judge {
    /// The cluster is at rest.
    pub(super) fn rests(&mut self, now: Millis, store: &Store, leads: bool) {
        self.tolerated.led = leads;
        self.tolerated.exempt = u32::try_from(self.exempt.len()).unwrap_or(u32::MAX);
        let pods: Vec<Rc<Pod>> = self.pods(store).cloned().collect();
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
                && !self.found_no_node
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
        if self.calm.is_growing && self.calm.is_faultless && !self.found_no_node {
            self.few_writes(now, store, &pods);
        }
        self.nobody_waits_in_vain(now, store, &pods);
        self.everybody_is_home(now, store, &pods);
    }

    /// A pod is written to once if it waited, and not at all if it was placed at admission. Those that came while nobody
    /// counted are marked once, and for each of them the cost of another may have to be corrected.
    pub(super) fn few_writes(&mut self, now: Millis, store: &Store, pods: &[Rc<Pod>]) {
        let is_stray = |pod: &Rc<Pod>| self.exempt.contains(&pod.uid) || pod.subset.is_none();
        let allowed = |pod: &Rc<Pod>| u32::from(self.opened.contains(&pod.uid) || is_stray(pod));
        let writes = |pod: &Rc<Pod>| self.writes.get(&pod.uid).copied().unwrap_or(0);
        let further: u32 = pods
            .iter()
            .map(|pod| writes(pod).saturating_sub(allowed(pod)))
            .sum();
        let strays = u32::try_from(pods.iter().filter(|pod| is_stray(pod)).count()).unwrap_or(u32::MAX);
        let worst = pods
            .iter()
            .max_by_key(|pod| writes(pod).saturating_sub(allowed(pod)));
        if let Some(worst) = worst.filter(|_| further > strays) {
            let text = format!(
                "pod {} was written to {} times, {} would do; {further} such writes for {strays} pods that nobody counted",
                worst.name,
                writes(worst),
                allowed(worst)
            );
            self.violated(now, "writes", text, Some(store));
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
                if let Object::ReplicaSet(set) = object
                    && set.workload == self.workload
                {
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
        let Some(ledger) = self.ledger(store).cloned() else {
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
            let kept = pods
                .iter()
                .filter(|pod| self.keeps_a_place(pod, ix, subset.name()));
            let placed = (placed.count() + kept.count()) as u64;
            let told = number(&format!("/status/taken/{ix}"));
            if told != Some(placed) {
                let text = format!("it tells {told:?} pods in {}, there are {placed}", subset.name());
                self.violated(now, "ledger", text, Some(store));
            }
        }
    }

    /// Whether a pod that was moved on in place, and has no node yet, keeps a place in the subset it left: the scheduler may
    /// still put it there. Only a maximum needs that.
    fn keeps_a_place(&self, pod: &Pod, ix: usize, subset: &str) -> bool {
        let has_maximum = matches!(self.fill, naive::Fill::InOrder(_)) && self.fill.maximum(ix, 0).is_some();
        has_maximum
            && pod.is_active()
            && pod.node.is_none()
            && pod.record.moved_from.as_deref() == Some(subset)
            && pod.subset.as_deref() != Some(subset)
    }
}
