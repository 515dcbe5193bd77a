//! The life of a sidecar: it starts, ends with or without a word, is frozen and goes on.

use sidecar_core::reconciler;

use super::{Sidecar, SidecarEvent, State};
use crate::plane::setup::Lag;
use crate::plane::store::Viewer;
use crate::plane::{Event, Plane};
use crate::time::Millis;

/// How long a process takes to start.
const STARTUP: Lag = Lag {
    millis: 5,
    jitter: 200,
};

impl Plane<'_> {
    /// A new process begins.
    pub(in crate::plane) fn start_sidecar(&mut self, ix: usize) {
        let setup = self.setup;
        let Some(sidecar) = self
            .sidecars
            .get_mut(ix)
            .filter(|sidecar| sidecar.state == State::Down)
        else {
            return;
        };
        let (life, chance) = (sidecar.life + 1, sidecar.chance.clone());
        *sidecar = Sidecar::new(sidecar.number, life, sidecar.spec, setup, chance);
        sidecar.state = State::Running;
        let wait = sidecar.drawn(STARTUP);
        self.after(
            wait,
            Event::Sidecar {
                sidecar: ix,
                life,
                event: SidecarEvent::Begin,
            },
        );
    }

    /// A process ends without a word.
    pub(in crate::plane) fn kill_sidecar(&mut self, ix: usize) -> bool {
        let Some(sidecar) = self
            .sidecars
            .get_mut(ix)
            .filter(|sidecar| sidecar.state != State::Down)
        else {
            return false;
        };
        sidecar.state = State::Down;
        sidecar.life += 1;
        for watch in self.watches_of(ix) {
            if let Some(watch) = self.watches.get_mut(watch) {
                watch.break_off();
                watch.forget();
            }
        }
        true
    }

    pub(in crate::plane) fn stop_sidecar(&mut self, ix: usize) -> bool {
        let Some(sidecar) = self
            .sidecars
            .get_mut(ix)
            .filter(|sidecar| sidecar.state == State::Running)
        else {
            return false;
        };
        sidecar.state = State::Stopping;
        self.handle(ix, reconciler::Event::Stop);
        true
    }

    pub(in crate::plane) fn freeze_sidecar(&mut self, ix: usize) -> bool {
        let Some(sidecar) = self
            .sidecars
            .get_mut(ix)
            .filter(|sidecar| sidecar.state == State::Running)
        else {
            return false;
        };
        sidecar.state = State::Frozen;
        true
    }

    pub(in crate::plane) fn thaw_sidecar(&mut self, ix: usize) {
        let Some(sidecar) = self
            .sidecars
            .get_mut(ix)
            .filter(|sidecar| sidecar.state == State::Frozen)
        else {
            return;
        };
        sidecar.state = State::Running;
        // What came meanwhile is taken in any order.
        let mut postponed = std::mem::take(&mut sidecar.postponed);
        for watch in self.watches_of(ix) {
            let Some(watch_now) = self.watches.get(watch) else {
                continue;
            };
            let life = watch_now.life;
            let is_open = watch_now.open;
            postponed.push(if is_open {
                Event::Deliver { watch, life }
            } else {
                Event::List { watch, life }
            });
        }
        if let Some(sidecar) = self.sidecars.get_mut(ix) {
            sidecar.chance.shuffle(&mut postponed);
        }
        for event in postponed {
            self.after(Millis::ZERO, event);
        }
    }

    pub(in crate::plane) fn watches_of(&self, sidecar: usize) -> Vec<usize> {
        let all = self.watches.iter().enumerate();
        all.filter(|(_, watch)| watch.viewer == Viewer::Sidecar(sidecar))
            .map(|(ix, _)| ix)
            .collect()
    }
}
