//! `spillway doctor` and `spillway release`: what an administrator asks of a cluster, by the sidecar's own code.

use std::path::PathBuf;

use spillway_sidecar::commands::{self, DoctorArgs, ReleaseArgs};
use spillway_sidecar::config::SettingsError;

use crate::exit::Exit;
use crate::output::Stdout;

/// How the cluster is reached.
#[derive(Debug, clap::Args)]
pub(crate) struct Reach {
    /// How the cluster is reached; default: as kubectl and pods do.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
}

/// Arguments of `release`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  spillway release --older-than 5m --namespace shop")]
pub(crate) struct Release {
    #[command(flatten)]
    told: ReleaseArgs,
    #[command(flatten)]
    reach: Reach,
}

/// Arguments of `doctor`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  spillway doctor --from-policy spillway\n  spillway doctor --settings settings.yaml --print-rbac | kubectl apply -f -"
)]
pub(crate) struct Doctor {
    #[command(flatten)]
    told: DoctorArgs,
    #[command(flatten)]
    reach: Reach,
}

/// Opens gates.
pub(crate) fn release(raw: Release) -> Result<(), Exit> {
    let is_done = wait(commands::release(raw.told, raw.reach.kubeconfig, &mut Stdout))?;
    is_well(is_done, "pods still wait behind their gates")
}

/// Looks whether the policy may be switched to `observe: Ledger`.
pub(crate) fn doctor(raw: Doctor) -> Result<(), Exit> {
    let is_good = wait(commands::doctor(&raw.told, raw.reach.kubeconfig, &mut Stdout))?;
    is_well(is_good, "`observe: Ledger` must not be switched on")
}

fn is_well(is_well: bool, otherwise: &str) -> Result<(), Exit> {
    if is_well {
        Ok(())
    } else {
        Err(Exit::Violations(vec![otherwise.to_owned()]))
    }
}

fn wait(work: impl Future<Output = anyhow::Result<bool>>) -> Result<bool, Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Exit::bad(&error))?;
    runtime
        .block_on(work)
        .map_err(|error| match error.downcast_ref::<SettingsError>() {
            Some(faults) => Exit::bad(faults),
            None => Exit::BadInput(vec![format!("{error:#}")]),
        })
}
