//! Checks of a scenario: statements with a time about the pods, the replicas and the requests of a run.
//!
//! ```text
//!   "always: elastic.running == 0 until first fixed.unschedulable"
//!        --parser--> Statement<Name> --names--> Check --watch, moment by moment--> CheckResult
//! ```
//!
//! A moment is a millisecond after all that happens in it; what a check says is looked at in every moment that it speaks of.
//! A check that had no moment to look at does not hold. Looking allocates nothing.

mod evaluation;
mod metric;
mod parser;
mod statement;
mod watch;

use std::fmt;

use crate::time::Millis;
pub(crate) use evaluation::Readings;
pub(crate) use metric::{LoadCount, Names, PodCount};
pub use watch::CheckResult;
pub(crate) use watch::{Stretch, Watches};

use metric::Metric;
use statement::{Statement, When};

/// A checked check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    text: String,
    statement: Statement<Metric>,
}

/// A check that is not understood: where, and what to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("found {found} at character {character}; write {write}")]
pub(crate) struct CheckFault {
    /// Counted from 1.
    pub(crate) character: usize,
    found: String,
    write: String,
}

/// A longer text is refused: it nests too deep, or should be several checks.
const LONGEST: usize = 400;

impl Check {
    /// Reads a check such as `at 120s: fixed.running == 10`.
    ///
    /// `names`: what may be named; without them only the grammar is looked at, and there is no check.
    pub(crate) fn read(text: &str, names: Option<&Names>, end: Millis) -> Result<Option<Self>, CheckFault> {
        if text.chars().count() > LONGEST {
            let found = format!("more than {LONGEST} characters");
            return Err(CheckFault::new(text, LONGEST, found, "several checks"));
        }
        let statement = parser::parse(text)?;
        check_times(&statement.when, text, end)?;
        let Some(names) = names else {
            return Ok(None);
        };
        let statement = statement.try_map(&mut |name| names.resolve(name, text))?;
        Ok(Some(Self {
            text: text.to_owned(),
            statement,
        }))
    }

    /// As it is written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl CheckFault {
    /// `at`: the byte of the text.
    fn new(text: &str, at: usize, found: impl Into<String>, write: impl Into<String>) -> Self {
        let before = text.get(..at).unwrap_or(text);
        Self {
            character: before.chars().count() + 1,
            found: found.into(),
            write: write.into(),
        }
    }
}

/// What is said of a time after the end would never be looked at.
fn check_times<M>(when: &When<M>, text: &str, end: Millis) -> Result<(), CheckFault> {
    let late = |at: Millis| {
        (at > end).then(|| {
            let write = format!("a time up to {end}, when the run ends");
            CheckFault::new(text, 0, format!("`{at}`"), write)
        })
    };
    let fault = match when {
        When::At(at) | When::Eventually { by: Some(at) } => late(*at),
        When::During { from, to } if from > to => {
            let found = format!("`from {from} to {to}`");
            Some(CheckFault::new(text, 0, found, "the earlier time first"))
        }
        When::During { to, .. } => late(*to),
        When::Always { .. } | When::Eventually { by: None } | When::Finally | When::Within { .. } => None,
    };
    fault.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests;
