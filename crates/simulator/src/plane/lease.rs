//! How the sidecars agree on their leader: what `sidecar_core` decides about the Lease is read and written here.

use core::time::Duration;
use std::rc::Rc;

use kube_rules::time::UnixMillis;
use sidecar_core::lease::{
    Act, Campaign, Elector, Failure, KnownLease, LeaseView, LeaseWrite, Standing, Timing, Turn,
};
use sidecar_core::reconciler;

use super::objects::{Kind, Lease, Object};
use super::requests::Asked;
use super::sidecars::{SidecarEvent, timing};
use super::{Event, Plane};
use crate::time::Millis;

/// What is asked about the Lease.
#[derive(Clone, Debug)]
pub(crate) enum LeaseRequest {
    Read,
    /// Written if the stored one still has this version; 0: if there is none.
    Write {
        lease: Lease,
        over: u64,
    },
}

/// What is answered.
#[derive(Clone, Debug)]
pub(crate) enum LeaseAnswer {
    Seen(Option<Rc<Lease>>),
    Written(Rc<Lease>),
    Conflict,
    Unknown,
}

/// A sidecar's part in the election.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) campaign: Campaign,
    /// The Lease as it was read or written last.
    stored: Option<Rc<Lease>>,
    /// When it looks next.
    wakes: Option<Millis>,
}

impl Candidate {
    pub(crate) fn new(identity: String, timing: Timing) -> Self {
        Self {
            campaign: Campaign::new(Elector::new(identity, timing)),
            stored: None,
            wakes: None,
        }
    }

    /// The epoch that it may write with.
    pub(crate) fn leads(&self, now: Millis) -> Option<u64> {
        match self.campaign.standing(now.moment()) {
            Standing::Leading { epoch, .. } => Some(epoch),
            Standing::Standby | Standing::Waiting { .. } => None,
        }
    }
}

impl Plane<'_> {
    /// Its time about the Lease has come.
    pub(super) fn tick(&mut self, ix: usize) {
        let now = self.now;
        let Some(sidecar) = self.sidecars.get_mut(ix) else {
            return;
        };
        if sidecar.candidate.wakes.take_if(|at| *at <= now).is_some() {
            self.turn(ix);
        }
    }

    /// Looks where that is needed, writes where that is due, and follows what comes of it.
    pub(super) fn turn(&mut self, ix: usize) {
        let now = self.now;
        loop {
            let Some(sidecar) = self.sidecars.get_mut(ix) else {
                return;
            };
            match sidecar.candidate.campaign.turn(now.moment()) {
                Turn::Read => self.ask(ix, LeaseRequest::Read),
                Turn::Write(write) => self.write_lease(ix, write),
                Turn::Wait(until) => {
                    if let Some(until) = until {
                        self.tick_at(ix, Millis::at_or_after(until));
                    }
                    break;
                }
            }
        }
        if let Some(sidecar) = self.sidecars.get(ix) {
            let standing = sidecar.candidate.campaign.standing(now.moment());
            self.handle(ix, reconciler::Event::Standing(standing));
        }
    }

    fn ask(&mut self, ix: usize, request: LeaseRequest) {
        let patience = Millis::of(timing(self.setup).patience);
        self.send(ix, Asked::Lease(request), patience);
    }

    fn write_lease(&mut self, ix: usize, write: LeaseWrite) {
        let now = self.now;
        let Some(sidecar) = self.sidecars.get_mut(ix) else {
            return;
        };
        let stored = sidecar.candidate.stored.as_ref();
        let renewed = match (&write.holder, stored) {
            (None, Some(stored)) => stored.renewed,
            _ => sidecar.clock(now),
        };
        let over = stored.map_or(0, |stored| stored.version);
        let lease = Lease {
            version: 0,
            holder: write.holder.unwrap_or_default(),
            transitions: write.epoch,
            renewed,
            settings: write.settings,
        };
        self.ask(ix, LeaseRequest::Write { lease, over });
    }

    fn tick_at(&mut self, ix: usize, at: Millis) {
        let now = self.now;
        let Some(sidecar) = self.sidecars.get_mut(ix) else {
            return;
        };
        let wakes = &mut sidecar.candidate.wakes;
        if wakes.is_none_or(|planned| at < planned || planned < now) {
            *wakes = Some(at);
            let life = sidecar.life;
            self.queue.push(
                at,
                Event::Sidecar {
                    sidecar: ix,
                    life,
                    event: SidecarEvent::Tick,
                },
            );
        }
    }

    fn stored_lease(&self) -> Option<Rc<Lease>> {
        match self.store.of((Kind::Lease, 0)) {
            Some(Object::Lease(lease)) => Some(Rc::clone(lease)),
            _ => None,
        }
    }

    /// The Lease as an API server shows it.
    pub(super) fn lease_view(&self) -> Option<LeaseView> {
        let duration = timing(self.setup).duration;
        let lease = self.stored_lease()?;
        Some(known(&lease, duration).view)
    }

    pub(super) fn lease_request(&mut self, request: LeaseRequest) -> LeaseAnswer {
        let stored = self.stored_lease();
        match request {
            LeaseRequest::Read => LeaseAnswer::Seen(stored),
            LeaseRequest::Write { mut lease, over } => {
                if stored.map_or(0, |stored| stored.version) != over {
                    return LeaseAnswer::Conflict;
                }
                lease.version = self.store.next_version();
                let lease = Rc::new(lease);
                self.put(Object::Lease(Rc::clone(&lease)));
                LeaseAnswer::Written(lease)
            }
        }
    }

    pub(super) fn lease_answered(&mut self, ix: usize, answer: LeaseAnswer) {
        let (now, duration) = (self.now.moment(), timing(self.setup).duration);
        let Some(sidecar) = self.sidecars.get_mut(ix) else {
            return;
        };
        let share = sidecar.share();
        let candidate = &mut sidecar.candidate;
        match answer {
            LeaseAnswer::Seen(lease) => {
                let known = lease.as_ref().map(|lease| known(lease, duration));
                candidate.campaign.read(known, now);
                candidate.stored = lease;
            }
            LeaseAnswer::Written(lease) => {
                let act = candidate.campaign.wrote(known(&lease, duration), now);
                candidate.stored = Some(lease);
                if matches!(act, Some(Act::Take { .. })) {
                    self.tally.taken_over();
                }
            }
            LeaseAnswer::Conflict => candidate.campaign.failed(Failure::Conflict, now, share),
            LeaseAnswer::Unknown => candidate.campaign.failed(Failure::Unreached, now, share),
        }
        self.turn(ix);
    }

    /// The Lease is given up by a process that ends in good order.
    pub(super) fn give_back(&mut self, ix: usize) {
        let sidecar = self.sidecars.get_mut(ix);
        if let Some(write) = sidecar.and_then(|sidecar| sidecar.candidate.campaign.give_up()) {
            self.write_lease(ix, write);
        }
    }
}

fn known(lease: &Lease, duration: Duration) -> KnownLease {
    KnownLease {
        view: LeaseView {
            holder: Some(lease.holder.clone()).filter(|holder| !holder.is_empty()),
            renewed: UnixMillis(lease.renewed).to_string(),
            duration,
            transitions: lease.transitions,
        },
        settings: Some(lease.settings.clone()),
    }
}
