//! When each spread is planned next.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use kube_rules::time::UnixMillis;
use reconcile_core::SpreadId;

/// The calendar.
#[derive(Debug, Default)]
pub(crate) struct Due {
    /// Something happened.
    dirty: BTreeMap<SpreadId, Instant>,
    /// The plan itself asked for it, by the clock that the core counts with.
    wakes: BTreeMap<SpreadId, UnixMillis>,
    /// Not before its watches have been listed.
    held: BTreeSet<SpreadId>,
}

impl Due {
    /// Something happened to these; what is due already is not put off.
    pub(crate) fn mark_all(&mut self, spreads: Vec<SpreadId>, at: Instant) {
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
    pub(crate) fn release_held(&mut self, at: Instant) {
        let held = core::mem::take(&mut self.held);
        self.mark_all(held.into_iter().collect(), at);
    }

    /// What is due now, taken out.
    pub(crate) fn take(&mut self, now: Instant, clock: UnixMillis) -> BTreeSet<SpreadId> {
        let mut due = BTreeSet::new();
        self.dirty.retain(|spread, at| {
            let is_due = *at <= now;
            if is_due {
                due.insert(spread.clone());
            }
            !is_due
        });
        self.wakes.retain(|spread, at| {
            let is_due = *at <= clock;
            if is_due {
                due.insert(spread.clone());
            }
            !is_due
        });
        due
    }

    /// When something is due next.
    pub(crate) fn next(&self, now: Instant, clock: UnixMillis) -> Option<Instant> {
        let dirty = self.dirty.values().min().copied();
        let wake = self.wakes.values().min().map(|at| {
            let millis = u64::try_from(at.since(clock)).unwrap_or(0);
            now + Duration::from_millis(millis)
        });
        match (dirty, wake) {
            (Some(dirty), Some(wake)) => Some(dirty.min(wake)),
            (one, other) => one.or(other),
        }
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

    const CLOCK: UnixMillis = UnixMillis(1_000_000);

    #[test]
    fn a_burst_is_one_plan_and_does_not_put_it_off() {
        let (mut due, now) = (Due::default(), Instant::now());
        let ten = Duration::from_millis(10);
        for n in 0..5 {
            due.mark_all(vec![id("web")], now + Duration::from_millis(n) + ten);
        }
        assert_eq!(due.next(now, CLOCK), Some(now + ten));
        assert!(due.take(now, CLOCK).is_empty());
        assert_eq!(due.take(now + ten, CLOCK), BTreeSet::from([id("web")]));
        assert_eq!(due.next(now, CLOCK), None);
    }

    #[test]
    fn a_plans_own_wish_replaces_its_earlier_one() {
        let (mut due, now) = (Due::default(), Instant::now());
        due.wake(&id("web"), Some(CLOCK.plus(100)));
        due.wake(&id("web"), Some(CLOCK.plus(300)));
        assert_eq!(due.next(now, CLOCK), Some(now + Duration::from_millis(300)));
        assert!(due.take(now, CLOCK.plus(299)).is_empty());
        assert_eq!(due.take(now, CLOCK.plus(300)), BTreeSet::from([id("web")]));
        due.wake(&id("web"), Some(CLOCK));
        due.wake(&id("web"), None);
        assert!(due.take(now, CLOCK.plus(9)).is_empty());
    }

    #[test]
    fn what_is_held_comes_when_it_is_released() {
        let (mut due, now) = (Due::default(), Instant::now());
        due.hold(id("web"));
        assert!(due.take(now, CLOCK).is_empty());
        due.release_held(now);
        assert_eq!(due.take(now, CLOCK), BTreeSet::from([id("web")]));
    }
}
