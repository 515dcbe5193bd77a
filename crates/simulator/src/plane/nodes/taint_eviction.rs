//! Taints with the effect `NoExecute` drive pods away (pkg/controller/tainteviction): at once, or after the
//! `tolerationSeconds`; no budget is asked.

use std::sync::Arc;

use crate::plane::observer::By;
use crate::plane::{Event, Plane};
use crate::scheduling::{Needs, stays_for};
use crate::time::Millis;

impl Plane<'_> {
    /// Looks at the taints of the pod's node. A time that runs already keeps running; it ends with the taints.
    pub(super) fn doom(&mut self, pod: u64) {
        let room = self.nodes.room.node_of(pod);
        let Some(room) = room.and_then(|node| self.nodes.room.get(node)) else {
            return;
        };
        let Some(needs) = room.needs(pod) else { return };
        let Some(seconds) = stays_for(&room.node().taints, needs.tolerations()) else {
            self.nodes.doomed.remove(&pod);
            return;
        };
        let at = self.now + Millis(seconds.saturating_mul(1000));
        let running = self.nodes.doomed.get(&pod).copied();
        if seconds > 0 && running.is_some() {
            return;
        }
        self.nodes.doomed.insert(pod, at);
        self.queue.push(at, Event::DriveAway(pod));
    }

    /// The same for all pods of a node.
    pub(super) fn doom_all(&mut self, node: &str) {
        let room = self.nodes.room.named(node);
        let pods: Vec<u64> = room
            .into_iter()
            .flat_map(|room| room.pods())
            .map(|(pod, _): (u64, &Arc<Needs>)| pod)
            .collect();
        for pod in pods {
            self.doom(pod);
        }
    }

    /// The time of a pod is over, unless the taints went before.
    pub(in crate::plane) fn drive_away(&mut self, number: u64) {
        if self.nodes.doomed.get(&number).is_none_or(|at| *at > self.now) {
            return;
        }
        if self.api.is_down {
            self.after(Millis(1000), Event::DriveAway(number));
            return;
        }
        self.nodes.doomed.remove(&number);
        if let Some(pod) = self.store.pod(number).filter(|pod| pod.is_active()).cloned() {
            self.delete_pod(&pod, &By::Cluster);
        }
    }
}
