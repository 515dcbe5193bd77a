//! Deletion cost: what ReplicaSet and CloneSet rank ready pods by, lowest removed first.

use core::fmt;

use rules::{Fill, Spread, SubsetIx};

use crate::rung::{Rung, Tier};
use crate::sizes;

/// A pod's `controller.kubernetes.io/pod-deletion-cost`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeletionCost(i32);

/// The cost of the lowest rung that has a number; each rung above costs one less.
const SHARES_TOP: i32 = 1_000_000;

impl DeletionCost {
    /// The cost of a pod on this rung of a spread with so many subsets.
    ///
    /// Beyond the minimum it is WorkloadSpread's `100 * (n - i)`; minimums stand above all of
    /// these, in the same order. It depends on the tier alone, so that a pod that is placed never
    /// needs another value while its ladder stays what it was.
    #[must_use]
    pub fn of(rung: Rung, subsets: usize) -> Self {
        let subsets = i32::try_from(subsets).unwrap_or(i32::MAX);
        let subset = i32::try_from(rung.subset.index()).unwrap_or(i32::MAX);
        Self(match rung.tier {
            Tier::Minimum => subsets
                .saturating_mul(2)
                .saturating_sub(subset)
                .saturating_mul(100),
            Tier::Maximum => subsets.saturating_sub(subset).saturating_mul(100),
            Tier::Share(number) => SHARES_TOP
                .saturating_sub(i32::try_from(number).unwrap_or(i32::MAX))
                .max(1),
        })
    }

    /// The cost of a pod on a rung of a spread, where so many others are in its subset. Where percentages make the ladder
    /// move with the replicas, it is what the pod's size is worth; what has a place at no size goes first.
    #[must_use]
    pub fn of_place(spread: &Spread, rung: Rung, others: u32) -> Self {
        let tier = match spread.has_percentages() {
            true => Tier::Share(sizes::size_of(spread, rung.subset, others).unwrap_or(u32::MAX)),
            false => rung.tier,
        };
        Self::of(Rung { tier, ..rung }, spread.subsets().len())
    }

    /// The rung that a pod of `subset` was placed on, as its cost tells; `None` where the cost is
    /// somebody else's.
    #[must_use]
    pub fn rung(cost: i32, subset: SubsetIx, fill: &Fill) -> Option<Rung> {
        let numbered = |lowest: i32| {
            let number = SHARES_TOP.checked_sub(cost).filter(|_| cost > lowest)?;
            let tier = Tier::Share(u32::try_from(number).ok()?);
            Some(Rung { subset, tier })
        };
        let tiers = match fill {
            Fill::Shares(_) => return numbered(1),
            // Far above what a tier costs, and below it where percentages make each rung cost what its size is worth.
            Fill::InOrder(_) if cost > SHARES_TOP / 2 => return numbered(SHARES_TOP / 2),
            Fill::InOrder(bounds) => [Tier::Minimum, Tier::Maximum].map(|tier| (tier, bounds.len())),
        };
        tiers
            .into_iter()
            .map(|(tier, subsets)| (Rung { subset, tier }, subsets))
            .find(|(rung, subsets)| Self::of(*rung, *subsets).0 == cost)
            .map(|(rung, _)| rung)
    }

    /// The number.
    #[must_use]
    pub const fn value(self) -> i32 {
        self.0
    }
}

impl fmt::Display for DeletionCost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(subset: usize, tier: Tier) -> i32 {
        DeletionCost::of(
            Rung {
                subset: SubsetIx::new(subset),
                tier,
            },
            3,
        )
        .value()
    }

    #[test]
    fn the_cost_falls_from_rung_to_rung() {
        let ladder = [
            cost(0, Tier::Minimum),
            cost(1, Tier::Minimum),
            cost(2, Tier::Minimum),
            cost(0, Tier::Maximum),
            cost(1, Tier::Maximum),
            cost(2, Tier::Maximum),
        ];
        assert_eq!(ladder, [600, 500, 400, 300, 200, 100]);
        assert!(cost(2, Tier::Share(4)) > cost(0, Tier::Share(5)));
        assert_eq!(cost(0, Tier::Share(u32::MAX)), 1);
    }
}
