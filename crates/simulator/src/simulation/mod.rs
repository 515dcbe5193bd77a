//! Plays a scenario: makes a plane of it, records what happens there, and compares it with what is expected.

mod accounts;
mod board;
mod invariants;
mod recorder;
mod setup;
mod workloads;

use crate::admission::Admission;
use crate::plane::Plane;
use crate::report::Outcome;
use crate::scenario::Scenario;
use crate::time::Millis;
use invariants::Judging;
use recorder::Recorder;

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The virtual time.
    pub now: Millis,
    /// When the scenario ends.
    pub end: Millis,
    /// How many pods were admitted so far.
    pub admissions: u64,
}

/// Plays a scenario with an admission for each replica of the policy. The same scenario, seed and answers give the same
/// outcome to the byte.
pub fn run<'a>(
    scenario: &'a Scenario,
    seed: u64,
    admissions: Vec<Box<dyn Admission + 'a>>,
    progress: &'a mut dyn FnMut(Moment),
) -> Outcome {
    let setup = setup::setup(scenario, seed, admissions.len());
    let begin = setup::begin(scenario);
    let recorder = Recorder::new(scenario, begin, progress);
    let mut judging = Judging::new(recorder, scenario, begin);
    let end = begin + scenario.script.duration;
    let ended = Plane::new(&setup, admissions, &mut judging, None).until(end);
    judging.close(seed, &ended.tally)
}
