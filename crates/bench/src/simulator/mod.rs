//! Measures how fast the simulator decides and plays, and what it needs.
//!
//! ```text
//!   decisions  ── the core alone, and the compiled policy in its host, in this process
//!   runs       ── the CLI as users start it, on scenarios that are written for the purpose
//! ```

mod decisions;
mod runs;

use std::path::Path;

use anyhow::Result;

use crate::figure::Figure;

/// How much to measure.
pub(crate) struct Effort {
    /// Admissions by the compiled policy.
    pub(crate) admissions: u32,
    /// Pods of the largest burst.
    pub(crate) pods: u32,
}

/// Measures everything; `cli` is the program `spillway`.
pub(crate) fn run(
    policy: &Path,
    cli: &Path,
    examples: &Path,
    effort: &Effort,
    progress: &dyn Fn(&str),
) -> Result<Vec<Figure>> {
    progress("decisions of the core");
    let mut figures = decisions::native()?;
    progress(&format!(
        "{} admissions by the compiled policy",
        effort.admissions
    ));
    figures.extend(decisions::wasm(policy, effort.admissions)?);
    progress("a day of hello-web");
    figures.extend(runs::day(cli, policy, examples)?);
    progress(&format!("a burst of {} pods", effort.pods));
    figures.extend(runs::burst(cli, policy, examples, effort.pods)?);
    Ok(figures)
}
