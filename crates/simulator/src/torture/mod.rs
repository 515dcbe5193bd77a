//! Plays small clusters in which much goes wrong, and says when something is that must never be.
//!
//! The same `plan` as in the sidecar, the same decision as in the policy; the rest is a control plane of our own, with a lag
//! of its own for every watch. A [`Case`] is data: drawn from a seed, played, shrunk while it fails, saved and played again.
//!
//! ```text
//!  seed --draw--> Case --play--> Played {violation?, tally} --shrink--> smallest Case that still fails
//! ```

mod calm;
mod case;
mod core_admission;
mod draw;
mod judge;
mod plane;
mod sabotage;
mod search;
mod shrink;
mod tally;
#[cfg(test)]
mod tests;

pub use case::{
    Case, CaseError, ClusterCase, EventCase, Happening, Lag, NAMESPACE, PolicyCase, PoolCase, SidecarCase,
    WORKLOAD, WorkloadCase,
};
pub use core_admission::CoreAdmission;
pub use judge::{Tolerated, Violation};
pub use plane::{Policies, Trace};
pub use search::{Failure, MOST_SHRINKS, attempt, hostility, is_for_a_real_cluster, minimise};
pub use shrink::shrink;
pub use tally::Tally;

use plane::Plane;

/// How a case went.
#[derive(Clone, Debug, PartialEq)]
pub struct Played {
    /// What must never be, if it was.
    pub violation: Option<Violation>,
    /// What was counted.
    pub tally: Tally,
    /// What was tolerated.
    pub tolerated: Tolerated,
    /// How long it took, in virtual milliseconds.
    pub millis: u64,
}

/// Plays a case with an admission for each replica of the policy. The same case and answers give the same result.
///
/// # Errors
/// When the rule of the case is refused.
pub fn play(case: &Case, policies: &mut Policies<'_>) -> Result<Played, CaseError> {
    run(case, policies, None)
}

/// Plays a case as [`play`] does, and tells what happens.
///
/// # Errors
/// When the rule of the case is refused.
pub fn play_aloud<'a>(
    case: &'a Case,
    policies: &mut Policies<'_>,
    trace: &'a mut Trace<'a>,
) -> Result<Played, CaseError> {
    run(case, policies, Some(trace))
}

fn run<'a>(
    case: &'a Case,
    policies: &mut Policies<'_>,
    trace: Option<&'a mut Trace<'a>>,
) -> Result<Played, CaseError> {
    let spread = case.rule()?;
    let ended = Plane::new(case, spread, policies, trace).play();
    Ok(Played {
        tolerated: ended.judge.tolerated,
        violation: ended.judge.into_violation(),
        tally: ended.tally,
        millis: ended.now.0,
    })
}
