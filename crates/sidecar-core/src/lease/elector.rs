//! Who leads: a state machine over what is seen of the Lease, with the time as an argument.
//!
//! Only the monotonic clock counts. Whether another's lease has run out is judged by how long it was seen unchanged, so
//! clocks may differ by minutes.

use core::time::Duration;

use crate::time::Moment;

/// How long things take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Without renewal, a lease ends after this.
    pub duration: Duration,
    /// A held lease is renewed after this.
    pub renew_every: Duration,
    /// A lease of somebody else is looked at after this.
    pub look_every: Duration,
    /// A write may be on its way for so long: a lease that was not given up is used so much later.
    pub in_flight: Duration,
    /// A holder stops writing so long before its lease ends.
    pub margin: Duration,
    /// A request about the Lease may take so long: shorter than the time between two renewals.
    pub patience: Duration,
}

/// No request about the Lease takes longer, however long that lasts.
const LONGEST_PATIENCE: Duration = Duration::from_secs(4);

impl Timing {
    /// For a lease that lasts so long, where a write may be on its way for so long.
    #[must_use]
    pub fn of(duration: Duration, in_flight: Duration) -> Self {
        Self {
            duration,
            renew_every: duration / 3,
            look_every: Duration::from_secs(1).min(duration / 3),
            in_flight,
            margin: duration / 8,
            patience: LONGEST_PATIENCE.min(duration / 4),
        }
    }
}

/// A Lease as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseView {
    /// Who holds it; `None`: it was given up.
    pub holder: Option<String>,
    /// `renewTime` as it is written: only whether it changes matters.
    pub renewed: String,
    /// How long it lasts, as its holder says.
    pub duration: Duration,
    /// `leaseTransitions`.
    pub transitions: u64,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Write the Lease with this epoch, whoever holds it now.
    Take {
        /// The `leaseTransitions` to write.
        epoch: u64,
        /// Nobody can have writes on their way.
        is_clean: bool,
    },
    /// Write a new `renewTime`.
    Renew {
        /// The `leaseTransitions` to write.
        epoch: u64,
    },
    /// Look again after this.
    Wait(Duration),
}

/// What this sidecar is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not the holder.
    Standby,
    /// The holder, while writes of the one before may be on their way.
    Waiting {
        /// Its epoch.
        epoch: u64,
        /// It leads from then on.
        until: Moment,
    },
    /// The holder.
    Leading {
        /// Its epoch.
        epoch: u64,
        /// It must not write after that.
        writes_until: Moment,
    },
}

/// The state machine.
#[derive(Debug)]
pub struct Elector {
    me: String,
    timing: Timing,
    /// The Lease of somebody else, and since when it looks like that.
    seen: Option<(LeaseView, Moment)>,
    held: Option<Held>,
    /// The highest epoch that anybody is known to have led with; 0: nobody ever led.
    highest: u64,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    epoch: u64,
    /// When the last write of the Lease that succeeded was begun.
    renewed: Moment,
    leads_from: Moment,
}

impl Elector {
    /// Not the holder. `me` must be nobody else's name, also not that of an earlier process.
    #[must_use]
    pub fn new(me: String, timing: Timing) -> Self {
        Self {
            me,
            timing,
            seen: None,
            held: None,
            highest: 0,
        }
    }

    /// Somebody led with this epoch once.
    pub fn knows_of(&mut self, epoch: u64) {
        self.highest = self.highest.max(epoch);
    }

    /// Its name.
    #[must_use]
    pub fn me(&self) -> &str {
        &self.me
    }

    /// How long things take.
    #[must_use]
    pub fn timing(&self) -> Timing {
        self.timing
    }

