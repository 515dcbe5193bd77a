//! What must have been listed before something is done.

use reconcile_core::SpreadId;
use sidecar_core::lease::Candidacy;
use tracing::info;

use super::Actor;
use crate::observe::{Source, State, What};

impl Actor {
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
    pub(super) fn is_listed(&self) -> bool {
        let mut states = self.shown.states().peekable();
        states.peek().is_some()
            && states.all(|(source, state)| match source.what {
                What::PlacedPods => state == State::Listed,
                _ => state != State::Unknown,
            })
    }

    /// Tells, once, that the caches are filled, and stands as soon as there can be led.
    pub(super) fn look_ready(&mut self) {
        let Some(loaded) = &self.loaded else { return };
        let is_good = |(source, state): (&Source, State)| {
            state == State::Listed || (state == State::Absent && source.what.may_be_absent())
        };
        if !self.health.is_ready() && self.shown.states().all(is_good) {
            self.health.ready();
            info!("the caches are filled");
        }
        // Gates are opened also where something else cannot be watched, such as ledgers before their kind is there.
        if !self.is_listed() {
            return;
        }
        self.stand.send_if_modified(|candidacy| {
            let is_news = candidacy.as_ref().is_none_or(|told| told.settings != loaded.hash);
            if is_news {
                *candidacy = Some(Candidacy {
                    settings: loaded.hash.clone(),
                    led: self.world.highest_epoch(),
                });
            }
            is_news
        });
    }
}
