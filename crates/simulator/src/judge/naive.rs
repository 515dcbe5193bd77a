//! The spread in the words of the reference model, and the pods in a line.

use std::rc::Rc;

use reference_model as naive;
use rules::{Amount, Fill, Spread};

use super::Judge;
use crate::plane::objects::Pod;
use crate::plane::store::Store;

impl Judge {
    /// How the pods stand, in a line.
    pub(super) fn state(&self, store: &Store) -> String {
        let pods: Vec<&Rc<Pod>> = self.pods(store).collect();
        let mut parts: Vec<String> = Vec::new();
        let replicas = self.history.last().map_or(0, |(_, replicas)| *replicas);
        for (ix, subset) in self.spread.subsets().iter().enumerate() {
            let here = pods
                .iter()
                .filter(|pod| pod.subset.as_deref() == Some(subset.name()) && !pod.gated && !pod.finished);
            let (terminating, live): (Vec<&Rc<Pod>>, Vec<&Rc<Pod>>) =
                here.copied().partition(|pod| pod.terminating);
            let maximum = self
                .fill
                .maximum(ix, replicas)
                .map_or_else(String::new, |maximum| format!("/{maximum}"));
            parts.push(format!(
                "{} {}{maximum} and {} terminating",
                subset.name(),
                live.len(),
                terminating.len()
            ));
        }
        let gated = pods.iter().filter(|pod| pod.gated).count();
        let unplaced = pods
            .iter()
            .filter(|pod| pod.subset.is_none() && !pod.gated && !pod.finished)
            .count();
        format!(
            "{}; {gated} gated, {unplaced} unplaced, {replicas} wanted, {} exempt",
            parts.join(", "),
            self.exempt.len()
        )
    }
}

pub(crate) fn naive_fill(spread: &Spread) -> naive::Fill {
    let amount = |amount: Amount| match amount {
        Amount::Count(count) => naive::Amount::Count(count),
        Amount::Percent(percent) => naive::Amount::Percent(percent),
    };
    match spread.fill() {
        Fill::InOrder(bounds) => naive::Fill::InOrder(
            bounds
                .iter()
                .map(|bounds| naive::Bounds {
                    min: bounds.min.map(amount),
                    max: bounds.max.map(amount),
                })
                .collect(),
        ),
        Fill::Shares(weights) => {
            naive::Fill::Shares(weights.iter().map(|weight| u64::from(weight.get())).collect())
        }
    }
}
