//! Who is shown what, and when: changes come late and in order; a watch that broke lists anew.

use sidecar_core::watches::Source;

use super::objects::Kind;
use super::sidecars::Sidecar;
use super::store::{Change, Viewer, Watch};
use super::{Event, Plane};
use crate::plane::setup::Lag;
use crate::random::Random;
use crate::time::Millis;

impl Plane<'_> {
    pub(super) fn watch(&mut self, viewer: Viewer, kind: Kind, lag: Lag) {
        self.watch_of(viewer, kind, lag, None);
    }

    /// `source`: what of it a sidecar watches.
    pub(super) fn watch_of(&mut self, viewer: Viewer, kind: Kind, lag: Lag, source: Option<Source>) {
        let what = source
            .as_ref()
            .map(|source| format!(" {source}"))
            .unwrap_or_default();
        let chance = Random::new(self.setup.seed, &format!("watch {viewer:?} {kind:?}{what}"));
        self.watches.push(Watch::new(viewer, kind, lag, source, chance));
    }

    pub(super) fn publish(&mut self, change: &Change) {
        self.written_for_policies(change);
        let kind = match change {
            Change::Stored(object) | Change::Gone(object) => object.kind(),
        };
        for (ix, watch) in self.watches.iter_mut().enumerate() {
            if watch.kind == kind
                && watch.open
                && let Some(seen) = watch.take(self.now, change)
            {
                self.queue.push(
                    seen,
                    Event::Deliver {
                        watch: ix,
                        life: watch.life,
                    },
                );
            }
        }
    }

    pub(super) fn list_after(&mut self, watch: usize, wait: Millis) {
        if let Some(life) = self.watches.get(watch).map(|watch| watch.life) {
            self.after(wait, Event::List { watch, life });
        }
    }

    pub(super) fn list(&mut self, ix: usize, life: u32) {
        let is_down = self.api.is_down;
        let Some(watch) = self.watches.get_mut(ix).filter(|watch| watch.life == life) else {
            return;
        };
        let viewer = watch.viewer;
        if self.is_frozen(viewer) {
            return;
        }
        if is_down {
            let wait = Millis(300 + self.chance.routes.below(900));
            self.after(wait, Event::List { watch: ix, life });
            return;
        }
        let Some(watch) = self.watches.get_mut(ix) else {
            return;
        };
        let changes = watch.list(self.now, &self.store);
        if let Viewer::Sidecar(sidecar) = viewer {
            self.listed_for_sidecar(sidecar, ix, &changes);
            return;
        }
        for change in changes {
            self.show(ix, viewer, change);
        }
    }

    pub(super) fn deliver(&mut self, ix: usize, life: u32) {
        let viewer = match self.watches.get(ix) {
            Some(watch) if watch.life == life && watch.open => watch.viewer,
            _ => return,
        };
        if self.is_frozen(viewer) {
            return;
        }
        while let Some(change) = self.watches.get_mut(ix).and_then(|watch| watch.next(self.now)) {
            self.show(ix, viewer, change);
        }
    }

    fn show(&mut self, watch: usize, viewer: Viewer, change: Change) {
        match viewer {
            Viewer::Controllers => self.shown_to_controllers(change),
            Viewer::Scheduler => self.shown_to_scheduler(&change),
            Viewer::Policy(ix) => self.shown_to_policy(ix, change),
            Viewer::Sidecar(ix) => self.shown_to_sidecar(ix, watch, &change),
        }
    }

    pub(super) fn is_frozen(&self, viewer: Viewer) -> bool {
        matches!(viewer, Viewer::Sidecar(ix) if self.sidecars.get(ix).is_some_and(Sidecar::is_frozen))
    }
}
