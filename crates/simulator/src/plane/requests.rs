//! The way of a sidecar's requests to the API server and back: late, lost on the way there or on the way back, turned
//! away. What arrives is applied as an API server applies it.

use std::rc::Rc;

use reconcile_core::{Action, Outcome, PodPatch, Step};
use serde_json::json;

use super::lease::{LeaseAnswer, LeaseRequest};
use super::objects::{Kind, Object};
use super::patching::{merged, patched};
use super::store::Change;
use super::{Event, Plane, mutability};
use crate::json;
use crate::plane::observer::{By, Landed};
use crate::plane::sabotage::{Sabotage, to_the_first};
use crate::plane::setup::Lag;
use crate::time::Millis;

/// A request on its way.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) sidecar: usize,
    pub(crate) life: u32,
    pub(crate) number: u64,
    pub(crate) asked: Asked,
    /// Whether the answer gets lost.
    pub(crate) is_unanswered: bool,
}

/// What is asked.
#[derive(Debug)]
pub(crate) enum Asked {
    /// A step of a plan, made by the leader of this epoch, who knew the workload at this version.
    Step {
        step: Rc<Step>,
        epoch: u64,
        known: u64,
    },
    /// A look at the pod of a step that was refused.
    Look {
        step: Rc<Step>,
        refused: String,
    },
    Lease(LeaseRequest),
}

/// What comes back.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Of a step.
    Step {
        number: u64,
        answered: Answered,
    },
    Lease(LeaseAnswer),
}

/// What the API server says to a step.
#[derive(Debug)]
pub(crate) enum Answered {
    Outcome(Outcome),
    /// Refused for what the pod is now: worth a look.
    Refused(String),
    /// Too many requests, or no connection.
    Again,
}

/// What becomes of a request on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Fine,
    LostOnTheWay,
    AnswerLost,
    TurnedAway,
    Delayed,
}

