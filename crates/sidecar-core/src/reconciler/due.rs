//! When each spread is planned next.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use kube_rules::time::UnixMillis;
use reconcile_core::SpreadId;

use crate::time::{Moment, Now};

/// The calendar.
#[derive(Debug, Default)]
pub(crate) struct Due {
    /// Something happened.
    dirty: BTreeMap<SpreadId, Moment>,
    /// The plan itself asked for it, by the clock that the core counts with.
    wakes: BTreeMap<SpreadId, UnixMillis>,
    /// Not before its watches have been listed.
    held: BTreeSet<SpreadId>,
}

impl Due {
    /// Something happened to these; what is due already is not put off.
    pub(crate) fn mark_all(&mut self, spreads: Vec<SpreadId>, at: Moment) {
        for spread in spreads {
            let due = self.dirty.entry(spread).or_insert(at);
            *due = at.min(*due);
        }
    }

    /// A plan asks to be made again then, and no more at any earlier time that it asked for.
    pub(crate) fn wake(&mut self, spread: &SpreadId, at: Option<UnixMillis>) {
        match at {
            Some(at) => self.wakes.insert(spread.clone(), at),
            None => self.wakes.remove(spread),
        };
    }

    /// Puts a spread aside until a listing is complete.
    pub(crate) fn hold(&mut self, spread: SpreadId) {
        self.held.insert(spread);
    }

    /// A listing is complete: what was put aside may be planned.
    pub(crate) fn release_held(&mut self, at: Moment) {
        let held = core::mem::take(&mut self.held);
        self.mark_all(held.into_iter().collect(), at);
    }

    /// What is due now, taken out.
    pub(crate) fn take(&mut self, now: Now) -> BTreeSet<SpreadId> {
        let mut due = BTreeSet::new();
        self.dirty.retain(|spread, at| {
            let is_due = *at <= now.moment;
            if is_due {
                due.insert(spread.clone());
            }
            !is_due
        });
        self.wakes.retain(|spread, at| {
            let is_due = *at <= now.clock;
            if is_due {
                due.insert(spread.clone());
            }
            !is_due
        });
        due
    }

    /// When something is due next.
    pub(crate) fn next(&self, now: Now) -> Option<Moment> {
        let dirty = self.dirty.values().min().copied();
        let wake = self.wakes.values().min().map(|at| {
            let millis = u64::try_from(at.since(now.clock)).unwrap_or(0);
            now.moment + Duration::from_millis(millis)
        });
        match (dirty, wake) {
            (Some(dirty), Some(wake)) => Some(dirty.min(wake)),
            (one, other) => one.or(other),
        }
    }

    /// Whether nothing is to be planned, now or later.
    pub(crate) fn is_empty(&self) -> bool {
        self.dirty.is_empty() && self.wakes.is_empty() && self.held.is_empty()
    }

    /// Nothing is due.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> SpreadId {
        SpreadId {
            namespace: "shop".to_owned(),
            name: name.to_owned(),
        }
    }

    fn after(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// So many milliseconds after the start, by both clocks.
    fn at(millis: i64) -> Now {
        Now {
            moment: Moment::after_start(after(millis.unsigned_abs())),
            clock: UnixMillis(1_000_000 + millis),
        }
    }

    #[test]
    fn a_burst_is_one_plan_and_does_not_put_it_off() {
        let (mut due, now) = (Due::default(), at(0));
        for n in 0..5 {
            due.mark_all(vec![id("web")], now.moment + after(n + 10));
        }
        assert_eq!(due.next(now), Some(now.moment + after(10)));
        assert!(due.take(now).is_empty());
        assert_eq!(due.take(at(10)), BTreeSet::from([id("web")]));
        assert_eq!(due.next(now), None);
    }

    #[test]
    fn a_plans_own_wish_replaces_its_earlier_one() {
        let (mut due, now) = (Due::default(), at(0));
        due.wake(&id("web"), Some(now.clock.plus(100)));
        due.wake(&id("web"), Some(now.clock.plus(300)));
        assert_eq!(due.next(now), Some(now.moment + after(300)));
        assert!(due.take(at(299)).is_empty());
        assert_eq!(due.take(at(300)), BTreeSet::from([id("web")]));
        due.wake(&id("web"), Some(now.clock));
        due.wake(&id("web"), None);
        assert!(due.take(at(9)).is_empty() && due.is_empty());
    }

    #[test]
    fn what_is_held_comes_when_it_is_released() {
        let (mut due, now) = (Due::default(), at(0));
        due.hold(id("web"));
        assert!(due.take(now).is_empty() && !due.is_empty());
        due.release_held(now.moment);
        assert_eq!(due.take(now), BTreeSet::from([id("web")]));
    }
}
