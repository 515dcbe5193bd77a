//! The writes of a sidecar: so many at once, each only while its Lease is young, some of them more than once.

use std::rc::Rc;

use kube_rules::time::UnixMillis;
use reconcile_core::Outcome;

use super::{Flight, Planned, SidecarEvent, State};
use crate::plane::objects::Kind;
use crate::plane::requests::{Answer, Answered, Asked};
use crate::plane::sabotage::Sabotage;
use crate::plane::store::Viewer;
use crate::plane::{Event, Plane};
use crate::time::Millis;

/// A request is sent so often at most.
const ATTEMPTS: u32 = 5;
/// The pause before it is sent a second time.
const PAUSE: u64 = 50;

impl Plane<'_> {
    pub(in crate::plane) fn step_answered(&mut self, ix: usize, number: u64, answered: Answered) {
        match answered {
            Answered::Refused(refused) => {
                self.tally.refused();
                let flight = self
                    .sidecars
                    .get(ix)
                    .and_then(|sidecar| sidecar.flying.get(&number));
                if let Some(step) = flight.map(|flight| Rc::clone(&flight.step)) {
                    self.send(ix, number, Asked::Look { step, refused });
                }
            }
            Answered::Again => {
                let timeout = Millis(self.setup.cluster.request_timeout_millis);
                let now = self.now;
                let Some(sidecar) = self.sidecars.get_mut(ix) else {
                    return;
                };
                let Some(flight) = sidecar.flying.get_mut(&number) else {
                    return;
                };
                flight.attempts += 1;
                let pause = PAUSE << flight.attempts.min(6);
                let pause = Millis(pause / 2 + sidecar.chance.below(pause / 2 + 1));
                if flight.attempts >= ATTEMPTS || now + pause >= flight.begun + timeout {
                    self.ended(ix, number, Outcome::Unknown("turned away".to_owned()));
                } else {
                    let life = sidecar.life;
                    self.after(
                        pause,
                        Event::Sidecar {
                            sidecar: ix,
                            life,
                            event: SidecarEvent::Again(number),
                        },
                    );
                }
            }
            Answered::Outcome(outcome) => self.ended(ix, number, outcome),
        }
    }

    /// A write ended, in whatever term it was begun.
    pub(in crate::plane) fn ended(&mut self, ix: usize, number: u64, outcome: Outcome) {
        let now = self.now;
        let pods = self
            .watches
            .iter()
            .find(|watch| watch.viewer == Viewer::Sidecar(ix) && watch.kind == Kind::Pod);
        let Some(sidecar) = self.sidecars.get_mut(ix) else {
            return;
        };
        let Some(flight) = sidecar.flying.remove(&number) else {
            return;
        };
        let is_shown = || pods.zip(flight.pod).is_some_and(|(pods, pod)| pods.shows(pod));
        let outcome = match outcome {
            // It was removed in between, and the watch was faster: it must not come back.
            Outcome::Done(Some(_)) if !is_shown() => Outcome::Done(None),
            other => other,
        };
        if let Some(lane) = sidecar.lanes.get_mut(flight.lane) {
            lane.flying = lane.flying.saturating_sub(1);
        }
        let clock = UnixMillis(sidecar.clock(now));
        let dirty = sidecar.world.settle(&flight.step, outcome, clock);
        sidecar.dirty.extend(dirty);
        self.advance(ix);
        self.stop_when_idle(ix);
    }

    /// Sends what waits.
    pub(in crate::plane) fn pump(&mut self, ix: usize) {
        loop {
            let now = self.now;
            let Some(sidecar) = self
                .sidecars
                .get_mut(ix)
                .filter(|sidecar| sidecar.state == State::Running)
            else {
                return;
            };
            let Some((lane, Planned { step, pod, known })) = sidecar.next() else {
                return;
            };
            sidecar.requests += 1;
            let number = sidecar.requests;
            sidecar.flying.insert(
                number,
                Flight {
                    step,
                    pod,
                    lane,
                    begun: now,
                    attempts: 0,
                    known,
                },
            );
            self.fly(ix, number);
        }
    }

    /// Sends a write while the Lease is young; otherwise nobody knows, for it may have been sent before.
    pub(in crate::plane) fn fly(&mut self, ix: usize, number: u64) {
        let (now, timing) = (self.now, self.timing());
        let Some(sidecar) = self.sidecars.get_mut(ix) else {
            return;
        };
        let Some(flight) = sidecar.flying.get(&number) else {
            return;
        };
        let leads = match self.sabotage {
            Sabotage::NoFence => sidecar.candidate.held_epoch(),
            _ => sidecar.candidate.leads(now, timing).map(|(epoch, _)| epoch),
        };
        let Some(epoch) = leads else {
            let unknown = Outcome::Unknown("the lease is not held any more".to_owned());
            let answer = Answer::Step {
                number,
                answered: Answered::Outcome(unknown),
            };
            let life = sidecar.life;
            self.after(
                Millis::ZERO,
                Event::Answer {
                    sidecar: ix,
                    life,
                    answer: Box::new(answer),
                },
            );
            return;
        };
        let (step, known) = (Rc::clone(&flight.step), flight.known);
        self.send(ix, number, Asked::Step { step, epoch, known });
    }
}
