//! Plays a scenario with the compiled policy.

use std::path::PathBuf;

use policy_host::Module;
use simulator::{Admission, Outcome, Scenario};

use super::progress::Progress;
use crate::exit::Exit;
use crate::policy::{self, PolicyAdmission, PolicyError};

/// Finds and compiles the policy.
pub(super) fn module(named: Option<PathBuf>) -> Result<Module, Exit> {
    let path = policy::find(named).map_err(|error| Exit::bad(&error))?;
    policy::load(&path).map_err(|error| Exit::bad(&error))
}

/// Plays; `what` is shown to who waits.
pub(super) fn play(scenario: &Scenario, seed: u64, module: &Module, what: &str) -> Result<Outcome, Exit> {
    let replicas = (0..scenario.script.policies).map(|_| {
        let admission = PolicyAdmission::new(module.clone(), &scenario.settings)?;
        Ok(Box::new(admission) as Box<dyn Admission>)
    });
    let replicas = replicas.collect::<Result<Vec<_>, PolicyError>>();
    let replicas = replicas.map_err(|error| Exit::bad(&error))?;
    let mut progress = Progress::new(what);
    let mut show = |moment| progress.show(moment);
    let outcome = simulator::run(scenario, seed, replicas, &mut show);
    progress.end();
    Ok(outcome)
}
