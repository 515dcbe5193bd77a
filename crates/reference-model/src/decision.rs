//! Where a pod without an ordinal goes, by the design's words.

use crate::ladder::{Fill, Kind, Rung, free};

/// The longest window that a hash picks from.
pub const LONGEST_WINDOW: u32 = 500;

/// Where a pod goes when nobody binds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// To one of these rungs: the window, in order.
    OneOf(Vec<Rung>),
    /// Nowhere: there is no free rung.
    Nowhere,
}

/// What happens when a binder serves the spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bind {
    /// The pod is placed at once: nothing can go wrong.
    Place(Rung),
    /// It waits.
    Wait {
        /// Where it would go as things are seen now.
        hint: Option<usize>,
    },
}

/// The next `missing` free rungs, at most [`LONGEST_WINDOW`].
#[must_use]
pub fn window(fill: &Fill, replicas: u32, closed: &[usize], taken: &[u32], missing: u32) -> Vec<Rung> {
    let length = usize::try_from(missing.clamp(1, LONGEST_WINDOW)).unwrap_or(1);
    free(fill, replicas, closed, taken, length)
}

/// Without a binder: one rung of the window.
#[must_use]
pub fn best_effort(fill: &Fill, replicas: u32, closed: &[usize], taken: &[u32], missing: u32) -> Outcome {
    match window(fill, replicas, closed, taken, missing) {
        rungs if rungs.is_empty() => Outcome::Nowhere,
        rungs => Outcome::OneOf(rungs),
    }
}

/// With a binder: placed only while pods are missing and every free rung lies beyond the minimum
/// of one subset without a maximum. Nothing goes ungated into a maximum, a minimum or a share.
#[must_use]
pub fn with_binder(
    fill: &Fill,
    replicas: u32,
    closed: &[usize],
    taken: &[u32],
    desired: Option<u32>,
    active: u32,
) -> Bind {
    // More rungs than any bounded subset of a test has: whatever follows lies in the open end.
    let free = free(fill, replicas, closed, taken, 200);
    let endless = |rung: &Rung| {
        matches!(fill, Fill::InOrder(_))
            && rung.kind == Kind::Maximum
            && fill.maximum(rung.subset, replicas).is_none()
    };
    let are_missing = desired.is_some_and(|desired| active < desired);
    match free.first() {
        Some(first)
            if are_missing
                && free
                    .iter()
                    .all(|rung| endless(rung) && rung.subset == first.subset) =>
        {
            Bind::Place(*first)
        }
        first => Bind::Wait {
            hint: first.map(|rung| rung.subset),
        },
    }
}
