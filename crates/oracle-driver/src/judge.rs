//! The other side: a Go program that answers a line for each line it reads.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::Failure;

pub(crate) struct Judge {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Judge {
    pub(crate) fn start(program: &str) -> Result<Self, Failure> {
        let mut child = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("`{program}`: {error}"))?;
        let questions = child.stdin.take().ok_or("no stdin")?;
        let answers = BufReader::new(child.stdout.take().ok_or("no stdout")?);
        Ok(Self {
            child,
            questions,
            answers,
        })
    }

    /// Asks all at once. Writing and reading go on together, so neither pipe can fill up.
    pub(crate) fn ask(&mut self, questions: &[Value]) -> Result<Vec<Value>, Failure> {
        let (input, output) = (&mut self.questions, &mut self.answers);
        std::thread::scope(|scope| {
            let writer = scope.spawn(move || -> Result<(), Failure> {
                let mut text = Vec::new();
                for question in questions {
                    serde_json::to_writer(&mut text, question)?;
                    text.push(b'\n');
                }
                input.write_all(&text)?;
                Ok(input.flush()?)
            });
            let answers = questions.iter().map(|_| answer(output)).collect();
            writer.join().map_err(|_| "the writer stopped")??;
            answers
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

fn answer(answers: &mut BufReader<ChildStdout>) -> Result<Value, Failure> {
    let mut line = String::new();
    answers.read_line(&mut line)?;
    serde_json::from_str(&line).map_err(|error| format!("the judge said `{line}`: {error}").into())
}
