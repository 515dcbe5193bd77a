//! The deletion costs of an old revision: it is to vacate next what the new one needs next.

use placement_core::ladder::Ladder;
use placement_core::{Closed, DeletionCost, Rung, Tier};
use rules::{Fill, Spread, SubsetIx};

use crate::cost::{Groups, Wanted, assigned, excess, unplaced, worth};
use crate::ledger::replicas;
use crate::plan::Planning;
use crate::world::KnownPod;

impl Planning<'_> {
    /// Old revisions are drained from the first subset on, which the new one fills. The largest group keeps its costs;
    /// the others go below or above it. Where no pod has a cost yet, all get WorkloadSpread's.
    pub(crate) fn reversed<'p>(&self, spread: &Spread, pods: &[&'p KnownPod]) -> Vec<Wanted<'p>> {
        let (groups, mut wanted) = self.grouped(spread, pods);
        if pods.iter().all(|pod| pod.facts().cost.is_none()) {
            let closed = Closed::none();
            let ladder = Ladder::new(spread, replicas(self.world, spread).unwrap_or(0), &closed);
            for (subset, mut pods) in groups {
                pods.sort_by_key(|pod| worth(pod));
                let mirrored = SubsetIx::new(spread.subsets().len() - 1 - subset.index());
                let maximum = ladder
                    .maximum(subset)
                    .and_then(|maximum| usize::try_from(maximum).ok());
                let places = maximum.unwrap_or(pods.len()).min(pods.len());
                let rung = Rung {
                    subset: mirrored,
                    tier: Tier::Maximum,
                };
                let cost = DeletionCost::of(rung, spread.subsets().len()).value();
                wanted.extend(assigned(
                    &pods,
                    vec![(cost, places), (excess(mirrored), pods.len() - places)],
                ));
            }
        } else if !is_reversed(&groups, spread.subsets().len()) {
            wanted.extend(around_the_largest(spread, groups));
        }
        wanted
    }
}

/// Whether every pod of an earlier subset costs less than every pod of a later one. Excess goes first whatever the order.
fn is_reversed(groups: &Groups<'_>, subsets: usize) -> bool {
    let mut highest = i32::MIN;
    for pods in groups.values() {
        let costs = pods.iter().map(|pod| pod.facts().cost.unwrap_or(0));
        let (mut lowest, mut top) = (i32::MAX, highest);
        for cost in costs.filter(|cost| !(unplaced(subsets) + 1..0).contains(cost)) {
            (lowest, top) = (lowest.min(cost), top.max(cost));
        }
        if lowest <= highest {
            return false;
        }
        highest = top;
    }
    true
}

/// The largest group keeps its costs, those of earlier subsets go below it, those of later ones above.
fn around_the_largest<'p>(spread: &Spread, groups: Groups<'p>) -> Vec<Wanted<'p>> {
    let Some(kept) = groups
        .iter()
        .max_by_key(|(_, pods)| pods.len())
        .map(|(subset, _)| *subset)
    else {
        return Vec::new();
    };
    // Beyond everything that a ladder gives.
    let beyond = match spread.fill() {
        Fill::InOrder(_) if spread.has_percentages() => 1_000_000,
        Fill::InOrder(bounds) => i32::try_from(bounds.len())
            .unwrap_or(i32::MAX)
            .saturating_mul(200),
        Fill::Shares(_) => 1_000_000,
    };
    let mut smaller: Vec<(SubsetIx, Vec<&KnownPod>)> =
        groups.into_iter().filter(|(subset, _)| *subset != kept).collect();
    smaller.sort_by_key(|(_, pods)| pods.len());
    let wanted = smaller.into_iter().flat_map(|(subset, pods)| {
        let step = i32::try_from(subset.index())
            .unwrap_or(i32::MAX)
            .saturating_add(1)
            .saturating_mul(100);
        let cost = if subset < kept {
            step.saturating_sub(beyond).saturating_sub(100)
        } else {
            beyond.saturating_add(step)
        };
        pods.into_iter().map(move |pod| (pod, cost))
    });
    wanted.collect()
}
