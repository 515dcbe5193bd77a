//! The one pod that tries a subset which was closed.

use placement_core::ladder::{Ladder, Rung};
use placement_core::spread::Spread;
use placement_core::{Observation, SubsetIx};

use super::Closings;
use crate::plan::Planning;

impl Planning<'_> {
    /// The rung on which the next gated pod tries a subset, where the lowest free rung is in one that is to be tried.
    pub(crate) fn probe(
        &mut self,
        spread: &Spread,
        observation: &Observation,
        closings: &Closings,
    ) -> Option<Rung> {
        let skipped = self
            .probes
            .iter()
            .fold(closings.closed.clone(), |closed, sent| closed.with(*sent));
        let ladder = Ladder::new(spread, observation.replicas, &skipped);
        let rung = ladder.free(&observation.taken).next()?.rung;
        self.is_probe(rung.subset, closings).then_some(rung)
    }

    /// Whether a pod that is bound to a subset now is the one that tries it; the next one is not.
    pub(crate) fn is_probe(&mut self, subset: SubsetIx, closings: &Closings) -> bool {
        let is_first = closings.probing.contains(subset) && !self.probes.contains(&subset);
        if is_first {
            self.probes.push(subset);
        }
        is_first
    }
}
