//! Nodes that are emptied: cordoned, then every pod is evicted; who is refused is asked again until nobody is left or the
//! drain is over.

use std::rc::Rc;

use super::NodeEvent;
use crate::plane::Plane;
use crate::plane::objects::Pod;
use crate::plane::observer::By;
use crate::time::Millis;

/// `kubectl drain` and the termination handlers of the clouds ask again after so long.
const AGAIN: Millis = Millis(5000);

impl Plane<'_> {
    /// `kubectl drain`, and `kubectl uncordon` a while later.
    pub(in crate::plane) fn drain_for(&mut self, node: usize, back_after: Option<Millis>) {
        if let Some(round) = self.drain_node(node)
            && let Some(back_after) = back_after
        {
            self.node_event_after(back_after, node, NodeEvent::Uncordon { round });
        }
    }

    /// Begins to drain a node; `None` where there is none.
    pub(super) fn drain_node(&mut self, node: usize) -> Option<u32> {
        let machine = self.nodes.machines.get_mut(node);
        let machine = machine.filter(|machine| machine.is_registered)?;
        machine.is_cordoned = true;
        machine.drain += 1;
        let round = machine.drain;
        self.update_node(node);
        self.drain_on(node, round);
        Some(round)
    }

    /// Ends a drain: new pods may come again.
    pub(super) fn uncordon(&mut self, node: usize, round: u32) {
        let machine = self.nodes.machines.get_mut(node);
        if let Some(machine) = machine.filter(|machine| machine.drain == round) {
            machine.is_cordoned = false;
            machine.is_given_up = false;
            machine.drain += 1;
            self.update_node(node);
        }
    }

    /// Evicts whoever is still there.
    pub(super) fn drain_on(&mut self, node: usize, round: u32) {
        let Some(machine) = self
            .nodes
            .machines
            .get(node)
            .filter(|machine| machine.drain == round)
        else {
            return;
        };
        let left: Vec<Rc<Pod>> = self
            .pods_on(&machine.spec.name)
            .filter(|pod| pod.is_active())
            .cloned()
            .collect();
        if !self.api.is_down {
            for pod in &left {
                self.evict(pod, &By::User);
            }
        }
        // Pods that tolerate a cordoned node may still come.
        if !left.is_empty() {
            self.node_event_after(AGAIN, node, NodeEvent::Drain { round });
        }
    }

    /// The pods that are bound to a node, finished ones and those of a node that is gone too.
    pub(super) fn pods_on<'s>(&'s self, node: &'s str) -> impl Iterator<Item = &'s Rc<Pod>> {
        self.store
            .pods()
            .filter(move |pod| pod.node.as_deref() == Some(node))
    }
}
