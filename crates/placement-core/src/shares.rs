//! Shares laid as a ladder: Tijdeman's chairman assignment.
//!
//! R. Tijdeman, "The chairman assignment problem", Discrete Mathematics 32 (1980): rung n goes to
//! the subset i with `w_i n - x_i >= 1/(2k-2)` that minimises `(1 - 1/(2k-2) - (w_i n - x_i)) / w_i`,
//! where `w_i` is its share and `x_i` the rungs it has. Every size is then within `1 - 1/(2k-2)`
//! of its exact share, so that a step of one never moves a pod. All of it in exact integers.

use core::num::NonZeroU32;

use rules::greatest_common_divisor;

/// The rungs of one spread by shares, without end.
#[derive(Clone, Debug)]
pub(crate) struct Chairman {
    /// Of each subset: its place in the spread and its weight, 0 where it is closed.
    weights: Vec<i128>,
    /// The sum of the weights: after so many rungs, all shares are exact and the round begins anew.
    round: i128,
    /// `2k - 2` for k open subsets.
    slack: i128,
    /// Rungs given so far in this round, in all and by subset.
    given: i128,
    given_by_subset: Vec<i128>,
}

impl Chairman {
    /// Begins at rung 0. `open` tells which subsets take part.
    pub(crate) fn new(weights: &[NonZeroU32], open: impl Fn(usize) -> bool) -> Self {
        let weights: Vec<i128> = weights
            .iter()
            .enumerate()
            .map(|(subset, weight)| if open(subset) { i128::from(weight.get()) } else { 0 })
            .collect();
        let divisor = weights
            .iter()
            .fold(0, |a, b| greatest_common_divisor(a, *b))
            .max(1);
        let weights: Vec<i128> = weights.into_iter().map(|weight| weight / divisor).collect();
        let subsets = weights.iter().filter(|weight| **weight > 0).count();
        Self {
            round: weights.iter().sum(),
            slack: i128::try_from(subsets.saturating_sub(1)).unwrap_or(0) * 2,
            given: 0,
            given_by_subset: vec![0; weights.len()],
            weights,
        }
    }

    /// How many subsets the spread has, closed ones counted.
    pub(crate) fn subsets(&self) -> usize {
        self.weights.len()
    }

    /// The rungs of one round.
    pub(crate) fn round(&self) -> u64 {
        u64::try_from(self.round).unwrap_or(u64::MAX)
    }

    /// How many rungs of a round are this subset's.
    pub(crate) fn per_round(&self, subset: usize) -> u64 {
        self.weights
            .get(subset)
            .and_then(|weight| u64::try_from(*weight).ok())
            .unwrap_or(0)
    }
}

impl Iterator for Chairman {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let size = self.given + 1;
        // Each lead is `w_i n - x_i`, times the round.
        let lead = |subset: usize, weight: i128, given: i128| -> Option<(usize, i128, i128)> {
            (weight > 0).then_some((subset, weight, weight * size - given * self.round))
        };
        let open = self
            .weights
            .iter()
            .zip(&self.given_by_subset)
            .enumerate()
            .filter_map(|(subset, (weight, given))| lead(subset, *weight, *given));
        let mut best: Option<(usize, i128, i128)> = None;
        for (subset, weight, lead) in open {
            if self.slack > 0 && lead * self.slack < self.round {
                continue;
            }
            let distance = (self.slack - 1) * self.round - self.slack * lead;
            // `distance / weight` decides; both weights are above 0.
            let nearer = best.is_none_or(|(_, best_weight, best_distance)| {
                distance * best_weight < best_distance * weight
            });
            if nearer {
                best = Some((subset, weight, distance));
            }
        }
        let (subset, _, _) = best?;
        self.given = size;
        if let Some(given) = self.given_by_subset.get_mut(subset) {
            *given += 1;
        }
        if self.given == self.round {
            self.given = 0;
            self.given_by_subset.iter_mut().for_each(|given| *given = 0);
        }
        Some(subset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid(weights: &[u32], rungs: usize) -> Vec<usize> {
        let weights: Vec<NonZeroU32> = weights.iter().map(|w| NonZeroU32::new(*w).unwrap()).collect();
        Chairman::new(&weights, |_| true).take(rungs).collect()
    }

    #[test]
    fn four_pods_by_50_25_25_are_two_one_one() {
        let mut rungs = laid(&[50, 25, 25], 4);
        rungs.sort_unstable();
        assert_eq!(rungs, [0, 0, 1, 2]);
    }

    #[test]
    fn one_subset_takes_all() {
        assert_eq!(laid(&[7], 5), [0; 5]);
    }

    #[test]
    fn closed_subsets_get_nothing() {
        let weights = [NonZeroU32::new(1).unwrap(); 3];
        assert!(
            Chairman::new(&weights, |subset| subset != 1)
                .take(100)
                .all(|subset| subset != 1)
        );
        assert_eq!(Chairman::new(&weights, |_| false).next(), None);
    }
}
