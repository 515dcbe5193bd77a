//! Who looks at a case: the judge of what must never be, and on ordinary days the one of what is promised at rest.

use std::rc::Rc;

use super::daily::Daily;
use crate::judge::{Judge, Violation};
use crate::plane::objects::Pod;
use crate::plane::observer::{By, Chosen, Observer};
use crate::plane::setup::Happening;
use crate::plane::store::Store;
use crate::time::Millis;

pub(super) struct Judges {
    pub(super) judge: Judge,
    pub(super) daily: Option<Daily>,
}

impl Judges {
    pub(super) fn into_violation(self) -> Option<Violation> {
        let daily = self.daily.and_then(Daily::into_violation);
        self.judge.into_violation().or(daily)
    }
}

impl Observer for Judges {
    fn happens(&mut self, now: Millis, store: &Store, happening: &Happening) {
        if let Some(daily) = &mut self.daily {
            daily.happens(now, store, happening);
        }
    }

    fn replicas(&mut self, workload: usize, version: u64, now: Millis, replicas: u32) {
        self.judge.replicas(workload, version, now, replicas);
    }

    fn pod(&mut self, now: Millis, store: &Store, old: Option<&Pod>, new: Option<&Pod>, by: &By) {
        self.judge.pod(now, store, old, new, by);
        if let Some(daily) = &mut self.daily {
            daily.pod(now, store, old, new, by);
        }
    }

    fn deleted(&mut self, now: Millis, pod: &Pod, by: &By) {
        self.judge.deleted(now, pod, by);
        if let Some(daily) = &mut self.daily {
            daily.deleted(now, pod, by);
        }
    }

    fn evicted(&mut self, now: Millis, pod: &Pod, is_allowed: bool) {
        self.judge.evicted(now, pod, is_allowed);
        if let Some(daily) = &mut self.daily {
            daily.evicted(now, pod, is_allowed);
        }
    }

    fn scaled_in(&mut self, now: Millis, removed: &[Rc<Pod>], kept: &[Rc<Pod>]) {
        self.judge.scaled_in(now, removed, kept);
        if let Some(daily) = &mut self.daily {
            daily.scaled_in(now, removed, kept);
        }
    }

    fn refused(&mut self, now: Millis, reason: &str) {
        self.judge.refused(now, reason);
    }

    fn forbidden(&mut self, now: Millis, pod: &Pod, broken: &str) {
        self.judge.forbidden(now, pod, broken);
    }

    fn epoch(&mut self, now: Millis, epoch: u64, what: &str) {
        Observer::epoch(&mut self.judge, now, epoch, what);
    }

    fn planned(&mut self, now: Millis, is_idle: bool) {
        self.judge.planned(now, is_idle);
    }

    fn chosen(&mut self, now: Millis, store: &Store, chosen: &Chosen<'_>) {
        self.judge.chosen(now, store, chosen);
    }

    fn never_at_rest(&mut self, now: Millis, events: u64) {
        self.judge.never_at_rest(now, events);
    }

    fn at_rest(&mut self, now: Millis, store: &Store, leads: bool) {
        self.judge.at_rest(now, store, leads);
    }

    fn is_broken(&self) -> bool {
        self.judge.is_broken() || self.daily.as_ref().is_some_and(Daily::is_broken)
    }
}
