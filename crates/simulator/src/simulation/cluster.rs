//! The API server, the scheduler and the kubelets.

use serde_json::Value;

use super::{Event, PodId, Simulation};
use crate::admission::{AdmissionCall, Verdict, Write};
use crate::pod::Pod;
use crate::scheduler;
use crate::time::Millis;

impl Simulation<'_> {
    pub(super) fn request_pod(&mut self) {
        let uid = self.chance.requests.uuid();
        let pod = self.owners.new_pod();
        let review = self.owners.review(&uid, &pod);
        let call = AdmissionCall {
            uid: &uid,
            review: &review,
            now: self.now,
            clock: self.now.unix(),
        };
        let answer = self.admission.admit(&call);
        self.tally.called();
        let stored = match answer {
            Ok(answer) => {
                self.tally.answered(&answer);
                match answer.verdict {
                    Verdict::Unchanged => Some(pod),
                    Verdict::Changed(changed) => Some(changed),
                    Verdict::Refused(reason) => {
                        self.tally.warn(format!("refused: {reason}"));
                        None
                    }
                }
            }
            Err(failure) => {
                self.tally.warn(failure.to_string());
                Some(pod)
            }
        };
        self.after(
            self.scenario.script.cluster.admission_time,
            Event::StorePod(stored),
        );
    }

    pub(super) fn store_pod(&mut self, pod: Option<Value>) {
        let created = pod.is_some();
        if let Some(value) = pod {
            let name = format!(
                "{}-{}",
                self.owners.replica_set_name(),
                self.chance.names.name_suffix(5)
            );
            let pod = Pod::store(value, name, self.chance.uids.uuid(), self.now);
            self.next_pod += 1;
            let id = self.next_pod;
            self.tally.stored(&pod, self.desired);
            self.pods.insert(id, pod);
            self.publish_pod(id);
            self.after(
                self.scenario.script.cluster.controller_lag,
                Event::SeenByController,
            );
            self.schedule(id);
        } else {
            self.expectations.lower(1);
        }
        if let Some(batches) = &mut self.batches {
            let progress = batches.answered(created);
            self.go_on(progress);
        }
    }

    pub(super) fn delete_pod(&mut self, id: PodId) {
        let cluster = self.scenario.script.cluster;
        let Some(pod) = self.pods.get_mut(&id) else { return };
        let grace = if pod.node.is_some() {
            cluster.termination
        } else {
            Millis::ZERO
        };
        pod.delete(self.now, grace);
        self.publish_pod(id);
        self.after(cluster.controller_lag, Event::SeenByController);
        self.after(grace, Event::RemovePod(id));
    }

    fn schedule(&mut self, id: PodId) {
        let Some(pod) = self.pods.get_mut(&id) else { return };
        if pod.gated() {
            return;
        }
        let Some(chosen) = scheduler::choose(pod.value(), &self.nodes) else {
            pod.mark_unschedulable(self.now);
            self.publish_pod(id);
            return;
        };
        let Some(node) = self.nodes.get_mut(chosen) else {
            return;
        };
        node.pods += 1;
        let startup = node.spec.startup.unwrap_or(self.scenario.script.cluster.startup);
        pod.bind(chosen, &node.spec.name, self.now);
        self.publish_pod(id);
        self.after(startup, Event::StartPod(id));
    }

    pub(super) fn start_pod(&mut self, id: PodId) {
        if let Some(pod) = self.pods.get_mut(&id)
            && !pod.deleted
        {
            pod.start(self.now);
            self.publish_pod(id);
        }
    }

    pub(super) fn remove_pod(&mut self, id: PodId) {
        let Some(pod) = self.pods.remove(&id) else { return };
        self.tally.gone(&pod);
        let namespace = self.scenario.workload.namespace.clone();
        self.publish(Write::Removed {
            api_version: "v1",
            kind: "Pod",
            namespace,
            name: pod.name,
        });
        let Some(node) = pod.node.and_then(|node| self.nodes.get_mut(node)) else {
            return;
        };
        node.pods = node.pods.saturating_sub(1);
        let waiting: Vec<PodId> = self
            .active()
            .filter(|(_, pod)| pod.node.is_none() && !pod.gated())
            .map(|(id, _)| id)
            .collect();
        for id in waiting {
            self.schedule(id);
        }
    }
}
