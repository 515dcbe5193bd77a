//! What to ask the API server about the Lease, and when: one request at a time.

use core::time::Duration;

use super::Candidacy;
use super::elector::{Act, Elector, LeaseView, Standing};
use crate::time::Moment;

/// After a request about the Lease failed, it is tried again after this, or half of it.
const AGAIN: Duration = Duration::from_secs(1);

/// What is to be done about the Lease now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Read it, and tell by [`Campaign::read`] or [`Campaign::failed`].
    Read,
    /// Write it over what was read or written last, or make it where nothing was there; refused if somebody else wrote it
    /// since. Tell by [`Campaign::wrote`] or [`Campaign::failed`].
    Write(LeaseWrite),
    /// Nothing before that moment; `None`: before something is told.
    Wait(Option<Moment>),
}

/// The Lease as it is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseWrite {
    /// Who holds it; `None`: it is given up.
    pub holder: Option<String>,
    /// `leaseTransitions`.
    pub epoch: u64,
    /// How long it lasts.
    pub duration: Duration,
    /// The hash of its holder's settings.
    pub settings: String,
    /// Whether a term begins: `acquireTime` is now.
    pub is_new_term: bool,
}

/// The Lease as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownLease {
    /// What counts.
    pub view: LeaseView,
    /// The hash of its holder's settings.
    pub settings: Option<String>,
}

/// Why a request about the Lease brought nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Somebody else wrote it in between.
    Conflict,
    /// It was refused, or there was no answer: a write may have been done.
    Unreached,
}

/// The holder of the Lease has other settings than this sidecar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtherSettings<'a> {
    /// Who holds it.
    pub holder: &'a str,
    /// The hash of its settings.
    pub theirs: &'a str,
}

/// A sidecar's part in the election.
#[derive(Debug)]
pub struct Campaign {
    elector: Elector,
    /// The hash of its settings; it does not stand before there are any and the caches are filled.
    settings: Option<String>,
    known: Known,
    asked: Option<Asked>,
    /// What a look at the Lease said is to be written.
    decided: Option<Act>,
    /// It looks, or tries again, not before that.
    rests_until: Moment,
}

/// What is known of the Lease as it is stored.
#[derive(Debug)]
enum Known {
    /// It must be read.
    Nothing,
    Absent,
    There(KnownLease),
}

/// The request whose answer is awaited.
#[derive(Clone, Debug)]
enum Asked {
    Read,
    Write { act: Act, begun: Moment },
}

impl Campaign {
    /// Stands for nothing yet.
    #[must_use]
    pub fn new(elector: Elector) -> Self {
        Self {
            elector,
            settings: None,
            known: Known::Nothing,
            asked: None,
            decided: None,
            rests_until: Moment::default(),
        }
    }

    /// Stands for leader from now on.
    pub fn stand(&mut self, Candidacy { settings, led }: Candidacy) {
        if let Some(led) = led {
            self.elector.knows_of(led);
        }
        if self.settings.as_ref() != Some(&settings) {
            self.settings = Some(settings);
            self.rests_until = Moment::default();
        }
    }

    /// What to do now.
    pub fn turn(&mut self, now: Moment) -> Turn {
        let Some(settings) = self.settings.clone() else {
            return Turn::Wait(None);
        };
        if self.asked.is_some() {
            return Turn::Wait(self.elector.turns_at(now));
        }
        if now < self.rests_until {
            return self.wait(self.rests_until, now);
        }
        let act = self.decided.take().or_else(|| self.holders_act(&settings, now));
        let (epoch, is_new_term) = match act {
            None => {
                self.asked = Some(Asked::Read);
                return Turn::Read;
            }
            Some(Act::Wait(pause)) => return self.wait(now + pause, now),
            Some(Act::Take { epoch, .. }) => (epoch, true),
            Some(Act::Renew { epoch }) => (epoch, false),
        };
        self.asked = act.map(|act| Asked::Write { act, begun: now });
        Turn::Write(LeaseWrite {
            holder: Some(self.elector.me().to_owned()),
            epoch,
            duration: self.elector.timing().duration,
            settings,
            is_new_term,
        })
    }

