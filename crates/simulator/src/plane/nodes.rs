//! The scheduler and the kubelets.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::{Value, json};

use super::objects::{Kind, Object, Pod};
use super::store::Change;
use super::{Event, Plane};
use crate::json;
use crate::objects;
use crate::plane::observer::By;
use crate::plane::setup::{Kind as WorkloadKind, Lag};
use crate::scenario::NodeSpec;
use crate::scheduler::{self, Node};
use crate::time::Millis;

/// The nodes, and the pods that wait for one.
#[derive(Debug)]
pub(crate) struct Nodes {
    nodes: Vec<Node>,
    lost: BTreeSet<usize>,
    /// Pods that may be scheduled, in the order in which they were seen.
    waiting: Vec<u64>,
    is_scheduling: bool,
    /// When each pod that is there was scheduled.
    scheduled: BTreeMap<u64, Millis>,
}

impl Nodes {
    pub(crate) fn of(specs: &[NodeSpec]) -> Self {
        let node = |spec: &NodeSpec| Node {
            spec: spec.clone(),
            pods: 0,
        };
        Self {
            nodes: specs.iter().map(node).collect(),
            lost: BTreeSet::new(),
            waiting: Vec::new(),
            is_scheduling: false,
            scheduled: BTreeMap::new(),
        }
    }

    pub(crate) fn values(&self) -> Vec<Value> {
        self.nodes.iter().map(|node| objects::node(&node.spec)).collect()
    }

    fn choose(&mut self, pod: &Value) -> Option<(usize, String)> {
        let chosen = scheduler::choose(pod, &self.nodes)?;
        let node = self.nodes.get_mut(chosen)?;
        node.pods += 1;
        Some((chosen, node.spec.name.clone()))
    }

    pub(crate) fn scheduled_at(&self, pod: u64) -> Option<Millis> {
        self.scheduled.get(&pod).copied()
    }

    /// The time from scheduled to ready that is a node's own.
    fn startup(&self, name: &str) -> Option<Millis> {
        let node = self.nodes.iter().find(|node| node.spec.name == name);
        node.and_then(|node| node.spec.startup)
    }

    fn release(&mut self, name: &str) {
        let node = self
            .nodes
            .iter_mut()
            .enumerate()
            .find(|(_, node)| node.spec.name == name);
        if let Some((ix, node)) = node
            && !self.lost.contains(&ix)
        {
            node.pods = node.pods.saturating_sub(1);
        }
    }
}

impl Plane<'_> {
    pub(super) fn shown_to_scheduler(&mut self, change: &Change) {
        if let Change::Stored(Object::Pod(pod)) = change
            && pod.node.is_none()
            && !pod.held
            && pod.is_active()
            && !self.nodes.waiting.contains(&pod.origin.number)
        {
            self.nodes.waiting.push(pod.origin.number);
            self.schedule_soon();
        }
    }

    fn schedule_soon(&mut self) {
        if !self.nodes.is_scheduling && !self.nodes.waiting.is_empty() {
            self.nodes.is_scheduling = true;
            self.after(Millis(1), Event::Schedule);
        }
    }

    /// Tries every pod that waits.
    pub(super) fn schedule(&mut self) {
        self.nodes.is_scheduling = false;
        if self.api.is_down {
            self.nodes.is_scheduling = true;
            self.after(Millis(1000), Event::Schedule);
            return;
        }
        for number in std::mem::take(&mut self.nodes.waiting) {
            let Some(pod) = self.store.pod(number).cloned() else {
                continue;
            };
            if pod.node.is_some() || !pod.is_active() || pod.held {
                continue;
            }
            match self.nodes.choose(&pod.value) {
                Some((_, node)) => self.assign(&pod, &node),
                None => {
                    self.nodes.waiting.push(number);
                    self.mark_unschedulable(&pod);
                }
            }
        }
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

    fn mark_unschedulable(&mut self, pod: &Pod) {
        if json::at(&pod.value, &["status", "conditions"]).is_some() {
            return;
        }
        // The time stays that of the creation, whatever happened since.
        let since = pod.origin.created.timestamp();
        self.change_pod(pod.origin.number, &By::Cluster, |value, _| {
            let condition = json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "lastTransitionTime": since});
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
        if let Some(node) = &pod.node {
            self.nodes.release(node);
            self.schedule_soon();
        }
    }

    /// A node is lost; the garbage collector deletes its pods by force a while later.
    pub(super) fn lose_node(&mut self, ix: usize) -> bool {
        let Some(node) = self
            .nodes
            .nodes
            .get_mut(ix)
            .filter(|_| !self.nodes.lost.contains(&ix))
        else {
            return false;
        };
        let name = node.spec.name.clone();
        node.pods = node.spec.pods;
        self.nodes.lost.insert(ix);
        if let Some(object) = self.store.remove((Kind::Node, ix as u64)) {
            self.stirred = self.now;
            self.publish(&Change::Gone(object));
        }
        let on_it: Vec<Rc<Pod>> = self
            .store
            .pods()
            .filter(|pod| pod.node.as_ref() == Some(&name))
            .cloned()
            .collect();
        for pod in on_it {
            let wait = self.drawn(Lag {
                millis: 50,
                jitter: 500,
            });
            self.after(wait, Event::Remove(pod.origin.number));
            self.note_deleted(&pod, &By::Cluster);
        }
        true
    }

    pub(super) fn return_node(&mut self, ix: usize) {
        let Some(node) = self.nodes.nodes.get_mut(ix) else {
            return;
        };
        self.nodes.lost.remove(&ix);
        node.pods = 0;
        let value = objects::node(&node.spec);
        self.put(Object::Node(ix as u64, Rc::new(value)));
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
