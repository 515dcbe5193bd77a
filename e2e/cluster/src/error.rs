//! What can go wrong in the harness. One type for all of it: a test can do nothing with an error but show it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why the harness cannot go on.
#[derive(thiserror::Error)]
pub enum ClusterError {
    /// A file or a process.
    #[error("cannot {doing}: {source}")]
    Io {
        /// What was tried.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
    /// A request to the API server.
    #[error("cannot {doing}: {source}")]
    Kube {
        /// What was tried.
        doing: String,
        /// What the client said.
        source: Box<kube::Error>,
    },
    /// Something that must be built first is not there.
    #[error("there is no `{}`: run {run}", path.display())]
    NotBuilt {
        /// What is missing.
        path: PathBuf,
        /// What builds it.
        run: &'static str,
    },
    /// A process ended by itself.
    #[error("{name} ended ({status}); the end of `{}`:\n{end}", log.display())]
    Ended {
        /// Its name.
        name: String,
        /// How it ended.
        status: String,
        /// Its log.
        log: PathBuf,
        /// The last lines of it.
        end: String,
    },
    /// What was awaited did not come.
    #[error("waited {} s for {what}: {seen}", after.as_secs_f32())]
    Late {
        /// What was awaited.
        what: String,
        /// How long.
        after: Duration,
        /// What there was instead.
        seen: String,
    },
    /// A text that cannot be used.
    #[error("{what} cannot be used: {reason}")]
    Text {
        /// Which text.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// As `unwrap` shows it.
impl fmt::Debug for ClusterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl ClusterError {
    /// Names what was tried with a file or process.
    pub fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }

    /// Names what was tried with a path.
    pub fn path(doing: &str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        Self::io(format!("{doing} `{}`", path.display()))
    }

    /// Names what was asked of the API server.
    pub fn kube(doing: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Kube {
            doing,
            source: Box::new(source),
        }
    }

    /// Names a text that cannot be used.
    pub fn text(what: impl Into<String>) -> impl FnOnce(String) -> Self {
        let what = what.into();
        move |reason| Self::Text { what, reason }
    }
}
