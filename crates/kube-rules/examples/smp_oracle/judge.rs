//! The other side: the Go program that runs the API server's own code.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

pub(crate) enum Verdict {
    Result(Value),
    Refused,
    /// Go's answer depends on the order in which it walks a map.
    Unstable,
}

pub(crate) struct Judge {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// The type tree, as the judge's program prints it.
pub(crate) fn types(program: &str) -> Result<String, Failure> {
    let output = Command::new(program)
        .arg("types")
        .output()
        .map_err(|error| format!("`{program}`: {error}"))?;
    if !output.status.success() {
        return Err(format!("`{program} types` failed").into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

impl Judge {
    pub(crate) fn start(program: &str) -> Result<Self, Failure> {
        let mut child = Command::new(program)
            .arg("judge")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let questions = child.stdin.take().ok_or("no stdin")?;
        let answers = BufReader::new(child.stdout.take().ok_or("no stdout")?);
        Ok(Self {
            child,
            questions,
            answers,
        })
    }

    /// Asks all at once. Writing and reading go on together, so neither pipe can fill up.
    pub(crate) fn ask(&mut self, cases: &[(Value, Value)], runs: usize) -> Result<Vec<Verdict>, Failure> {
        let (questions, answers) = (&mut self.questions, &mut self.answers);
        std::thread::scope(|scope| {
            let writer = scope.spawn(move || -> Result<(), Failure> {
                let mut text = Vec::new();
                for (pod, patch) in cases {
                    serde_json::to_writer(&mut text, &json!({"pod": pod, "patch": patch, "runs": runs}))?;
                    text.push(b'\n');
                }
                questions.write_all(&text)?;
                Ok(questions.flush()?)
            });
            let verdicts = cases.iter().map(|_| read_verdict(answers)).collect();
            writer.join().map_err(|_| "the writer stopped")??;
            verdicts
        })
    }

    pub(crate) fn stop(self) -> Result<(), Failure> {
        let Self {
            mut child, questions, ..
        } = self;
        drop(questions);
        if child.wait()?.success() {
            Ok(())
        } else {
            Err("the judge failed".into())
        }
    }
}

fn read_verdict(answers: &mut BufReader<ChildStdout>) -> Result<Verdict, Failure> {
    let mut line = String::new();
    answers.read_line(&mut line)?;
    let answer: Value =
        serde_json::from_str(&line).map_err(|error| format!("the judge said `{line}`: {error}"))?;
    let refused = answer.get("error").is_some();
    Ok(match answer {
        Value::Object(mut answer) if answer.contains_key("result") => {
            Verdict::Result(answer.remove("result").unwrap_or_default())
        }
        _ if refused => Verdict::Refused,
        _ => Verdict::Unstable,
    })
}
