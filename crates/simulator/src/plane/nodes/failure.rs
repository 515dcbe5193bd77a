//! How nodes fail and come back: what the machine does, what the control plane notices of it, and when.
//!
//! A kubelet that is silent for 50 s makes its node unreachable (`--node-monitor-grace-period`): its pods are no longer
//! ready, and the taint drives away those that do not tolerate it for ever, 300 s by default. They stay, being deleted,
//! until the kubelet is heard again. Of a machine that is gone the cloud's controller deletes the Node, and the garbage
//! collector takes the pods that are bound to none (pkg/controller/nodelifecycle, podgc).

use std::rc::Rc;
use std::sync::Arc;

use serde_json::json;

use super::scheduled;
use crate::json;
use crate::plane::objects::{Kind, Object, Pod};
use crate::plane::observer::By;
use crate::plane::store::Change;
use crate::plane::{Event, Plane};
use crate::ranking::Phase;
use crate::scheduling::Needs;
use crate::time::Millis;

/// What comes later for a node, unless it fails or is back before.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NodeEvent {
    /// Nothing was heard of it for too long.
    Unreachable,
    /// Its machine is known to be gone.
    Deregister,
    /// The garbage collector takes a pod.
    Collect { pod: u64 },
    /// The notice is over: the cloud takes the machine back.
    TakenBack { back_after: Option<Millis> },
    /// A round of a drain.
    Drain { round: u32 },
    /// A drain is over.
    Uncordon { round: u32 },
    /// A round of the autoscaler's own drain.
    GiveUp { round: u32, until: Millis },
    /// It is there again.
    Back,
}

