//! The wall clock, read in one place: the cores take the time as an argument.

use std::time::{SystemTime, UNIX_EPOCH};

use kube_rules::time::UnixMillis;

/// The moment as the cores count it. Leases and fences never ask here: this clock may jump.
#[must_use]
pub fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
