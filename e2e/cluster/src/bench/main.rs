//! `spillway-bench-e2e`: a burst without a webhook, with an empty policy and with Spillway, in turn; or rollouts.
//!
//! Times are of this machine; the ratios of one run are what counts.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line prints")]

mod burst;
mod rollout;
mod sidecar;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};
use serde_json::json;

use burst::{Burst, Side};

/// Measures bursts on a real control plane: created and ready time, admissions, writes.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// The empty policy.
    #[arg(long, value_name = "FILE")]
    base: PathBuf,
    /// How many pods; may be given again.
    #[arg(long, value_name = "N", default_values_t = [1000, 3000])]
    pods: Vec<usize>,
    /// How often each is measured; the median is shown.
    #[arg(long, value_name = "N", default_value_t = 3)]
    runs: usize,
    /// Measure the sidecar with so many spreads of a hundred pods each; 0 leaves it out.
    #[arg(long, value_name = "N", default_value_t = 100)]
    spreads: usize,
    #[command(subcommand)]
    instead: Option<Instead>,
}

/// What is measured in place of bursts.
#[derive(Subcommand)]
enum Instead {
    /// Rollouts where pods take 2 to 4 s to start and 15 to 20 s to end, without a spread, under Keep and under Surge.
    Rollout {
        /// How many pods.
        #[arg(long, value_name = "N", default_value_t = 200)]
        pods: usize,
    },
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    if let Some(Instead::Rollout { pods }) = args.instead {
        for line in rollout::measure(pods, args.runs).await? {
            println!("{line}");
        }
        return Ok(());
    }
    let mut report = Vec::new();
    for pods in &args.pods {
        let mut sides = Vec::new();
        for side in [Side::NoWebhook, Side::EmptyPolicy, Side::Spillway] {
            let mut bursts = Vec::new();
            for run in 0..args.runs {
                eprintln!("{pods} pods, {}, run {} of {}", side.name(), run + 1, args.runs);
                bursts.push(burst::measure(side, *pods, &args.base, run).await?);
            }
            sides.push((side, bursts));
        }
        report.push((*pods, sides));
    }
    for (pods, sides) in &report {
        let median = |side: Side, of: fn(&Burst) -> f64| {
            let bursts = sides
                .iter()
                .find(|(known, _)| *known == side)
                .map(|(_, bursts)| bursts);
            let mut figures: Vec<f64> = bursts.into_iter().flatten().map(of).collect();
            figures.sort_by(f64::total_cmp);
            figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
        };
        for (side, bursts) in sides {
            let (created, ready) = (
                median(*side, |burst| burst.created),
                median(*side, |burst| burst.ready),
            );
            let line = json!({
                "pods": pods,
                "side": side.name(),
                "createdSeconds": created,
                "readySeconds": ready,
                "createdToEmptyPolicy": created / median(Side::EmptyPolicy, |burst| burst.created),
                "readyToEmptyPolicy": ready / median(Side::EmptyPolicy, |burst| burst.ready),
                "admissionMeanSeconds": median(*side, |burst| burst.admission),
                "runs": bursts,
            });
            println!("{line}");
        }
    }
    if args.spreads > 0 {
        println!("{}", sidecar::measure(args.spreads, 100).await?);
    }
    Ok(())
}
