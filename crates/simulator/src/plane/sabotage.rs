//! Faults built in on purpose, by tests alone: a judge that finds nothing in a broken cluster finds nothing at all.

/// What is broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(not(test), expect(dead_code, reason = "only tests break anything"))]
pub(crate) enum Sabotage {
    /// Nothing.
    #[default]
    Nothing,
    /// Every pod is bound to the first of the subsets `fixed` and `elastic`.
    BindsToTheFirst,
    /// A sidecar writes whether or not its Lease is young.
    NoFence,
    /// A sidecar deletes what it is to bind.
    DeletesWhatWaits,
}
