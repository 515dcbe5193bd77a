//! The cluster autoscaler on the plane: it looks every ten seconds; machines come after their delay, and go once their
//! pods are evicted, if the budgets allow it.

use std::rc::Rc;
use std::sync::Arc;

use super::machine::named;
use super::scheduler::Waiting;
use super::{NodeEvent, Nodes};
use crate::autoscaler::{Action, Autoscaler, NodeGroup, View};
use crate::plane::objects::{Kind, Pod};
use crate::plane::observer::By;
use crate::plane::store::Change;
use crate::plane::{Event, Plane};
use crate::scenario::NodeGroupSpec;
use crate::scheduling::Needs;
use crate::time::Millis;

/// `--scan-interval`.
const EVERY: Millis = Millis(10_000);
/// `EvictionRetryTime`: who is refused is asked again after so long.
const AGAIN: Millis = Millis(10_000);
/// `--max-pod-eviction-time`: a node whose pods may not go by then stays.
const PATIENCE: Millis = Millis(120_000);

impl Plane<'_> {
    /// What is there at the beginning is its own.
    pub(in crate::plane) fn begin_cluster_autoscaler(&mut self) {
        let Some(spec) = &self.setup.cluster_autoscaler else {
            return;
        };
        let groups = spec.groups.iter().map(|group| NodeGroup {
            name: group.name.clone(),
            template: group.template.node(),
            min: group.min,
            max: group.max,
            delay: group.delay,
        });
        let mut autoscaler = Autoscaler::new(groups.collect(), spec.scale_in);
        for group in &spec.groups {
            for name in group.first_nodes() {
                autoscaler.adopt(&name, &group.name);
            }
        }
        self.cluster_autoscaler = Some(autoscaler);
        self.queue.push(self.setup.begin, Event::ScaleNodes);
    }

    pub(in crate::plane) fn scale_nodes(&mut self) {
        self.after(EVERY, Event::ScaleNodes);
        let Some(mut autoscaler) = self.cluster_autoscaler.take().filter(|_| !self.api.is_down) else {
            return;
        };
        let pending = self.nodes.found_no_node();
        let actions = autoscaler.decide(View {
            now: self.now,
            pending: &pending,
            nodes: &self.nodes.room,
            may_evict: &|pods| {
                let mut stored = pods.iter().filter_map(|number| self.store.pod(*number));
                stored.all(|pod| self.may_evict(pod))
            },
        });
        self.cluster_autoscaler = Some(autoscaler);
        for action in actions {
            match action {
                Action::Add { group, node, at } => {
                    let name = node.name;
                    self.tell(|| format!("{name} is ordered for {at}"));
                    self.queue.push(at, Event::NewNode { group, name });
                }
                Action::Remove { node, .. } => self.give_up_node(&node),
            }
        }
    }

    /// A machine that was ordered is there.
    pub(in crate::plane) fn new_node(&mut self, group: &str, name: &str) {
        let spec = self.setup.cluster_autoscaler.as_ref();
        let group = spec.and_then(|spec| spec.groups.iter().find(|known| known.name == group));
        let Some(group) = group else { return };
        let place = match self.nodes.places.get(name).copied() {
            Some(place) => {
                if let Some(machine) = self.nodes.machines.get_mut(place) {
                    machine.renew();
                }
                place
            }
            None => self.nodes.add(named(&group.template, name)),
        };
        self.update_node(place);
        self.observer.node_changed(self.now, name, "joins");
    }

    /// A machine of a group is there again: it is looked after as before.
    pub(super) fn adopt_node(&mut self, name: &str) {
        let Some(spec) = &self.setup.cluster_autoscaler else {
            return;
        };
        let is_of = |group: &&NodeGroupSpec| group.first_nodes().any(|node| node == name);
        if let (Some(autoscaler), Some(group)) =
            (&mut self.cluster_autoscaler, spec.groups.iter().find(is_of))
        {
            autoscaler.adopt(name, &group.name);
        }
    }

    fn give_up_node(&mut self, name: &str) {
        let Some(place) = self.nodes.places.get(name).copied() else {
            return;
        };
        let Some(machine) = self.nodes.machines.get_mut(place) else {
            return;
        };
        machine.is_given_up = true;
        machine.drain += 1;
        let round = machine.drain;
        self.update_node(place);
        let until = self.now + PATIENCE;
        self.give_up_on(place, round, until);
    }

    /// Evicts whoever is still there; a node with none left goes, one with pods that may not go stays.
    pub(super) fn give_up_on(&mut self, node: usize, round: u32, until: Millis) {
        let Some(machine) = self
            .nodes
            .machines
            .get(node)
            .filter(|machine| machine.drain == round)
        else {
            return;
        };
        let name = machine.spec.name.clone();
        let left: Vec<Rc<Pod>> = self.pods_on(&name).filter(|pod| !pod.finished).cloned().collect();
        if left.is_empty() {
            self.remove_node(node);
            return;
        }
        let active = left.iter().filter(|pod| pod.is_active());
        if self.now >= until && active.clone().count() > 0 {
            if let Some(autoscaler) = &mut self.cluster_autoscaler {
                autoscaler.keep(&name, self.now);
            }
            self.uncordon(node, round);
            return;
        }
        if !self.api.is_down {
            for pod in active {
                self.evict(pod, &By::User);
            }
        }
        let again = NodeEvent::GiveUp { round, until };
        self.node_event_after(AGAIN, node, again);
    }

    /// A machine that nobody uses is given back.
    fn remove_node(&mut self, node: usize) {
        let Some(machine) = self.nodes.machines.get_mut(node) else {
            return;
        };
        machine.is_up = false;
        machine.is_gone = true;
        machine.is_registered = false;
        machine.life += 1;
        let name = machine.spec.name.clone();
        self.nodes.room.remove(&name);
        if let Some(object) = self.store.remove((Kind::Node, node as u64)) {
            self.stirred = self.now;
            self.publish(&Change::Gone(object));
        }
        self.observer.node_changed(self.now, &name, "leaves");
    }
}

impl Nodes {
    /// The pods that were tried and found no node, in the order in which they are tried again.
    fn found_no_node(&self) -> Vec<Arc<Needs>> {
        let waiting = self.waiting.values();
        waiting.filter_map(Waiting::found_none).collect()
    }
}
