//! The way of a sidecar's requests to the API server and back: late, lost on the way there or on the way back, turned
//! away. What arrives is applied as an API server applies it.

use std::rc::Rc;
use std::sync::Arc;

use reconcile_core::{Action, PodPatch, PodRecord, PodRef, Step};
use serde_json::json;
use sidecar_core::reconciler::{self, WriteId};

use super::lease::{LeaseAnswer, LeaseRequest};
use super::objects::{Kind, Object};
use super::patching::{merged, patched};
use super::sidecars::Write;
use super::store::Change;
use super::{Event, Plane, mutability};
use crate::json;
use crate::plane::observer::{By, Landed};
use crate::plane::sabotage::{Sabotage, to_the_first};
use crate::time::Millis;

/// A request on its way.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) sidecar: usize,
    pub(crate) life: u32,
    pub(crate) asked: Asked,
    /// Whether the answer gets lost.
    pub(crate) is_unanswered: bool,
}

/// What is asked.
#[derive(Debug)]
pub(crate) enum Asked {
    /// A write of the leader of an epoch.
    Step {
        id: WriteId,
        write: Rc<Write>,
        epoch: u64,
    },
    /// A look at the pod of a write that was refused.
    Look {
        write: WriteId,
        step: Arc<Step>,
    },
    Lease(LeaseRequest),
}

/// What comes back.
#[derive(Debug)]
pub(crate) enum Answer {
    /// To a write, or to a look at its pod.
    Step {
        write: WriteId,
        answer: reconciler::Answer,
    },
    Lease(LeaseAnswer),
}

/// An API server's refusal.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    /// The HTTP code.
    pub(crate) code: u16,
    pub(crate) message: String,
}

impl Refused {
    pub(crate) fn new(code: u16, message: &str) -> Self {
        let message = message.to_owned();
        Self { code, message }
    }

    pub(crate) fn gone() -> Self {
        Self::new(404, "not found")
    }
}

