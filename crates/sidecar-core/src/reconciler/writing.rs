//! From what is due to what is written, and back: each write is sent until it ends, with pauses that grow.

use core::time::Duration;
use std::sync::Arc;

use reconcile_core::{Action, Outcome, PodPatch, SpreadId, Step, plan};
use serde_json::Value;

use super::effect::{Answer, Effect, NewWrite, Planned};
use super::lanes::{Job, Lane, WriteId};
use super::verdict::{Sight, Verdict, sight, verdict};
use super::{Reconciler, Writing};
use crate::time::{Moment, Now};
use crate::watches::Key;

/// The first pause before a write is sent once more; each later one is twice as long.
const PAUSE: Duration = Duration::from_millis(50);

/// No pause is longer: an API server that was restarted is asked soon.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A write on its way.
#[derive(Debug)]
pub(super) struct Flight {
    step: Arc<Step>,
    begun: Moment,
    /// How often it was sent.
    attempts: u32,
    pause: Duration,
    /// It is sent once more then; `None`: an answer is awaited.
    rests_until: Option<Moment>,
    /// Why it was sent once more.
    why: String,
    /// The code and the words by which it was refused: the pod is looked at.
    refusal: (u16, String),
}

/// What an answer leaves to do.
enum Next {
    End(Outcome),
    Again(String),
    Look,
}

impl Flight {
    pub(super) fn rests_until(&self) -> Option<Moment> {
        self.rests_until
    }

    fn next(&mut self, answer: Answer, timeout: Duration) -> Next {
        let action = &self.step.action;
        let unknown = |why: &str| Next::End(Outcome::Unknown(why.to_owned()));
        match answer {
            Answer::Done(pod) => Next::End(Outcome::Done(pod.filter(|_| is_patch(action)))),
            Answer::Refused { code, message } => match verdict(action, code, &message) {
                Verdict::Done => Next::End(Outcome::Done(None)),
                Verdict::Gone => Next::End(Outcome::Gone),
                Verdict::Again => Next::Again(format!("{code}: {message}")),
                Verdict::Refused => Next::End(Outcome::Refused(format!("{code}: {message}"))),
                Verdict::Look => {
                    self.refusal = (code, message);
                    Next::Look
                }
            },
            Answer::Looked(pod) => {
                let (code, message) = &self.refusal;
                match pod.map(|pod| sight(action, *code, message, pod.map(|pod| *pod))) {
                    Ok(Sight::Ended(outcome)) => Next::End(outcome),
                    Ok(Sight::Again) => Next::Again(format!("{code}: {message}")),
                    Err(reason) => {
                        Next::Again(format!("{code}: {message}; and the pod cannot be read: {reason}"))
                    }
                }
            }
            Answer::Unreached(why) => Next::Again(why),
            Answer::Late => unknown(&format!("no answer within {timeout:?}; {}", self.why)),
            Answer::Fenced => unknown("the lease is not held any more"),
            Answer::Unsendable(error) => {
                Next::End(Outcome::Refused(format!("the request cannot be made: {error}")))
            }
            Answer::BrokeOff => unknown("the write broke off"),
        }
    }

    /// Rests before it is sent once more; `false`: there is no time for that.
    fn rest(&mut self, why: String, share: f64, now: Moment, timeout: Duration) -> bool {
        self.why = why;
        // Between half and the whole: those that were refused together do not come again together.
        let pause = self.pause.mul_f64(0.5 + share / 2.0);
        if now.since(self.begun) + pause >= timeout {
            return false;
        }
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        self.rests_until = Some(now + pause);
        true
    }
}

impl Reconciler {
    /// An answer came.
    pub(super) fn answered(&mut self, write: WriteId, answer: Answer, share: f64, now: Now) {
        let timeout = self.config.request_timeout;
        let Some(flight) = self.flights.get_mut(&write) else {
            return;
        };
        match flight.next(answer, timeout) {
            Next::End(outcome) => self.ended(write, outcome, now),
            Next::Again(why) => {
                if !flight.rest(why.clone(), share, now.moment, timeout) {
                    self.ended(write, Outcome::Unknown(why), now);
                }
            }
            Next::Look => {
                let patience = (flight.begun + timeout).since(now.moment);
                let step = Arc::clone(&flight.step);
                self.effects.push_back(Effect::Look {
                    write,
                    step,
                    patience,
                });
            }
        }
    }

