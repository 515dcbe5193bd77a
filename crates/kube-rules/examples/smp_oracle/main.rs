//! Compares the strategic merge patch with the API server's own code on random pods and patches.
//!
//! ```text
//! smp_oracle --judge PROGRAM [--count N] [--seed S] [--write FILE]
//! ```
//!
//! `--write` keeps the cases that a test replays without the judge. `oracle/run.sh` builds the judge and runs this.
#![expect(clippy::print_stdout, reason = "a command line prints")]

mod generator;
mod judge;
mod patches;
mod prng;
mod types;

use std::collections::BTreeMap;
use std::process::ExitCode;

use judge::{Failure, Judge, Verdict};
use kube_rules::smp::{Refused, merge_pod};
use serde_json::{Value, json};

const BATCH: u64 = 500;
/// Enough to meet both orders of two keys, whatever the judge's luck.
const RUNS_WHEN_IN_DOUBT: usize = 400;
const SHOWN: u64 = 5;

fn main() -> ExitCode {
    match Options::read(std::env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            println!("smp_oracle: {error}");
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
    let types = types::Types::read(&judge::types(&options.judge)?);
    let mut judge = Judge::start(&options.judge)?;
    let mut tally = Tally::default();
    let mut kept = Kept::default();
    let mut next = 0;
    while next < options.count {
        let numbers = next..options.count.min(next + BATCH);
        let cases: Vec<_> = numbers
            .clone()
            .map(|number| generator::case(&types, options.seed, number))
            .collect();
        let runs = if options.write.is_some() { 16 } else { 4 };
        let verdicts = judge.ask(&cases, runs)?;
        for ((number, case), verdict) in numbers.clone().zip(cases).zip(verdicts) {
            let ours = merge_pod(case.0.clone(), &case.1);
            let verdict = if agree(&ours, &verdict) || matches!(verdict, Verdict::Unstable) {
                verdict
            } else {
                judge
                    .ask(std::slice::from_ref(&case), RUNS_WHEN_IN_DOUBT)?
                    .pop()
                    .ok_or("no answer")?
            };
            tally.count(number, &case, &ours, &verdict);
            kept.keep(case, &verdict);
        }
        if numbers.end * 10 / options.count > next * 10 / options.count {
            println!("{} of {}", numbers.end, options.count);
        }
        next = numbers.end;
    }
    judge.stop()?;
    if let Some(file) = &options.write {
        std::fs::write(file, kept.lines.concat()).map_err(|error| format!("`{file}`: {error}"))?;
        println!("wrote {} cases to `{file}`", kept.lines.len());
    }
    for (fault, count) in &tally.faults {
        println!("  {fault:<24}{count:>8}");
    }
    println!(
        "of those agreed, {} merged and {} refused as above",
        tally.merged, tally.refused
    );
    println!(
        "{} agreed, {} mismatched, {} unstable",
        tally.merged + tally.refused,
        tally.mismatched,
        tally.unstable
    );
    Ok(tally.mismatched)
}

#[derive(Default)]
struct Tally {
    merged: u64,
    refused: u64,
    /// How often each fault was met: a fault that never is, is not tested.
    faults: BTreeMap<String, u64>,
    mismatched: u64,
    unstable: u64,
}

impl Tally {
    fn count(
        &mut self,
        number: u64,
        case: &(Value, Value),
        ours: &Result<Value, Refused>,
        verdict: &Verdict,
    ) {
        match verdict {
            Verdict::Unstable => self.unstable += 1,
            Verdict::Result(_) if agree(ours, verdict) => self.merged += 1,
            Verdict::Refused if agree(ours, verdict) => {
                self.refused += 1;
                if let Err(refused) = ours {
                    let fault = format!("{refused:?}")
                        .chars()
                        .take_while(char::is_ascii_alphabetic)
                        .collect();
                    *self.faults.entry(fault).or_default() += 1;
                }
            }
            _ => {
                self.mismatched += 1;
                if self.mismatched <= SHOWN {
                    println!(
                        "mismatch in case {number}\n  pod    {}\n  patch  {}",
                        case.0, case.1
                    );
                    match ours {
                        Ok(pod) => println!("  ours   {pod}"),
                        Err(refused) => println!("  ours   refused: {refused}"),
                    }
                    match verdict {
                        Verdict::Result(pod) => println!("  judge  {pod}"),
                        _ => println!("  judge  refused"),
                    }
                }
            }
        }
    }
}

fn agree(ours: &Result<Value, Refused>, verdict: &Verdict) -> bool {
    match (ours, verdict) {
        (Ok(ours), Verdict::Result(theirs)) => same(ours, theirs),
        (Err(_), Verdict::Refused) => true,
        _ => false,
    }
}

/// Equal to the bit of a type: `1` is not `1.0`. Integers that Go cannot hold are floats to it.
fn same(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Number(ours), Value::Number(theirs)) => {
            ours.is_i64() == theirs.is_i64() && (ours == theirs || ours.as_f64() == theirs.as_f64())
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| same(ours, theirs))
        }
        (Value::Object(ours), Value::Object(theirs)) => {
            ours.len() == theirs.len()
                && ours
                    .iter()
                    .all(|(key, ours)| theirs.get(key).is_some_and(|theirs| same(ours, theirs)))
        }
        _ => ours == theirs,
    }
}

/// The cases for the file: small ones, most of which change something.
#[derive(Default)]
struct Kept {
    lines: Vec<String>,
    refused: usize,
    unchanged: usize,
}

impl Kept {
    const LINES: usize = 2000;
    const REFUSED: usize = 500;
    const UNCHANGED: usize = 100;
    const LONGEST: usize = 1200;

    fn keep(&mut self, (pod, patch): (Value, Value), verdict: &Verdict) {
        let (room, line) = match verdict {
            Verdict::Unstable => return,
            Verdict::Refused => (
                self.refused < Self::REFUSED,
                json!({"pod": pod, "patch": patch, "error": true}),
            ),
            Verdict::Result(result) => (
                *result != pod || self.unchanged < Self::UNCHANGED,
                json!({"pod": pod, "patch": patch, "result": result}),
            ),
        };
        let text = format!("{line}\n");
        // The judge rounds these, and the replay compares to the letter.
        let room = room && !text.contains(&u64::MAX.to_string());
        if !room || self.lines.len() == Self::LINES || text.len() > Self::LONGEST {
            return;
        }
        self.refused += usize::from(line.get("error").is_some());
        self.unchanged += usize::from(line.get("result") == line.get("pod"));
        self.lines.push(text);
    }
}
