//! How little happens in a run, which tells how much must come out right.

/// What a run does without.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Calm {
    /// Nothing is ever removed, and no percentage moves: the subsets must fill up exactly.
    pub(crate) is_growing: bool,
    /// Nothing breaks, and nothing gets lost.
    pub(crate) is_faultless: bool,
    /// One ReplicaSet, whole numbers, and nobody but it removes pods: the order must be kept.
    pub(crate) keeps_order: bool,
    /// Every answer comes, no watch breaks: whoever binds knows of a free place soon.
    pub(crate) is_prompt: bool,
    /// Every write and its answer arrives at once.
    pub(crate) is_lossless: bool,
}
