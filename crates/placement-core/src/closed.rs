//! Subsets that are skipped for a while.

use rules::SubsetIx;

/// Subsets found full by the scheduler, skipped for a while.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Closed(Vec<SubsetIx>);

impl Closed {
    /// No subset is closed.
    #[must_use]
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// Whether a subset is skipped.
    #[must_use]
    pub fn contains(&self, subset: SubsetIx) -> bool {
        self.0.contains(&subset)
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The subsets that are skipped.
    pub fn iter(&self) -> impl Iterator<Item = SubsetIx> + use<'_> {
        self.0.iter().copied()
    }

    /// The same and one more.
    #[must_use]
    pub fn with(&self, subset: SubsetIx) -> Self {
        self.iter()
            .chain((!self.contains(subset)).then_some(subset))
            .collect()
    }
}

impl FromIterator<SubsetIx> for Closed {
    fn from_iter<I: IntoIterator<Item = SubsetIx>>(subsets: I) -> Self {
        Self(subsets.into_iter().collect())
    }
}