/// What the API server says to a write: the pod as it is now, where one was patched.
pub(crate) type Answered = Result<Option<Box<PodRecord>>, Refused>;

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
    pub(super) fn send(&mut self, sidecar: usize, asked: Asked, timeout: Millis) {
        let cluster = &self.setup.cluster;
        let (lost, unanswered, turned) = (cluster.lost_requests, cluster.lost_answers, cluster.turned_away);
        let delayed = cluster.delayed;
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
        let unknown = no_answer(&asked);
        self.tally.request(fate != Fate::Fine);
        match fate {
            Fate::TurnedAway => {
                let answer = Box::new(turned_away(&asked));
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
            asked,
            is_unanswered,
        } = request;
        let answer = if self.api.is_down {
            not_reached(&asked)
        } else {
            match asked {
                Asked::Step { id, write, epoch } => {
                    let answer = match self.apply(&write, epoch) {
                        Ok(pod) => reconciler::Answer::Done(pod),
                        Err(Refused { code, message }) => reconciler::Answer::Refused { code, message },
                    };
                    Answer::Step { write: id, answer }
                }
                Asked::Look { write, step } => {
                    let pod = step.action.pod();
                    let stored = pod.and_then(|pod| self.store.pod_named(&pod.namespace, &pod.name));
                    let pod = stored.map(|pod| Box::new(pod.record.as_ref().clone()));
                    let answer = reconciler::Answer::Looked(Ok(pod));
                    Answer::Step { write, answer }
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

    /// A write is never sent: its answer comes at once.
    pub(super) fn answer_at_once(&mut self, sidecar: usize, write: WriteId, answer: reconciler::Answer) {
        let Some(life) = self.sidecars.get(sidecar).map(|sidecar| sidecar.life) else {
            return;
        };
        let answer = Box::new(Answer::Step { write, answer });
        self.after(
            Millis::ZERO,
            Event::Answer {
                sidecar,
                life,
                answer,
            },
        );
    }

    fn apply(&mut self, write: &Write, epoch: u64) -> Answered {
        let Write { step, patch, known } = write;
        let known = *known;
        let by = |landed| By::Sidecar { epoch, known, landed };
        match &step.action {
            Action::PublishLedger(ledger) => {
                let Ok(mut value) = serde_json::to_value(ledger) else {
                    return Err(Refused::new(400, "no ledger"));
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
                Ok(None)
            }
            Action::RemoveLedger => {
                let number = self.ledger_number(&step.spread);
                if let Some(object) = self.store.remove((Kind::Ledger, number)) {
                    self.publish(&Change::Gone(object));
                }
                Ok(None)
            }
            Action::Note(_) => Ok(None),
            Action::DeletePod { pod, version } | Action::Recreate { pod, version, .. } => {
                let Some(stored) = self.store.meant(pod).cloned() else {
                    return Err(Refused::gone());
                };
                let names_another = version.is_some() && *version != stored.record.version;
                if names_another && self.sabotage != Sabotage::NoPrecondition {
                    return Err(Refused::new(409, "the version in the precondition is another"));
                }
                let landed = if matches!(step.action, Action::DeletePod { .. }) {
                    Landed::Deleted
                } else {
                    Landed::Recreated(*version)
                };
                self.tally.landed(&landed);
                self.delete_pod(&stored, &by(landed));
                Ok(None)
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
                self.evict_as_asked(pod, *version, &by(landed))
            }
            Action::Bind { pod, .. } if self.sabotage == Sabotage::DeletesWhatWaits => {
                let action = Action::DeletePod {
                    pod: pod.clone(),
                    version: None,
                };
                let spread = step.spread.clone();
                let write = Write {
                    step: Arc::new(Step { spread, action }),
                    patch: None,
                    known,
                };
                self.apply(&write, epoch)
            }
            Action::Bind { pod, .. } if self.sabotage == Sabotage::BindsToTheFirst => {
                let patch = patch.as_ref().map(to_the_first);
                self.patch(pod, patch.as_ref(), &by(Landed::Bound("fixed".to_owned())))
            }
            Action::Bind { pod, subset, .. } => {
                let rule = self.rule(&step.spread);
                let name = rule.and_then(|rule| Some(rule.spread.subset(*subset)?.name().to_owned()));
                let landed = Landed::Bound(name.unwrap_or_default());
                self.patch(pod, patch.as_ref(), &by(landed))
            }
            Action::Release { pod, .. } => self.patch(pod, patch.as_ref(), &by(Landed::Released)),
            Action::Move { pod, to, .. } => self.patch(pod, patch.as_ref(), &by(Landed::Moved(to.clone()))),
            Action::PatchCost { pod, .. } => self.patch(pod, patch.as_ref(), &by(Landed::Cost)),
            Action::Adopt { pod, .. } => self.patch(pod, patch.as_ref(), &by(Landed::Adopted)),
        }
    }

    fn patch(&mut self, pod: &PodRef, patch: Option<&PodPatch>, by: &By) -> Answered {
        let Some(old) = self.store.pod_named(&pod.namespace, &pod.name).cloned() else {
            return Err(Refused::gone());
        };
        let patched = match patch {
            Some(PodPatch::Json(patch)) => patched(&old.value, patch).map_err(|why| Refused::new(422, &why)),
            Some(PodPatch::Merge(merge)) => merged(&old, merge).map_err(|why| Refused::new(409, &why)),
            None => Err(Refused::new(400, "no patch")),
        };
        let value = patched?;
        if let Err(broken) = mutability::check(&old.value, &value) {
            self.observer.forbidden(self.now, &old, &broken);
            return Err(Refused::new(422, &broken));
        }
        if value == old.value {
            return Ok(Some(Box::new(old.record.as_ref().clone())));
        }
        if let By::Sidecar { landed, .. } = by {
            self.tally.landed(landed);
        }
        let stored = self.put_pod(Some(&old), value, old.origin, old.ready_since, by);
        Ok(stored.map(|pod| Box::new(pod.record.as_ref().clone())))
    }
}

fn no_answer(asked: &Asked) -> Answer {
    answer(asked, reconciler::Answer::Late)
}

fn turned_away(asked: &Asked) -> Answer {
    const WHY: &str = "too many requests, please try again later";
    match asked {
        Asked::Look { .. } => answer(asked, reconciler::Answer::Looked(Err(WHY.to_owned()))),
        Asked::Step { .. } | Asked::Lease(_) => {
            let (code, message) = (429, WHY.to_owned());
            answer(asked, reconciler::Answer::Refused { code, message })
        }
    }
}

fn not_reached(asked: &Asked) -> Answer {
    const WHY: &str = "connection refused";
    match asked {
        Asked::Look { .. } => answer(asked, reconciler::Answer::Looked(Err(WHY.to_owned()))),
        Asked::Step { .. } | Asked::Lease(_) => answer(asked, reconciler::Answer::Unreached(WHY.to_owned())),
    }
}

/// An answer to a write, or nothing about the Lease.
fn answer(asked: &Asked, answer: reconciler::Answer) -> Answer {
    match asked {
        Asked::Step { id: write, .. } | Asked::Look { write, .. } => Answer::Step {
            write: *write,
            answer,
        },
        Asked::Lease(_) => Answer::Lease(LeaseAnswer::Unknown),
    }
}
