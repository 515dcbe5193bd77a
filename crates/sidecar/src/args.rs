//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};
use sidecar_core::reconciler::Limits;
use spillway_sidecar::commands::{DoctorArgs, OriginArgs, ReleaseArgs};
use spillway_sidecar::run::Options;
use tracing::Level;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Binds gated pods, corrects deletion costs, adopts pods and publishes the ledgers of a Spillway policy.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) run: RunArgs,
    /// How the cluster is reached; default: as kubectl and pods do.
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// How lines are logged, to the standard error.
    #[arg(long, value_enum, default_value_t = LogFormat::Text, global = true)]
    pub(crate) log_format: LogFormat,
    /// Which lines are logged.
    #[arg(long, value_enum, default_value_t = LogLevel::Info, global = true)]
    pub(crate) log_level: LogLevel,
}

/// What is done instead of running.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Open the gates of pods that wait, and give them no subset.
    Release(ReleaseArgs),
    /// Prove that the policy may be switched to `observe: Ledger`.
    Doctor(DoctorArgs),
}

/// What a run is told.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    origin: OriginArgs,
    /// Where the sidecars keep their Lease.
    #[arg(long, value_name = "NAMESPACE", default_value = policy_settings::LEASE_NAMESPACE)]
    lease_namespace: String,
    /// A lease that is not renewed ends after so many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(3..=60))]
    lease_duration: u64,
    /// The name that the Lease shows; default: the host's.
    #[arg(long, value_name = "NAME")]
    identity: Option<String>,
    /// Where probes and metrics are served, such as `0.0.0.0:8080`.
    #[arg(long, value_name = "ADDRESS")]
    http: Option<SocketAddr>,
    /// Where metrics are served instead, such as `127.0.0.1:8081` behind a proxy with TLS.
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<SocketAddr>,
    /// Print what would be written, and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// How many writes to pods are on their way at a time.
    #[arg(long, value_name = "NUMBER", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1000))]
    writes: u16,
}

/// How lines are logged.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

/// Which lines are logged.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
}

impl RunArgs {
    pub(crate) fn options(self, kubeconfig: Option<PathBuf>) -> Result<Options> {
        Ok(Options {
            origin: self.origin.origin()?,
            kubeconfig,
            lease_namespace: self.lease_namespace,
            lease_duration: Duration::from_secs(self.lease_duration),
            identity: self.identity.unwrap_or_else(host),
            http: self.http,
            metrics: self.metrics,
            is_dry: self.dry_run,
            limits: Limits {
                pods: usize::from(self.writes),
                ..Limits::default()
            },
        })
    }
}

/// A pod's host has the pod's name.
fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() {
        "spillway-sidecar".to_owned()
    } else {
        name.to_owned()
    }
}

/// Lines go to the standard error from here on.
pub(crate) fn log(format: LogFormat, level: LogLevel) {
    let level = match level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
    };
    // What the client says of its failures is said here too, in fewer words.
    let ours = if level == Level::DEBUG {
        Targets::new().with_default(level)
    } else {
        Targets::new().with_target("spillway_sidecar", level)
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_target(false);
    let registry = tracing_subscriber::registry();
    match format {
        LogFormat::Text => registry.with(lines.with_ansi(false).with_filter(ours)).init(),
        LogFormat::Json => registry
            .with(lines.json().flatten_event(true).with_filter(ours))
            .init(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use spillway_sidecar::settings_source::Origin;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_run_needs_settings_and_takes_them_from_one_place() {
        let parse = |args: &[&str]| Args::try_parse_from([&["spillway-sidecar"], args].concat());
        assert!(parse(&[]).unwrap().run.options(None).is_err());
        assert!(parse(&["--settings", "f", "--from-policy", "p"]).is_err());
        let options = parse(&["--from-policy", "p", "--dry-run"])
            .unwrap()
            .run
            .options(None)
            .unwrap();
        assert_eq!(
            (options.origin, options.is_dry),
            (Origin::Policy("p".to_owned()), true)
        );
        assert_eq!(options.lease_namespace, "spillway-system");
        let release = parse(&["release", "--older-than", "5m", "--kubeconfig", "k"]).unwrap();
        assert!(matches!(release.command, Some(Command::Release(_))) && release.kubeconfig.is_some());
        assert!(
            parse(&[
                "release",
                "--older-than",
                "5m",
                "--if-nobody-leads",
                "--lease-namespace",
                "n"
            ])
            .is_ok()
        );
        assert!(parse(&["--settings", "f", "release"]).is_err());
    }
}
