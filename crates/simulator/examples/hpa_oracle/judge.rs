//! The Go program that knows.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

/// Why the comparison could not be made.
pub(crate) type Failure = Box<dyn Error>;

/// A running judge.
pub(crate) struct Judge {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Judge {
    pub(crate) fn start(program: &str) -> Result<Self, Failure> {
        let mut child = Command::new(program)
            .arg("judge")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("`{program}` does not start: {error}"))?;
        let input = child.stdin.take().ok_or("no input")?;
        let output = BufReader::new(child.stdout.take().ok_or("no output")?);
        Ok(Self { child, input, output })
    }

    /// One answer for each case. A thread writes, so that neither side waits for the other for ever.
    pub(crate) fn ask(&mut self, cases: &[Value]) -> Result<Vec<Value>, Failure> {
        let text: String = cases.iter().map(|case| format!("{case}\n")).collect();
        let (input, output) = (&mut self.input, &mut self.output);
        std::thread::scope(|scope| {
            let writer = scope.spawn(move || input.write_all(text.as_bytes()).and_then(|()| input.flush()));
            let mut answers = Vec::with_capacity(cases.len());
            for _ in cases {
                let mut line = String::new();
                if output.read_line(&mut line)? == 0 {
                    return Err("the judge ended early".into());
                }
                answers.push(serde_json::from_str(&line).map_err(|error| format!("{error}: {line}"))?);
            }
            writer.join().map_err(|_| "the writer failed")??;
            Ok(answers)
        })
    }

    pub(crate) fn stop(mut self) -> Result<(), Failure> {
        drop(self.input);
        let status = self.child.wait()?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("the judge failed: {status}").into())
        }
    }
}
