//! Lets a program of Kubernetes' own code judge random cases, and compares its answers with ours.
//!
//! ```text
//!   question(number) --line--> judge (Go) --line--> answer
//!           '-------------> ours ------------------'-- equal?
//! ```
//!
//! `oracle/run.sh` builds the judges and runs the drivers; the cases that `--write` keeps are replayed by the tests
//! without a judge ([`replay`]). It must never decide what is right: that is the judge's.
#![expect(clippy::print_stdout, reason = "drivers are command lines")]

mod judge;

use std::process::ExitCode;

use serde_json::{Value, json};

use judge::Judge;

/// What goes wrong on the way; ends the run.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

const BATCH: u64 = 500;
const SHOWN: u64 = 3;

/// What the command line says: `--judge PROGRAM [--count N] [--seed S] [--write FILE]`.
struct Options {
    judge: String,
    count: u64,
    seed: u64,
    write: Option<String>,
}

/// The `main` of a driver. `question` makes a case of a seed and a number; `ours` answers it as the judge should. The exit
/// code is 1 on a mismatch, 2 where it could not be judged.
pub fn main(question: impl Fn(u64, u64) -> Value, ours: impl Fn(&Value) -> Value) -> ExitCode {
    let run = Options::read(std::env::args().skip(1)).and_then(|options| run(&options, question, ours));
    match run {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            println!("oracle: {error}");
            ExitCode::from(2)
        }
    }
}

/// The mismatches of cases that were written, each as a text that shows it.
pub fn replay(cases: &str, ours: impl Fn(&Value) -> Value) -> Vec<String> {
    let mismatch = |(line, text): (usize, &str)| {
        let case: Value = match serde_json::from_str(text) {
            Ok(case) => case,
            Err(error) => return Some(format!("line {}: {error}", line + 1)),
        };
        let (question, answer) = (case.get("question")?, case.get("answer")?);
        let found = ours(question);
        (found != *answer)
            .then(|| format!("line {}: {question}\nours:   {found}\ntheirs: {answer}", line + 1))
    };
    cases.lines().enumerate().filter_map(mismatch).collect()
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
fn run(
    options: &Options,
    question: impl Fn(u64, u64) -> Value,
    ours: impl Fn(&Value) -> Value,
) -> Result<u64, Failure> {
    let mut judge = Judge::start(&options.judge)?;
    let (mut mismatches, mut kept) = (0, String::new());
    for first in (0..options.count).step_by(usize::try_from(BATCH)?) {
        let numbers = first..options.count.min(first + BATCH);
        let questions: Vec<Value> = numbers
            .clone()
            .map(|number| question(options.seed, number))
            .collect();
        for ((number, question), answer) in numbers.clone().zip(&questions).zip(judge.ask(&questions)?) {
            let found = ours(question);
            if found != answer {
                mismatches += 1;
                if mismatches <= SHOWN {
                    println!(
                        "case {number} of seed {}: {question}\nours:   {found}\ntheirs: {answer}",
                        options.seed
                    );
                }
            }
            if options.write.is_some() {
                kept.push_str(&json!({"question": question, "answer": answer}).to_string());
                kept.push('\n');
            }
        }
        if numbers.end * 10 / options.count > first * 10 / options.count {
            println!("{} of {}", numbers.end, options.count);
        }
    }
    judge.stop()?;
    if let Some(file) = &options.write {
        std::fs::write(file, kept).map_err(|error| format!("`{file}`: {error}"))?;
        println!("wrote {} cases to `{file}`", options.count);
    }
    println!("{} agreed, {mismatches} mismatched", options.count - mismatches);
    Ok(mismatches)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_shows_what_differs_and_where() {
        let cases = "{\"question\":1,\"answer\":2}\n{\"question\":2,\"answer\":5}\nno case\n";
        let double = |question: &Value| json!(question.as_i64().unwrap() * 2);
        let found = replay(cases, double);
        assert_eq!(found[0], "line 2: 2\nours:   4\ntheirs: 5");
        assert!(found[1].starts_with("line 3: "), "{found:?}");
        assert_eq!(found.len(), 2);
    }
}
