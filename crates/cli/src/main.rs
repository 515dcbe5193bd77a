//! The command line of Spillway.
//!
//! It reads files, runs the pure crates, and shows what they say. It must never decide anything about pods: the policy does,
//! as the compiled module that a cluster would load.

mod commands;
mod exit;
mod files;
mod folder;
mod output;
mod policy;
mod table;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::exit::Exit;

/// Spillway places the pods of one workload into ordered subsets: this tool shows how, before a cluster does.
#[derive(Debug, Parser)]
#[command(name = "spillway", version, after_help = exit::HELP)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Play a scenario on a virtual clock, with the compiled policy
    Simulate(commands::simulate::Raw),
    /// Search at random for what must never be: above a maximum, a pod bound twice, a gate left shut
    Torture(commands::torture::Raw),
    /// Prove that the policy may be switched to `observe: Ledger`: kinds, rights, Lease and ledgers
    Doctor(commands::cluster::Doctor),
    /// Open the gates of all pods that wait, and give them no subset
    Release(commands::cluster::Release),
}

fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    files::finish_before_interrupts();
    let exit = match command {
        Command::Simulate(raw) => commands::simulate::run(raw),
        Command::Torture(raw) => commands::torture::run(raw),
        Command::Doctor(raw) => commands::cluster::doctor(raw),
        Command::Release(raw) => commands::cluster::release(raw),
    };
    match exit {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => report(&exit),
    }
}

fn report(exit: &Exit) -> ExitCode {
    for line in exit.lines() {
        output::tell(format_args!("spillway: {line}"));
    }
    ExitCode::from(exit.code())
}
