//! The run itself: one queue of events, and what each of them does to the cluster.

mod cluster;
mod controllers;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::admission::{Admission, Change, Write};
use crate::objects::{self, Owners, Population};
use crate::pod::Pod;
use crate::queue::Queue;
use crate::random::Random;
use crate::ranking::Phase;
use crate::replicaset::{Expectations, SlowStart};
use crate::report::Outcome;
use crate::scenario::{Expectation, Scenario};
use crate::scheduler::Node;
use crate::tally::Tally;
use crate::time::Millis;

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The virtual time.
    pub now: Millis,
    /// When the scenario ends.
    pub end: Millis,
    /// How many pods were admitted so far.
    pub admissions: u64,
}

/// Plays a scenario. The same scenario, seed and answers give the same outcome to the byte.
pub fn run(
    scenario: &Scenario,
    seed: u64,
    admission: &mut dyn Admission,
    progress: &mut dyn FnMut(Moment),
) -> Outcome {
    let mut simulation = Simulation::new(scenario, seed, admission, progress);
    simulation.begin();
    simulation.play();
    let pods = simulation.pods.values();
    simulation.tally.close(seed, pods)
}

/// Pods are numbered in the order they were stored.
type PodId = u64;

#[derive(Debug)]
enum Event {
    Scale(u64),
    SyncDeployment,
    SyncReplicaSet,
    RequestPod,
    StorePod(Option<Value>),
    DeletePod(PodId),
    SeenByController,
    StartPod(PodId),
    RemovePod(PodId),
}

struct Simulation<'a> {
    scenario: &'a Scenario,
    admission: &'a mut dyn Admission,
    progress: &'a mut dyn FnMut(Moment),
    queue: Queue<Event>,
    now: Millis,
    nodes: Vec<Node>,
    pods: BTreeMap<PodId, Pod>,
    next_pod: PodId,
    owners: Owners,
    /// What the Deployment wants, and what its ReplicaSet has been told.
    desired: u64,
    told: u64,
    batches: Option<SlowStart>,
    expectations: Expectations,
    failed_syncs: u32,
    limiter: Limiter,
    delivered: Millis,
    resource_version: u64,
    tally: Tally<'a>,
    chance: Chance,
}

/// A stream of chance for each purpose.
struct Chance {
    names: Random,
    uids: Random,
    requests: Random,
    jitter: Random,
    ties: Random,
}

/// Spaces the controllers' writes evenly.
struct Limiter {
    per_second: u64,
    free_at_micros: u64,
}

impl Limiter {
    fn slot(&mut self, now: Millis) -> Millis {
        let slot = self.free_at_micros.max(now.0 * 1000);
        self.free_at_micros = slot + 1_000_000 / self.per_second.max(1);
        Millis(slot / 1000)
    }
}

impl<'a> Simulation<'a> {
    fn new(
        scenario: &'a Scenario,
        seed: u64,
        admission: &'a mut dyn Admission,
        progress: &'a mut dyn FnMut(Moment),
    ) -> Self {
        let mut uids = Random::new(seed, "uids");
        Self {
            scenario,
            admission,
            progress,
            queue: Queue::new(),
            now: Millis::ZERO,
            nodes: scenario
                .script
                .nodes
                .iter()
                .map(|spec| Node {
                    spec: spec.clone(),
                    pods: 0,
                })
                .collect(),
            pods: BTreeMap::new(),
            next_pod: 0,
            owners: Owners::new(&scenario.workload, uids.uuid(), uids.uuid()),
            desired: scenario.workload.replicas,
            told: scenario.workload.replicas,
            batches: None,
            expectations: Expectations::default(),
            failed_syncs: 0,
            limiter: Limiter {
                per_second: scenario.script.cluster.writes_per_second,
                free_at_micros: 0,
            },
            delivered: Millis::ZERO,
            resource_version: 1,
            tally: Tally::new(scenario),
            chance: Chance {
                names: Random::new(seed, "names"),
                uids,
                requests: Random::new(seed, "requests"),
                jitter: Random::new(seed, "jitter"),
                ties: Random::new(seed, "ties"),
            },
        }
    }

