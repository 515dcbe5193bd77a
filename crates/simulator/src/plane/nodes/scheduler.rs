//! The scheduler: which pods wait, when each is tried, and what the API server shows of it.

use std::sync::Arc;

use serde_json::json;

use super::{Nodes, scheduled};
use crate::json;
use crate::plane::objects::{Object, Pod};
use crate::plane::observer::By;
use crate::plane::store::Change;
use crate::plane::{Event, Plane};
use crate::scheduling::{Needs, Unschedulable};
use crate::time::Millis;

/// A pod that waits for a node.
#[derive(Debug)]
pub(super) struct Waiting {
    needs: Arc<Needs>,
    /// How often no node was found.
    attempts: u32,
    /// It is not tried again before.
    not_before: Millis,
    /// Nothing has happened since that could have helped.
    is_parked: bool,
}

impl Waiting {
    /// What it needs, where no node was found.
    pub(super) fn found_none(&self) -> Option<Arc<Needs>> {
        (self.attempts > 0).then(|| Arc::clone(&self.needs))
    }
}

/// After the first attempt a pod is not tried again for a second, then twice as long, ten seconds at most
/// (`podInitialBackoffSeconds`, `podMaxBackoffSeconds` of kube-scheduler).
fn backoff(attempts: u32) -> Millis {
    Millis((1000_u64 << attempts.saturating_sub(1).min(8)).min(10_000))
}

impl Nodes {
    /// Something happened that may help pods which found no node.
    pub(super) fn stir(&mut self) {
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
    pub(in crate::plane) fn shown_to_scheduler(&mut self, change: &Change) {
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

    pub(in crate::plane) fn schedule_soon(&mut self) {
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
    pub(in crate::plane) fn schedule(&mut self) {
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
        self.start_up(number, node);
        self.doom(number);
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
}