    /// What a holder does without looking first; new settings are told at once.
    fn holders_act(&self, settings: &str, now: Moment) -> Option<Act> {
        let Known::There(known) = &self.known else {
            return None;
        };
        match self.elector.next(now)? {
            Act::Wait(_) if known.settings.as_deref() != Some(settings) => {
                self.elector.holds().map(|epoch| Act::Renew { epoch })
            }
            act => Some(act),
        }
    }

    fn wait(&self, until: Moment, now: Moment) -> Turn {
        let turns = self.elector.turns_at(now);
        Turn::Wait(Some(turns.map_or(until, |turns| turns.min(until))))
    }

    /// The Lease was read; `None`: there is none.
    pub fn read(&mut self, lease: Option<KnownLease>, now: Moment) {
        self.asked = None;
        match self.elector.looked(lease.as_ref().map(|lease| &lease.view), now) {
            Act::Wait(pause) => self.rests_until = now + pause,
            act => self.decided = Some(act),
        }
        self.known = lease.map_or(Known::Absent, Known::There);
    }

    /// The Lease was written as it was asked for, and is stored so; what that was.
    pub fn wrote(&mut self, lease: KnownLease, now: Moment) -> Option<Act> {
        let Some(Asked::Write { act, begun }) = self.asked.take() else {
            return None;
        };
        self.known = Known::There(lease);
        self.rests_until = now;
        self.elector.wrote(&act, begun, now);
        Some(act)
    }

    /// Neither: it is read anew. `share` is between 0 and 1, so that many do not come back at once.
    pub fn failed(&mut self, failure: Failure, now: Moment, share: f64) {
        self.asked = None;
        self.decided = None;
        self.known = Known::Nothing;
        self.rests_until = match failure {
            Failure::Conflict => now,
            Failure::Unreached => now + AGAIN.mul_f64(0.5 + share / 2.0),
        };
    }

    /// Gives the Lease up: it leads no more. What to write, if it holds it and knows what is stored.
    pub fn give_up(&mut self) -> Option<LeaseWrite> {
        let epoch = self.elector.holds();
        self.elector.gave_up();
        self.settings = None;
        let Known::There(lease) = &self.known else {
            return None;
        };
        epoch.map(|epoch| LeaseWrite {
            holder: None,
            epoch,
            duration: lease.view.duration,
            settings: lease.settings.clone().unwrap_or_default(),
            is_new_term: false,
        })
    }

    /// What this sidecar is now.
    #[must_use]
    pub fn standing(&self, now: Moment) -> Standing {
        self.elector.standing(now)
    }

    /// Whether the Lease carries its name, as far as it knows: its epoch.
    #[must_use]
    pub fn holds(&self) -> Option<u64> {
        self.elector.holds()
    }

    /// How long a request about the Lease may take.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.elector.timing().patience
    }

    /// Whether another holds the Lease, with other settings: it serves none of the spreads that only this sidecar knows.
    #[must_use]
    pub fn other_settings(&self) -> Option<OtherSettings<'_>> {
        let (Known::There(lease), Some(ours)) = (&self.known, &self.settings) else {
            return None;
        };
        let holder = lease.view.holder.as_deref();
        let holder = holder.filter(|holder| *holder != self.elector.me())?;
        let theirs = lease.settings.as_deref().filter(|theirs| theirs != ours)?;
        Some(OtherSettings { holder, theirs })
    }
}

#[cfg(test)]
mod tests {
    use super::super::elector::Timing;
    use super::*;

    fn timing() -> Timing {
        Timing::of(Duration::from_secs(16), Duration::from_secs(10))
    }

    fn candidacy(settings: &str) -> Candidacy {
        Candidacy {
            settings: settings.to_owned(),
            led: None,
        }
    }

    fn campaign() -> Campaign {
        let mut campaign = Campaign::new(Elector::new("me".to_owned(), timing()));
        campaign.stand(candidacy("s1"));
        campaign
    }

    fn at(millis: u64) -> Moment {
        Moment::after_start(Duration::from_millis(millis))
    }

    fn lease(holder: &str, epoch: u64, settings: &str) -> KnownLease {
        KnownLease {
            view: LeaseView {
                holder: (!holder.is_empty()).then(|| holder.to_owned()),
                renewed: "r".to_owned(),
                duration: timing().duration,
                transitions: epoch,
            },
            settings: Some(settings.to_owned()),
        }
    }

