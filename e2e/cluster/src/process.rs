//! A child process in a group of its own, with a log file; it ends with its owner.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::error::ClusterError;
use crate::guard;

/// How many lines of a log an error shows.
const SHOWN_LINES: usize = 15;

/// A running process. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    /// Its number may be another's by now.
    over: bool,
    detached: bool,
}

impl Process {
    /// Starts a command; both of its outputs go to the end of `log`.
    ///
    /// # Errors
    /// When the program or the log cannot be opened.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Result<Self, ClusterError> {
        let output = open(log)?;
        let errors = output.try_clone().map_err(ClusterError::path("open", log))?;
        Self::spawn(name, command.stdout(output).stderr(errors), log)
    }

    /// Starts a command and waits for the first line of its standard output; its errors go to the end of `log`.
    ///
    /// # Errors
    /// As [`Process::start`], and when no line comes within `patience`.
    pub fn start_and_read_line(
        name: &str,
        command: &mut Command,
        log: &Path,
        patience: Duration,
    ) -> Result<(Self, String), ClusterError> {
        let errors = open(log)?;
        let mut process = Self::spawn(name, command.stdout(Stdio::piped()).stderr(errors), log)?;
        let (send, receive) = mpsc::channel();
        if let Some(output) = process.child.stdout.take() {
            std::thread::spawn(move || {
                let mut output = BufReader::new(output);
                let mut line = String::new();
                let _ = output.read_line(&mut line);
                let _ = send.send(line);
                // Read on, so that the process never writes into a closed pipe.
                let _ = io::copy(&mut output, &mut io::sink());
            });
        }
        match receive.recv_timeout(patience) {
            Ok(line) if !line.is_empty() => Ok((process, line)),
            Ok(_) | Err(mpsc::RecvTimeoutError::Disconnected) => {
                let status = process.wait()?;
                Err(process.ended_with(status))
            }
            Err(mpsc::RecvTimeoutError::Timeout) => Err(ClusterError::Late {
                what: format!("the first line of {name}"),
                after: patience,
                seen: process.end_of_log(),
            }),
        }
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The most memory that it ever held at one moment; `None`: its status cannot be read.
    #[must_use]
    pub fn most_resident_kib(&self) -> Option<u64> {
        self.status_kib("VmHWM")
    }

    /// A field of its status that is an amount of memory.
    #[must_use]
    pub fn status_kib(&self, field: &str) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).ok()?;
        let line = status.lines().find(|line| line.starts_with(field))?;
        line.split_whitespace().nth(1)?.parse().ok()
    }

    /// Its process id, and that of its group.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its log.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Fails if it has ended.
    ///
    /// # Errors
    /// With the end of its log.
    pub fn check(&mut self) -> Result<(), ClusterError> {
        match self
            .child
            .try_wait()
            .map_err(ClusterError::io("look at a process"))?
        {
            Some(status) => {
                self.is_over();
                Err(self.ended_with(status))
            }
            None => Ok(()),
        }
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub fn terminate(&mut self) -> Result<ExitStatus, ClusterError> {
        self.signal(Signal::TERM)?;
        self.wait()
    }

    /// Kills it (SIGKILL) and waits until it is gone.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub fn kill(&mut self) -> Result<ExitStatus, ClusterError> {
        self.signal(Signal::KILL)?;
        self.wait()
    }

    /// Tells it to read its settings again (SIGHUP).
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub fn hang_up(&self) -> Result<(), ClusterError> {
        self.signal(Signal::HUP)
    }

    /// Stops it where it is (SIGSTOP).
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub fn freeze(&self) -> Result<(), ClusterError> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on (SIGCONT).
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub fn thaw(&self) -> Result<(), ClusterError> {
        self.signal(Signal::CONT)
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn wait(&mut self) -> Result<ExitStatus, ClusterError> {
        let status = self.child.wait().map_err(ClusterError::io("wait"))?;
        self.is_over();
        Ok(status)
    }

    /// The last lines of its log.
    #[must_use]
    pub fn end_of_log(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        let shown = lines.len().saturating_sub(SHOWN_LINES);
        lines.get(shown..).unwrap_or_default().join("\n")
    }

    /// Lets it run on when its owner is gone.
    pub(crate) fn detach(mut self) {
        let _ = guard::forget(self.child.id());
        self.detached = true;
    }

    fn spawn(name: &str, command: &mut Command, log: &Path) -> Result<Self, ClusterError> {
        let child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(ClusterError::io(format!(
                "start {name} from `{}`",
                command.get_program().display()
            )))?;
        let process = Self {
            name: name.to_owned(),
            child,
            log: log.to_owned(),
            over: false,
            detached: false,
        };
        guard::add(process.child.id()).map_err(ClusterError::io("guard a process"))?;
        Ok(process)
    }

    fn signal(&self, signal: Signal) -> Result<(), ClusterError> {
        let group = i32::try_from(self.child.id())
            .ok()
            .and_then(Pid::from_raw)
            .filter(|_| !self.over);
        let sent = group.map_or(Err(rustix::io::Errno::SRCH), |group| {
            kill_process_group(group, signal)
        });
        sent.map_err(|errno| ClusterError::Io {
            doing: format!("signal {}", self.name),
            source: errno.into(),
        })
    }

    fn is_over(&mut self) {
        if !self.over {
            self.over = true;
            let _ = guard::forget(self.child.id());
        }
    }

    fn ended_with(&self, status: ExitStatus) -> ClusterError {
        ClusterError::Ended {
            name: self.name.clone(),
            status: status.to_string(),
            log: self.log.clone(),
            end: self.end_of_log(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.detached && self.check().is_ok() {
            let _ = self.kill();
        }
    }
}

fn open(log: &Path) -> Result<File, ClusterError> {
    File::options()
        .create(true)
        .append(true)
        .open(log)
        .map_err(ClusterError::path("write", log))
}
