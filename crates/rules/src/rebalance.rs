//! When pods that run are moved home, and how fast.

use core::num::NonZeroU16;

/// When pods are moved home, and how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rebalance {
    /// When.
    pub when: When,
    /// At most so many.
    pub moves: MovesPerMinute,
}

/// When a pod that runs is evicted so that its successor goes to an earlier subset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum When {
    /// Never.
    Never,
    /// Whoever stands too late leaves first when the workload shrinks; only pods for which a rule was bent are evicted.
    #[default]
    OnScaleIn,
    /// Whenever an earlier subset has a place and a node.
    Continuous,
}

/// How many pods of a spread are evicted within a minute at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MovesPerMinute(NonZeroU16);

impl MovesPerMinute {
    /// More would be a drain, not a rebalance.
    pub const MOST: u16 = 600;

    /// So many; `None` where that is none, or more than [`MovesPerMinute::MOST`].
    #[must_use]
    pub fn new(moves: u64) -> Option<Self> {
        let moves = u16::try_from(moves).ok().filter(|moves| *moves <= Self::MOST)?;
        NonZeroU16::new(moves).map(Self)
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0.get()
    }
}

impl Default for MovesPerMinute {
    /// Six: one every ten seconds, which is about what a pod takes to be ready.
    fn default() -> Self {
        Self(const { NonZeroU16::new(6).unwrap() })
    }
}
