//! The API server's way with a new pod: the webhook, whose replicas see ledgers and Leases late, then the store.

use std::rc::Rc;

use placement_core::facts::BINDER_AWAY_MILLIS;
use serde_json::Value;

use super::controllers::Sync;
use super::objects::{Lease, Maker, Object, Origin};
use super::store::Change;
use super::{Event, Plane, name_it};
use crate::admission::{Admission, AdmissionCall, Change as Shown, Verdict, Write};
use crate::json;
use crate::objects::review;
use crate::time::Millis;
use crate::torture::case::{NAMESPACE, PolicyCase};
use crate::torture::judge::By;

/// A replica of the policy, and what its watches have shown it.
pub(crate) struct Replica {
    case: PolicyCase,
    admission: Box<dyn Admission>,
    /// Epoch and settings of the binder that the ledger names.
    binder: Option<(u64, String)>,
    lease: Option<Rc<Lease>>,
}

impl Replica {
    pub(crate) fn new(case: PolicyCase, admission: Box<dyn Admission>) -> Self {
        Self {
            case,
            admission,
            binder: None,
            lease: None,
        }
    }

    /// Its clock.
    fn clock(&self, now: Millis) -> i64 {
        now.unix() + self.case.skew
    }

    /// Whether, by what it was shown, somebody binds.
    fn is_served(&self, now: Millis) -> bool {
        let (Some((epoch, settings)), Some(lease)) = (&self.binder, &self.lease) else {
            return false;
        };
        (self.clock(now) - lease.renewed).abs() < BINDER_AWAY_MILLIS
            && lease.transitions >= *epoch
            && lease.settings == *settings
    }
}

impl Plane<'_> {
    pub(super) fn shown_to_policy(&mut self, ix: usize, change: Change) {
        let Some(replica) = self.replicas.get_mut(ix) else {
            return;
        };
        let write = match change {
            Change::Stored(Object::Ledger(value)) => {
                let binder = json::at(&value, &["status", "binder"]);
                replica.binder = binder.and_then(|binder| {
                    Some((
                        binder.get("epoch")?.as_u64()?,
                        binder.get("settings")?.as_str()?.to_owned(),
                    ))
                });
                Write::Stored(value.as_ref().clone())
            }
            Change::Stored(Object::Lease(lease)) => {
                let value = lease.value();
                replica.lease = Some(lease);
                Write::Stored(value)
            }
            Change::Gone(Object::Ledger(value)) => {
                replica.binder = None;
                let name = json::text(&value, &["metadata", "name"])
                    .unwrap_or_default()
                    .to_owned();
                Write::Removed {
                    api_version: spread_api::API_VERSION,
                    kind: spread_api::LEDGER_KIND,
                    namespace: NAMESPACE.to_owned(),
                    name,
                }
            }
            _ => return,
        };
        replica.admission.watch(Shown {
            seen: self.now,
            write,
        });
    }

    pub(super) fn create_arrives(&mut self, owner: Sync) {
        if self.api.is_down {
            self.created(&owner, false);
            return;
        }
        let Some(pod) = self.asked_for(&owner) else {
            self.created(&owner, false);
            return;
        };
        let count = self.replicas.len() as u64;
        let chosen = usize::try_from(self.chance.routes.below(count)).unwrap_or(0);
        let api_life = self.api.life;
        if self.policy_down > 0 {
            // `failurePolicy: Ignore`, after the time-out or at once.
            let wait = Millis(self.chance.routes.below(2000));
            self.after(
                wait,
                Event::Store {
                    owner,
                    pod: Some(Box::new(pod)),
                    replica: None,
                    api_life,
                },
            );
            return;
        }
        let uid = self.chance.requests.uuid();
        let review = review(NAMESPACE, &uid, &pod);
        let now = self.now;
        let verdict = match self.replicas.get_mut(chosen) {
            Some(replica) => {
                let call = AdmissionCall {
                    uid: &uid,
                    review: &review,
                    now,
                    clock: replica.clock(now),
                };
                let answer = replica.admission.admit(&call);
                let is_served = replica.is_served(now);
                self.tally.admitted(is_served);
                answer.map(|answer| answer.verdict)
            }
            None => Ok(Verdict::Unchanged),
        };
        let wait = self.drawn(self.case.cluster.admission);
        let stored = match verdict {
            Ok(Verdict::Changed(changed)) => Some(changed),
            Ok(Verdict::Unchanged) => Some(pod),
            Ok(Verdict::Refused(reason)) => {
                self.judge.refused(self.now, &reason);
                None
            }
            Err(failure) => {
                self.judge.refused(self.now, &failure.to_string());
                Some(pod)
            }
        };
        let replica = self
            .replicas
            .get(chosen)
            .filter(|replica| replica.is_served(now))
            .map(|_| chosen);
        self.after(
            wait,
            Event::Store {
                owner,
                pod: stored.map(Box::new),
                replica,
                api_life,
            },
        );
    }

    /// `replica`: the one that decided, knowing of a binder.
    pub(super) fn store_pod(
        &mut self,
        owner: &Sync,
        pod: Option<Box<Value>>,
        replica: Option<usize>,
        api_life: u32,
    ) {
        let Some(pod) = pod else {
            self.created(owner, false);
            return;
        };
        // Of what the API server was doing as it went down, half was done; nobody heard of it.
        let is_interrupted = self.api.life != api_life || self.api.is_down;
        let is_stored = !is_interrupted || self.chance.routes.below(2) == 0;
        if is_stored {
            let mut value = *pod;
            let prefix = json::text(&value, &["metadata", "generateName"])
                .unwrap_or_default()
                .to_owned();
            let mut name = format!("{prefix}{}", self.chance.names.name_suffix(5));
            while self.store.pod_named(&name).is_some() {
                name = format!("{prefix}{}", self.chance.names.name_suffix(5));
            }
            let uid = self.chance.uids.uuid();
            name_it(&mut value, &name, &uid, self.now);
            self.next_pod += 1;
            let origin = Origin {
                number: self.next_pod,
                maker: match owner {
                    Sync::Set(template) => Maker::Set(*template),
                    Sync::Job | Sync::Deployment => Maker::Job,
                },
                created: self.now,
            };
            let by = By::Created {
                served: replica.is_some(),
            };
            if let Some(stored) = self.put_pod(None, value, origin, None, &by) {
                self.tally.stored(&stored);
            }
        }
        self.created(owner, !is_interrupted);
    }

    pub(super) fn delete_arrives(&mut self, owner: Option<Sync>, number: u64) {
        let is_done = !self.api.is_down;
        if is_done && let Some(pod) = self.store.pod(number).cloned() {
            let by = if owner.is_some() { By::Controller } else { By::User };
            self.delete_pod(&pod, &by);
        }
        if let Some(owner) = owner {
            self.deleted(&owner, number, is_done);
        }
    }
}
