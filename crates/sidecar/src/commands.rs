//! The commands that `spillway-sidecar` and `spillway` have in common.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use sidecar_core::opening::Why;

use crate::client;
use crate::doctor::{DoctorOptions, Grade, Who};
use crate::lease::{Store, leads};
use crate::release::{ReleaseOptions, open_gates};
use crate::settings_source::{self, Origin};

/// Progress is told once for so many pods.
const TELL_EVERY: u32 = 100;

/// What `release` is told.
#[derive(Debug, clap::Args)]
pub struct ReleaseArgs {
    /// Only in this namespace.
    #[arg(long)]
    namespace: Option<String>,
    /// Only pods that are so old: `90s`, `10m`, `2h`.
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "0s")]
    older_than: Duration,
    /// Open none while a sidecar leads: whoever renews its Lease.
    #[arg(long)]
    if_nobody_leads: bool,
    /// Where the sidecars keep their Lease.
    #[arg(long, value_name = "NAMESPACE", default_value = policy_settings::LEASE_NAMESPACE)]
    lease_namespace: String,
    /// Count them, and open none.
    #[arg(long)]
    dry_run: bool,
}

/// What `doctor` is told.
#[derive(Debug, clap::Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    origin: OriginArgs,
    /// Where the sidecars keep their Lease.
    #[arg(long, value_name = "NAMESPACE", default_value = policy_settings::LEASE_NAMESPACE)]
    lease_namespace: String,
    /// The sidecar's service account, `NAMESPACE/NAME`; `-`: whoever asks.
    #[arg(long, value_name = "ACCOUNT", value_parser = account, default_value = "spillway-system/spillway-sidecar")]
    sidecar: Who,
    /// Print the RoleBindings by which the sidecar writes in the namespaces of these rules alone, and look at nothing.
    #[arg(long)]
    print_rbac: bool,
    /// The policy-server's service account, `NAMESPACE/NAME`; `-`: whoever asks.
    #[arg(long, value_name = "ACCOUNT", value_parser = account, default_value = "kubewarden/spillway-policy-server")]
    policy_server: Who,
}

/// Where the settings come from.
#[derive(Debug, clap::Args)]
pub struct OriginArgs {
    /// The settings of the policy: YAML or JSON; read again on SIGHUP.
    #[arg(long, value_name = "FILE", conflicts_with = "from_policy")]
    settings: Option<PathBuf>,
    /// The ClusterAdmissionPolicy whose settings are taken, and followed.
    #[arg(long, value_name = "NAME")]
    from_policy: Option<String>,
}

/// Opens gates and says so in `out`; whether all that were asked for are open.
///
/// # Errors
/// When the cluster cannot be reached, or the result not be written.
pub async fn release(args: ReleaseArgs, kubeconfig: Option<PathBuf>, out: &mut dyn Write) -> Result<bool> {
    let client = client::reading(&client::config(kubeconfig.as_deref()).await?)?;
    if args.if_nobody_leads {
        let store = Store::new(client.clone(), &args.lease_namespace);
        if let Some(holder) = leads::leader(&store).await? {
            writeln!(out, "`{holder}` leads, nothing is opened")?;
            out.flush()?;
            return Ok(true);
        }
    }
    let options = args.options();
    let mut told = 0;
    let released = open_gates(&client, &options, |released| {
        if released.opened >= told + TELL_EVERY {
            told = released.opened;
            // Gates are opened whether or not somebody reads of it.
            let _ = writeln!(out, "{told} gates opened");
        }
    })
    .await?;
    for (pod, why) in &released.failed {
        let _ = writeln!(
            std::io::stderr(),
            "error: the gate of `{pod}` was not opened: {why}"
        );
    }
    let verb = if options.is_dry {
        "would be opened"
    } else {
        "opened"
    };
    writeln!(
        out,
        "{} gates {verb}, {} waited no more, {} too young, {} failed",
        released.opened,
        released.gone,
        released.young,
        released.failed.len()
    )?;
    out.flush()?;
    Ok(released.failed.is_empty())
}

/// Writes what was found to `out`; whether `observe: Ledger` may be switched on.
///
/// # Errors
/// When the cluster cannot be reached, the settings cannot be used, or the result cannot be written.
pub async fn doctor(args: &DoctorArgs, kubeconfig: Option<PathBuf>, out: &mut dyn Write) -> Result<bool> {
    let client = client::reading(&client::config(kubeconfig.as_deref()).await?)?;
    let loaded = match args.origin.origin()? {
        Origin::File(path) => settings_source::file(&path)?,
        Origin::Policy(name) => settings_source::policy(&client, &name).await?,
    };
    if args.print_rbac {
        out.write_all(crate::doctor::bindings(&loaded, &args.sidecar).as_bytes())?;
        out.flush()?;
        return Ok(true);
    }
    let findings = crate::doctor::check(&client, &loaded, &args.options()).await;
    for finding in &findings {
        writeln!(out, "{finding}")?;
    }
    let is_bad = findings.iter().any(|finding| finding.grade == Grade::Bad);
    writeln!(
        out,
        "{}",
        if is_bad {
            "observe: Ledger must not be switched on"
        } else {
            "observe: Ledger may be switched on"
        }
    )?;
    out.flush()?;
    Ok(!is_bad)
}

impl OriginArgs {
    /// Which it is.
    ///
    /// # Errors
    /// When neither is named.
    pub fn origin(&self) -> Result<Origin> {
        match (&self.settings, &self.from_policy) {
            (Some(file), _) => Ok(Origin::File(file.clone())),
            (None, Some(name)) => Ok(Origin::Policy(name.clone())),
            (None, None) => bail!("name the settings by `--settings` or `--from-policy`"),
        }
    }
}

impl ReleaseArgs {
    fn options(self) -> ReleaseOptions {
        ReleaseOptions {
            namespace: self.namespace,
            older_than: self.older_than,
            why: if self.if_nobody_leads {
                Why::NobodyLeads
            } else {
                Why::ByHand
            },
            is_dry: self.dry_run,
            ..ReleaseOptions::default()
        }
    }
}

impl DoctorArgs {
    fn options(&self) -> DoctorOptions {
        DoctorOptions {
            sidecar: self.sidecar.clone(),
            policy_server: self.policy_server.clone(),
            lease_namespace: self.lease_namespace.clone(),
            policy: self.origin.from_policy.clone(),
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let fix = || format!("`{text}` is no duration: write such as `90s`, `10m` or `2h`");
    let unit = text.chars().last().ok_or_else(fix)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        _ => return Err(fix()),
    };
    let number: u64 = text
        .strip_suffix(unit)
        .and_then(|number| number.parse().ok())
        .ok_or_else(fix)?;
    number
        .checked_mul(seconds)
        .map(Duration::from_secs)
        .ok_or_else(fix)
}

fn account(text: &str) -> Result<Who, String> {
    if text == "-" {
        return Ok(Who::Myself);
    }
    match text.split_once('/') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() => Ok(Who::Account {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }),
        _ => Err(format!("`{text}` is no service account: write `NAMESPACE/NAME`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7200)));
        for text in [
            "",
            "s",
            "10",
            "-1s",
            "1d",
            "99999999999999999999h",
            "18446744073709551615h",
            "1\u{e9}",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
