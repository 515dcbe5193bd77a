//! How the sidecars agree on their leader. Whoever takes a Lease over saw it unchanged for as long as it lasts, then waits
//! as long as a request may be on its way; every write first looks at the age of the last renewal by a clock that nobody
//! can set.

use std::rc::Rc;

use super::objects::{Kind, Lease, Object};
use super::requests::Asked;
use super::sidecars::SidecarEvent;
use super::{Event, Plane, SETTINGS_HASH};
use crate::time::Millis;

/// What is asked about the Lease.
#[derive(Clone, Debug)]
pub(crate) enum LeaseRequest {
    Read,
    /// Written if the stored one still has this version; 0: if there is none.
    Write {
        lease: Lease,
        over: u64,
        act: Act,
        begun: Millis,
    },
}

/// What is answered.
#[derive(Clone, Debug)]
pub(crate) enum LeaseAnswer {
    Seen(Option<Rc<Lease>>),
    Written {
        lease: Rc<Lease>,
        act: Act,
        begun: Millis,
    },
    Conflict,
    Unknown,
}

/// What is done about the Lease.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    Take { epoch: u64, is_clean: bool },
    Renew { epoch: u64 },
    Wait(Millis),
}

/// What a sidecar knows of the Lease.
#[derive(Debug, Default)]
pub(crate) struct Candidate {
    /// The Lease as it was read or written last.
    stored: Option<Rc<Lease>>,
    /// Another's, and since when it looks like that.
    seen: Option<(Rc<Lease>, Millis)>,
    held: Option<Held>,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    epoch: u64,
    renewed: Millis,
    leads_from: Millis,
}

/// How long things take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    duration: Millis,
    in_flight: Millis,
}

impl Timing {
    pub(crate) fn new(lease_millis: u64, request_timeout_millis: u64) -> Self {
        Self {
            duration: Millis(lease_millis),
            in_flight: Millis(request_timeout_millis),
        }
    }

    fn renew_every(self) -> Millis {
        Millis(self.duration.0 / 3)
    }

    fn look_every(self) -> Millis {
        self.renew_every().min(Millis(1000))
    }

    /// Shorter than the time between two renewals.
    pub(crate) fn patience(self) -> Millis {
        Millis((self.duration.0 / 4).max(1))
    }
}

impl Candidate {
    /// The epoch that it may write with, and until when.
    pub(crate) fn leads(&self, now: Millis, timing: Timing) -> Option<(u64, Millis)> {
        let held = self.held?;
        let until = held.renewed + timing.duration - Millis(timing.duration.0 / 8);
        (held.leads_from <= now && now < until).then_some((held.epoch, until))
    }

    /// The epoch that it took, however long ago.
    pub(crate) fn held_epoch(&self) -> Option<u64> {
        self.held.map(|held| held.epoch)
    }

    /// When its standing changes though nothing happens.
    fn turns(&self, now: Millis, timing: Timing) -> Option<Millis> {
        let held = self.held?;
        if now < held.leads_from {
            return Some(held.leads_from);
        }
        self.leads(now, timing).map(|(_, until)| until)
    }

    fn looked(&mut self, me: &str, lease: Option<&Rc<Lease>>, now: Millis, timing: Timing) -> Act {
        if let Some(held) = self.held {
            if lease.is_some_and(|lease| lease.holder == me && lease.transitions == held.epoch) {
                return renew_or_wait(held, now, timing);
            }
            self.held = None;
        }
        let Some(lease) = lease else {
            return Act::Take {
                epoch: 1,
                is_clean: true,
            };
        };
        let since = match &self.seen {
            Some((seen, since)) if seen == lease => *since,
            _ => now,
        };
        self.seen = Some((Rc::clone(lease), since));
        let epoch = lease.transitions + 1;
        if lease.holder.is_empty() {
            return Act::Take {
                epoch,
                is_clean: true,
            };
        }
        // Taken, and the answer was lost: nobody else has this name.
        if lease.holder == me {
            return Act::Take {
                epoch,
                is_clean: false,
            };
        }
        let left = since + timing.duration - now;
        if left == Millis::ZERO {
            return Act::Take {
                epoch,
                is_clean: false,
            };
        }
        Act::Wait(left.min(timing.look_every()))
    }

    fn wrote(&mut self, act: Act, begun: Millis, now: Millis, timing: Timing) {
        match act {
            Act::Take { epoch, is_clean } => {
                let wait = if is_clean { Millis::ZERO } else { timing.in_flight };
                self.seen = None;
                self.held = Some(Held {
                    epoch,
                    renewed: begun,
                    leads_from: now + wait,
                });
            }
            Act::Renew { epoch } => {
                if let Some(held) = self.held.as_mut().filter(|held| held.epoch == epoch) {
                    held.renewed = begun;
                }
            }
            Act::Wait(_) => {}
        }
    }
}

fn renew_or_wait(held: Held, now: Millis, timing: Timing) -> Act {
    let left = held.renewed + timing.renew_every() - now;
    if left == Millis::ZERO {
        Act::Renew { epoch: held.epoch }
    } else {
        Act::Wait(left)
    }
}

