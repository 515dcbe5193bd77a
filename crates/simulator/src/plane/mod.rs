//! The control plane that everything is played on: a store with watches, the controller manager, the scheduler, the
//! kubelets, the replicas of the policy and the sidecars.
//!
//! ```text
//! setup --> happenings        controllers --create--> policy replica --> store <--bind, adopt, publish-- sidecars
//!                 |                ^                       ^               |                               ^
//!                 +--> any of these|                       +--- watches ---+---------- watches -----------+
//!                                  +--------------------------- watches ---+
//! ```
//!
//! Every watch is late by itself and in order. Everything that may differ from run to run is drawn from the setup's seed.

mod autoscaling;
mod beginning;
mod controllers;
mod demand;
mod event;
mod gates;
mod happenings;
pub(crate) mod kinds;
mod lease;
mod mutability;
mod nodes;
pub(crate) mod objects;
pub(crate) mod observer;
mod patching;
mod pod_template;
mod policies;
mod requests;
pub(crate) mod sabotage;
pub(crate) mod setup;
mod sidecars;
pub(crate) mod store;
pub(crate) mod tally;
mod views;
mod webhooks;
pub(crate) mod workloads;

use std::collections::BTreeMap;
use std::rc::Rc;

use reconcile_core::{Rule, SpreadId};
use serde_json::{Value, json};

use crate::admission::Admission;
use crate::json;
use crate::queue::Queue;
use crate::random::Random;
use crate::time::Millis;
use autoscaling::Autoscaler;
use controllers::Controllers;
use demand::Traffic;
use event::Event;
use nodes::Nodes;
use objects::{Kind, Object, Origin, Pod};
use observer::{By, Observer};
use policies::Replica;
use sabotage::Sabotage;
use setup::Setup;
use sidecars::Sidecar;
use store::{Change, Store, Watch};
use tally::Tally;

/// A run that takes more than this is one that goes round in circles.
const MOST_EVENTS: u64 = 3_000_000;
/// So long after the last write nothing is under way any more, unless somebody waits for a time.
const SHORT_REST: Millis = Millis(35_000);
/// Nor does any cluster need so long to come to rest.
const LONGEST_REST: Millis = Millis(3_600_000);

/// Is told what happens, line by line: the time in milliseconds and a text.
pub type Trace<'a> = dyn FnMut(u64, &str) + 'a;

pub(crate) struct Plane<'a> {
    setup: &'a Setup,
    queue: Queue<Event>,
    now: Millis,
    store: Store,
    watches: Vec<Watch>,
    controllers: Controllers,
    nodes: Nodes,
    replicas: Vec<Replica<'a>>,
    sidecars: Vec<Sidecar>,
    api: Api,
    policy_down: u32,
    chance: Chance,
    /// The number of the next pod.
    next_pod: u64,
    observer: &'a mut dyn Observer,
    tally: Tally,
    /// Pods of each Job that were deleted by others.
    failures: BTreeMap<usize, u32>,
    traffic: Vec<Traffic>,
    autoscalers: Vec<Autoscaler>,
    cluster_autoscaler: Option<crate::autoscaler::Autoscaler>,
    /// When something other than a Lease was written last.
    stirred: Millis,
    /// Until when a controller may be waiting for something that it will not see.
    awaited: Millis,
    trace: Option<Box<Trace<'a>>>,
    pub(crate) sabotage: Sabotage,
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
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) tally: Tally,
    pub(crate) now: Millis,
}

impl<'a> Plane<'a> {
    /// `admissions`: one for each replica of the policy.
    pub(crate) fn new(
        setup: &'a Setup,
        admissions: Vec<Box<dyn Admission + 'a>>,
        observer: &'a mut dyn Observer,
        trace: Option<Box<Trace<'a>>>,
    ) -> Self {
        let random = |purpose: &str| Random::new(setup.seed, purpose);
        let mut plane = Self {
            queue: Queue::new(),
            now: Millis::ZERO,
            store: Store::default(),
            watches: Vec::new(),
            controllers: Controllers::new(setup.cluster.writes_per_second, random("ties")),
            nodes: Nodes::of(&setup.nodes, random("scheduler")),
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
            observer,
            tally: Tally::default(),
            failures: BTreeMap::new(),
            traffic: Vec::new(),
            autoscalers: Vec::new(),
            cluster_autoscaler: None,
            stirred: Millis::ZERO,
            awaited: Millis::ZERO,
            trace,
            sabotage: Sabotage::default(),
            setup,
        };
        plane.found(admissions);
        plane
    }

