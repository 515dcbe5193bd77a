//! Compares the simulator's HPA controller with Kubernetes' own on random HPAs, pods and metrics.
//!
//! ```text
//! hpa_oracle --judge PROGRAM [--count N] [--seed S] [--write FILE]
//! ```
//!
//! `--write` keeps the cases that a test replays without the judge. `oracle/run.sh` builds the judge and runs this.
#![expect(clippy::print_stdout, reason = "a command line prints")]
#![expect(
    clippy::indexing_slicing,
    reason = "indexing a JSON value does not panic when reading"
)]

mod generator;
mod judge;
mod manifest;
mod ours;

use std::collections::BTreeMap;
use std::process::ExitCode;

use judge::{Failure, Judge};
use serde_json::Value;

const BATCH: u64 = 200;
const SHOWN: u64 = 3;
/// Longer cases are not kept for the tests, nor more than these, nor more in which nothing is scaled.
const LONGEST: usize = 3600;
const KEPT: usize = 2000;
const UNSCALED: usize = 600;

fn main() -> ExitCode {
    match Options::read(std::env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            println!("hpa_oracle: {error}");
            ExitCode::from(2)
        }
    }
}

struct Options {
    judge: String,
    count: u64,
    seed: u64,
    write: Option<String>,
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut options = Self {
            judge: String::new(),
            count: 10_000,
            seed: 1,
            write: None,
        };
        while let Some(name) = arguments.next() {
            let value = arguments
                .next()
                .ok_or_else(|| format!("`{name}` lacks its value"))?;
            match name.as_str() {
                "--judge" => options.judge = value,
                "--count" => options.count = value.parse()?,
                "--seed" => options.seed = value.parse()?,
                "--write" => options.write = Some(value),
                _ => return Err(format!("unknown option `{name}`").into()),
            }
        }
        if options.judge.is_empty() {
            return Err("`--judge` is missing: the program that `oracle/run.sh` builds".into());
        }
        Ok(options)
    }
}

/// Returns how many mismatched.
fn run(options: &Options) -> Result<u64, Failure> {
    let mut judge = Judge::start(&options.judge)?;
    let mut tally = Tally::default();
    let mut kept = Vec::new();
    let mut unscaled = 0;
    let mut next = 0;
    while next < options.count {
        let end = options.count.min(next + BATCH);
        let cases: Vec<Value> = (next..end)
            .map(|number| generator::case(options.seed, number))
            .collect();
        let answers = judge.ask(&cases)?;
        for ((number, mut case), theirs) in (next..end).zip(cases).zip(answers) {
            tally.count(number, &case, &ours::answer(&case), &theirs);
            case["answer"] = theirs;
            let text = format!("{case}\n");
            let scales = text.contains("\"SuccessfulRescale\"");
            if text.len() <= LONGEST && kept.len() < KEPT && (scales || unscaled < UNSCALED) {
                unscaled += usize::from(!scales);
                kept.push(text);
            }
        }
        if end * 10 / options.count > next * 10 / options.count {
            println!("{end} of {}", options.count);
        }
        next = end;
    }
    judge.stop()?;
    if let Some(file) = &options.write {
        std::fs::write(file, kept.concat()).map_err(|error| format!("`{file}`: {error}"))?;
        println!("wrote {} cases to `{file}`", kept.len());
    }
    for (seen, count) in &tally.seen {
        println!("  {seen:<40}{count:>8}");
    }
    println!("{} agreed, {} mismatched", tally.agreed, tally.mismatched);
    Ok(tally.mismatched)
}

#[derive(Default)]
struct Tally {
    agreed: u64,
    mismatched: u64,
    /// How often each reason was met: one that never is, is not tested.
    seen: BTreeMap<String, u64>,
}

impl Tally {
    fn count(&mut self, number: u64, case: &Value, ours: &Value, theirs: &Value) {
        if theirs["refused"] == true {
            *self.seen.entry("refused".to_owned()).or_default() += 1;
        }
        for step in theirs["steps"].as_array().into_iter().flatten() {
            for list in [&step["events"], &step["conditions"]] {
                for found in list.as_array().into_iter().flatten() {
                    let reason = found["reason"].as_str().unwrap_or_default();
                    *self.seen.entry(reason.to_owned()).or_default() += 1;
                }
            }
        }
        if ours == theirs {
            self.agreed += 1;
            return;
        }
        self.mismatched += 1;
        if self.mismatched > SHOWN {
            return;
        }
        println!("mismatch in case {number}\n  hpa    {}", case["hpa"]);
        let steps = case["steps"].as_array().map_or(&[][..], Vec::as_slice);
        match (0..steps.len()).find(|&at| ours["steps"][at] != theirs["steps"][at]) {
            Some(at) => println!(
                "  step {at} {}\n  ours   {}\n  judge  {}",
                steps[at], ours["steps"][at], theirs["steps"][at]
            ),
            None => println!("  ours   {ours}\n  judge  {theirs}"),
        }
    }
}
