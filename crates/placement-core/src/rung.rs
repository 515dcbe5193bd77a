//! One place in one subset, and rungs that follow each other.

use rules::SubsetIx;

/// The part of the ladder that a rung belongs to. All rungs of one tier have one deletion cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// Within the subset's minimum.
    Minimum,
    /// Beyond the minimum, up to the maximum.
    Maximum,
    /// The single rung of this number: in shares, and where percentages make a ladder move with the replicas.
    Share(u32),
}

/// One place in one subset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rung {
    /// Where.
    pub subset: SubsetIx,
    /// In which part of the ladder.
    pub tier: Tier,
}

/// Rungs of one tier that follow each other. In shares, every run is one rung long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// What each of them is.
    pub rung: Rung,
    /// How many; `None`: no end.
    pub length: Option<u32>,
}