    /// A write ended, in whatever term it was begun.
    fn ended(&mut self, write: WriteId, outcome: Outcome, now: Now) {
        let Some(Flight { step, begun, .. }) = self.flights.remove(&write) else {
            return;
        };
        self.lanes.ended(Lane::of(&step));
        self.effects.push_back(Effect::Ended {
            write,
            step: Arc::clone(&step),
            outcome: outcome.clone(),
            took: now.moment.since(begun),
        });
        let outcome = match outcome {
            // It was removed in between, and the watch was faster: it must not come back.
            Outcome::Done(Some(pod)) if !self.shown.knows(&Key::Pod(pod.uid.as_str().into())) => {
                Outcome::Done(None)
            }
            other => other,
        };
        if matches!(outcome, Outcome::Unknown(_)) {
            self.unknown = Some(now.moment);
        }
        self.settle(&step, outcome, now);
    }

    fn settle(&mut self, step: &Step, outcome: Outcome, now: Now) {
        let dirty = self.world.settle(step, outcome, now.clock);
        self.mark(dirty, now.moment);
    }

    pub(super) fn plan(&mut self, spread: SpreadId, now: Now) {
        let plan = plan(&self.world, &spread, now.clock);
        self.due.wake(&spread, plan.wake);
        let mut writes = Vec::new();
        for mut step in plan.steps {
            // What is not told now is told when there is room.
            if matches!(self.config.writing, Writing::Sent(_)) && !self.lanes.has_room_for(&step) {
                continue;
            }
            self.world.assume(&step, now.clock);
            let patch = take_patch(&mut step.action);
            self.last_write += 1;
            let (id, step) = (WriteId(self.last_write), Arc::new(step));
            match self.config.writing {
                Writing::Sent(_) => self.lanes.push(Job {
                    id,
                    step: Arc::clone(&step),
                }),
                // What would be written is assumed to be, so that it is not told again.
                Writing::Told if Lane::of(&step) == Lane::Ledgers => {
                    self.settle(&step, Outcome::Done(None), now);
                }
                Writing::Told => {}
            }
            writes.push(NewWrite { id, step, patch });
        }
        self.effects.push_back(Effect::Planned(Planned {
            spread,
            writes,
            wake: plan.wake,
        }));
    }

    /// Begins the next write, if there may be one more; `false`: there is none.
    pub(super) fn begin_write(&mut self, now: Moment) -> bool {
        let Some(Job { id, step }) = self.lanes.next_job() else {
            return false;
        };
        let flight = Flight {
            step,
            begun: now,
            attempts: 0,
            pause: PAUSE,
            rests_until: Some(now),
            why: "nothing was heard before".to_owned(),
            refusal: (0, String::new()),
        };
        self.flights.insert(id, flight);
        self.resume(now);
        true
    }

    /// Sends what has rested.
    pub(super) fn resume(&mut self, now: Moment) {
        let timeout = self.config.request_timeout;
        for (write, flight) in &mut self.flights {
            if flight.rests_until.take_if(|until| *until <= now).is_none() {
                continue;
            }
            self.effects.push_back(Effect::Send {
                write: *write,
                step: Arc::clone(&flight.step),
                attempt: flight.attempts,
                patience: (flight.begun + timeout).since(now),
            });
            flight.attempts += 1;
        }
    }
}

/// Whether an action changes a pod, and its answer shows it. A deleted pod is told to be gone by its watch, when it is.
fn is_patch(action: &Action) -> bool {
    let is_deletion = matches!(
        action,
        Action::DeletePod { .. } | Action::Recreate { .. } | Action::Evict { .. }
    );
    action.pod().is_some() && !is_deletion
}

/// Takes the patch out of an action: whoever sends it keeps it, in a tenth of the space.
fn take_patch(action: &mut Action) -> Option<PodPatch> {
    match action {
        Action::Bind { patch, .. }
        | Action::Release { patch, .. }
        | Action::Move { patch, .. }
        | Action::PatchCost { patch, .. }
        | Action::Adopt { patch, .. } => Some(core::mem::replace(patch, PodPatch::Merge(Value::Null))),
        Action::DeletePod { .. }
        | Action::Recreate { .. }
        | Action::Evict { .. }
        | Action::PublishLedger(_)
        | Action::RemoveLedger
        | Action::Note(_) => None,
    }
}
