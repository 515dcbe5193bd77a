//! Where a pod goes that waits behind its gate, past what is closed for pods like it.

use placement_core::offer::is_offered_nothing;
use placement_core::{Closed, Observation, Reason, Rung};
use rules::{Spread, SubsetIx};

use super::Closings;
use super::closings::{Known, State};
use super::shape::both;
use crate::plan::Planning;
use crate::world::KnownPod;

/// What becomes of a pod that waits.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Choice {
    /// It goes there.
    Rung(Rung, Reason),
    /// Others try its subset at this moment.
    Wait,
    /// There is no place.
    Full,
    /// The subset that it has is closed for pods like it.
    Shut,
    /// No subset is for it.
    NotOffered,
}

impl Planning<'_> {
    /// The rung of a pod that has no subset yet.
    pub(crate) fn choose(
        &mut self,
        spread: &Spread,
        pod: &KnownPod,
        observation: &Observation,
        closings: &Closings,
    ) -> Choice {
        let barred = self.barred(spread, pod);
        if is_offered_nothing(spread, &barred) {
            return Choice::NotOffered;
        }
        let mut skipped = both(&barred, closed_for(spread, pod, closings));
        while let Some(rung) = self.lowest(spread, observation, &skipped) {
            match self.try_there(spread, pod, rung.subset, closings) {
                Passage::Open => return Choice::Rung(rung, Reason::Bound),
                Passage::Tries => return Choice::Rung(rung, Reason::Probe),
                Passage::Wait => return Choice::Wait,
                Passage::Shut => skipped = skipped.with(rung.subset),
            }
        }
        // A pod that is going, and still counts, leaves its place in a moment.
        if self.counts_pods_that_go(spread) {
            return Choice::Full;
        }
        // Where nothing else is left, a pod without a subset would be worse off than one that waits.
        let rung = self.lowest(spread, observation, &barred);
        rung.map_or(Choice::Full, |rung| Choice::Rung(rung, Reason::Bound))
    }

    /// The rung of a pod that has its subset since admission.
    pub(crate) fn choose_in(
        &mut self,
        spread: &Spread,
        pod: &KnownPod,
        subset: SubsetIx,
        observation: &Observation,
        closings: &Closings,
    ) -> Choice {
        let closed = both(&Closed::none(), closed_for(spread, pod, closings));
        // Where nothing else is left, it may as well wait there.
        let closed = match self.lowest(spread, observation, &closed) {
            Some(_) => closed,
            None => Closed::none(),
        };
        if closed.contains(subset) {
            return Choice::Shut;
        }
        let Some(rung) = self.free_in(spread, observation, subset, &closed) else {
            return Choice::Full;
        };
        match self.try_there(spread, pod, subset, closings) {
            Passage::Open | Passage::Tries => Choice::Rung(rung, Reason::Bound),
            Passage::Wait => Choice::Wait,
            Passage::Shut => Choice::Shut,
        }
    }

    /// Takes that a pod which was stuck elsewhere is among those that try a subset.
    pub(super) fn note_probe(
        &mut self,
        spread: &Spread,
        closings: &Closings,
        pod: &KnownPod,
        subset: SubsetIx,
    ) {
        self.try_there(spread, pod, subset, closings);
    }

    /// Whether a pod may go to a subset that may be tried at this moment; if so, it is one of those that try it.
    fn try_there(
        &mut self,
        spread: &Spread,
        pod: &KnownPod,
        subset: SubsetIx,
        closings: &Closings,
    ) -> Passage {
        let known = closings.known().iter().enumerate();
        let about: Vec<(usize, &Known)> = known
            .filter(|(_, known)| known.subset == subset && known.closing.shape.is_like(spread, pod))
            .collect();
        let mut passage = Passage::Open;
        for (place, known) in &about {
            let sent = self.probes.iter().filter(|probe| **probe == *place).count();
            let here = match known.state {
                State::Closed => Passage::Open,
                State::Tried { left, .. } if sent < left => Passage::Tries,
                State::Tried {
                    left, is_undecided, ..
                } if is_undecided || left > 0 => Passage::Wait,
                State::Tried { .. } => Passage::Shut,
            };
            passage = passage.max(here);
        }
        // Whoever else holds it back, it would try nothing for as long.
        if passage == Passage::Tries && pod.record.gated_by_others {
            return Passage::Shut;
        }
        if passage == Passage::Tries {
            self.probes.extend(about.iter().map(|(place, _)| *place));
        }
        passage
    }
}

impl Closings {
    /// The subsets before another that are closed, or to be tried, for pods like this one.
    pub(crate) fn passed_by(&self, spread: &Spread, pod: &KnownPod, to: SubsetIx) -> Vec<SubsetIx> {
        let about = self.about(spread, pod).map(|known| known.subset);
        about.filter(|subset| *subset < to).collect()
    }
}

/// The narrowest of several counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Passage {
    Open,
    Tries,
    Wait,
    Shut,
}

fn closed_for(spread: &Spread, pod: &KnownPod, closings: &Closings) -> Vec<SubsetIx> {
    let closed = closings
        .about(spread, pod)
        .filter(|known| known.state == State::Closed);
    closed.map(|known| known.subset).collect()
}
