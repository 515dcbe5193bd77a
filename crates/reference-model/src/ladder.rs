//! The ladder, laid out rung by rung.

use crate::shares::chairmen;

/// A number of pods, absolute or of a hundred of the workload's replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// So many.
    Count(u32),
    /// So many of a hundred, rounded up.
    Percent(u8),
}

/// What one subset takes in an ordered fill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Filled before any subset goes beyond its minimum.
    pub min: Option<Amount>,
    /// Never exceeded; absent: no end.
    pub max: Option<Amount>,
}

/// How the rungs are laid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fill {
    /// Minimums in order, then up to the maximums in order.
    InOrder(Vec<Bounds>),
    /// Interleaved by weight.
    Shares(Vec<u64>),
}

/// The part of the ladder that a rung belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Within the minimum.
    Minimum,
    /// Beyond it.
    Maximum,
    /// The rung of this number in shares.
    Share(u32),
}

/// One place in one subset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rung {
    /// The subset's place in the spread.
    pub subset: usize,
    /// In which part.
    pub kind: Kind,
}

impl Amount {
    /// The pods that this is of a workload: the least whole number whose hundredfold is enough.
    #[must_use]
    pub fn of(self, replicas: u32) -> u32 {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => {
                let wanted = u64::from(replicas) * u64::from(percent);
                let down = wanted / 100;
                let up = if down * 100 < wanted { down + 1 } else { down };
                u32::try_from(up).unwrap_or(u32::MAX)
            }
        }
    }
}

impl Fill {
    /// How many subsets it is for.
    #[must_use]
    pub fn subsets(&self) -> usize {
        match self {
            Self::InOrder(bounds) => bounds.len(),
            Self::Shares(weights) => weights.len(),
        }
    }

    /// The maximum of a subset; `None`: no end.
    #[must_use]
    pub fn maximum(&self, subset: usize, replicas: u32) -> Option<u32> {
        match self {
            Self::InOrder(bounds) => bounds.get(subset)?.max.map(|max| max.of(replicas)),
            Self::Shares(_) => None,
        }
    }
}

/// The first `length` rungs; fewer where the ladder ends before.
#[must_use]
pub fn ladder(fill: &Fill, replicas: u32, closed: &[usize], length: usize) -> Vec<Rung> {
    match fill {
        Fill::InOrder(bounds) => in_order(bounds, replicas, closed, length),
        Fill::Shares(weights) => chairmen(weights, closed, length)
            .into_iter()
            .zip(0..)
            .map(|(subset, number)| Rung {
                subset,
                kind: Kind::Share(number),
            })
            .collect(),
    }
}

/// The first `length` rungs that are free: a subset's pods stand on its lowest rungs.
#[must_use]
pub fn free(fill: &Fill, replicas: u32, closed: &[usize], taken: &[u32], length: usize) -> Vec<Rung> {
    // However the taken places lie, so many rungs hold `length` free ones.
    let enough = taken
        .iter()
        .fold(length, |sum, taken| sum + usize::try_from(*taken).unwrap_or(0));
    let mut left = taken.to_vec();
    let mut free = ladder(fill, replicas, closed, enough);
    free.retain(|rung| match left.get_mut(rung.subset) {
        Some(left) if *left > 0 => {
            *left -= 1;
            false
        }
        _ => true,
    });
    free.truncate(length);
    free
}

fn in_order(bounds: &[Bounds], replicas: u32, closed: &[usize], length: usize) -> Vec<Rung> {
    let mut rungs = Vec::new();
    let open = || {
        bounds
            .iter()
            .enumerate()
            .filter(|(subset, _)| !closed.contains(subset))
    };
    let max = |bounds: &Bounds| bounds.max.map(|max| max.of(replicas));
    let min = |bounds: &Bounds| {
        let min = bounds.min.map_or(0, |min| min.of(replicas));
        max(bounds).map_or(min, |max| min.min(max))
    };
    for (subset, bounds) in open() {
        for _ in 0..min(bounds) {
            if rungs.len() == length {
                return rungs;
            }
            rungs.push(Rung {
                subset,
                kind: Kind::Minimum,
            });
        }
    }
    for (subset, bounds) in open() {
        let mut laid = min(bounds);
        while max(bounds).is_none_or(|max| laid < max) {
            if rungs.len() == length {
                return rungs;
            }
            rungs.push(Rung {
                subset,
                kind: Kind::Maximum,
            });
            laid = laid.saturating_add(1);
        }
    }
    rungs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subsets(fill: &Fill, replicas: u32, length: usize) -> Vec<usize> {
        ladder(fill, replicas, &[], length)
            .iter()
            .map(|rung| rung.subset)
            .collect()
    }

    #[test]
    fn minimums_come_before_maximums() {
        let count = |n| Some(Amount::Count(n));
        let fill = Fill::InOrder(vec![
            Bounds {
                min: count(1),
                max: count(3),
            },
            Bounds {
                min: count(2),
                max: None,
            },
        ]);
        assert_eq!(subsets(&fill, 0, 8), [0, 1, 1, 0, 0, 1, 1, 1]);
        let taken = free(&fill, 0, &[], &[2, 0], 4);
        assert_eq!(
            taken.iter().map(|rung| rung.subset).collect::<Vec<_>>(),
            [1, 1, 0, 1]
        );
        assert!(ladder(&fill, 0, &[0], 9).iter().all(|rung| rung.subset == 1));
    }

    #[test]
    fn percentages_are_rounded_up() {
        assert_eq!(Amount::Percent(33).of(4), 2);
        assert_eq!(Amount::Percent(50).of(4), 2);
        assert_eq!(Amount::Percent(1).of(1), 1);
        assert_eq!(Amount::Percent(0).of(9), 0);
    }
}
