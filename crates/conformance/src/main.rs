//! Runs behaviour vectors of OpenKruise's WorkloadSpread against Spillway.
//!
//! Each vector goes through the native core, and through the compiled policy wherever it describes
//! an admission. A folder of vectors is read, nothing else; the vectors are never changed, and what
//! differs on purpose is listed in `known-differences.json` with its reason.
//!
//! ```text
//!  FOLDER/*.json -> vector -> selection | inject -> native (placement-core)  --.
//!                                              `-> wasm (policy-host)  ---------+-> verdict -> tally
//!                                                         known differences ----'
//! ```

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line prints")]

mod controller;
mod fixture;
mod inject;
mod known;
mod native;
mod selection;
mod settings;
mod tally;
mod vector;
mod verdict;
mod wasm;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use clap::Parser;

use crate::known::KnownDifferences;
use crate::tally::Tally;
use crate::vector::Vector;
use crate::verdict::Verdict;
use crate::wasm::Wasm;

/// Runs one vector of a file.
type Runner = fn(&Vector, Option<&Wasm>) -> Verdict;

/// The files that are run, and what runs their vectors.
const COVERED: [(&str, Runner); 4] = [
    ("selection.json", selection::run),
    ("inject.json", inject::run),
    ("deletion_cost.json", controller::costs),
    ("adoption.json", controller::adoption),
];
/// Files of the same folder that are about what is not written yet.
const LATER: [&str; 5] = [
    "reschedule.json",
    "status.json",
    "validation.json",
    "conversion.json",
    "united_allocation.json",
];

/// Runs behaviour vectors of WorkloadSpread through the native core and the compiled policy.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The folder that holds the vectors, such as `selection.json`.
    #[arg(long, value_name = "FOLDER")]
    cases: PathBuf,
    /// The compiled policy; `policy.wasm` here, unless SPILLWAY_POLICY_WASM names another.
    #[arg(long, value_name = "FILE")]
    policy_wasm: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether everything that can be run was run and passed.
fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    let wasm = wasm(arguments.policy_wasm.as_deref())?;
    let known = KnownDifferences::listed()?;
    let mut total = Tally::default();
    let mut files = 0;
    for (name, runner) in COVERED {
        let path = arguments.cases.join(name);
        if !path.exists() {
            continue;
        }
        files += 1;
        let tally = run_file(name, &path, runner, wasm.as_ref(), &known)?;
        if let Some(apart) = tally.apart() {
            println!("{name}: {apart}");
        }
        println!("{name}: {tally}");
        total.add(&tally);
    }
    for name in LATER.iter().filter(|name| arguments.cases.join(name).exists()) {
        eprintln!("{name}: not covered yet, not counted");
    }
    if files == 0 {
        bail!(
            "`{}` holds none of the vectors that are run, such as selection.json",
            arguments.cases.display()
        );
    }
    println!("{total}");
    if wasm.is_none() {
        eprintln!(
            "error: only the native core was run: there is no compiled policy, build it with `make policy.wasm`"
        );
    }
    Ok(total.is_clean() && wasm.is_some())
}

fn run_file(
    name: &str,
    path: &Path,
    runner: Runner,
    wasm: Option<&Wasm>,
    known: &KnownDifferences,
) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    for vector in vector::read(path)? {
        let verdict = known.judge(name, &vector, runner(&vector, wasm));
        if let Some(faults) = verdict.faults() {
            eprintln!("{name}: FAILED `{}`\n  expected {}", vector.name, vector.expect);
            for fault in faults {
                eprintln!("  {fault}");
            }
            if let Some(note) = &vector.note {
                eprintln!("  note: {note}");
            }
        }
        tally.count(&verdict);
    }
    Ok(tally)
}

/// The compiled policy; `None` where there is none at the place where it is built.
fn wasm(named: Option<&Path>) -> anyhow::Result<Option<Wasm>> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => {
            let path = std::env::var_os("SPILLWAY_POLICY_WASM")
                .map_or_else(|| PathBuf::from("policy.wasm"), PathBuf::from);
            if !path.exists() {
                return Ok(None);
            }
            path
        }
    };
    match Wasm::load(&path) {
        Ok(wasm) => Ok(Some(wasm)),
        Err(error) => bail!("the compiled policy cannot be run: {error}"),
    }
}
