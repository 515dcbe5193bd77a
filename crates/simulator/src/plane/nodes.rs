//! The scheduler and the kubelets.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use serde_json::{Value, json};

use super::objects::{Kind, Object, Pod};
use super::store::Change;
use super::{Event, Plane};
use crate::json;
use crate::objects;
use crate::plane::observer::By;
use crate::plane::setup::{Kind as WorkloadKind, Lag};
use crate::random::Random;
use crate::scenario::NodeSpec;
use crate::scheduling::{self, Needs, Unschedulable};
use crate::time::Millis;

/// The nodes, and the pods that wait for one.
#[derive(Debug)]
pub(crate) struct Nodes {
    specs: Vec<NodeSpec>,
    room: scheduling::Nodes,
    lost: BTreeSet<usize>,
    /// Pods that may be scheduled, in the order of their creation.
    waiting: BTreeMap<u64, Waiting>,
    /// When the next round is.
    round: Option<Millis>,
    /// When each pod that is there was scheduled.
    scheduled: BTreeMap<u64, Millis>,
    ties: Random,
}

/// A pod that waits for a node.
#[derive(Debug)]
struct Waiting {
    needs: Arc<Needs>,
    /// How often no node was found.
    attempts: u32,
    /// It is not tried again before.
    not_before: Millis,
    /// Nothing has happened since that could have helped.
    is_parked: bool,
}

/// After the first attempt a pod is not tried again for a second, then twice as long, ten seconds at most
/// (`podInitialBackoffSeconds`, `podMaxBackoffSeconds` of kube-scheduler).
fn backoff(attempts: u32) -> Millis {
    Millis((1000_u64 << attempts.saturating_sub(1).min(8)).min(10_000))
}

impl Nodes {
    pub(crate) fn of(specs: &[NodeSpec], ties: Random) -> Self {
        let mut room = scheduling::Nodes::default();
        for spec in specs {
            room.put(spec.node());
        }
        Self {
            specs: specs.to_vec(),
            room,
            lost: BTreeSet::new(),
            waiting: BTreeMap::new(),
            round: None,
            scheduled: BTreeMap::new(),
            ties,
        }
    }

    pub(crate) fn values(&self) -> Vec<Value> {
        self.specs.iter().map(objects::node).collect()
    }

    pub(crate) fn scheduled_at(&self, pod: u64) -> Option<Millis> {
        self.scheduled.get(&pod).copied()
    }

    /// The time from scheduled to ready that is a node's own.
    fn startup(&self, name: &str) -> Option<Millis> {
        let spec = self.specs.iter().find(|spec| spec.name == name);
        spec.and_then(|spec| spec.startup)
    }

    /// Something happened that may help pods which found no node.
    fn stir(&mut self) {
        for waiting in self.waiting.values_mut() {
            waiting.is_parked = false;
        }
    }

    /// When the next pod may be tried.
    fn next(&self) -> Option<Millis> {
        let active = self.waiting.values().filter(|waiting| !waiting.is_parked);
        active.map(|waiting| waiting.not_before).min()
    }
}

