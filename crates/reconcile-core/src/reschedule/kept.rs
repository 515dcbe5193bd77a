//! Places of pods that were moved on in place and have no node yet.
//!
//! Such a pod tolerates both pools: if a place comes free in the first, the scheduler may put it there, whatever its label
//! says by then. So it holds a place in both subsets until its node tells, or the first could be given more pods than its
//! maximum.

use kube_rules::nodes::Term;
use rules::{Fill, Spread, Subset, SubsetIx, Terminating};

use crate::world::{Assumed, KnownPod, SpreadId, World};

/// Where a pod that was moved in place ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Landing {
    /// It has no node, or one that was not seen yet.
    Open,
    /// In the subset that it came from.
    Back,
    /// Not there.
    Elsewhere,
}

impl World {
    /// The places that pods of a spread keep in the subset that they were moved from.
    pub(crate) fn kept_places<'w>(
        &'w self,
        id: &SpreadId,
        spread: &'w Spread,
    ) -> impl Iterator<Item = (&'w KnownPod, SubsetIx)> {
        let is_counted = spread.terminating() == Terminating::Counted;
        self.pods_of(id)
            .filter_map(move |pod| Some((pod, self.kept_place(spread, pod)?)))
            .filter(move |(pod, _)| is_counted || !pod.facts().terminating)
    }

    /// The subset in which a pod keeps a place beside the one that its label says. Only a maximum needs that.
    pub(crate) fn kept_place(&self, spread: &Spread, pod: &KnownPod) -> Option<SubsetIx> {
        let record = &pod.record;
        // Until its label is written it counts where it says that it is, for whoever reads labels.
        let is_being_moved = matches!(pod.assumed, Some(Assumed::Moved { .. }));
        let from = match is_being_moved {
            true => record.subset.as_deref(),
            false => record.moved_from.as_deref(),
        };
        let from = spread.subset_named(from?)?;
        let facts = pod.facts();
        let now = spread.subset_named(facts.subset?);
        let is_ending = facts.finished || (record.terminating && record.node.is_none());
        let has_maximum = match spread.fill() {
            Fill::InOrder(bounds) => bounds.get(from.index())?.max.is_some(),
            Fill::Shares(_) => false,
        };
        let second = now.and_then(|now| spread.subset(now));
        let is_kept = has_maximum
            && !is_ending
            && now != Some(from)
            && (is_being_moved || self.landing(pod, spread.subset(from)?, second) != Landing::Elsewhere);
        is_kept.then_some(from)
    }

    /// Where a pod that was moved from one subset to another ended. A node of both is the second's.
    pub(super) fn landing(&self, pod: &KnownPod, first: &Subset, second: Option<&Subset>) -> Landing {
        let node = pod.record.node.as_ref().and_then(|node| self.nodes.get(node));
        let Some(node) = node else { return Landing::Open };
        let is_of = |subset: &Subset| {
            let term = subset.overlay().required();
            term.is_some_and(|term| Term::read(term).selects(node.facts()))
        };
        match is_of(first) && !second.is_some_and(is_of) {
            true => Landing::Back,
            false => Landing::Elsewhere,
        }
    }
}
