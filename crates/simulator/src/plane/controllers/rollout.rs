//! How many pods each ReplicaSet of a Deployment is to have: the arithmetic of the Deployment controller's rolling
//! update, on plain numbers.

use crate::plane::setup::Strategy;

/// A ReplicaSet, as far as a rollout looks at it. The oldest comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) is_new: bool,
    pub(super) replicas: u32,
    pub(super) available: u32,
    /// What the Deployment asked for, and that with the surge, when it last wrote here.
    pub(super) desired: u32,
    pub(super) max: u32,
}

/// What the Deployment asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) replicas: u32,
    surge: u32,
    unavailable: u32,
    /// The pods that its status counts.
    pub(super) status: u32,
    /// Whether old and new pods are there together, so that a change of scale is shared out among them.
    is_rolling: bool,
}

impl Wanted {
    /// Resolves `25%` or `1`: a surge is rounded up, the unavailable down; where both are none, one may be unavailable.
    pub(super) fn new(replicas: u32, strategy: &Strategy, status: u32) -> Self {
        let part = |text: &str, up: bool| match text.strip_suffix('%').map(str::parse::<u64>) {
            Some(Ok(percent)) => {
                let wanted = u64::from(replicas).saturating_mul(percent);
                let part = if up { wanted.div_ceil(100) } else { wanted / 100 };
                u32::try_from(part).unwrap_or(u32::MAX)
            }
            _ => text.parse().unwrap_or(0),
        };
        let (surge, unavailable, is_rolling) = match strategy {
            Strategy::Recreate => (0, 0, false),
            Strategy::Rolling {
                max_surge,
                max_unavailable,
            } => match (part(max_surge, true), part(max_unavailable, false)) {
                (0, 0) => (0, 1, true),
                (surge, unavailable) => (surge, unavailable.min(replicas), true),
            },
        };
        Self {
            replicas,
            surge,
            unavailable,
            status,
            is_rolling,
        }
    }

    pub(super) fn max(self) -> u32 {
        self.replicas.saturating_add(self.surge)
    }

    /// Whether the Deployment was scaled since it last wrote to its ReplicaSets.
    pub(super) fn is_scaling(self, shares: &[Share]) -> bool {
        shares
            .iter()
            .any(|share| share.replicas > 0 && share.desired != self.replicas)
    }

    /// The sizes after a change of scale, where the rollout stands still.
    pub(super) fn scaled(self, shares: &[Share]) -> Vec<u32> {
        let mut sizes: Vec<u32> = shares.iter().map(|share| share.replicas).collect();
        let active: Vec<usize> = (0..shares.len())
            .filter(|ix| sizes.get(*ix).is_some_and(|size| *size > 0))
            .collect();
        let newest = shares
            .iter()
            .position(|share| share.is_new)
            .or(shares.len().checked_sub(1));
        let only = match active.as_slice() {
            [] => newest,
            [only] => Some(*only),
            _ => None,
        };
        if let Some(size) = only.and_then(|only| sizes.get_mut(only)) {
            *size = self.replicas;
            return sizes;
        }
        let is_saturated = |share: &Share| {
            share.is_new
                && share.replicas == self.replicas
                && share.desired == self.replicas
                && share.available == self.replicas
        };
        if shares.iter().any(is_saturated) {
            for (size, share) in sizes.iter_mut().zip(shares) {
                if !share.is_new {
                    *size = 0;
                }
            }
            return sizes;
        }
        if self.is_rolling {
            self.in_proportion(shares, active, sizes)
        } else {
            sizes
        }
    }

    fn in_proportion(self, shares: &[Share], mut active: Vec<usize>, mut sizes: Vec<u32>) -> Vec<u32> {
        let signed = i64::from;
        let all: i64 = sizes.iter().map(|size| signed(*size)).sum();
        let allowed = if self.replicas > 0 { signed(self.max()) } else { 0 };
        let to_add = allowed - all;
        let size_of = |ix: &usize| shares.get(*ix).map_or(0, |share| share.replicas);
        // The largest first; of equals the newest where pods are added, the oldest where they are taken away.
        active.sort_by_key(|ix| {
            (
                core::cmp::Reverse(size_of(ix)),
                if to_add > 0 { -(*ix as i64) } else { *ix as i64 },
            )
        });
        let mut added = 0;
        for ix in &active {
            let (Some(share), Some(size)) = (shares.get(*ix), sizes.get_mut(*ix)) else {
                continue;
            };
            if to_add == 0 {
                continue;
            }
            let fraction = self.fraction(share);
            let left = to_add - added;
            let part = if to_add > 0 {
                fraction.min(left)
            } else {
                fraction.max(left)
            };
            *size = u32::try_from(signed(*size) + part).unwrap_or(0);
            added += part;
        }
        if let Some(size) = active.first().and_then(|ix| sizes.get_mut(*ix))
            && to_add != 0
        {
            *size = u32::try_from(signed(*size) + to_add - added).unwrap_or(0);
        }
        sizes
    }

