//! How many vectors passed.

use core::fmt;

use crate::verdict::Verdict;

/// The counts of one file, or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    passed: usize,
    failed: usize,
    not_applicable: usize,
    known: usize,
}

impl Tally {
    /// Counts one vector.
    pub(crate) fn count(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Passed => self.passed += 1,
            Verdict::NotApplicable => self.not_applicable += 1,
            Verdict::KnownDifference => self.known += 1,
            Verdict::Failed(_) | Verdict::Answered(_) => self.failed += 1,
        }
    }

    /// Adds another file's counts.
    pub(crate) fn add(&mut self, other: &Self) {
        let Self {
            passed,
            failed,
            not_applicable,
            known,
        } = *other;
        self.passed += passed;
        self.failed += failed;
        self.not_applicable += not_applicable;
        self.known += known;
    }

    /// Whether nothing failed.
    pub(crate) fn is_clean(&self) -> bool {
        self.failed == 0
    }

    /// What is counted beside the result.
    pub(crate) fn apart(&self) -> Option<String> {
        let mut parts = Vec::new();
        if self.not_applicable > 0 {
            parts.push(format!(
                "{} not applicable (kept by counters)",
                self.not_applicable
            ));
        }
        match self.known {
            0 => {}
            1 => parts.push("1 known difference".to_owned()),
            known => parts.push(format!("{known} known differences")),
        }
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}
