//! Pods that find no node (`scheduleStrategy: Adaptive`): their subset is closed for a while for pods like them, they are
//! moved on, and the subset is tried again: with one pod, with two, with four.
//!
//! ```text
//!             a pod unschedulable for too long            until is over, or a node got roomier
//!   open ------------------------------------> closed ------------------------------------> tried
//!    ^                                            ^                                            |
//!    |                                            '------------ one of its pods is stuck ------+
//!    '-------- all of its pods have nodes, and nobody has come for a while --------------------'
//! ```
//!
//! The ledger is the memory: a new leader and every admission read there what is closed and until when. No pod is moved
//! before the ledger says that its subset is closed, or the next pod would take its place there; none tries a subset
//! before its time is over unless the ledger says so.

mod choose;
mod closing;
mod closings;
mod kept;
mod landed;
mod moves;
mod shape;
mod signs;

pub(crate) use choose::Choice;
pub(crate) use closing::Closing;
pub(crate) use closings::Closings;
use kube_rules::time::UnixMillis;
pub(crate) use moves::RECREATE_MILLIS;

use crate::record::Phase;
use crate::world::{Assumed, KnownPod};

/// The API server writes times of creation without their fraction.
const SECOND_MILLIS: i64 = 1_000;

impl KnownPod {
    /// Since when it could have been scheduled but was not: the later of its binding and the first time that the scheduler
    /// found no node for it. The condition's own time may be that of its creation.
    pub(crate) fn stuck_since(&self) -> Option<UnixMillis> {
        let since = self.waits_since?;
        let is_pending = self.record.is_active()
            && !self.record.gated
            && self.record.node.is_none()
            && self.record.phase == Phase::Pending;
        let is_on_its_way = matches!(
            self.assumed,
            Some(Assumed::Moved { .. } | Assumed::Recreated | Assumed::Evicted)
        );
        let bound = self.record.bound_at.unwrap_or(since);
        (is_pending && !is_on_its_way).then(|| since.max(bound))
    }

    /// From when on it may have been scheduled; rather too late than too early.
    fn started(&self) -> UnixMillis {
        let created = self.record.created.plus(SECOND_MILLIS - 1);
        self.record.bound_at.unwrap_or(created)
    }
}