    /// What to do, having just looked; `None`: there is no Lease.
    pub fn looked(&mut self, view: Option<&LeaseView>, now: Moment) -> Act {
        if let Some(held) = self.held {
            let is_mine = view.is_some_and(|view| {
                view.holder.as_deref() == Some(&self.me) && view.transitions == held.epoch
            });
            if is_mine {
                return self.renew_or_wait(held, now);
            }
            self.held = None;
            // Nobody else can have taken it before it ended: it was removed.
            if view.is_none() && now < held.renewed + self.timing.duration {
                return Act::Take {
                    epoch: self.highest.saturating_add(1),
                    is_clean: true,
                };
            }
        }
        let Some(view) = view else {
            return self.looked_at_nothing(now);
        };
        self.knows_of(view.transitions);
        let since = match &self.seen {
            Some((seen, since)) if seen == view => *since,
            _ => now,
        };
        self.seen = Some((view.clone(), since));
        let epoch = self.highest.saturating_add(1);
        if view.holder.is_none() {
            return Act::Take {
                epoch,
                is_clean: true,
            };
        }
        // It was taken, and the answer was lost: nobody else has this name. Whose writes are on their way is forgotten.
        if view.holder.as_deref() == Some(&self.me) {
            return Act::Take {
                epoch,
                is_clean: false,
            };
        }
        self.take_when_expired(epoch, view.duration, since, now)
    }

    /// No Lease: it never was, or somebody removed it and its holder may not know yet.
    fn looked_at_nothing(&mut self, now: Moment) -> Act {
        let epoch = self.highest.saturating_add(1);
        let clean = Act::Take {
            epoch,
            is_clean: true,
        };
        let Some((gone, since)) = &mut self.seen else {
            if self.highest == 0 {
                return clean;
            }
            // Whoever held it is not known by name.
            let gone = LeaseView {
                holder: Some(String::new()),
                renewed: String::new(),
                duration: self.timing.duration,
                transitions: self.highest,
            };
            self.seen = Some((gone, now));
            return self.take_when_expired(epoch, self.timing.duration, now, now);
        };
        if !gone.renewed.is_empty() {
            *since = now;
            gone.renewed.clear();
        }
        if gone.holder.is_none() {
            return clean;
        }
        let (duration, since) = (gone.duration, *since);
        self.take_when_expired(epoch, duration, since, now)
    }

    fn take_when_expired(&self, epoch: u64, duration: Duration, since: Moment, now: Moment) -> Act {
        // A duration that somebody shortened by hand is not believed.
        let left = (since + duration.max(self.timing.duration)).since(now);
        if left.is_zero() {
            return Act::Take {
                epoch,
                is_clean: false,
            };
        }
        Act::Wait(left.min(self.timing.look_every))
    }

    fn renew_or_wait(&self, held: Held, now: Moment) -> Act {
        let left = (held.renewed + self.timing.renew_every).since(now);
        if left.is_zero() {
            return Act::Renew { epoch: held.epoch };
        }
        Act::Wait(left)
    }

    /// What to do without looking first: a holder's own last write tells it enough.
    #[must_use]
    pub fn next(&self, now: Moment) -> Option<Act> {
        self.held.map(|held| self.renew_or_wait(held, now))
    }

    /// The Lease was written as [`Act::Take`] or [`Act::Renew`] said; the write was begun at `begun`.
    pub fn wrote(&mut self, act: &Act, begun: Moment, now: Moment) {
        match *act {
            Act::Take { epoch, is_clean } => {
                let wait = if is_clean {
                    Duration::ZERO
                } else {
                    self.timing.in_flight
                };
                self.seen = None;
                self.knows_of(epoch);
                self.held = Some(Held {
                    epoch,
                    renewed: begun,
                    leads_from: now + wait,
                });
            }
            Act::Renew { epoch } => {
                if let Some(held) = self.held.as_mut().filter(|held| held.epoch == epoch) {
                    held.renewed = begun;
                }
            }
            Act::Wait(_) => {}
        }
    }

    /// The Lease was given up.
    pub fn gave_up(&mut self) {
        self.held = None;
    }

    /// What it is now.
    #[must_use]
    pub fn standing(&self, now: Moment) -> Standing {
        let Some(held) = self.held else {
            return Standing::Standby;
        };
        let writes_until = held.renewed + self.timing.duration.saturating_sub(self.timing.margin);
        if writes_until <= now {
            return Standing::Standby;
        }
        if held.leads_from > now {
            return Standing::Waiting {
                epoch: held.epoch,
                until: held.leads_from,
            };
        }
        Standing::Leading {
            epoch: held.epoch,
            writes_until,
        }
    }

    /// When the standing changes though nothing happens.
    #[must_use]
    pub fn turns_at(&self, now: Moment) -> Option<Moment> {
        match self.standing(now) {
            Standing::Standby => None,
            Standing::Waiting { until, .. } => Some(until),
            Standing::Leading { writes_until, .. } => Some(writes_until),
        }
    }