    /// Takes the Lease that is not there, at the start.
    fn leading() -> Campaign {
        let mut campaign = campaign();
        assert_eq!(campaign.turn(at(0)), Turn::Read);
        campaign.read(None, at(0));
        assert!(matches!(campaign.turn(at(0)), Turn::Write(write) if write.is_new_term));
        campaign.wrote(lease("me", 1, "s1"), at(0));
        campaign
    }

    #[test]
    fn nobody_stands_before_there_are_settings() {
        let mut campaign = Campaign::new(Elector::new("me".to_owned(), timing()));
        assert_eq!(campaign.turn(at(0)), Turn::Wait(None));
    }

    #[test]
    fn one_request_at_a_time_is_asked() {
        let mut campaign = campaign();
        assert_eq!(campaign.turn(at(0)), Turn::Read);
        assert_eq!(campaign.turn(at(5)), Turn::Wait(None));
    }

    #[test]
    fn a_holder_renews_without_looking_and_tells_new_settings_at_once() {
        let mut campaign = leading();
        let renews = Duration::from_secs(16) / 3;
        let wait = campaign.turn(at(1));
        assert_eq!(wait, Turn::Wait(Some(at(0) + renews)));
        assert!(
            matches!(campaign.turn(at(0) + renews), Turn::Write(write) if write.epoch == 1 && !write.is_new_term)
        );
        campaign.wrote(lease("me", 1, "s1"), at(5_400));
        campaign.stand(candidacy("s2"));
        assert!(matches!(campaign.turn(at(5_500)), Turn::Write(write) if write.settings == "s2"));
    }

    #[test]
    fn after_a_renewal_of_which_nobody_knows_the_lease_is_read_and_led_with_as_long_as_it_lasts() {
        let mut campaign = leading();
        assert!(matches!(campaign.turn(at(6_000)), Turn::Write(_)));
        campaign.failed(Failure::Unreached, at(10_000), 1.0);
        assert_eq!(campaign.turn(at(10_000)), Turn::Wait(Some(at(11_000))));
        assert!(matches!(
            campaign.standing(at(11_000)),
            Standing::Leading { epoch: 1, .. }
        ));
        assert_eq!(campaign.turn(at(11_000)), Turn::Read);
        campaign.read(Some(lease("me", 1, "s1")), at(11_010));
        assert!(matches!(campaign.turn(at(11_010)), Turn::Write(write) if !write.is_new_term));
        campaign.failed(Failure::Unreached, at(15_000), 0.0);
        assert_eq!(
            campaign.standing(at(15_000)),
            Standing::Standby,
            "it stops before its lease ends"
        );
    }

    #[test]
    fn a_lease_that_somebody_else_took_is_looked_at_again_at_once() {
        let mut campaign = campaign();
        campaign.turn(at(0));
        campaign.read(None, at(0));
        campaign.turn(at(0));
        campaign.failed(Failure::Conflict, at(5), 1.0);
        assert_eq!(campaign.turn(at(5)), Turn::Read);
        campaign.read(Some(lease("other", 1, "s2")), at(10));
        assert_eq!(campaign.turn(at(10)), Turn::Wait(Some(at(1_010))));
        let other = campaign.other_settings().unwrap();
        assert_eq!((other.holder, other.theirs), ("other", "s2"));
        campaign.stand(candidacy("s2"));
        assert_eq!(campaign.other_settings(), None);
    }

    #[test]
    fn who_gives_up_leads_no_more_and_keeps_its_epoch() {
        let mut campaign = leading();
        let write = campaign.give_up().unwrap();
        assert_eq!((write.holder, write.epoch), (None, 1));
        assert_eq!(campaign.standing(at(1)), Standing::Standby);
        assert_eq!(campaign.turn(at(1)), Turn::Wait(None));
        assert_eq!(campaign.give_up(), None);
    }

    #[test]
    fn a_lease_that_is_not_known_cannot_be_given_up_and_runs_out() {
        let mut campaign = leading();
        campaign.turn(at(6_000));
        campaign.failed(Failure::Unreached, at(7_000), 0.0);
        assert_eq!(campaign.give_up(), None);
        assert_eq!(campaign.standing(at(7_001)), Standing::Standby);
    }
}
