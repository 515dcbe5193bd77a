//! The control plane that a case is played on: a store with watches, the controller manager, the scheduler, the
//! kubelets, the replicas of the policy and the sidecars.
//!
//! ```text
//!  case --> happenings        controllers --create--> policy replica --> store <--bind, adopt, publish-- sidecars
//!                 |                ^                       ^               |                               ^
//!                 +--> any of these|                       +--- watches ---+---------- watches -----------+
//!                                  +--------------------------- watches ---+
//! ```
//!
//! Every watch is late by itself and in order. Everything that may differ from run to run is drawn from the case's seed.

mod controllers;
mod happenings;
mod lease;
mod mutability;
mod nodes;
pub(super) mod objects;
mod policies;
mod requests;
mod rollout;
mod sidecars;
pub(super) mod store;

use std::rc::Rc;

use placement_core::Spread;
use serde_json::{Value, json};

use super::case::{Case, NAMESPACE, WorkloadCase};
use super::judge::{By, Judge};
use super::sabotage::Sabotage;
use super::tally::Tally;
use crate::admission::Admission;
use crate::json;
use crate::queue::Queue;
use crate::random::Random;
use crate::time::Millis;
use controllers::{Controllers, Sync};
use happenings::Back;
use nodes::Nodes;
use objects::{Deployment, Job, Kind, Object, Origin, Pod};
use policies::Replica;
use requests::{Answer, Request};
use sidecars::{Sidecar, SidecarEvent};
use store::{Change, Store, Viewer, Watch};

/// The hash of the settings that every sidecar acts on.
pub(crate) const SETTINGS_HASH: &str = "settings-1";

/// A run that takes more than this is one that goes round in circles.
const MOST_EVENTS: u64 = 3_000_000;
/// Nor does any cluster need so long to come to rest.
const LONGEST_REST: Millis = Millis(3_600_000);

/// Is told what happens, line by line: the time in milliseconds and a text.
pub type Trace<'a> = dyn FnMut(u64, &str) + 'a;

/// Makes a replica of the policy, fresh for a run.
pub type Policies<'a> = dyn FnMut(&Case) -> Box<dyn Admission> + 'a;

#[derive(Debug)]
enum Event {
    Happen(usize),
    Back(Back),
    Deliver {
        watch: usize,
        life: u32,
    },
    List {
        watch: usize,
        life: u32,
    },
    Sync(Sync),
    Create(Sync),
    Store {
        owner: Sync,
        pod: Option<Box<Value>>,
        replica: Option<usize>,
        api_life: u32,
    },
    Delete {
        owner: Option<Sync>,
        pod: u64,
    },
    Schedule,
    Ready(u64),
    Finish(u64),
    Remove(u64),
    Arrive(Box<Request>),
    Answer {
        sidecar: usize,
        life: u32,
        answer: Box<Answer>,
    },
    Sidecar {
        sidecar: usize,
        life: u32,
        event: SidecarEvent,
    },
}

pub(super) struct Plane<'a> {
    case: &'a Case,
    spread: Rc<Spread>,
    queue: Queue<Event>,
    now: Millis,
    store: Store,
    watches: Vec<Watch>,
    controllers: Controllers,
    nodes: Nodes,
    replicas: Vec<Replica>,
    sidecars: Vec<Sidecar>,
    api: Api,
    policy_down: u32,
    chance: Chance,
    /// The number of the next pod.
    next_pod: u64,
    judge: Judge,
    tally: Tally,
    /// When something other than a Lease was written last.
    stirred: Millis,
    /// Until when a controller may be waiting for something that it will not see.
    awaited: Millis,
    trace: Option<&'a mut Trace<'a>>,
    pub(super) sabotage: Sabotage,
}

#[derive(Debug, Default)]
struct Api {
    is_down: bool,
    life: u32,
}

/// A stream of chance for each purpose.
struct Chance {
    names: Random,
    uids: Random,
    requests: Random,
    routes: Random,
    nodes: Random,
    users: Random,
}

/// How a run ended.
pub(super) struct Ended {
    pub(super) judge: Judge,
    pub(super) tally: Tally,
    pub(super) now: Millis,
}

impl<'a> Plane<'a> {
    pub(super) fn new(
        case: &'a Case,
        spread: Spread,
        policies: &mut Policies<'_>,
        trace: Option<&'a mut Trace<'a>>,
    ) -> Self {
        let random = |purpose: &str| Random::new(case.seed, purpose);
        let spread = Rc::new(spread);
        let mut plane = Self {
            queue: Queue::new(),
            now: Millis::ZERO,
            store: Store::default(),
            watches: Vec::new(),
            controllers: Controllers::new(case.cluster.writes_per_second, random("ties")),
            nodes: Nodes::of(&case.pools),
            replicas: Vec::new(),
            sidecars: Vec::new(),
            api: Api::default(),
            policy_down: 0,
            chance: Chance {
                names: random("names"),
                uids: random("uids"),
                requests: random("requests"),
                routes: random("routes"),
                nodes: random("nodes"),
                users: random("users"),
            },
            next_pod: 0,
            judge: Judge::new(case, Rc::clone(&spread)),
            tally: Tally::default(),
            stirred: Millis::ZERO,
            awaited: Millis::ZERO,
            trace,
            sabotage: Sabotage::default(),
            case,
            spread,
        };
        plane.found(policies);
        plane
    }