    /// Whether the Lease carries its name, as far as it knows.
    #[must_use]
    pub fn holds(&self) -> Option<u64> {
        self.held.map(|held| held.epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMING: Timing = Timing {
        duration: Duration::from_secs(15),
        renew_every: Duration::from_secs(5),
        look_every: Duration::from_secs(2),
        in_flight: Duration::from_secs(10),
        margin: Duration::from_secs(2),
        patience: Duration::from_secs(4),
    };

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn elector() -> (Elector, Moment) {
        (Elector::new("me".to_owned(), TIMING), Moment::default())
    }

    fn view(holder: &str, renewed: &str, transitions: u64) -> LeaseView {
        LeaseView {
            holder: (!holder.is_empty()).then(|| holder.to_owned()),
            renewed: renewed.to_owned(),
            duration: seconds(15),
            transitions,
        }
    }

    #[test]
    fn a_lease_that_never_was_is_taken_at_once_and_led_with() {
        let (mut elector, t) = elector();
        let act = elector.looked(None, t);
        assert_eq!(
            act,
            Act::Take {
                epoch: 1,
                is_clean: true
            }
        );
        assert_eq!(elector.standing(t), Standing::Standby);
        elector.wrote(&act, t, t + seconds(1));
        let leading = Standing::Leading {
            epoch: 1,
            writes_until: t + seconds(13),
        };
        assert_eq!(
            elector.standing(t + seconds(1)),
            leading,
            "counted from before the write"
        );
    }

    #[test]
    fn a_lease_that_was_given_up_is_taken_at_once_by_the_next_epoch() {
        let (mut elector, t) = elector();
        let act = elector.looked(Some(&view("", "r", 6)), t);
        assert_eq!(
            act,
            Act::Take {
                epoch: 7,
                is_clean: true
            }
        );
        elector.wrote(&act, t, t);
        assert!(matches!(elector.standing(t), Standing::Leading { epoch: 7, .. }));
    }

    #[test]
    fn anothers_lease_is_taken_when_it_was_seen_unchanged_for_its_duration() {
        let (mut elector, t) = elector();
        // Whatever its renewTime says: clocks may differ by minutes.
        let other = view("other", "1970-01-01T00:00:00.000000Z", 3);
        assert_eq!(elector.looked(Some(&other), t), Act::Wait(seconds(2)));
        assert_eq!(
            elector.looked(Some(&other), t + seconds(14)),
            Act::Wait(seconds(1))
        );
        let renewed = view("other", "1970-01-01T00:00:05.000000Z", 3);
        assert_eq!(
            elector.looked(Some(&renewed), t + seconds(14)),
            Act::Wait(seconds(2)),
            "it lives"
        );
        assert_eq!(
            elector.looked(Some(&renewed), t + seconds(28)),
            Act::Wait(seconds(1))
        );
        assert_eq!(
            elector.looked(Some(&renewed), t + seconds(29)),
            Act::Take {
                epoch: 4,
                is_clean: false
            }
        );
    }

    #[test]
    fn the_holders_own_duration_counts() {
        let (mut elector, t) = elector();
        let other = LeaseView {
            duration: seconds(60),
            ..view("other", "r", 3)
        };
        elector.looked(Some(&other), t);
        assert_eq!(
            elector.looked(Some(&other), t + seconds(59)),
            Act::Wait(seconds(1))
        );
        assert!(matches!(
            elector.looked(Some(&other), t + seconds(60)),
            Act::Take { .. }
        ));
    }

    #[test]
    fn whoever_takes_a_lease_that_was_not_given_up_waits_for_writes_on_their_way() {
        let (mut elector, t) = elector();
        let act = Act::Take {
            epoch: 4,
            is_clean: false,
        };
        elector.wrote(&act, t, t + seconds(1));
        assert_eq!(
            elector.standing(t + seconds(1)),
            Standing::Waiting {
                epoch: 4,
                until: t + seconds(11)
            }
        );
        elector.wrote(&Act::Renew { epoch: 4 }, t + seconds(6), t + seconds(6));
        assert!(matches!(
            elector.standing(t + seconds(10)),
            Standing::Waiting { .. }
        ));
        assert_eq!(
            elector.standing(t + seconds(11)),
            Standing::Leading {
                epoch: 4,
                writes_until: t + seconds(19)
            }
        );
    }

    #[test]
    fn a_holder_renews_in_time_and_stops_before_its_lease_ends() {
        let (mut elector, t) = elector();
        elector.wrote(
            &Act::Take {
                epoch: 1,
                is_clean: true,
            },
            t,
            t,
        );
        assert_eq!(elector.next(t + seconds(1)), Some(Act::Wait(seconds(4))));
        assert_eq!(elector.next(t + seconds(5)), Some(Act::Renew { epoch: 1 }));
        assert!(matches!(
            elector.standing(t + seconds(12)),
            Standing::Leading { .. }
        ));
        assert_eq!(
            elector.standing(t + seconds(13)),
            Standing::Standby,
            "not renewed"
        );
        // It was stopped and goes on a minute later, and nobody took the lease: it goes on with the same epoch.
        assert_eq!(
            elector.looked(Some(&view("me", "r", 1)), t + seconds(70)),
            Act::Renew { epoch: 1 }
        );
        elector.wrote(&Act::Renew { epoch: 1 }, t + seconds(70), t + seconds(70));
        assert!(matches!(
            elector.standing(t + seconds(71)),
            Standing::Leading { epoch: 1, .. }
        ));
    }

    #[test]
    fn a_lease_that_another_took_is_lost_at_once() {
        let (mut elector, t) = elector();
        elector.wrote(
            &Act::Take {
                epoch: 1,
                is_clean: true,
            },
            t,
            t,
        );
        assert_eq!(
            elector.looked(Some(&view("other", "r", 2)), t + seconds(3)),
            Act::Wait(seconds(2))
        );
        assert_eq!(elector.standing(t + seconds(3)), Standing::Standby);
        assert_eq!(elector.holds(), None);
    }

    #[test]
    fn a_lease_that_was_removed_under_its_holder_is_not_taken_before_the_holder_must_have_stopped() {
        let (mut elector, t) = elector();
        elector.looked(Some(&view("other", "r", 3)), t);
        assert_eq!(elector.looked(None, t + seconds(10)), Act::Wait(seconds(2)));
        assert_eq!(elector.looked(None, t + seconds(24)), Act::Wait(seconds(1)));
        assert_eq!(
            elector.looked(None, t + seconds(25)),
            Act::Take {
                epoch: 4,
                is_clean: false
            }
        );
    }

    #[test]
    fn a_holder_whose_lease_was_removed_takes_the_next_epoch_at_once() {
        let (mut elector, t) = elector();
        elector.looked(Some(&view("", "r", 6)), t);
        let taken = Act::Take {
            epoch: 7,
            is_clean: true,
        };
        elector.wrote(&taken, t, t);
        let again = Act::Take {
            epoch: 8,
            is_clean: true,
        };
        assert_eq!(
            elector.looked(None, t + seconds(5)),
            again,
            "ledgers that name the seventh are not the next one's"
        );
        assert_eq!(elector.standing(t + seconds(5)), Standing::Standby);
        elector.wrote(&taken, t + seconds(5), t + seconds(5));
        assert_eq!(
            elector.looked(None, t + seconds(20)),
            Act::Wait(seconds(2)),
            "it had ended: another may have taken it before it was removed"
        );
    }

    #[test]
    fn who_never_saw_the_lease_but_a_ledger_of_its_holder_waits_for_him() {
        let (mut elector, t) = elector();
        elector.knows_of(6);
        assert_eq!(elector.looked(None, t), Act::Wait(seconds(2)));
        assert_eq!(elector.looked(None, t + seconds(14)), Act::Wait(seconds(1)));
        assert_eq!(
            elector.looked(None, t + seconds(15)),
            Act::Take {
                epoch: 7,
                is_clean: false
            }
        );
    }

    #[test]
    fn epochs_never_go_back_though_somebody_writes_the_lease_by_hand() {
        let (mut elector, t) = elector();
        elector.looked(Some(&view("other", "r", 9)), t);
        assert_eq!(
            elector.looked(Some(&view("", "r", 0)), t),
            Act::Take {
                epoch: 10,
                is_clean: true
            }
        );
    }

    #[test]
    fn a_take_whose_answer_was_lost_is_made_again() {
        let (mut elector, t) = elector();
        assert_eq!(
            elector.looked(Some(&view("me", "r", 4)), t),
            Act::Take {
                epoch: 5,
                is_clean: false
            }
        );
    }
}
