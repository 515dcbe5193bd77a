//! What must hold of an order: the lowest free place is taken first, and the highest given up first.

use std::collections::BTreeSet;
use std::rc::Rc;

use kube_rules::nodes::NodeAffinity;
use placement_core::offer::barred;
use reference_model as naive;
use rules::Rollout;
use serde_json::Value;

use super::Judge;
use crate::plane::objects::{Maker, Pod};
use crate::plane::observer::Chosen;
use crate::plane::store::Store;
use crate::time::Millis;

/// Nobody is later than this.
const LONGEST_LAG: Millis = Millis(20_000);

impl Judge {
    /// A plan binds pods to these subsets, in this order, while so many binds are on their way to each. A place that was
    /// free for longer than whoever plans can be late must not be passed over.
    pub(super) fn passed_over(&mut self, now: Millis, store: &Store, chosen: &Chosen<'_>) {
        let Chosen {
            binds, pending, late, ..
        } = *chosen;
        if !self.calm.is_prompt || self.is_ordered || !self.exempt.is_empty() || self.found_no_node {
            return;
        }
        let naive::Fill::InOrder(bounds) = self.fill.clone() else {
            return;
        };
        // While two revisions are there, each keeps to its own ladder: what it says at rest is judged on ordinary days.
        let revisions: BTreeSet<Maker> = self.pods(store).map(|pod| pod.origin.maker).collect();
        if revisions.len() > 1 && self.spread.rollout() == Rollout::Keep {
            return;
        }
        let there: BTreeSet<&str> = self.pods(store).map(|pod| pod.uid.as_str()).collect();
        // A pod that wants other nodes itself is not offered every place.
        let is_choosy = |pod: &&Rc<Pod>| {
            let spec = pod.value.get("spec").unwrap_or(&Value::Null);
            chosen.pods.contains(&pod.uid.as_str())
                && !barred(&self.spread, &NodeAffinity::of_pod(spec)).is_empty()
        };
        if self.pods(store).any(|pod| is_choosy(&pod)) {
            return;
        }
        let bound = chosen.pods.iter().zip(binds);
        let gone = bound.filter(|(pod, _)| !there.contains(**pod));
        let gone: Vec<usize> = gone.map(|(_, subset)| *subset).collect();
        let is_of_past = !gone.is_empty();
        gone.into_iter().for_each(|subset| self.left_at(now, subset));
        // The same where one of two is gone, and whoever plans does not know it yet.
        if is_of_past && self.spread.rollout() == Rollout::Keep {
            return;
        }
        // Who left a moment ago may still be counted.
        let mut least = self.counts(store, &[]);
        let mut counts = self.counts(store, pending);
        for (_, subset) in self.left.iter().rev().take_while(|(at, _)| *at + late >= now) {
            if let Some(count) = counts.get_mut(*subset) {
                *count += 1;
            }
        }
        let places = |ix: usize, is_minimum: bool| {
            let bounds = bounds.get(ix).copied().unwrap_or_default();
            let max = bounds.max.map_or(u32::MAX, |max| max.of(0));
            if is_minimum {
                bounds.min.map_or(0, |min| min.of(0)).min(max)
            } else {
                max
            }
        };
        for subset in binds {
            let count = |ix: usize| counts.get(ix).copied().unwrap_or(0);
            let is_minimum = least
                .get(*subset)
                .is_some_and(|least| *least < places(*subset, true));
            let is_passed_over = |ix: usize| {
                let in_minimum = count(ix) < places(ix, true) && (!is_minimum || ix < *subset);
                let anywhere = count(ix) < places(ix, false) && !is_minimum && ix < *subset;
                ix != *subset && (in_minimum || anywhere)
            };
            if let Some(passed) = (0..counts.len()).find(|ix| is_passed_over(*ix)) {
                let text = format!(
                    "a pod is bound to subset {subset} while subset {passed} has had a free place for more than {late}"
                );
                self.violated(now, "passed over", text, Some(store));
            }
            for counts in [&mut counts, &mut least] {
                if let Some(count) = counts.get_mut(*subset) {
                    *count += 1;
                }
            }
        }
    }