    /// What was there before the first event is known to everybody.
    fn begin(&mut self) {
        let population = Population::default();
        let mut known: Vec<Value> = self.scenario.script.nodes.iter().map(objects::node).collect();
        known.push(objects::namespace(&self.scenario.workload.namespace));
        known.push(
            self.owners
                .deployment(self.desired, population, self.resource_version),
        );
        known.push(
            self.owners
                .replica_set(self.told, population, self.resource_version),
        );
        for object in known {
            self.admission.watch(Change {
                seen: Millis::ZERO,
                write: Write::Stored(object),
            });
        }
        self.queue.push(Millis::ZERO, Event::SyncReplicaSet);
        for scale in &self.scenario.script.scales {
            self.queue.push(scale.at, Event::Scale(scale.replicas));
        }
    }

    fn play(&mut self) {
        let script = &self.scenario.script;
        let mut sample_at = Millis::ZERO;
        let mut splits: Vec<_> = script
            .expectations
            .iter()
            .filter_map(|expectation| {
                if let Expectation::Split(split) = expectation {
                    Some(split)
                } else {
                    None
                }
            })
            .collect();
        splits.sort_by_key(|split| split.at);
        let mut splits = splits.into_iter().peekable();
        loop {
            let look = splits.peek().map_or(sample_at, |split| split.at.min(sample_at));
            self.play_until(look);
            while let Some(split) = splits.next_if(|split| split.at <= look) {
                self.tally.compare(split, self.pods.values());
            }
            if sample_at == look {
                self.tally.sample(look, self.desired, self.pods.values());
                if look >= script.duration {
                    return;
                }
                sample_at = (sample_at + script.sample_every).min(script.duration);
            }
        }
    }

    /// Everything up to and at this moment.
    fn play_until(&mut self, moment: Millis) {
        while self.queue.next_time().is_some_and(|next| next <= moment) {
            let Some((at, event)) = self.queue.pop() else {
                break;
            };
            self.now = at;
            self.take(event);
        }
        self.now = moment;
        let admissions = self.tally.admissions();
        (self.progress)(Moment {
            now: moment,
            end: self.scenario.script.duration,
            admissions,
        });
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Scale(replicas) => self.scale(replicas),
            Event::SyncDeployment => self.sync_deployment(),
            Event::SyncReplicaSet => self.sync_replica_set(),
            Event::RequestPod => self.request_pod(),
            Event::StorePod(pod) => self.store_pod(pod),
            Event::DeletePod(id) => self.delete_pod(id),
            Event::SeenByController => {
                self.expectations.lower(1);
                self.sync_replica_set();
            }
            Event::StartPod(id) => self.start_pod(id),
            Event::RemovePod(id) => self.remove_pod(id),
        }
    }

    fn publish_replica_set(&mut self) {
        let version = self.next_version();
        let set = self.owners.replica_set(self.told, self.population(), version);
        self.publish(Write::Stored(set));
    }

    fn publish_pod(&mut self, id: PodId) {
        let version = self.next_version();
        if let Some(object) = self.pods.get_mut(&id).map(|pod| pod.object(version)) {
            self.publish(Write::Stored(object));
        }
    }

    /// A watch is late by the lag, and never out of order.
    fn publish(&mut self, write: Write) {
        let cluster = self.scenario.script.cluster;
        let jitter = Millis(self.chance.jitter.below(cluster.watch_jitter.0 + 1));
        self.delivered = self.delivered.max(self.now + cluster.watch_lag + jitter);
        self.admission.watch(Change {
            seen: self.delivered,
            write,
        });
    }

    fn next_version(&mut self) -> u64 {
        self.resource_version += 1;
        self.resource_version
    }

    fn after(&mut self, wait: Millis, event: Event) {
        self.queue.push(self.now + wait, event);
    }

    /// The pods that a ReplicaSet counts: those that are not being deleted.
    fn active(&self) -> impl Iterator<Item = (PodId, &Pod)> {
        self.pods
            .iter()
            .filter(|(_, pod)| !pod.deleted)
            .map(|(id, pod)| (*id, pod))
    }

    fn population(&self) -> Population {
        let mut population = Population::default();
        for (_, pod) in self.active() {
            population.active += 1;
            population.ready += u64::from(pod.phase() == Phase::Running);
        }
        population
    }
}
