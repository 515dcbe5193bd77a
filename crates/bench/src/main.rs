//! Measures Spillway: what an admission costs, and how fast the simulator is.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line prints")]

mod admission;
mod figure;
mod fixtures;
mod simulator;
mod world;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};

use figure::Figure;

/// Measures Spillway.
#[derive(Parser)]
#[command(version)]
struct Args {
    #[command(subcommand)]
    what: What,
    /// The policy, a WebAssembly module.
    #[arg(long, value_name = "FILE", global = true, default_value = "policy.wasm")]
    policy: PathBuf,
    /// How to print the result.
    #[arg(short, long, value_enum, default_value_t = Output::Table, global = true)]
    output: Output,
}

#[derive(Subcommand)]
enum What {
    /// What an admission costs, against an empty policy.
    Admission {
        /// The policy to compare with: empty-policy, built the same way.
        #[arg(long, value_name = "FILE")]
        base: PathBuf,
        /// How many requests each figure is made of.
        #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(10..))]
        requests: u32,
        /// End with code 1 if an aim is missed.
        #[arg(long)]
        check: bool,
    },
    /// How fast the simulator decides and plays, and what memory it needs.
    Simulator {
        /// The program `spillway`, built with the profile `dist`.
        #[arg(long, value_name = "FILE", default_value = "target/dist/spillway")]
        cli: PathBuf,
        /// The folder of the examples.
        #[arg(long, value_name = "FOLDER", default_value = "examples")]
        examples: PathBuf,
        /// How many admissions the compiled policy decides.
        #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..))]
        admissions: u32,
        /// How many pods the largest burst has.
        #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..))]
        pods: u32,
    },
    /// Whether an event and its plan cost more the more else there is in the cluster.
    World,
}

#[derive(Clone, Copy, ValueEnum)]
enum Output {
    Table,
    Json,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let progress = |line: &str| eprintln!("{line}");
    match args.what {
        What::Admission {
            base,
            requests,
            check,
        } => {
            let report = admission::run(&args.policy, &base, requests, &progress)?;
            match args.output {
                Output::Table => println!("{}", report.table()),
                Output::Json => println!("{}", serde_json::to_string_pretty(&report)?),
            }
            let missed = report.missed();
            if check && !missed.is_empty() {
                anyhow::bail!("aims missed: {}", missed.join(", "));
            }
        }
        What::Simulator {
            cli,
            examples,
            admissions,
            pods,
        } => {
            let effort = simulator::Effort { admissions, pods };
            let figures = simulator::run(&args.policy, &cli, &examples, &effort, &progress)?;
            print(&figures, args.output)?;
        }
        What::World => print(&world::run(&progress)?, args.output)?,
    }
    Ok(())
}

fn print(figures: &[Figure], output: Output) -> Result<()> {
    match output {
        Output::Table => println!("{}", figure::table(figures)),
        Output::Json => println!("{}", serde_json::to_string_pretty(figures)?),
    }
    Ok(())
}
