//! Plays small clusters in which much goes wrong, and says when something is that must never be.
//!
//! The same `plan` as in the sidecar, the same admission as in the policy; the rest is a control plane of our own, with a lag
//! of its own for every watch. A [`Case`] is data: drawn from a seed, played, shrunk while it fails, saved and played again.
//!
//! ```text
//!  seed --draw--> Case --play--> Played {violation?, tally} --shrink--> smallest Case that still fails
//! ```

mod calm;
mod case;
mod daily;
mod draw;
#[cfg(test)]
mod home_tests;
mod judges;
mod native;
mod search;
mod setup;
mod shrink;
#[cfg(test)]
mod tests;

pub use crate::judge::{Tolerated, Violation};
pub use crate::plane::Trace;
pub use crate::plane::setup::{ClusterSpec, Lag, PolicySpec, SidecarSpec};
pub use crate::plane::tally::Tally;
pub use case::{
    Case, CaseError, EventCase, Happening, LoadCase, NAMESPACE, PoolCase, WORKLOAD, WorkloadCase,
};
pub use native::NativeAdmission;
pub use search::{Failure, MOST_SHRINKS, hostility, is_for_a_real_cluster, minimise};
pub use shrink::shrink;

use crate::admission::Admission;
use crate::judge::Judge;
use crate::plane::Plane;
use crate::plane::sabotage::Sabotage;

/// Makes a replica of the policy, fresh for a run.
pub type Policies<'a> = dyn FnMut(&Case) -> Box<dyn Admission> + 'a;

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
    run(case, policies, None, Sabotage::Nothing)
}

/// Plays a case as [`play`] does, and tells what happens.
///
/// # Errors
/// When the rule of the case is refused.
pub fn play_aloud(
    case: &Case,
    policies: &mut Policies<'_>,
    trace: &mut Trace<'_>,
) -> Result<Played, CaseError> {
    run(case, policies, Some(trace), Sabotage::Nothing)
}

fn run(
    case: &Case,
    policies: &mut Policies<'_>,
    trace: Option<&mut Trace<'_>>,
    sabotage: Sabotage,
) -> Result<Played, CaseError> {
    let spread = case.rule()?;
    let mut judges = judges::Judges {
        daily: daily::Daily::of(case, &spread),
        judge: Judge::new(case.judged(spread.clone())),
    };
    let setup = case.setup(spread);
    let admissions = case.policies.iter().map(|_| policies(case)).collect();
    let trace = trace.map(|trace| Box::new(move |at: u64, text: &str| trace(at, text)) as Box<Trace<'_>>);
    let mut plane = Plane::new(&setup, admissions, &mut judges, trace);
    plane.sabotage = sabotage;
    let ended = plane.rest();
    Ok(Played {
        tolerated: judges.judge.tolerated,
        violation: judges.into_violation(),
        tally: ended.tally,
        millis: ended.now.0,
    })
}