    /// What is there at the beginning, and who looks at it.
    fn found(&mut self, policies: &mut Policies<'_>) {
        let case = self.case;
        let controllers = case.cluster.controllers;
        for kind in [Kind::Pod, Kind::Deployment, Kind::ReplicaSet, Kind::Job] {
            self.watch(Viewer::Controllers, kind, controllers);
        }
        self.watch(Viewer::Scheduler, Kind::Pod, case.cluster.scheduler);
        for (ix, policy) in case.policies.iter().enumerate() {
            self.replicas.push(Replica::new(*policy, policies(case)));
            self.watch(Viewer::Policy(ix), Kind::Ledger, policy.ledgers);
            self.watch(Viewer::Policy(ix), Kind::Lease, policy.leases);
        }
        for (ix, sidecar) in case.sidecars.iter().enumerate() {
            self.sidecars.push(Sidecar::new(
                ix,
                *sidecar,
                Random::new(case.seed, &format!("sidecar {ix}")),
            ));
            self.watch(Viewer::Sidecar(ix), Kind::Pod, sidecar.pods);
            for kind in [Kind::Deployment, Kind::ReplicaSet, Kind::Job] {
                self.watch(Viewer::Sidecar(ix), kind, sidecar.workloads);
            }
            for kind in [Kind::Node, Kind::Ledger] {
                self.watch(Viewer::Sidecar(ix), kind, sidecar.others);
            }
        }
        for (number, node) in (0..).zip(self.nodes.values()) {
            self.put(Object::Node(number, Rc::new(node)));
        }
        let version = self.store.next_version();
        match case.workload {
            WorkloadCase::Deployment { replicas, .. } => {
                let uid = self.chance.uids.uuid();
                self.judge.replicas(version, self.now, replicas);
                self.put(Object::Deployment(Rc::new(Deployment {
                    uid,
                    version,
                    replicas,
                    template: 0,
                    status_replicas: 0,
                })));
            }
            WorkloadCase::Job { parallelism, .. } => {
                let uid = self.chance.uids.uuid();
                self.judge.replicas(version, self.now, parallelism);
                self.put(Object::Job(Rc::new(Job {
                    uid,
                    version,
                    parallelism,
                    ended: false,
                })));
            }
        }
        for watch in 0..self.watches.len() {
            self.list_after(watch, Millis::ZERO);
        }
        for sidecar in 0..self.sidecars.len() {
            self.start_sidecar(sidecar);
        }
        for (ix, event) in case.events.iter().enumerate() {
            self.queue.push(Millis(event.at), Event::Happen(ix));
        }
    }

    fn watch(&mut self, viewer: Viewer, kind: Kind, lag: super::case::Lag) {
        let chance = Random::new(self.case.seed, &format!("watch {viewer:?} {kind:?}"));
        self.watches.push(Watch::new(viewer, kind, lag, chance));
    }

    /// Plays until the cluster has been at rest for a while, or something is wrong.
    pub(super) fn play(mut self) -> Ended {
        let end = Millis(self.case.end());
        let patience = Millis(u64::from(self.spread.gate_timeout_seconds()) * 1000)
            + Millis(
                3 * (self.case.cluster.lease_millis + self.case.cluster.request_timeout_millis) + 30_000,
            );
        let mut events = 0_u64;
        while let Some((at, event)) = self.queue.pop() {
            if at > end.max(self.stirred).max(self.awaited) + patience {
                break;
            }
            events += 1;
            if events > MOST_EVENTS || at > end + LONGEST_REST {
                self.judge.never_at_rest(self.now, events);
                break;
            }
            self.now = at;
            self.take(event);
            if self.judge.is_broken() {
                break;
            }
        }
        if !self.judge.is_broken() {
            let leads = self.sidecars.iter().any(Sidecar::leads);
            self.judge.at_rest(self.now, &self.store, leads);
        }
        self.tally.events = events;
        Ended {
            judge: self.judge,
            tally: self.tally,
            now: self.now,
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Happen(ix) => self.happen(ix),
            Event::Back(back) => self.back(back),
            Event::Deliver { watch, life } => self.deliver(watch, life),
            Event::List { watch, life } => self.list(watch, life),
            Event::Sync(what) => self.sync(what),
            Event::Create(owner) => self.create_arrives(owner),
            Event::Store {
                owner,
                pod,
                replica,
                api_life,
            } => self.store_pod(&owner, pod, replica, api_life),
            Event::Delete { owner, pod } => self.delete_arrives(owner, pod),
            Event::Schedule => self.schedule(),
            Event::Ready(pod) => self.ready(pod),
            Event::Finish(pod) => self.finish(pod),
            Event::Remove(pod) => self.remove_pod(pod),
            Event::Arrive(request) => self.arrive(*request),
            Event::Answer {
                sidecar,
                life,
                answer,
            } => self.answered(sidecar, life, *answer),
            Event::Sidecar { sidecar, life, event } => self.sidecar_event(sidecar, life, event),
        }
    }

