//! The nodes of the plane: the scheduler that fills them, the kubelets that run pods, and what takes pods away again.
//!
//! ```text
//!   machine --fails--> failure --Node changes--> taint_eviction --deletes--> kubelet
//!      |                                                                       ^
//!      +--cordoned--> drain --asks--> eviction (budgets) ----------------------+
//!      +--comes and goes with the autoscaler --asks--> eviction
//! ```

mod autoscaler;
mod drain;
mod eviction;
mod failure;
mod kubelet;
mod machine;
mod scheduler;
mod taint_eviction;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::plane::objects::Pod;
use crate::random::Random;
use crate::scenario::NodeSpec;
use crate::scheduling;
use crate::time::Millis;
pub(crate) use failure::NodeEvent;
use machine::Machine;
use scheduler::Waiting;

/// The nodes, and the pods that wait for one.
#[derive(Debug)]
pub(crate) struct Nodes {
    machines: Vec<Machine>,
    /// The place of each machine by its name.
    places: BTreeMap<String, usize>,
    /// The Nodes that there are, and what is taken on them.
    room: scheduling::Nodes,
    /// Pods that may be scheduled, in the order of their creation.
    waiting: BTreeMap<u64, Waiting>,
    /// When the next round is.
    round: Option<Millis>,
    /// When each pod that is there was scheduled.
    scheduled: BTreeMap<u64, Millis>,
    /// When the taints of its node drive each pod away.
    doomed: BTreeMap<u64, Millis>,
    ties: Random,
}

impl Nodes {
    pub(crate) fn of(specs: &[NodeSpec], ties: Random) -> Self {
        let mut nodes = Self {
            machines: Vec::new(),
            places: BTreeMap::new(),
            room: scheduling::Nodes::default(),
            waiting: BTreeMap::new(),
            round: None,
            scheduled: BTreeMap::new(),
            doomed: BTreeMap::new(),
            ties,
        };
        for spec in specs {
            nodes.add(spec.clone());
        }
        nodes
    }

    /// Adds a machine; its place.
    fn add(&mut self, spec: NodeSpec) -> usize {
        let place = self.machines.len();
        self.places.insert(spec.name.clone(), place);
        let machine = Machine::new(spec);
        self.room.put(machine.node());
        self.machines.push(machine);
        place
    }

    pub(crate) fn values(&self) -> Vec<Value> {
        self.machines.iter().map(Machine::value).collect()
    }

    pub(crate) fn scheduled_at(&self, pod: u64) -> Option<Millis> {
        self.scheduled.get(&pod).copied()
    }

    fn named(&self, name: &str) -> Option<&Machine> {
        self.machines.get(*self.places.get(name)?)
    }

    fn of_pod(&self, pod: &Pod) -> Option<&Machine> {
        self.named(pod.node.as_deref()?)
    }

    /// Whether the pod's kubelet runs; that of a pod without a node does.
    pub(crate) fn is_up(&self, pod: &Pod) -> bool {
        self.of_pod(pod).is_none_or(|machine| machine.is_up)
    }

    /// The time from scheduled to ready that is a node's own.
    fn startup(&self, name: &str) -> Option<Millis> {
        self.named(name)?.spec.startup
    }

    /// The time from deleted to gone that is a node's own.
    fn termination(&self, name: &str) -> Option<Millis> {
        self.named(name)?.spec.termination
    }
}

fn scheduled(now: Millis) -> Value {
    json!({"type": "PodScheduled", "status": "True", "lastTransitionTime": now.timestamp()})
}
