//! How large a rule may be: what the settings, their schema and the CRD of its ledger all say.

/// So many subsets at most.
pub const MOST_SUBSETS: usize = 200;

/// A rule has at most so many bytes as JSON: an object of the API server has at most 1.5 MiB, and half of that is for the
/// counts.
pub const LONGEST_RULE: usize = 768 << 10;