    /// Tells what happens, if anybody listens.
    fn tell(&mut self, text: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace(self.now.0, &text());
        }
    }

    fn after(&mut self, wait: Millis, event: Event) {
        self.queue.push(self.now + wait, event);
    }

    /// Stores an object and tells the watches.
    fn put(&mut self, object: Object) {
        if object.kind() != Kind::Lease {
            self.stirred = self.now;
        }
        self.store.put(object.clone());
        self.publish(&Change::Stored(object));
    }

    fn publish(&mut self, change: &Change) {
        let kind = match change {
            Change::Stored(object) | Change::Gone(object) => object.kind(),
        };
        for (ix, watch) in self.watches.iter_mut().enumerate() {
            if watch.kind == kind && watch.open {
                let seen = watch.take(self.now, change.clone());
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

    /// Changes a stored pod, if it is still there.
    fn change_pod(&mut self, number: u64, by: &By, change: impl FnOnce(&mut Value, &mut Option<Millis>)) {
        let Some(old) = self.store.pod(number).cloned() else {
            return;
        };
        let (mut value, mut ready_since) = (old.value.clone(), old.ready_since);
        change(&mut value, &mut ready_since);
        self.put_pod(Some(&old), value, old.origin, ready_since, by);
    }

    fn put_pod(
        &mut self,
        old: Option<&Pod>,
        mut value: Value,
        origin: Origin,
        ready: Option<Millis>,
        by: &By,
    ) -> Option<Rc<Pod>> {
        let version = self.store.next_version();
        json::put(
            &mut value,
            &["metadata", "resourceVersion"],
            json!(version.to_string()),
        );
        let pod = Rc::new(Pod::of(value, origin, ready)?);
        self.put(Object::Pod(Rc::clone(&pod)));
        self.tell(|| format!("{by:?}: {}", pod.describe()));
        self.judge.pod(self.now, &self.store, old, Some(&pod), by);
        Some(pod)
    }

    /// The pod that a sidecar means.
    fn meant(&self, pod: &reconcile_core::PodRef) -> Option<Rc<Pod>> {
        let stored = self.store.pod_named(&pod.name)?;
        (stored.uid == pod.uid).then(|| Rc::clone(stored))
    }

    fn list_after(&mut self, watch: usize, wait: Millis) {
        if let Some(life) = self.watches.get(watch).map(|watch| watch.life) {
            self.after(wait, Event::List { watch, life });
        }
    }

    fn list(&mut self, ix: usize, life: u32) {
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
        for change in watch.list(self.now, &self.store) {
            self.show(viewer, change);
        }
        if let Viewer::Sidecar(sidecar) = viewer {
            self.listed(sidecar, ix);
        }
    }

    fn deliver(&mut self, ix: usize, life: u32) {
        let viewer = match self.watches.get(ix) {
            Some(watch) if watch.life == life && watch.open => watch.viewer,
            _ => return,
        };
        if self.is_frozen(viewer) {
            return;
        }
        while let Some(change) = self.watches.get_mut(ix).and_then(|watch| watch.next(self.now)) {
            self.show(viewer, change);
        }
    }

    fn show(&mut self, viewer: Viewer, change: Change) {
        match viewer {
            Viewer::Controllers => self.shown_to_controllers(change),
            Viewer::Scheduler => self.shown_to_scheduler(&change),
            Viewer::Policy(ix) => self.shown_to_policy(ix, change),
            Viewer::Sidecar(ix) => self.shown_to_sidecar(ix, &change),
        }
    }

    fn is_frozen(&self, viewer: Viewer) -> bool {
        matches!(viewer, Viewer::Sidecar(ix) if self.sidecars.get(ix).is_some_and(Sidecar::is_frozen))
    }

    fn workload(&self) -> Option<&Object> {
        self.store
            .of((Kind::Deployment, 0))
            .or_else(|| self.store.of((Kind::Job, 0)))
    }
}

/// The metadata of a pod that the API server stores.
fn name_it(value: &mut Value, name: &str, uid: &str, now: Millis) {
    for (field, text) in [("name", name), ("uid", uid), ("namespace", NAMESPACE)] {
        json::put(value, &["metadata", field], json!(text));
    }
    json::put(value, &["metadata", "creationTimestamp"], json!(now.timestamp()));
}
