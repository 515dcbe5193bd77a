//! The API server's way with a new pod: the webhook, whose replicas see ledgers and Leases late, then the store.

use std::rc::Rc;

use placement_core::ledger::BINDER_AWAY_MILLIS;
use serde_json::Value;

use super::controllers::Sync;
use super::objects::{Kind, Lease, Object, Origin};
use super::store::Change;
use super::webhooks::Chain;
use super::{Event, Plane};
use crate::admission::{Admission, AdmissionCall, Change as Shown, Verdict, Write};
use crate::json;
use crate::objects::review;
use crate::plane::observer::By;
use crate::plane::setup::{Observe, PolicySpec};
use crate::time::Millis;

/// A replica of the policy, and what its watches have shown it.
pub(crate) struct Replica<'a> {
    spec: PolicySpec,
    admission: Box<dyn Admission + 'a>,
    /// Epoch of the binder that the ledger names.
    binder: Option<u64>,
    lease: Option<Rc<Lease>>,
}

impl<'a> Replica<'a> {
    pub(crate) fn new(spec: PolicySpec, admission: Box<dyn Admission + 'a>) -> Self {
        Self {
            spec,
            admission,
            binder: None,
            lease: None,
        }
    }

    /// Its clock.
    fn clock(&self, now: Millis) -> i64 {
        now.unix() + self.spec.skew
    }

    /// Whether, by what it was shown, somebody binds.
    fn is_served(&self, now: Millis) -> bool {
        let (Some(epoch), Some(lease)) = (self.binder, &self.lease) else {
            return false;
        };
        (self.clock(now) - lease.renewed).abs() < BINDER_AWAY_MILLIS && lease.transitions >= epoch
    }
}

impl Plane<'_> {
    pub(super) fn shown_to_policy(&mut self, ix: usize, change: Change) {
        let Some(replica) = self.replicas.get_mut(ix) else {
            return;
        };
        match &change {
            Change::Stored(Object::Ledger(_, value)) => {
                let epoch = json::at(value, &["status", "binder", "epoch"]);
                replica.binder = epoch.and_then(Value::as_u64);
            }
            Change::Stored(Object::Lease(lease)) => replica.lease = Some(Rc::clone(lease)),
            Change::Gone(Object::Ledger(..)) => replica.binder = None,
            _ => {}
        }
        if let Some(write) = write_of(&change) {
            let seen = self.now;
            replica.admission.watch(Shown { seen, write });
        }
    }

    /// Single reads of the policies pass their caches by.
    pub(super) fn written_for_policies(&mut self, change: &Change) {
        if self.setup.observe != Observe::Pods {
            return;
        }
        for replica in &mut self.replicas {
            if let Some(write) = write_of(change) {
                replica.admission.written(write);
            }
        }
    }

    pub(super) fn create_arrives(&mut self, owner: Sync, ordinal: Option<u32>) {
        if self.api.is_down {
            self.created(&owner, false);
            return;
        }
        let Some(mut pod) = self.asked_for(&owner, ordinal) else {
            self.created(&owner, false);
            return;
        };
        let count = self.replicas.len() as u64;
        let chosen = usize::try_from(self.chance.routes.below(count)).unwrap_or(0);
        let api_life = self.api.life;
        let mut others = Chain::new(&self.setup.injectors);
        others.before(&mut pod);
        if self.policy_down > 0 {
            others.after(&mut pod, false);
            // `failurePolicy: Ignore`, after the time-out or at once.
            let wait = Millis(self.chance.routes.below(2000));
            self.after(
                wait,
                Event::Store {
                    owner,
                    pod: Some(Box::new(pod)),
                    replica: None,
                    injected: others.is_injected(),
                    api_life,
                },
            );
            return;
        }
        let uid = self.chance.requests.uuid();
        let namespace = json::text(&pod, &["metadata", "namespace"]).unwrap_or_default();
        let review = review(namespace, &uid, &pod);
        let now = self.now;
        let verdict = match self.replicas.get_mut(chosen) {
            Some(replica) => {
                let call = AdmissionCall {
                    uid: &uid,
                    review: &review,
                    now,
                    clock: replica.clock(now),
                };
                self.observer.admitted();
                let answer = replica.admission.admit(&call);
                let is_served = replica.is_served(now);
                self.tally.admitted(is_served);
                answer.map(|answer| {
                    for warning in &answer.warnings {
                        self.observer.warned(warning);
                    }
                    for (operation, calls) in &answer.host_calls {
                        self.observer.host_called(operation, *calls);
                    }
                    answer.verdict
                })
            }
            None => Ok(Verdict::Unchanged),
        };
        let wait = self.drawn(self.setup.cluster.admission);
        let (mut stored, is_changed) = match verdict {
            Ok(Verdict::Changed(changed)) => (Some(changed), true),
            Ok(Verdict::Unchanged) => (Some(pod), false),
            Ok(Verdict::Refused(reason)) => {
                self.observer.refused(self.now, &format!("refused: {reason}"));
                (None, false)
            }
            Err(failure) => {
                self.observer.refused(self.now, &failure.to_string());
                (Some(pod), false)
            }
        };
        if let Some(pod) = &mut stored {
            others.after(pod, is_changed);
        }
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
                injected: others.is_injected(),
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
        injected: bool,
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
            if !self.name(&mut value) {
                // A pod of that name is there still.
                self.created(owner, false);
                return;
            }
            self.next_pod += 1;
            let origin = Origin {
                number: self.next_pod,
                maker: owner.maker(),
                created: self.now,
                injected,
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

    /// The metadata that the API server gives a new pod; `false`: it asks for a name that another has.
    fn name(&mut self, pod: &mut Value) -> bool {
        let text = |field| {
            json::text(pod, &["metadata", field])
                .unwrap_or_default()
                .to_owned()
        };
        let (namespace, prefix, mut name) = (text("namespace"), text("generateName"), text("name"));
        if name.is_empty() {
            name = format!("{prefix}{}", self.chance.names.name_suffix(5));
            while self.store.pod_named(&namespace, &name).is_some() {
                name = format!("{prefix}{}", self.chance.names.name_suffix(5));
            }
        } else if self.store.pod_named(&namespace, &name).is_some() {
            return false;
        }
        let uid = self.chance.uids.uuid();
        for (field, text) in [
            ("name", name),
            ("uid", uid),
            ("creationTimestamp", self.now.timestamp()),
        ] {
            json::put(pod, &["metadata", field], text.into());
        }
        true
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

/// A change in the words of the API; `None`: of a kind that no policy reads, or that never goes.
fn write_of(change: &Change) -> Option<Write> {
    let object = match change {
        Change::Stored(object) => return Some(Write::Stored(object.value())),
        Change::Gone(object) => object,
    };
    let (api_version, kind) = match object.kind() {
        Kind::Pod => ("v1", "Pod"),
        Kind::Node => ("v1", "Node"),
        Kind::Ledger => (spread_api::API_VERSION, spread_api::LEDGER_KIND),
        _ => return None,
    };
    let value = object.value();
    let text = |field| {
        json::text(&value, &["metadata", field])
            .unwrap_or_default()
            .to_owned()
    };
    Some(Write::Removed {
        api_version,
        kind,
        namespace: text("namespace"),
        name: text("name"),
    })
}