    pub(super) fn counts(&self, store: &Store, pending: &[u32]) -> Vec<u32> {
        let names = self.spread.subsets().iter().map(rules::Subset::name);
        let counts = names.zip(pending.iter().chain(core::iter::repeat(&0)));
        counts
            .map(|(name, pending)| self.count(store, name, None) + pending)
            .collect()
    }

    /// Remembers that a pod gave up its place.
    pub(super) fn note_left(&mut self, now: Millis, pod: &Pod) {
        if let Some((subset, _)) = self.subset_of(pod) {
            self.left_at(now, subset);
        }
    }

    /// Remembers that a place of a subset was given up.
    pub(super) fn left_at(&mut self, now: Millis, subset: usize) {
        self.left.push_back((now, subset));
        while self.left.front().is_some_and(|(at, _)| *at + LONGEST_LAG < now) {
            self.left.pop_front();
        }
    }

    /// A ReplicaSet gives pods up.
    pub(super) fn given_up(&mut self, now: Millis, removed: &[Rc<Pod>], kept: &[Rc<Pod>]) {
        let ready = |pods: &[Rc<Pod>]| -> Vec<Rc<Pod>> {
            pods.iter()
                .filter(|pod| pod.ready_since.is_some())
                .cloned()
                .collect()
        };
        let (removed, kept) = (ready(removed), ready(kept));
        let highest = removed.iter().max_by_key(|pod| pod.cost);
        let lowest = kept.iter().min_by_key(|pod| pod.cost);
        if let (Some(removed), Some(kept)) = (highest, lowest)
            && kept.cost < removed.cost
        {
            let text = format!(
                "pod {} of cost {} outlives pod {} of cost {}",
                kept.name, kept.cost, removed.name, removed.cost
            );
            self.violated(now, "order", text, None);
        }
        let strays = self.strays(&removed, &kept);
        self.tolerated.out_of_order += strays;
        if strays > 0 && self.calm.keeps_order && self.exempt.is_empty() && !self.found_no_node {
            let text = format!(
                "{strays} of {} ready pods are given up before others that stand higher",
                removed.len()
            );
            self.violated(now, "order", text, None);
        }
    }

    /// How many of the removed are not those that the ladder gives up first.
    pub(super) fn strays(&self, removed: &[Rc<Pod>], kept: &[Rc<Pod>]) -> u32 {
        let naive::Fill::InOrder(bounds) = &self.fill else {
            return 0;
        };
        let replicas = self.history.last().map_or(0, |(_, replicas)| *replicas);
        let counts = |pods: &[Rc<Pod>]| -> Vec<u32> {
            let of = |ix: usize| {
                pods.iter()
                    .filter(|pod| self.subset_of(pod).is_some_and(|(of, _)| of == ix))
                    .count()
            };
            (0..bounds.len())
                .map(|ix| u32::try_from(of(ix)).unwrap_or(0))
                .collect()
        };
        let (gone, left) = (counts(removed), counts(kept));
        let mut ideal: Vec<u32> = gone.iter().zip(&left).map(|(gone, left)| gone + left).collect();
        let minimum = |ix: usize| {
            let min = bounds
                .get(ix)
                .and_then(|bounds| bounds.min)
                .map_or(0, |min| min.of(replicas));
            self.fill.maximum(ix, replicas).map_or(min, |max| min.min(max))
        };
        let mut to_remove: u32 = gone.iter().sum();
        for is_minimum in [false, true] {
            for (ix, count) in ideal.iter_mut().enumerate().rev() {
                let kept = if is_minimum { 0 } else { minimum(ix).min(*count) };
                let taken = to_remove.min(*count - kept);
                *count -= taken;
                to_remove -= taken;
            }
        }
        let over = ideal
            .iter()
            .zip(&left)
            .map(|(ideal, left)| ideal.saturating_sub(*left));
        over.sum()
    }
}
