//! What must have been listed before something is done.

use reconcile_core::SpreadId;
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

    /// Tells, once, that the caches are filled, and campaigns as soon as there can be led.
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
        self.campaign.send_if_modified(|campaign| {
            let is_news = campaign.as_ref() != Some(&loaded.hash);
            if is_news {
                *campaign = Some(loaded.hash.clone());
            }
            is_news
        });
    }
}
