//! A cluster that outlives the program that started it: which processes belong to it, and how they are ended.

use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

use crate::error::ClusterError;
use crate::process::Process;

const FILE: &str = "cluster.json";

/// A process that was left running.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// What it is called.
    pub name: String,
    /// Its number, which may be another's by now.
    pub id: u32,
    /// The program that it runs: by this it is known again.
    pub program: PathBuf,
}

impl Left {
    /// Leaves a process running.
    ///
    /// # Errors
    /// When it has ended already.
    pub fn leave(process: Process) -> Result<Self, ClusterError> {
        let id = process.id();
        let left = Self {
            name: process.name().to_owned(),
            id,
            program: program(id).ok_or_else(|| ClusterError::Text {
                what: process.name().to_owned(),
                reason: "it does not run".to_owned(),
            })?,
        };
        process.detach();
        Ok(left)
    }

    /// Whether it still runs.
    #[must_use]
    pub fn runs(&self) -> bool {
        program(self.id).is_some_and(|program| program == self.program)
    }

    /// Kills it and waits until it is gone. If it is gone already, nothing happens.
    fn end(&self) -> Result<(), ClusterError> {
        let failed = |errno: rustix::io::Errno| ClusterError::Io {
            doing: format!("end {}", self.name),
            source: errno.into(),
        };
        let Some(pid) = i32::try_from(self.id).ok().and_then(Pid::from_raw) else {
            return Ok(());
        };
        // The handle stays that of this one process, whoever gets its number.
        let handle = match pidfd_open(pid, PidfdFlags::empty()) {
            Err(rustix::io::Errno::SRCH) => return Ok(()),
            opened => opened.map_err(failed)?,
        };
        if !self.runs() {
            return Ok(());
        }
        match pidfd_send_signal(&handle, Signal::KILL) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(errno) => return Err(failed(errno)),
        }
        poll(&mut [PollFd::new(&handle, PollFlags::IN)], None).map_err(failed)?;
        Ok(())
    }
}

/// Writes down which processes belong to the cluster in a folder.
///
/// # Errors
/// When that cannot be written.
pub fn write(folder: &Path, left: &[Left]) -> Result<(), ClusterError> {
    let path = folder.join(FILE);
    let text = serde_json::to_string_pretty(left).map_err(|error| ClusterError::Text {
        what: "the list of processes".to_owned(),
        reason: error.to_string(),
    })?;
    std::fs::write(&path, text).map_err(ClusterError::path("write", &path))
}

/// The processes of the cluster in a folder; none where there is no cluster.
///
/// # Errors
/// When they cannot be read.
pub fn read(folder: &Path) -> Result<Vec<Left>, ClusterError> {
    let path = folder.join(FILE);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = std::fs::read_to_string(&path).map_err(ClusterError::path("read", &path))?;
    serde_json::from_str(&text).map_err(|error| ClusterError::Text {
        what: format!("`{}`", path.display()),
        reason: error.to_string(),
    })
}

/// Ends the cluster in a folder and removes the folder; answers with the processes that ran. A folder that holds no cluster
/// is left alone.
///
/// # Errors
/// When a process cannot be ended.
pub fn end(folder: &Path) -> Result<Vec<Left>, ClusterError> {
    if !folder.join(FILE).exists() {
        return Ok(Vec::new());
    }
    let mut left = read(folder)?;
    left.retain(Left::runs);
    for process in left.iter().rev() {
        process.end()?;
    }
    std::fs::remove_dir_all(folder).map_err(ClusterError::path("remove", folder))?;
    Ok(left)
}

fn program(id: u32) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/{id}/exe")).ok()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn what_was_left_is_ended_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("sleep.log");
        let sleeper = || Process::start("sleep", Command::new("sleep").arg("1000"), &log).unwrap();
        let mut kept = sleeper();
        let left = Left::leave(sleeper()).unwrap();
        let stranger = Left {
            name: "another".to_owned(),
            id: kept.id(),
            program: PathBuf::from("/no/such/program"),
        };
        assert!(left.runs());

        let home = folder.path().join("cluster");
        std::fs::create_dir(&home).unwrap();
        write(&home, &[left.clone(), stranger]).unwrap();
        assert_eq!(end(&home).unwrap(), std::slice::from_ref(&left));

        assert!(!left.runs() && !home.exists());
        kept.check().unwrap();
        assert_eq!(end(&home).unwrap(), []);
    }
}