impl Plane<'_> {
    pub(super) fn timing(&self) -> Timing {
        Timing::new(
            self.setup.cluster.lease_millis,
            self.setup.cluster.request_timeout_millis,
        )
    }

    /// Looks where that is needed, writes where that is due.
    pub(super) fn tick(&mut self, ix: usize) {
        let (now, timing) = (self.now, self.timing());
        let Some(sidecar) = self.sidecars.get_mut(ix) else {
            return;
        };
        let candidate = &sidecar.candidate;
        match (candidate.stored.is_some(), candidate.held) {
            (true, Some(held)) => self.act(ix, renew_or_wait(held, now, timing)),
            _ => self.send(ix, 0, Asked::Lease(LeaseRequest::Read)),
        }
    }

    fn act(&mut self, ix: usize, act: Act) {
        let now = self.now;
        let Some(sidecar) = self.sidecars.get_mut(ix) else {
            return;
        };
        let epoch = match act {
            Act::Take { epoch, .. } | Act::Renew { epoch } => epoch,
            Act::Wait(wait) => {
                self.tick_after(ix, wait);
                return;
            }
        };
        let over = sidecar
            .candidate
            .stored
            .as_ref()
            .map_or(0, |stored| stored.version);
        let lease = Lease {
            version: 0,
            holder: sidecar.identity.clone(),
            transitions: epoch,
            renewed: sidecar.clock(now),
            settings: SETTINGS_HASH.to_owned(),
        };
        self.send(
            ix,
            0,
            Asked::Lease(LeaseRequest::Write {
                lease,
                over,
                act,
                begun: now,
            }),
        );
    }

    fn tick_after(&mut self, ix: usize, wait: Millis) {
        let Some(life) = self.sidecars.get(ix).map(|sidecar| sidecar.life) else {
            return;
        };
        self.after(
            wait,
            Event::Sidecar {
                sidecar: ix,
                life,
                event: SidecarEvent::Tick,
            },
        );
    }

    pub(super) fn lease_request(&mut self, request: LeaseRequest) -> LeaseAnswer {
        let stored = match self.store.of((Kind::Lease, 0)) {
            Some(Object::Lease(lease)) => Some(Rc::clone(lease)),
            _ => None,
        };
        match request {
            LeaseRequest::Read => LeaseAnswer::Seen(stored),
            LeaseRequest::Write {
                mut lease,
                over,
                act,
                begun,
            } => {
                if stored.map_or(0, |stored| stored.version) != over {
                    return LeaseAnswer::Conflict;
                }
                lease.version = self.store.next_version();
                let lease = Rc::new(lease);
                self.put(Object::Lease(Rc::clone(&lease)));
                LeaseAnswer::Written { lease, act, begun }
            }
        }
    }

    pub(super) fn lease_answered(&mut self, ix: usize, answer: LeaseAnswer) {
        let (now, timing) = (self.now, self.timing());
        let Some(sidecar) = self.sidecars.get_mut(ix).filter(|sidecar| !sidecar.is_stopping()) else {
            return;
        };
        match answer {
            LeaseAnswer::Seen(lease) => {
                let act = sidecar
                    .candidate
                    .looked(&sidecar.identity, lease.as_ref(), now, timing);
                sidecar.candidate.stored = lease;
                self.act(ix, act);
            }
            LeaseAnswer::Written { lease, act, begun } => {
                if matches!(act, Act::Take { .. }) {
                    self.tally.taken_over();
                }
                sidecar.candidate.stored = Some(lease);
                sidecar.candidate.wrote(act, begun, now, timing);
                self.tick_after(ix, Millis::ZERO);
            }
            LeaseAnswer::Conflict => {
                sidecar.candidate.stored = None;
                self.tick_after(ix, Millis(1));
            }
            LeaseAnswer::Unknown => {
                sidecar.candidate.stored = None;
                let wait = Millis(500 + sidecar.chance.below(500));
                self.tick_after(ix, wait);
            }
        }
        self.turn(ix);
    }

    /// Follows the Lease, now and when its standing changes by time alone.
    pub(super) fn turn(&mut self, ix: usize) {
        let (now, timing) = (self.now, self.timing());
        let Some(sidecar) = self.sidecars.get_mut(ix).filter(|sidecar| !sidecar.is_stopping()) else {
            return;
        };
        let leads = sidecar.candidate.leads(now, timing);
        let life = sidecar.life;
        if let Some(at) = sidecar.candidate.turns(now, timing) {
            self.queue.push(
                at,
                Event::Sidecar {
                    sidecar: ix,
                    life,
                    event: SidecarEvent::Turn,
                },
            );
        }
        self.follow(ix, leads.map(|(epoch, _)| epoch));
    }

    /// The Lease is given up by a process that ends in good order.
    pub(super) fn give_back(&mut self, ix: usize) {
        let Some(sidecar) = self.sidecars.get_mut(ix) else {
            return;
        };
        let candidate = &mut sidecar.candidate;
        let (Some(_), Some(stored)) = (candidate.held.take(), candidate.stored.clone()) else {
            return;
        };
        let lease = Lease {
            holder: String::new(),
            ..stored.as_ref().clone()
        };
        let request = LeaseRequest::Write {
            lease,
            over: stored.version,
            act: Act::Wait(Millis::ZERO),
            begun: self.now,
        };
        self.send(ix, 0, Asked::Lease(request));
    }
}