impl Plane<'_> {
    pub(super) fn shown_to_scheduler(&mut self, change: &Change) {
        let (Change::Stored(Object::Pod(pod)) | Change::Gone(Object::Pod(pod))) = change else {
            return;
        };
        let number = pod.origin.number;
        let waits = matches!(change, Change::Stored(_)) && pod.node.is_none() && !pod.held && pod.is_active();
        if !waits {
            self.nodes.waiting.remove(&number);
            return;
        }
        // A pod that the scheduler cannot read waits for ever, as with kube-scheduler.
        let Ok(needs) = Needs::read(&pod.value) else {
            return;
        };
        let now = self.now;
        match self.nodes.waiting.get_mut(&number) {
            Some(waiting) if *waiting.needs == needs => return,
            Some(waiting) => {
                waiting.needs = Arc::new(needs);
                waiting.is_parked = false;
                waiting.not_before = now;
            }
            None => {
                let waiting = Waiting {
                    needs: Arc::new(needs),
                    attempts: 0,
                    not_before: now,
                    is_parked: false,
                };
                self.nodes.waiting.insert(number, waiting);
            }
        }
        self.schedule_soon();
    }

    fn schedule_soon(&mut self) {
        let Some(next) = self.nodes.next() else { return };
        let at = next.max(self.now + Millis(1));
        if self
            .nodes
            .round
            .is_none_or(|round| at < round || round <= self.now)
        {
            self.nodes.round = Some(at);
            self.queue.push(at, Event::Schedule);
        }
    }

    /// Tries every pod that waits and whose time has come.
    pub(super) fn schedule(&mut self) {
        let now = self.now;
        if self.nodes.round.is_some_and(|round| round > now) {
            return;
        }
        self.nodes.round = None;
        if self.api.is_down {
            self.nodes.round = Some(now + Millis(1000));
            self.after(Millis(1000), Event::Schedule);
            return;
        }
        let due = self.nodes.waiting.iter();
        let due: Vec<(u64, Arc<Needs>)> = due
            .filter(|(_, waiting)| !waiting.is_parked && waiting.not_before <= now)
            .map(|(number, waiting)| (*number, Arc::clone(&waiting.needs)))
            .collect();
        for (number, needs) in due {
            let pod = self.store.pod(number).cloned();
            let Some(pod) = pod.filter(|pod| pod.node.is_none() && pod.is_active() && !pod.held) else {
                self.nodes.waiting.remove(&number);
                continue;
            };
            match self.nodes.room.choose(&needs, &mut self.nodes.ties) {
                Ok(choice) => {
                    let name = self
                        .nodes
                        .room
                        .get(choice.node)
                        .map(|room| room.node().name.clone());
                    self.nodes.room.assume(number, needs, choice.node);
                    self.nodes.waiting.remove(&number);
                    self.assign(&pod, &name.unwrap_or_default());
                }
                Err(why) => {
                    if let Some(waiting) = self.nodes.waiting.get_mut(&number) {
                        waiting.attempts += 1;
                        waiting.not_before = now + backoff(waiting.attempts);
                        waiting.is_parked = true;
                    }
                    self.mark_unschedulable(&pod, &why);
                }
            }
        }
        self.schedule_soon();
    }

    fn assign(&mut self, pod: &Pod, node: &str) {
        let (now, number) = (self.now, pod.origin.number);
        self.nodes.scheduled.insert(number, now);
        self.change_pod(number, &By::Cluster, |value, _| {
            json::put(value, &["spec", "nodeName"], json!(node));
            json::put(value, &["status", "conditions"], json!([scheduled(now)]));
        });
        let own = self.nodes.startup(node);
        let startup = own.unwrap_or_else(|| self.drawn(self.setup.cluster.startup));
        self.after(startup, Event::Ready(number));
    }

    fn mark_unschedulable(&mut self, pod: &Pod, why: &Unschedulable) {
        if json::at(&pod.value, &["status", "conditions"]).is_some() {
            return;
        }
        // The time stays that of the creation, whatever happened since.
        let since = pod.origin.created.timestamp();
        self.change_pod(pod.origin.number, &By::Cluster, |value, _| {
            let condition = json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": why.to_string(), "lastTransitionTime": since});
            json::put(value, &["status", "conditions"], json!([condition]));
        });
    }

    pub(super) fn ready(&mut self, number: u64) {
        let pod = self.store.pod(number);
        if !pod.is_some_and(|pod| pod.is_active() && pod.ready_since.is_none()) {
            return;
        }
        let now = self.now;
        self.change_pod(number, &By::Cluster, |value, ready_since| {
            *ready_since = Some(Millis(now.whole_seconds() * 1000));
            let ready = json!({"type": "Ready", "status": "True", "lastTransitionTime": now.timestamp()});
            json::put(value, &["status", "phase"], json!("Running"));
            json::put(value, &["status", "conditions"], json!([scheduled(now), ready]));
        });
        let Some(pod) = self.store.pod(number) else { return };
        let workload = self.setup.workloads.get(pod.origin.maker.workload());
        if let Some(WorkloadKind::Job { run, .. }) = workload.map(|workload| &workload.kind) {
            let run = self.drawn(Lag {
                millis: run.0,
                jitter: run.0 / 2,
            });
            self.after(run, Event::Finish(number));
        }
    }

    pub(super) fn finish(&mut self, number: u64) {
        let Some(pod) = self.store.pod(number).filter(|pod| pod.is_active()).cloned() else {
            return;
        };
        self.free_node_of(&pod);
        self.change_pod(number, &By::Cluster, |value, ready_since| {
            *ready_since = None;
            json::put(value, &["status", "phase"], json!("Succeeded"));
        });
    }

    /// Deletes a pod as the API server does: at once where no kubelet has it.
    pub(super) fn delete_pod(&mut self, pod: &Pod, by: &By) {
        self.note_deleted(pod, by);
        if pod.node.is_none() || pod.finished {
            self.remove_stored(pod);
            return;
        }
        if pod.terminating {
            return;
        }
        let grace = self.drawn(self.setup.cluster.termination);
        let at = (self.now + grace).timestamp();
        self.change_pod(pod.origin.number, by, |value, _| {
            json::put(value, &["metadata", "deletionTimestamp"], json!(at));
        });
        self.after(grace, Event::Remove(pod.origin.number));
    }

    /// A pod of a Job that is deleted by anybody but the Job is a failure.
    fn note_deleted(&mut self, pod: &Pod, by: &By) {
        let workload = pod.origin.maker.workload();
        let kind = self.setup.workloads.get(workload).map(|workload| &workload.kind);
        if matches!(kind, Some(WorkloadKind::Job { .. })) && *by != By::Controller && pod.is_active() {
            *self.failures.entry(workload).or_default() += 1;
        }
        self.observer.deleted(self.now, pod, by);
    }

    pub(super) fn remove_pod(&mut self, number: u64) {
        if let Some(pod) = self.store.pod(number).cloned() {
            self.remove_stored(&pod);
        }
    }

    fn remove_stored(&mut self, pod: &Pod) {
        if self.store.remove((Kind::Pod, pod.origin.number)).is_none() {
            return;
        }
        self.nodes.scheduled.remove(&pod.origin.number);
        if !pod.finished {
            self.free_node_of(pod);
        }
        self.stirred = self.now;
        self.tell(|| format!("gone: {}", pod.describe()));
        self.observer
            .pod(self.now, &self.store, Some(pod), None, &By::Cluster);
        self.publish(&Change::Gone(Object::Pod(Rc::new(pod.clone()))));
    }

    fn free_node_of(&mut self, pod: &Pod) {
        if self.nodes.room.forget(pod.origin.number) {
            self.nodes.stir();
            self.schedule_soon();
        }
    }

    /// A node is lost; the garbage collector deletes its pods by force a while later.
    pub(super) fn lose_node(&mut self, ix: usize) -> bool {
        let Some(spec) = self
            .nodes
            .specs
            .get(ix)
            .filter(|_| !self.nodes.lost.contains(&ix))
        else {
            return false;
        };
        let on_it = self.nodes.room.remove(&spec.name);
        self.nodes.lost.insert(ix);
        if let Some(object) = self.store.remove((Kind::Node, ix as u64)) {
            self.stirred = self.now;
            self.publish(&Change::Gone(object));
        }
        for number in on_it {
            let Some(pod) = self.store.pod(number).cloned() else {
                continue;
            };
            let wait = self.drawn(Lag {
                millis: 50,
                jitter: 500,
            });
            self.after(wait, Event::Remove(number));
            self.note_deleted(&pod, &By::Cluster);
        }
        true
    }

    pub(super) fn return_node(&mut self, ix: usize) {
        let Some(spec) = self.nodes.specs.get(ix).cloned() else {
            return;
        };
        self.nodes.lost.remove(&ix);
        self.nodes.room.put(spec.node());
        self.put(Object::Node(ix as u64, Rc::new(objects::node(&spec))));
        self.nodes.stir();
        self.schedule_soon();
    }

    /// A lag of the nodes.
    pub(super) fn drawn(&mut self, lag: Lag) -> Millis {
        Millis(lag.millis + self.chance.nodes.below(lag.jitter + 1))
    }
}

fn scheduled(now: Millis) -> Value {
    json!({"type": "PodScheduled", "status": "True", "lastTransitionTime": now.timestamp()})
}
