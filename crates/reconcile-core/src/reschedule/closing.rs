//! One closing, as it is published and remembered.

use kube_rules::time::UnixMillis;
use rules::Patience;
use spread_api::ClosingStatus;

use super::shape::Shape;

/// A subset in which the scheduler found no node for a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Closing {
    pub(crate) subset: String,
    pub(crate) since: UnixMillis,
    pub(crate) until: UnixMillis,
    pub(crate) shape: Shape,
    /// How often in a row it was tried in vain.
    pub(crate) failed: u32,
}

impl Closing {
    /// As it can be under a rule: anybody may write a ledger, and clocks differ.
    pub(super) fn within(&self, patience: Patience, now: UnixMillis) -> Self {
        let since = self.since.min(now);
        Self {
            since,
            until: self.until.min(since.plus(patience.closed_millis)),
            ..self.clone()
        }
    }

    /// As it is published; what cannot be read is none.
    pub(crate) fn read(status: &ClosingStatus) -> Option<Self> {
        Some(Self {
            subset: status.subset.clone(),
            since: UnixMillis::parse(&status.since)?,
            until: UnixMillis::parse(&status.until)?,
            shape: Shape::read(status),
            failed: status.failed,
        })
    }

    pub(crate) fn status(&self) -> ClosingStatus {
        let mut status = ClosingStatus {
            subset: self.subset.clone(),
            since: self.since.to_string(),
            until: self.until.to_string(),
            failed: self.failed,
            ..ClosingStatus::default()
        };
        self.shape.write(&mut status);
        status
    }

    /// Whether another tells of the same subset and template.
    pub(crate) fn is_followed_by(&self, later: &Self) -> bool {
        self.subset == later.subset && later.shape.says_more_than(&self.shape)
    }
}