    fn fraction(self, share: &Share) -> i64 {
        if self.replicas == 0 {
            return -i64::from(share.replicas);
        }
        let annotated = if share.max > 0 {
            share.max
        } else {
            self.status.max(1)
        };
        let (size, wanted, annotated) = (
            i64::from(share.replicas),
            i64::from(self.max()),
            i64::from(annotated),
        );
        // Rounded to the nearest, halves away from zero.
        (2 * size * wanted + annotated) / (2 * annotated) - size
    }

    /// The size of the new ReplicaSet in a step of the rollout.
    pub(super) fn of_new(self, shares: &[Share]) -> Option<u32> {
        let new = shares.iter().find(|share| share.is_new)?;
        let all: u32 = shares.iter().map(|share| share.replicas).sum();
        if new.replicas >= self.replicas {
            return Some(self.replicas);
        }
        let room = self.max().saturating_sub(all);
        Some(new.replicas + room.min(self.replicas - new.replicas))
    }

    /// The sizes of the old ReplicaSets in a step of the rollout.
    pub(super) fn of_old(self, shares: &[Share]) -> Vec<u32> {
        let mut sizes: Vec<u32> = shares.iter().map(|share| share.replicas).collect();
        let all: u32 = sizes.iter().sum();
        let minimum = self.replicas.saturating_sub(self.unavailable);
        let new = shares.iter().find(|share| share.is_new);
        let missing = new.map_or(0, |new| new.replicas.saturating_sub(new.available));
        let Some(most) = all.checked_sub(minimum + missing).filter(|most| *most > 0) else {
            return sizes;
        };
        let mut cleaned = 0;
        for (size, share) in sizes.iter_mut().zip(shares).filter(|(_, share)| !share.is_new) {
            let sick = share.replicas.saturating_sub(share.available).min(most - cleaned);
            *size -= sick;
            cleaned += sick;
        }
        let available: u32 = shares.iter().map(|share| share.available).sum();
        let mut left = available.saturating_sub(minimum);
        for (size, _) in sizes.iter_mut().zip(shares).filter(|(_, share)| !share.is_new) {
            let taken = left.min(*size);
            *size -= taken;
            left -= taken;
        }
        sizes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(is_new: bool, replicas: u32, available: u32) -> Share {
        Share {
            is_new,
            replicas,
            available,
            desired: 10,
            max: 13,
        }
    }

    fn rolling(replicas: u32, surge: &str, unavailable: &str, status: u32) -> Wanted {
        Wanted::new(replicas, &Strategy::rolling(surge, unavailable), status)
    }

    #[test]
    fn fenceposts_are_rounded_as_kubernetes_rounds_them() {
        let wanted = rolling(10, "25%", "25%", 0);
        assert_eq!((wanted.surge, wanted.unavailable), (3, 2));
        let wanted = rolling(10, "0", "0%", 0);
        assert_eq!((wanted.surge, wanted.unavailable), (0, 1));
    }

    #[test]
    fn a_rollout_goes_up_by_the_surge_and_down_by_what_is_available() {
        let wanted = rolling(10, "25%", "25%", 10);
        let begin = [share(false, 10, 10), share(true, 0, 0)];
        assert_eq!(wanted.of_new(&begin), Some(3));
        let surged = [share(false, 10, 10), share(true, 3, 0)];
        assert_eq!(wanted.of_new(&surged), Some(3));
        assert_eq!(wanted.of_old(&surged), [8, 3]);
        let later = [share(false, 8, 8), share(true, 5, 3)];
        assert_eq!(wanted.of_old(&later), [5, 5]);
    }

    #[test]
    fn a_scale_in_the_middle_of_a_rollout_keeps_the_proportion() {
        let wanted = rolling(20, "25%", "25%", 13);
        let shares = [share(false, 8, 8), share(true, 5, 5)];
        assert!(wanted.is_scaling(&shares));
        // 8 of 13 of 25 are 15.4, and the rest.
        assert_eq!(wanted.scaled(&shares), [15, 10]);
        assert_eq!(rolling(0, "25%", "25%", 13).scaled(&shares), [0, 0]);
        assert_eq!(
            rolling(4, "25%", "25%", 13).scaled(&[share(false, 0, 0), share(true, 5, 5)]),
            [0, 4]
        );
    }

    #[test]
    fn with_none_or_all_unavailable_a_rollout_goes_on_one_way_only() {
        let none = rolling(10, "1", "0", 10);
        let begin = [share(false, 10, 10), share(true, 1, 0)];
        assert_eq!(none.of_old(&begin), [10, 1]);
        assert_eq!(none.of_old(&[share(false, 10, 10), share(true, 1, 1)]), [9, 1]);
        let all = rolling(10, "100%", "100%", 10);
        assert_eq!(all.of_new(&[share(false, 10, 10), share(true, 0, 0)]), Some(10));
        assert_eq!(all.of_old(&[share(false, 10, 10), share(true, 10, 0)]), [0, 10]);
    }

    #[test]
    fn a_recreated_deployment_is_not_scaled_in_proportion() {
        let wanted = Wanted::new(20, &Strategy::Recreate, 13);
        assert_eq!((wanted.max(), wanted.unavailable), (20, 0));
        let shares = [share(false, 8, 8), share(true, 5, 5)];
        assert_eq!(wanted.scaled(&shares), [8, 5]);
        assert_eq!(wanted.scaled(&[share(false, 8, 8)]), [20]);
    }
}
