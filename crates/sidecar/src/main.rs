//! `spillway-sidecar`: see the library.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line prints")]

mod args;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use spillway_sidecar::client;
use spillway_sidecar::config::SettingsError;
use spillway_sidecar::doctor::{self, Grade};
use spillway_sidecar::release::open_gates;
use spillway_sidecar::run::{RunError, run};
use spillway_sidecar::settings_source::{self, Origin};

use args::{Args, Command, DoctorArgs, ReleaseArgs};

/// Something broke, or is not as it should be.
const FAILED: u8 = 1;
/// What was given cannot be used.
const UNUSABLE: u8 = 2;

/// Progress is told once for so many pods.
const TELL_EVERY: u32 = 100;

fn main() -> ExitCode {
    let args = Args::parse();
    match start(args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            let is_settings = matches!(error.downcast_ref(), Some(RunError::Settings(_)))
                || error.downcast_ref::<SettingsError>().is_some();
            ExitCode::from(if is_settings { UNUSABLE } else { FAILED })
        }
    }
}

fn start(args: Args) -> Result<ExitCode> {
    args::log(args.log_format, args.log_level);
    // One thread: the work is small, and each further thread would keep memory of its own.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match args.command {
            None => {
                run(args.run.options(args.kubeconfig)?).await?;
                Ok(ExitCode::SUCCESS)
            }
            Some(Command::Release(release)) => open(release, args.kubeconfig).await,
            Some(Command::Doctor(doctor)) => examine(&doctor, args.kubeconfig).await,
        }
    })
}

async fn open(args: ReleaseArgs, kubeconfig: Option<PathBuf>) -> Result<ExitCode> {
    let options = args.options();
    let client = client::reading(&client::config(kubeconfig.as_deref()).await?)?;
    let mut told = 0;
    let released = open_gates(&client, &options, |released| {
        if released.opened >= told + TELL_EVERY {
            told = released.opened;
            println!("{told} gates opened");
        }
    })
    .await?;
    for (pod, why) in &released.failed {
        eprintln!("error: the gate of `{pod}` was not opened: {why}");
    }
    let verb = if options.is_dry {
        "would be opened"
    } else {
        "opened"
    };
    println!(
        "{} gates {verb}, {} waited no more, {} too young, {} failed",
        released.opened,
        released.gone,
        released.young,
        released.failed.len()
    );
    Ok(if released.failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FAILED)
    })
}

async fn examine(args: &DoctorArgs, kubeconfig: Option<PathBuf>) -> Result<ExitCode> {
    let client = client::reading(&client::config(kubeconfig.as_deref()).await?)?;
    let loaded = match args.origin.origin()? {
        Origin::File(path) => settings_source::file(&path)?,
        Origin::Policy(name) => settings_source::policy(&client, &name).await?,
    };
    let findings = doctor::check(&client, &loaded, &args.options()).await;
    for finding in &findings {
        println!("{finding}");
    }
    let is_bad = findings.iter().any(|finding| finding.grade == Grade::Bad);
    println!(
        "{}",
        if is_bad {
            "observe: Ledger must not be switched on"
        } else {
            "observe: Ledger may be switched on"
        }
    );
    Ok(if is_bad {
        ExitCode::from(FAILED)
    } else {
        ExitCode::SUCCESS
    })
}
