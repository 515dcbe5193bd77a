//! The CronJob of `deploy/`: once a minute, where no sidecar leads, it opens the gates of pods that have waited for two.

use std::rc::Rc;

use sidecar_core::opening::{Why, opening};

use super::objects::{Kind, Lease, Object, Pod};
use super::observer::By;
use super::patching::patched;
use super::sidecars::timing;
use super::{Event, Plane};
use crate::time::Millis;

/// Its schedule.
const EVERY: Millis = Millis(60_000);

/// `--older-than`.
const OLDER_THAN: Millis = Millis(120_000);

/// How much longer than it lasts a Lease is believed, as `spillway release` does.
const MARGIN: Millis = Millis(5_000);

impl Plane<'_> {
    /// Where there are no sidecars nobody installed it either.
    pub(super) fn begin_to_open_gates(&mut self) {
        if !self.sidecars.is_empty() {
            self.queue.push(self.setup.begin + EVERY, Event::OpenGates(None));
        }
    }

    /// Looks whether somebody leads, and once more after as long as a Lease is believed.
    pub(super) fn look_at_gates(&mut self, seen: Option<u64>) {
        let believed = Millis::of(timing(self.setup).duration) + MARGIN;
        if let Some(seen) = seen {
            if self.lease().map_or(0, |lease| lease.version) == seen {
                self.open_gates();
            }
            return;
        }
        self.after(EVERY, Event::OpenGates(None));
        let (now, lease) = (self.now.unix(), self.lease());
        let is_held = lease.as_ref().is_some_and(|lease| {
            let age = now.saturating_sub(lease.renewed);
            !lease.holder.is_empty() && u64::try_from(age).is_ok_and(|age| age <= believed.0)
        });
        if !is_held && self.store.pods().any(|pod| self.is_due(pod)) {
            let version = lease.map_or(0, |lease| lease.version);
            self.after(believed, Event::OpenGates(Some(version)));
        }
    }

    fn lease(&self) -> Option<Rc<Lease>> {
        match self.store.of((Kind::Lease, 0)) {
            Some(Object::Lease(lease)) => Some(Rc::clone(lease)),
            _ => None,
        }
    }

    fn is_due(&self, pod: &Pod) -> bool {
        let age = self.now.unix().saturating_sub(pod.record.created.0);
        pod.gated && !pod.terminating && u64::try_from(age).is_ok_and(|age| age >= OLDER_THAN.0)
    }

    fn open_gates(&mut self) {
        if self.api.is_down {
            return;
        }
        let waiting = self.store.pods().filter(|pod| self.is_due(pod));
        let waiting: Vec<Rc<Pod>> = waiting.cloned().collect();
        let now = kube_rules::time::UnixMillis(self.now.unix());
        for old in waiting {
            let patch = opening(&old.value, Why::NobodyLeads, now);
            let patch = patch.and_then(|patch| serde_json::from_value(patch).ok());
            let opened = patch.and_then(|patch| patched(&old.value, &patch).ok());
            if let Some(value) = opened {
                self.put_pod(Some(&old), value, old.origin, old.ready_since, &By::CronJob);
            }
        }
    }
}
