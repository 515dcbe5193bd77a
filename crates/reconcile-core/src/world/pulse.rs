//! When something last happened to a spread's pods.

use kube_rules::time::UnixMillis;

use super::{SpreadId, World};
use crate::record::PodRecord;

/// When something last happened to a spread's pods, as far as this process saw it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pulse {
    /// A pod or a workload changed in any way.
    pub(crate) changed: Option<UnixMillis>,
    /// A pod became ready or began to go.
    pub(crate) went_on: Option<UnixMillis>,
    /// A pod began to go, or was gone.
    pub(crate) left: Option<UnixMillis>,
}

/// What a new sight of a pod tells.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct News {
    has_left: bool,
    is_ready: bool,
}

impl News {
    /// A pod is another than before; `None`: it was, or is, not there.
    pub(super) fn between(before: Option<&PodRecord>, after: Option<&PodRecord>) -> Self {
        let is_active = |pod: Option<&PodRecord>| pod.is_some_and(PodRecord::is_active);
        let is_ready = |pod: Option<&PodRecord>| pod.is_some_and(|pod| pod.ready_since.is_some());
        Self {
            has_left: is_active(before) && !is_active(after),
            is_ready: !is_ready(before) && is_ready(after),
        }
    }
}

impl World {
    pub(crate) fn pulse(&self, id: &SpreadId) -> Pulse {
        self.pulses.get(id).copied().unwrap_or_default()
    }

    /// Something of the spread is another than before.
    pub(super) fn feel(&mut self, id: &SpreadId, news: News, now: UnixMillis) {
        let pulse = self.pulses.entry(id.clone()).or_default();
        pulse.changed = Some(now);
        if news.has_left {
            pulse.left = Some(now);
        }
        if news.has_left || news.is_ready {
            pulse.went_on = Some(now);
        }
    }
}
