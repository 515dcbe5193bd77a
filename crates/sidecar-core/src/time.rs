//! Moments of a clock that only goes forward.

use core::ops::Add;
use core::time::Duration;

use kube_rules::time::UnixMillis;

/// A moment of the monotonic clock, which nobody can set: so long after a start that is the driver's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(Duration);

impl Moment {
    /// So long after the start.
    #[must_use]
    pub const fn after_start(after: Duration) -> Self {
        Self(after)
    }

    /// How long after the start.
    #[must_use]
    pub const fn from_start(self) -> Duration {
        self.0
    }

    /// How long after an earlier moment; zero, if that one is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, after: Duration) -> Self {
        Self(self.0.saturating_add(after))
    }
}

/// What time it is, by both clocks of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// By the clock that nobody can set: what lasts is measured by it.
    pub moment: Moment,
    /// By the wall clock, which the world counts with, and which may jump.
    pub clock: UnixMillis,
}
