//! At which size of the workload each rung of a ladder with percentages appears.
//!
//! Percentages move with the replicas, so that such a ladder is no prefix of the next larger one. But a pod can be worth the
//! smallest size at which its subset has that many places. As its cost this makes a scale-in of any depth, in one step,
//! take the pods that the smaller size has no place for. With two subsets, and wherever no subset grows as the workload
//! shrinks, what is left is exactly the ladder's split at every size. Elsewhere no order of pods can do that.

use rules::{Bounds, Fill, Spread, SubsetIx};

/// No workload is looked at beyond this size.
const MOST_PODS: u32 = 400_000;

/// The smallest size at which an ordered fill has more than so many places in a subset; `None`: at none.
#[must_use]
pub fn size_of(spread: &Spread, subset: SubsetIx, others: u32) -> Option<u32> {
    let Fill::InOrder(bounds) = spread.fill() else {
        return None;
    };
    let wanted = others.checked_add(1)?;
    // Roundings add up to less than one pod for each subset: what is so far below its place grows with the size.
    let slack = u32::try_from(bounds.len()).unwrap_or(u32::MAX);
    let (mut low, mut high) = (others, MOST_PODS);
    while low < high {
        let middle = low + (high - low) / 2;
        match places(bounds, middle, subset).saturating_add(slack) >= wanted {
            true => high = middle,
            false => low = middle + 1,
        }
    }
    (low..=MOST_PODS)
        .take(10_000)
        .find(|size| places(bounds, *size, subset) >= wanted)
}

/// Whether every size has the split of its ladder if pods leave by their worth: no subset grows as the workload shrinks.
#[must_use]
pub fn is_ladder(spread: &Spread, pods: u32) -> bool {
    let Fill::InOrder(bounds) = spread.fill() else {
        return true;
    };
    let grows = |subset: usize| {
        let subset = SubsetIx::new(subset);
        (1..pods.min(MOST_PODS)).all(|size| places(bounds, size, subset) <= places(bounds, size + 1, subset))
    };
    (0..bounds.len()).all(grows)
}

/// The places of one subset in an ordered fill of so many pods, where nothing is closed.
fn places(bounds: &[Bounds], size: u32, subset: SubsetIx) -> u32 {
    let maximum = |bounds: &Bounds| bounds.max.map_or(u32::MAX, |max| max.of(size));
    let minimum = |bounds: &Bounds| bounds.min.map_or(0, |min| min.of(size)).min(maximum(bounds));
    let mut beyond = bounds
        .iter()
        .fold(size, |left, bounds| left - minimum(bounds).min(left));
    let mut within = size;
    for (ix, bounds) in bounds.iter().enumerate() {
        let first = minimum(bounds).min(within);
        let second = (maximum(bounds) - first).min(beyond);
        if ix == subset.index() {
            return first + second;
        }
        within -= first;
        beyond -= second;
    }
    0
}
