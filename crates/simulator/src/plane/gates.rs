//! The CronJob of `deploy/`: once a minute, where no sidecar leads, it opens the gates of pods that have waited for two.

use std::rc::Rc;

use kube_rules::time::UnixMillis;
use sidecar_core::lease::{LeaseView, believed, has_led, is_held};
use sidecar_core::opening::{Why, opening};

use super::objects::Pod;
use super::observer::By;
use super::patching::patched;
use super::{Event, Plane};
use crate::time::Millis;

/// Its schedule.
const EVERY: Millis = Millis(60_000);

/// `--older-than`.
const OLDER_THAN: Millis = Millis(120_000);

impl Plane<'_> {
    /// Where there are no sidecars nobody installed it either.
    pub(super) fn begin_to_open_gates(&mut self) {
        if !self.sidecars.is_empty() {
            self.queue.push(self.setup.begin + EVERY, Event::OpenGates(None));
        }
    }

    /// Looks whether somebody leads, and once more after as long as a Lease is believed.
    pub(super) fn look_at_gates(&mut self, before: Option<Box<LeaseView>>) {
        let lease = self.lease_view();
        if let Some(before) = before {
            if lease.and_then(|after| has_led(&before, after)).is_none() {
                self.open_gates();
            }
            return;
        }
        self.after(EVERY, Event::OpenGates(None));
        match lease {
            Some(lease) if is_held(&lease, UnixMillis(self.now.unix())) => {}
            Some(lease) => {
                let again = Millis::of(believed(&lease));
                self.after(again, Event::OpenGates(Some(Box::new(lease))));
            }
            None => self.open_gates(),
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
        let now = UnixMillis(self.now.unix());
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