    /// Plays up to and at a moment.
    pub(crate) fn until(mut self, end: Millis) -> Ended {
        let mut events = 0_u64;
        while self.queue.next_time().is_some_and(|next| next <= end) {
            let Some((at, event)) = self.queue.pop() else {
                break;
            };
            self.observer.passes(self.now, at);
            self.now = at;
            self.take(event);
            events += 1;
            if self.observer.is_broken() {
                break;
            }
        }
        self.observer.passes(self.now, end + Millis(1));
        self.tally.events = events;
        Ended {
            tally: self.tally,
            now: end,
        }
    }

    /// Plays until the cluster has been at rest for a while, or something is wrong.
    pub(crate) fn rest(mut self) -> Ended {
        let end = self.setup.end();
        let timeouts = self
            .setup
            .rules
            .iter()
            .map(|rule| rule.spread.gate_timeout_seconds());
        let closed = self
            .setup
            .rules
            .iter()
            .filter_map(|rule| rule.spread.patience())
            .map(|patience| patience.critical_millis + patience.closed_millis);
        let closed = u64::try_from(closed.max().unwrap_or(0)).unwrap_or(0);
        let patience = Millis(u64::from(timeouts.max().unwrap_or(0)) * 1000 + closed)
            + Millis(
                3 * (self.setup.cluster.lease_millis + self.setup.cluster.request_timeout_millis) + 30_000,
            );
        let mut events = 0_u64;
        let mut looked = Millis::ZERO;
        while let Some((at, event)) = self.queue.pop() {
            let rest = end.max(self.stirred).max(self.awaited);
            if at > rest + patience {
                break;
            }
            if at > rest + SHORT_REST && at >= looked + Millis(1000) {
                looked = at;
                if self.is_settled() {
                    break;
                }
            }
            events += 1;
            if events > MOST_EVENTS || at > end + LONGEST_REST {
                self.observer.never_at_rest(self.now, events);
                break;
            }
            self.now = at;
            self.take(event);
            if self.observer.is_broken() {
                break;
            }
        }
        if !self.observer.is_broken() {
            let leads = self.sidecars.iter().any(Sidecar::leads);
            self.observer.at_rest(self.now, &self.store, leads);
        }
        self.tally.events = events;
        Ended {
            tally: self.tally,
            now: self.now,
        }
    }

    /// Whether somebody leads, and nobody waits for anything.
    fn is_settled(&self) -> bool {
        self.sidecars.iter().any(Sidecar::is_settled) && self.store.pods().all(|pod| !pod.gated)
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Happen(ix) => self.happen(ix),
            Event::Back(back) => self.back(back),
            Event::Deliver { watch, life } => self.deliver(watch, life),
            Event::List { watch, life } => self.list(watch, life),
            Event::Sync(what) => self.sync(what),
            Event::Create(owner, ordinal) => self.create_arrives(owner, ordinal),
            Event::Store {
                owner,
                pod,
                replica,
                injected,
                api_life,
            } => self.store_pod(&owner, pod, replica, injected, api_life),
            Event::Delete { owner, pod } => self.delete_arrives(owner, pod),
            Event::Schedule => self.schedule(),
            Event::Demand(ix) => self.serve(ix),
            Event::Poll(ix) => self.poll(ix),
            Event::Autoscale(ix) => self.autoscale(ix),
            Event::Ready(pod) => self.ready(pod),
            Event::Finish(pod) => self.finish(pod),
            Event::Remove(pod) => self.remove_pod(pod),
            Event::DriveAway(pod) => self.drive_away(pod),
            Event::OpenGates(seen) => self.look_at_gates(seen),
            Event::ScaleNodes => self.scale_nodes(),
            Event::NewNode { group, name } => self.new_node(&group, &name),
            Event::Node { node, life, event } => self.node_event(node, life, event),
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
        self.observer.pod(self.now, &self.store, old, Some(&pod), by);
        Some(pod)
    }

    /// The rule of a spread.
    fn rule(&self, id: &SpreadId) -> Option<&'a Rule> {
        self.setup
            .rules
            .iter()
            .find(|rule| SpreadId::of(&rule.spread) == *id)
    }

    /// The place in the store of a spread's ledger.
    fn ledger_number(&self, id: &SpreadId) -> u64 {
        let place = self
            .setup
            .rules
            .iter()
            .position(|rule| SpreadId::of(&rule.spread) == *id);
        place.unwrap_or(self.setup.rules.len()) as u64
    }
}
