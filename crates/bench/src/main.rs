//! Measures what an admission costs: the policy against an empty policy built the same way, request by request in turn, so
//! that what the machine does meanwhile hits both alike. Ratios are the result; times are for orientation.
//!
//! ```text
//!   fixtures ──> cases ──> https       (TLS, keep-alive, server in a thread)
//!                     └──> in process  (instantiate and decide)  ──> report
//! ```
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line prints")]

mod cases;
mod fixtures;
mod measure;
mod report;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, ValueEnum};

/// Measures the policy against an empty policy.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// The policy, a WebAssembly module.
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// The policy to compare with: empty-policy, built the same way.
    #[arg(long, value_name = "FILE")]
    base: PathBuf,
    /// How many requests each figure is made of.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(10..))]
    requests: u32,
    /// How to print the result.
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    output: Output,
    /// End with code 1 if an aim is missed.
    #[arg(long)]
    check: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Output {
    Table,
    Json,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let report = cases::run(&args.policy, &args.base, args.requests, &|line| {
        eprintln!("{line}")
    })?;
    match args.output {
        Output::Table => println!("{}", report.table()),
        Output::Json => println!("{}", serde_json::to_string_pretty(&report)?),
    }
    let missed = report.missed();
    if args.check && !missed.is_empty() {
        anyhow::bail!("aims missed: {}", missed.join(", "));
    }
    Ok(())
}
