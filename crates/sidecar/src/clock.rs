//! The clocks, read in one place: the cores take the time as an argument.

use std::sync::LazyLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use kube_rules::time::UnixMillis;
use sidecar_core::{Moment, Now};

/// From where moments are counted.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The moment by the clock that nobody can set.
#[must_use]
pub fn moment() -> Moment {
    let start = *START;
    Moment::after_start(start.elapsed())
}

/// A moment as the runtime and the fence count it.
#[must_use]
pub fn instant(moment: Moment) -> Instant {
    *START + moment.from_start()
}

/// The moment as the cores count it. Leases and fences never ask here: this clock may jump.
#[must_use]
pub fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// What time it is, by both clocks.
#[must_use]
pub fn both() -> Now {
    Now {
        moment: moment(),
        clock: now(),
    }
}
