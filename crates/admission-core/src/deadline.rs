//! How long an admission may take, and what watches it.
//!
//! The host ends an evaluation after two seconds or more and refuses the pod then, whatever the policy would have said.
//! So the policy gives up before, and says why.

use core::time::Duration;

use kube_rules::time::UnixMillis;

use crate::cluster::{Cluster, EverywhereQuery, HostError, ListQuery, LogLine, ObjectQuery};
use crate::response::Trouble;

/// Half of the least time that a host gives. What comes after the last look at the clock takes a tenth of it at most.
pub const LONGEST: Duration = Duration::from_secs(1);

/// The time, as an admission knows it.
pub struct Clock<'c> {
    now: UnixMillis,
    elapsed: &'c dyn Fn() -> Duration,
}

impl<'c> Clock<'c> {
    /// When the admission began, and how long ago that was, whatever somebody does to the host's clock meanwhile.
    #[must_use]
    pub fn new(now: UnixMillis, elapsed: &'c dyn Fn() -> Duration) -> Self {
        Self { now, elapsed }
    }

    /// When the admission began.
    #[must_use]
    pub fn now(&self) -> UnixMillis {
        self.now
    }

    /// # Errors
    /// When the admission has taken too long already.
    pub(crate) fn check(&self) -> Result<(), Trouble> {
        let elapsed = (self.elapsed)();
        if elapsed < LONGEST {
            return Ok(());
        }
        Err(Trouble::Late { elapsed })
    }
}

/// A cluster that is asked nothing more, and whose answers count for nothing, once it is too late.
pub(crate) struct Timed<'c> {
    pub(crate) cluster: &'c dyn Cluster,
    pub(crate) clock: &'c Clock<'c>,
}

impl Timed<'_> {
    fn in_time<T>(&self, ask: impl FnOnce() -> Result<T, HostError>) -> Result<T, HostError> {
        let check = || self.clock.check().map_err(|late| HostError(late.to_string()));
        check()?;
        let answer = ask()?;
        check()?;
        Ok(answer)
    }
}

impl Cluster for Timed<'_> {
    fn list(&self, query: &ListQuery<'_>) -> Result<Vec<u8>, HostError> {
        self.in_time(|| self.cluster.list(query))
    }

    fn list_everywhere(&self, query: &EverywhereQuery<'_>) -> Result<Vec<u8>, HostError> {
        self.in_time(|| self.cluster.list_everywhere(query))
    }

    fn object(&self, query: &ObjectQuery<'_>) -> Result<Vec<u8>, HostError> {
        self.in_time(|| self.cluster.object(query))
    }

    fn log(&self, line: &LogLine<'_>) {
        self.cluster.log(line);
    }
}
