//! The pods of one owner, counted as they come, so that looking at an owner does not walk its pods.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::plane::objects::Pod;
use crate::time::Millis;

/// How many pods are available, and when the next one will be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Available {
    pub(super) pods: usize,
    pub(super) next: Option<Millis>,
}

/// The pods of one owner.
#[derive(Debug, Default)]
pub(super) struct Owned {
    pods: BTreeMap<u64, Rc<Pod>>,
    active: usize,
    ready: usize,
    succeeded: usize,
}

impl Owned {
    /// Takes a pod as it is now; whether it was not known.
    pub(super) fn insert(&mut self, pod: Rc<Pod>) -> bool {
        let number = pod.origin.number;
        self.count(&pod, true);
        let before = self.pods.insert(number, pod);
        if let Some(before) = &before {
            self.count(before, false);
        }
        before.is_none()
    }

    pub(super) fn remove(&mut self, number: u64) {
        if let Some(pod) = self.pods.remove(&number) {
            self.count(&pod, false);
        }
    }

    fn count(&mut self, pod: &Pod, is_here: bool) {
        let is_ready = pod.is_active() && pod.ready_since.is_some();
        for (count, holds) in [
            (&mut self.active, pod.is_active()),
            (&mut self.ready, is_ready),
            (&mut self.succeeded, pod.finished && !pod.failed),
        ] {
            if holds {
                *count = if is_here {
                    *count + 1
                } else {
                    count.saturating_sub(1)
                };
            }
        }
    }

    /// In the order of their creation.
    pub(super) fn all(&self) -> impl Iterator<Item = &Rc<Pod>> {
        self.pods.values()
    }

    /// Neither finished nor being deleted.
    pub(super) fn active(&self) -> usize {
        self.active
    }

    /// Active, and ready for so long.
    pub(super) fn available(&self, now: Millis, min_ready: Millis) -> Available {
        if min_ready == Millis::ZERO {
            return Available {
                pods: self.ready,
                next: None,
            };
        }
        let active = self.pods.values().filter(|pod| pod.is_active());
        let since: Vec<Millis> = active.filter_map(|pod| pod.available_since(min_ready)).collect();
        Available {
            pods: since.iter().filter(|since| **since <= now).count(),
            next: since.into_iter().filter(|since| *since > now).min(),
        }
    }

    pub(super) fn succeeded(&self) -> usize {
        self.succeeded
    }
}