impl Plane<'_> {
    pub(super) fn node_event_after(&mut self, wait: Millis, node: usize, event: NodeEvent) {
        if let Some(machine) = self.nodes.machines.get(node) {
            let life = machine.life;
            self.after(wait, Event::Node { node, life, event });
        }
    }

    pub(in crate::plane) fn node_event(&mut self, node: usize, life: u32, event: NodeEvent) {
        // A drain goes on whatever the machine does.
        let is_bound = !matches!(event, NodeEvent::Drain { .. } | NodeEvent::Uncordon { .. });
        let machine = self.nodes.machines.get(node);
        if machine.is_none_or(|machine| is_bound && machine.life != life) {
            return;
        }
        match event {
            NodeEvent::Unreachable | NodeEvent::Deregister if self.api.is_down => {
                self.node_event_after(Millis(1000), node, event);
            }
            NodeEvent::Unreachable => self.unreachable(node),
            NodeEvent::Deregister => self.deregister(node),
            NodeEvent::Collect { pod } => self.collect(pod),
            NodeEvent::TakenBack { back_after } => self.lose_node(node, back_after),
            NodeEvent::Drain { round } => self.drain_on(node, round),
            NodeEvent::Uncordon { round } => self.uncordon(node, round),
            NodeEvent::GiveUp { round, until } => self.give_up_on(node, round, until),
            NodeEvent::Back => self.return_node(node),
        }
    }

    /// A machine is gone with all that ran on it.
    pub(in crate::plane) fn lose_node(&mut self, node: usize, back_after: Option<Millis>) {
        let loss = self.setup.loss;
        let Some(machine) = self
            .nodes
            .machines
            .get_mut(node)
            .filter(|machine| !machine.is_gone)
        else {
            return;
        };
        let is_known = machine.is_unreachable;
        machine.is_up = false;
        machine.is_gone = true;
        machine.life += 1;
        // The handler that drained it ran on it.
        machine.drain += 1;
        let unnoticed = if is_known { Millis::ZERO } else { loss.unnoticed };
        if unnoticed + loss.removed == Millis::ZERO {
            self.deregister(node);
        } else {
            self.node_event_after(unnoticed, node, NodeEvent::Unreachable);
            self.node_event_after(unnoticed + loss.removed, node, NodeEvent::Deregister);
        }
        self.back_after(node, back_after);
    }

    /// A kubelet is no longer heard; what runs there goes on unseen.
    pub(in crate::plane) fn fail_node(&mut self, node: usize, back_after: Option<Millis>) {
        let unnoticed = self.setup.loss.unnoticed;
        let Some(machine) = self.nodes.machines.get_mut(node).filter(|machine| machine.is_up) else {
            return;
        };
        machine.is_up = false;
        machine.life += 1;
        self.node_event_after(unnoticed, node, NodeEvent::Unreachable);
        self.back_after(node, back_after);
    }

    /// The cloud wants a machine back, and says so before: it is drained, as termination handlers do.
    pub(in crate::plane) fn reclaim_node(&mut self, node: usize, notice: Millis, back_after: Option<Millis>) {
        if notice == Millis::ZERO {
            self.lose_node(node, back_after);
        } else if self.drain_node(node).is_some() {
            self.node_event_after(notice, node, NodeEvent::TakenBack { back_after });
        }
    }

    fn back_after(&mut self, node: usize, back_after: Option<Millis>) {
        if let Some(back_after) = back_after {
            self.node_event_after(back_after, node, NodeEvent::Back);
        }
    }

    fn unreachable(&mut self, node: usize) {
        let Some(machine) = self.nodes.machines.get_mut(node) else {
            return;
        };
        machine.is_unreachable = true;
        let name = machine.spec.name.clone();
        self.tell(|| format!("{name} is unreachable"));
        let ready: Vec<u64> = self
            .pods_on(&name)
            .filter(|pod| pod.ready_since.is_some())
            .map(|pod| pod.origin.number)
            .collect();
        for pod in ready {
            self.mark_not_ready(pod);
        }
        self.update_node(node);
    }

    fn deregister(&mut self, node: usize) {
        let Some(machine) = self.nodes.machines.get_mut(node) else {
            return;
        };
        machine.is_registered = false;
        let name = machine.spec.name.clone();
        let on_it = self.nodes.room.remove(&name);
        if let Some(object) = self.store.remove((Kind::Node, node as u64)) {
            self.stirred = self.now;
            self.publish(&Change::Gone(object));
        }
        for pod in on_it {
            self.nodes.doomed.remove(&pod);
            let wait = self.drawn(self.setup.loss.collected);
            self.node_event_after(wait, node, NodeEvent::Collect { pod });
        }
    }

    fn collect(&mut self, number: u64) {
        if let Some(pod) = self.store.pod(number).cloned() {
            self.note_deleted(&pod, &By::Cluster);
            self.remove_stored(&pod);
        }
    }

    /// A kubelet is heard again, or another machine of that name is there.
    fn return_node(&mut self, node: usize) {
        self.stirred = self.now;
        let Some(machine) = self.nodes.machines.get_mut(node) else {
            return;
        };
        let was_gone = machine.is_gone;
        if machine.is_registered {
            machine.is_up = true;
            machine.is_gone = false;
            machine.is_unreachable = false;
            machine.life += 1;
        } else {
            machine.renew();
        }
        let name = machine.spec.name.clone();
        self.tell(|| format!("{name} is back"));
        self.update_node(node);
        self.adopt_node(&name);
        let pods: Vec<Rc<Pod>> = self.pods_on(&name).filter(|pod| !pod.finished).cloned().collect();
        for pod in pods {
            self.resume(&pod, &name, was_gone);
        }
    }

    /// What becomes of a pod whose node is back.
    fn resume(&mut self, pod: &Pod, node: &str, is_restarted: bool) {
        let number = pod.origin.number;
        if self.nodes.room.node_of(number).is_none()
            && let (Ok(needs), Some(place)) = (Needs::read(&pod.value), self.nodes.room.id(node))
        {
            self.nodes.room.assume(number, Arc::new(needs), place);
        }
        if pod.terminating {
            self.after(Millis(1), Event::Remove(number));
        } else if is_restarted || pod.phase != Phase::Running {
            if pod.ready_since.is_some() {
                self.mark_not_ready(number);
            }
            self.start_up(number, node);
        } else {
            self.after(Millis(1), Event::Ready(number));
        }
    }

    fn mark_not_ready(&mut self, number: u64) {
        let now = self.now;
        self.change_pod(number, &By::Cluster, |value, ready_since| {
            *ready_since = None;
            let ready = json!({"type": "Ready", "status": "False", "lastTransitionTime": now.timestamp()});
            json::put(value, &["status", "conditions"], json!([scheduled(now), ready]));
        });
    }

    /// Shows a node as it is now, to the scheduler and to everybody.
    pub(super) fn update_node(&mut self, node: usize) {
        let Some(machine) = self
            .nodes
            .machines
            .get(node)
            .filter(|machine| machine.is_registered)
        else {
            return;
        };
        let (name, value) = (machine.spec.name.clone(), machine.value());
        self.nodes.room.put(machine.node());
        self.put(Object::Node(node as u64, Rc::new(value)));
        self.doom_all(&name);
        self.nodes.stir();
        self.schedule_soon();
    }
}
