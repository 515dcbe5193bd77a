//! How far this process is with leading, and what must have been listed before.

use reconcile_core::{Leader, SpreadId};

use super::{Effect, Reconciler, Watching};
use crate::lease::{Candidacy, Standing};
use crate::settings::Settings;
use crate::time::{Moment, Now};
use crate::watches::{Filter, Source, State, What, sources};

/// How far a process is with leading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Term {
    /// Another may lead.
    Standby,
    /// Its own earlier writes are on their way.
    Draining(u64),
    /// It lists everything anew.
    Listing(u64),
    /// It leads.
    Leading(u64),
}

impl Term {
    pub(super) fn leads(self) -> bool {
        matches!(self, Self::Leading(_))
    }

    fn epoch(self) -> Option<u64> {
        match self {
            Self::Standby => None,
            Self::Draining(epoch) | Self::Listing(epoch) | Self::Leading(epoch) => Some(epoch),
        }
    }
}

impl Reconciler {
    /// Follows the Lease.
    pub(super) fn follow(&mut self, standing: Standing) {
        if self.phase != super::Phase::Running {
            return;
        }
        let epoch = match standing {
            Standing::Leading { epoch, .. } => Some(epoch),
            Standing::Standby | Standing::Waiting { .. } => None,
        };
        let current = self.term.epoch();
        if epoch == current {
            return;
        }
        if current.is_some() {
            let dropped = self.lanes.clear();
            self.world.lead(None);
            self.due.clear();
            self.planning.clear();
            self.effects.push_back(Effect::LeadsNoMore { dropped });
        }
        self.term = epoch.map_or(Term::Standby, Term::Draining);
    }

    pub(super) fn advance_term(&mut self, now: Now) {
        match self.term {
            Term::Draining(epoch) if self.flights.is_empty() && self.quiet_at(now.moment).is_none() => {
                self.list_anew();
                self.term = Term::Listing(epoch);
            }
            Term::Listing(epoch) if self.is_listed() => self.lead(epoch, now.moment),
            _ => {}
        }
    }

    /// When no write of an earlier term can come to pass any more; `None`: none can now, or nobody waits for it.
    pub(super) fn quiet_at(&self, now: Moment) -> Option<Moment> {
        let quiet = self.unknown? + self.config.request_timeout;
        (matches!(self.term, Term::Draining(_)) && quiet > now).then_some(quiet)
    }

    fn lead(&mut self, epoch: u64, now: Moment) {
        let Some(settings) = &self.settings else { return };
        self.term = Term::Leading(epoch);
        let leader = Leader {
            epoch,
            settings: settings.hash.clone(),
        };
        let dirty = self.world.lead(Some(leader));
        self.due.mark_all(dirty, now);
        self.effects.push_back(Effect::Leads { epoch });
    }

    /// Takes new settings.
    pub(super) fn set(&mut self, settings: Settings, now: Now) {
        self.world.set_custom_kinds(settings.custom_kinds.clone());
        let dirty = self.world.set_rules(settings.rules.clone());
        let wanted = sources(&settings);
        let is_stopped = |source: &&Source| !wanted.contains_key(*source);
        let stopped: Vec<Source> = self.watching.keys().filter(is_stopped).cloned().collect();
        for source in stopped {
            self.watching.remove(&source);
            for key in self.shown.forget(&source) {
                self.take(key.gone(), now);
            }
            self.effects.push_back(Effect::Unwatch(source));
        }
        let mut watches = 0;
        for (source, filter) in wanted {
            let watching = self.watching.get(&source);
            if watching.is_none_or(|watching| watching.filter != filter) {
                self.watch(source, filter);
                watches += 1;
            }
        }
        self.settings = Some(settings);
        self.effects.push_back(Effect::TookSettings { watches });
        self.mark(dirty, now.moment);
        if let Term::Leading(epoch) = self.term {
            self.lead(epoch, now.moment);
        }
    }

    fn list_anew(&mut self) {
        let watching = core::mem::take(&mut self.watching);
        for (source, Watching { filter, .. }) in watching {
            self.watch(source, filter);
        }
    }

    fn watch(&mut self, source: Source, filter: Filter) {
        self.generation += 1;
        let generation = self.generation;
        self.shown.restart(&source);
        let watching = Watching {
            generation,
            filter: filter.clone(),
        };
        self.watching.insert(source.clone(), watching);
        self.effects.push_back(Effect::Watch {
            source,
            generation,
            filter,
        });
    }

    /// Whether everything that concerns a spread was listed, or cannot be.
    pub(super) fn is_settled(&self, spread: &SpreadId) -> bool {
        self.shown.states().all(|(source, state)| {
            let is_here = source
                .namespace
                .as_ref()
                .is_none_or(|namespace| *namespace == spread.namespace);
            !is_here || state != State::Unknown
        })
    }

    /// Whether everything was listed, or cannot be; the placed pods must be.
    fn is_listed(&self) -> bool {
        let mut states = self.shown.states().peekable();
        states.peek().is_some()
            && states.all(|(source, state)| match source.what {
                What::PlacedPods => state == State::Listed,
                _ => state != State::Unknown,
            })
    }

    /// Tells, once, that the caches are filled, and stands for leader as soon as there can be led.
    pub(super) fn look_ready(&mut self) {
        let Some(settings) = &self.settings else { return };
        let is_good = |(source, state): (&Source, State)| {
            state == State::Listed || (state == State::Absent && source.what.may_be_absent())
        };
        if !self.are_caches_filled && self.shown.states().all(is_good) {
            self.are_caches_filled = true;
            self.effects.push_back(Effect::CachesFilled);
        }
        // Gates are opened also where something else cannot be watched, such as ledgers before their kind is there.
        if !self.is_listed() || self.stood.as_ref() == Some(&settings.hash) {
            return;
        }
        self.stood = Some(settings.hash.clone());
        self.effects.push_back(Effect::Stand(Candidacy {
            settings: settings.hash.clone(),
            led: self.world.highest_epoch(),
        }));
    }
}