impl Plane<'_> {
    /// Sends a request; its answer, or the end of waiting for one, comes as an event.
    pub(super) fn send(&mut self, sidecar: usize, number: u64, asked: Asked) {
        let cluster = &self.setup.cluster;
        let (lost, unanswered, turned) = (cluster.lost_requests, cluster.lost_answers, cluster.turned_away);
        let delayed = cluster.delayed;
        let timeout = match asked {
            Asked::Lease(_) => Millis::of(self.timing().patience),
            _ => Millis(cluster.request_timeout_millis),
        };
        let Some(sender) = self.sidecars.get_mut(sidecar) else {
            return;
        };
        let way = sender.drawn(sender.spec.requests);
        let draw = u32::try_from(sender.chance.below(1000)).unwrap_or(0);
        let bounds = [
            (lost, Fate::LostOnTheWay),
            (unanswered, Fate::AnswerLost),
            (turned, Fate::TurnedAway),
            (delayed, Fate::Delayed),
        ];
        let mut below = 0;
        let fate = bounds.into_iter().find_map(|(rate, fate)| {
            below += rate;
            (draw < below).then_some(fate)
        });
        let fate = fate.unwrap_or(Fate::Fine);
        let life = sender.life;
        let is_unanswered = matches!(fate, Fate::AnswerLost | Fate::Delayed | Fate::LostOnTheWay);
        let unknown = no_answer(number, &asked);
        self.tally.request(fate != Fate::Fine);
        match fate {
            Fate::TurnedAway => {
                let answer = Box::new(turned_away(number, &asked));
                self.after(
                    way + way,
                    Event::Answer {
                        sidecar,
                        life,
                        answer,
                    },
                );
                return;
            }
            Fate::LostOnTheWay => {}
            Fate::Fine | Fate::AnswerLost | Fate::Delayed => {
                let way = if fate == Fate::Delayed {
                    timeout - Millis(1)
                } else {
                    way.min(timeout)
                };
                let request = Request {
                    sidecar,
                    life,
                    number,
                    asked,
                    is_unanswered,
                };
                self.after(way, Event::Arrive(Box::new(request)));
            }
        }
        if is_unanswered {
            self.after(
                timeout,
                Event::Answer {
                    sidecar,
                    life,
                    answer: Box::new(unknown),
                },
            );
        }
    }

    /// A request is at the API server.
    pub(super) fn arrive(&mut self, request: Request) {
        let Request {
            sidecar,
            life,
            number,
            asked,
            is_unanswered,
        } = request;
        let answer = if self.api.is_down {
            turned_away(number, &asked)
        } else {
            match asked {
                Asked::Step { step, epoch, known } => {
                    let answered = self.apply(&step, epoch, known);
                    Answer::Step { number, answered }
                }
                Asked::Look { step, refused } => {
                    let outcome = self.look(&step, refused);
                    Answer::Step {
                        number,
                        answered: Answered::Outcome(outcome),
                    }
                }
                Asked::Lease(asked) => Answer::Lease(self.lease_request(asked)),
            }
        };
        if !is_unanswered {
            let sender = self.sidecars.get_mut(sidecar);
            let way = sender.map_or(Millis(1), |sender| sender.drawn(sender.spec.requests));
            self.after(
                way,
                Event::Answer {
                    sidecar,
                    life,
                    answer: Box::new(answer),
                },
            );
        }
    }

    fn apply(&mut self, step: &Step, epoch: u64, known: u64) -> Answered {
        let gone = Answered::Outcome(Outcome::Gone);
        let done = |record| Answered::Outcome(Outcome::Done(record));
        match &step.action {
            Action::PublishLedger(ledger) => {
                let Ok(mut value) = serde_json::to_value(ledger) else {
                    return gone;
                };
                let version = self.store.next_version();
                json::put(
                    &mut value,
                    &["metadata", "resourceVersion"],
                    json!(version.to_string()),
                );
                self.observer.epoch(self.now, epoch, "publishes a ledger");
                self.tally.published();
                let number = self.ledger_number(&step.spread);
                self.put(Object::Ledger(number, Rc::new(value)));
                done(None)
            }
            Action::RemoveLedger => {
                let number = self.ledger_number(&step.spread);
                if let Some(object) = self.store.remove((Kind::Ledger, number)) {
                    self.publish(&Change::Gone(object));
                }
                done(None)
            }
            Action::Note(_) => done(None),
            Action::DeletePod { pod, version } | Action::Recreate { pod, version, .. } => {
                let Some(stored) = self.store.meant(pod).cloned() else {
                    return gone;
                };
                let names_another = version.is_some() && *version != stored.record.version;
                if names_another && self.sabotage != Sabotage::NoPrecondition {
                    return Answered::Refused("the version in the precondition is another".to_owned());
                }
                let landed = if matches!(step.action, Action::DeletePod { .. }) {
                    Landed::Deleted
                } else {
                    Landed::Recreated(*version)
                };
                self.tally.landed(&landed);
                self.delete_pod(&stored, &By::Sidecar { epoch, known, landed });
                done(None)
            }
            Action::Evict {
                pod,
                version,
                to,
                why,
                ..
            } => {
                let (to, why) = (to.index(), *why);
                let landed = Landed::Evicted { to, why };
                self.evict_as_asked(pod, *version, &By::Sidecar { epoch, known, landed })
            }
            Action::Bind { pod, .. } if self.sabotage == Sabotage::DeletesWhatWaits => {
                let step = Step {
                    spread: step.spread.clone(),
                    action: Action::DeletePod {
                        pod: pod.clone(),
                        version: None,
                    },
                };
                self.apply(&step, epoch, known)
            }
            Action::Bind { pod, patch, .. } if self.sabotage == Sabotage::BindsToTheFirst => {
                let by = By::Sidecar {
                    epoch,
                    known,
                    landed: Landed::Bound("fixed".to_owned()),
                };
                self.patch(pod, &to_the_first(patch), &by)
            }
            Action::Bind {
                pod, subset, patch, ..
            } => {
                let rule = self.rule(&step.spread);
                let name = rule.and_then(|rule| Some(rule.spread.subset(*subset)?.name().to_owned()));
                self.patch(
                    pod,
                    patch,
                    &By::Sidecar {
                        epoch,
                        known,
                        landed: Landed::Bound(name.unwrap_or_default()),
                    },
                )
            }
            Action::Release { pod, patch, .. } => self.patch(
                pod,
                patch,
                &By::Sidecar {
                    epoch,
                    known,
                    landed: Landed::Released,
                },
            ),
            Action::Move { pod, patch, to, .. } => self.patch(
                pod,
                patch,
                &By::Sidecar {
                    epoch,
                    known,
                    landed: Landed::Moved(to.clone()),
                },
            ),
            Action::PatchCost { pod, patch, .. } => self.patch(
                pod,
                patch,
                &By::Sidecar {
                    epoch,
                    known,
                    landed: Landed::Cost,
                },
            ),
            Action::Adopt { pod, patch, .. } => self.patch(
                pod,
                patch,
                &By::Sidecar {
                    epoch,
                    known,
                    landed: Landed::Adopted,
                },
            ),
        }
    }

    fn patch(&mut self, pod: &reconcile_core::PodRef, patch: &PodPatch, by: &By) -> Answered {
        let Some(old) = self.store.pod_named(&pod.namespace, &pod.name).cloned() else {
            return Answered::Outcome(Outcome::Gone);
        };
        let patched = match patch {
            PodPatch::Json(patch) => patched(&old.value, patch),
            PodPatch::Merge(merge) => merged(&old, merge),
        };
        let value = match patched {
            Ok(value) => value,
            Err(refused) => return Answered::Refused(refused),
        };
        if let Err(broken) = mutability::check(&old.value, &value) {
            self.observer.forbidden(self.now, &old, &broken);
            return Answered::Refused(broken);
        }
        if value == old.value {
            return Answered::Outcome(Outcome::Done(Some(Box::new(old.record.as_ref().clone()))));
        }
        if let By::Sidecar { landed, .. } = by {
            self.tally.landed(landed);
        }
        let stored = self.put_pod(Some(&old), value, old.origin, old.ready_since, by);
        Answered::Outcome(Outcome::Done(
            stored.map(|pod| Box::new(pod.record.as_ref().clone())),
        ))
    }

    /// What the pod of a refused step is by now: it may be what the step would have made of it.
    fn look(&self, step: &Step, refused: String) -> Outcome {
        let Some(pod) = step.action.pod() else {
            return Outcome::Refused(refused);
        };
        let Some(stored) = self.store.meant(pod) else {
            return Outcome::Gone;
        };
        let is_done = match &step.action {
            Action::Bind { .. } | Action::Release { .. } => !stored.gated,
            Action::Adopt { .. } => stored.subset.is_some(),
            Action::Move { to, .. } => stored.record.subset.as_ref() == Some(to),
            Action::PatchCost { cost, .. } => stored.record.cost == Some(*cost),
            _ => stored.terminating,
        };
        if is_done {
            Outcome::Done(Some(Box::new(stored.record.as_ref().clone())))
        } else {
            Outcome::Refused(refused)
        }
    }

    /// A lag of one sidecar's own.
    pub(super) fn lag_of(&mut self, sidecar: usize, lag: Lag) -> Millis {
        self.sidecars
            .get_mut(sidecar)
            .map_or(Millis::ZERO, |sidecar| sidecar.drawn(lag))
    }
}

fn no_answer(number: u64, asked: &Asked) -> Answer {
    match asked {
        Asked::Step { .. } | Asked::Look { .. } => Answer::Step {
            number,
            answered: Answered::Outcome(Outcome::Unknown("no answer".to_owned())),
        },
        Asked::Lease(_) => Answer::Lease(LeaseAnswer::Unknown),
    }
}

fn turned_away(number: u64, asked: &Asked) -> Answer {
    match asked {
        Asked::Step { .. } | Asked::Look { .. } => Answer::Step {
            number,
            answered: Answered::Again,
        },
        Asked::Lease(_) => Answer::Lease(LeaseAnswer::Unknown),
    }
}
