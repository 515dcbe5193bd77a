//! `spillway-sidecar`: see the library.
#![expect(clippy::print_stderr, reason = "a command line prints")]

mod args;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use spillway_sidecar::commands;
use spillway_sidecar::config::SettingsError;
use spillway_sidecar::run::{RunError, run};

use args::{Args, Command};

/// Something broke, or is not as it should be.
const FAILED: u8 = 1;
/// What was given cannot be used.
const UNUSABLE: u8 = 2;

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
            Some(Command::Release(told)) => {
                let out = &mut std::io::stdout();
                commands::release(told, args.kubeconfig, out).await.map(code)
            }
            Some(Command::Doctor(told)) => {
                let out = &mut std::io::stdout();
                commands::doctor(&told, args.kubeconfig, out).await.map(code)
            }
        }
    })
}

fn code(is_well: bool) -> ExitCode {
    if is_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FAILED)
    }
}
