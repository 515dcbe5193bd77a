//! How many pods are where.

use super::{Rule, SpreadId, World};
use crate::record::Phase;

/// How many pods of a spread are where, for metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpreadCounts {
    /// Which spread.
    pub spread: SpreadId,
    /// Placed pods by the name of their subset.
    pub placed: Vec<(String, u32)>,
    /// Pods that wait.
    pub gated: u32,
    /// Active pods in no subset that do not wait.
    pub unplaced: u32,
    /// Names of the subsets in which the scheduler found no node.
    pub closed: Vec<String>,
}

impl World {
    /// The counts of every spread that has a rule.
    #[must_use]
    pub fn counts(&self) -> Vec<SpreadCounts> {
        self.rules
            .iter()
            .map(|(id, rule)| self.counts_of(id, rule))
            .collect()
    }

    fn counts_of(&self, id: &SpreadId, rule: &Rule) -> SpreadCounts {
        let subsets = rule.spread.subsets();
        let mut counts = SpreadCounts {
            spread: id.clone(),
            placed: subsets
                .iter()
                .map(|subset| (subset.name().to_owned(), 0))
                .collect(),
            gated: 0,
            unplaced: 0,
            closed: self.closed_names(id),
        };
        for pod in self.pods_of(id).filter(|pod| pod.record.phase != Phase::Finished) {
            let subset = pod.facts().subset.and_then(|name| rule.spread.subset_named(name));
            match subset.and_then(|subset| counts.placed.get_mut(subset.index())) {
                Some((_, count)) => *count += 1,
                None if !pod.record.is_active() => {}
                None if pod.is_gated() => counts.gated += 1,
                None => counts.unplaced += 1,
            }
        }
        counts
    }
}
