//! The kubelets: pods become ready, finish, and go once they are deleted.

use std::rc::Rc;

use serde_json::{Value, json};

use super::scheduled;
use crate::json;
use crate::plane::objects::{Kind, Object, Pod};
use crate::plane::observer::By;
use crate::plane::setup::{Kind as WorkloadKind, Lag};
use crate::plane::store::Change;
use crate::plane::{Event, Plane};
use crate::time::Millis;

impl Plane<'_> {
    /// The containers of a pod start on a node.
    pub(super) fn start_up(&mut self, number: u64, node: &str) {
        let own = self.nodes.startup(node);
        let startup = own.unwrap_or_else(|| self.drawn(self.setup.cluster.startup));
        self.after(startup, Event::Ready(number));
    }

    pub(in crate::plane) fn ready(&mut self, number: u64) {
        let pod = self.store.pod(number);
        let starts = |pod: &Rc<Pod>| pod.is_active() && pod.ready_since.is_none() && self.nodes.is_up(pod);
        if !pod.is_some_and(starts) {
            return;
        }
        let is_ready = pod.is_some_and(|pod| !self.is_never_ready(pod));
        let now = self.now;
        self.change_pod(number, &By::Cluster, |value, ready_since| {
            *ready_since = is_ready.then(|| Millis(now.whole_seconds() * 1000));
            let status = if is_ready { "True" } else { "False" };
            let ready = json!({"type": "Ready", "status": status, "lastTransitionTime": now.timestamp()});
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

    /// Whether a pod's template says that its containers are never ready.
    fn is_never_ready(&self, pod: &Pod) -> bool {
        let workload = self.setup.workloads.get(pod.origin.maker.workload());
        let mut templates = workload.into_iter().flat_map(|workload| &workload.templates);
        let hash = pod
            .revision
            .as_deref()
            .and_then(|revision| revision.rsplit('-').next());
        templates.any(|template| template.is_never_ready && Some(template.hash.as_str()) == hash)
    }

    pub(in crate::plane) fn finish(&mut self, number: u64) {
        let runs = |pod: &&Rc<Pod>| pod.is_active() && self.nodes.is_up(pod);
        let Some(pod) = self.store.pod(number).filter(runs).cloned() else {
            return;
        };
        self.free_node_of(&pod);
        self.change_pod(number, &By::Cluster, |value, ready_since| {
            *ready_since = None;
            json::put(value, &["status", "phase"], json!("Succeeded"));
        });
    }

    /// Deletes a pod as the API server does: at once where no kubelet has it.
    pub(in crate::plane) fn delete_pod(&mut self, pod: &Pod, by: &By) {
        self.note_deleted(pod, by);
        if pod.node.is_none() || pod.finished {
            self.remove_stored(pod);
            return;
        }
        let grace = grace_period(pod);
        if grace == Millis::ZERO {
            self.remove_stored(pod);
            return;
        }
        if pod.terminating {
            return;
        }
        let own = pod.node.as_deref().and_then(|node| self.nodes.termination(node));
        let ends = own.unwrap_or_else(|| self.drawn(self.setup.cluster.termination));
        let at = (self.now + grace).timestamp();
        self.change_pod(pod.origin.number, by, |value, _| {
            json::put(value, &["metadata", "deletionTimestamp"], json!(at));
            json::put(
                value,
                &["metadata", "deletionGracePeriodSeconds"],
                json!(grace.whole_seconds()),
            );
        });
        // Whoever has not ended by then is killed.
        self.after(ends.min(grace), Event::Remove(pod.origin.number));
    }

    /// A pod of a Job that is deleted by anybody but the Job is a failure.
    pub(super) fn note_deleted(&mut self, pod: &Pod, by: &By) {
        let workload = pod.origin.maker.workload();
        let kind = self.setup.workloads.get(workload).map(|workload| &workload.kind);
        if matches!(kind, Some(WorkloadKind::Job { .. })) && *by != By::Controller && pod.is_active() {
            *self.failures.entry(workload).or_default() += 1;
        }
        self.observer.deleted(self.now, pod, by);
    }

    /// The containers have ended, and the kubelet says so.
    pub(in crate::plane) fn remove_pod(&mut self, number: u64) {
        if let Some(pod) = self
            .store
            .pod(number)
            .filter(|pod| self.nodes.is_up(pod))
            .cloned()
        {
            self.remove_stored(&pod);
        }
    }

    pub(super) fn remove_stored(&mut self, pod: &Pod) {
        if self.store.remove((Kind::Pod, pod.origin.number)).is_none() {
            return;
        }
        self.nodes.scheduled.remove(&pod.origin.number);
        self.nodes.doomed.remove(&pod.origin.number);
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

    /// A lag of the nodes.
    pub(in crate::plane) fn drawn(&mut self, lag: Lag) -> Millis {
        Millis(lag.millis + self.chance.nodes.below(lag.jitter + 1))
    }
}

/// How long the containers of a pod may take to end.
fn grace_period(pod: &Pod) -> Millis {
    let seconds = json::at(&pod.value, &["spec", "terminationGracePeriodSeconds"]).and_then(Value::as_i64);
    // The API server takes what is below nothing for a second.
    let seconds = seconds.map_or(30, |seconds| if seconds < 0 { 1 } else { seconds });
    Millis(u64::try_from(seconds).unwrap_or(0).saturating_mul(1000))
}
