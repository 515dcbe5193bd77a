//! What happens to the cluster while it is played, and how each of it ends.

use std::rc::Rc;

use serde_json::json;

use super::objects::{Deployment, Job, Object, Pod};
use super::sidecars::Sidecar;
use super::{Event, Plane};
use crate::json;
use crate::time::Millis;
use crate::torture::case::{Happening, Lag};
use crate::torture::judge::By;

/// The end of something.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Back {
    Node(usize),
    Started(usize),
    Thawed(usize),
    Api,
    Policy,
    /// A change of the workload that the API server could not take.
    Scale(u32),
    Rollout(u32),
}

impl Plane<'_> {
    pub(super) fn happen(&mut self, ix: usize) {
        let Some(event) = self.case.events.get(ix) else {
            return;
        };
        let happening = event.happening.clone();
        let gated = self.store.pods().filter(|pod| pod.gated).count();
        self.tally.happened(gated, &happening);
        self.tell(|| format!("{happening:?}"));
        let index = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        match happening {
            Happening::Scale { replicas } => self.set_workload(Some(replicas), None),
            Happening::Rollout { template } => self.set_workload(None, Some(template)),
            Happening::LoseNode { node, back_after } => {
                if self.lose_node(index(node)) {
                    self.after(Millis(back_after), Event::Back(Back::Node(index(node))));
                }
            }
            Happening::DeletePods { count } => {
                for pod in self.some_pods(count, |pod| !pod.terminating) {
                    self.delete_pod(&pod, &By::User);
                }
            }
            Happening::EditGated { count } => {
                for pod in self.some_pods(count, |pod| pod.gated) {
                    self.edit(&pod);
                }
            }
            Happening::Crash { sidecar, back_after } => {
                if self.kill_sidecar(index(sidecar)) {
                    self.after(Millis(back_after), Event::Back(Back::Started(index(sidecar))));
                }
            }
            Happening::Stop { sidecar, back_after } => {
                if self.stop_sidecar(index(sidecar)) {
                    self.after(Millis(back_after), Event::Back(Back::Started(index(sidecar))));
                }
            }
            Happening::Freeze { sidecar, back_after } => {
                if self.freeze_sidecar(index(sidecar)) {
                    self.after(Millis(back_after), Event::Back(Back::Thawed(index(sidecar))));
                }
            }
            Happening::RestartApi { back_after } => {
                if !self.api.is_down {
                    self.stop_api();
                    self.after(Millis(back_after), Event::Back(Back::Api));
                }
            }
            Happening::PolicyDown { back_after } => {
                self.policy_down += 1;
                self.after(Millis(back_after), Event::Back(Back::Policy));
            }
        }
    }

    pub(super) fn back(&mut self, back: Back) {
        self.stirred = self.now;
        self.tell(|| format!("{back:?}"));
        match back {
            Back::Node(ix) => self.return_node(ix),
            // Who is still finishing is waited for.
            Back::Started(ix) if self.sidecars.get(ix).is_some_and(Sidecar::is_ending) => {
                self.after(Millis(500), Event::Back(back));
            }
            Back::Started(ix) => self.start_sidecar(ix),
            Back::Thawed(ix) => self.thaw_sidecar(ix),
            Back::Api => self.api.is_down = false,
            Back::Scale(replicas) => self.set_workload(Some(replicas), None),
            Back::Rollout(template) => self.set_workload(None, Some(template)),
            Back::Policy => self.policy_down = self.policy_down.saturating_sub(1),
        }
    }

    fn set_workload(&mut self, replicas: Option<u32>, template: Option<u32>) {
        if self.api.is_down {
            // Whoever asks, asks again.
            let wait = Millis(500);
            let retry = replicas.map(Back::Scale).or(template.map(Back::Rollout));
            if let Some(retry) = retry {
                self.after(wait, Event::Back(retry));
            }
            return;
        }
        let version = self.store.next_version();
        match self.workload().cloned() {
            Some(Object::Deployment(old)) => {
                let new = Deployment {
                    version,
                    replicas: replicas.unwrap_or(old.replicas),
                    template: template.unwrap_or(old.template),
                    ..old.as_ref().clone()
                };
                self.judge.replicas(version, self.now, new.replicas);
                self.put(Object::Deployment(Rc::new(new)));
            }
            Some(Object::Job(old)) => {
                let parallelism = replicas.unwrap_or(old.parallelism);
                self.judge.replicas(version, self.now, parallelism);
                self.put(Object::Job(Rc::new(Job {
                    version,
                    parallelism,
                    ..old.as_ref().clone()
                })));
            }
            _ => {}
        }
    }

    fn some_pods(&mut self, count: u32, is_meant: impl Fn(&Pod) -> bool) -> Vec<Rc<Pod>> {
        let mut pods: Vec<Rc<Pod>> = self.store.pods().filter(|pod| is_meant(pod)).cloned().collect();
        self.chance.users.shuffle(&mut pods);
        pods.truncate(usize::try_from(count).unwrap_or(0));
        pods
    }

    /// Somebody else changes a list that a bind changes too.
    fn edit(&mut self, pod: &Pod) {
        let mut tolerations = json::list(&pod.value, &["spec", "tolerations"]).to_vec();
        tolerations.push(json!({"key": "edited", "operator": "Exists"}));
        self.change_pod(pod.origin.number, &By::User, |value, _| {
            json::put(value, &["spec", "tolerations"], json!(tolerations));
            json::put(value, &["metadata", "annotations", "edited"], json!("yes"));
        });
    }

    /// Every watch breaks, and lists anew once the API server is back.
    fn stop_api(&mut self) {
        self.api.is_down = true;
        self.api.life += 1;
        for ix in 0..self.watches.len() {
            let wait = Lag {
                millis: 100,
                jitter: 1000,
            };
            let wait = Millis(wait.millis + self.chance.routes.below(wait.jitter));
            let Some(watch) = self.watches.get_mut(ix) else {
                continue;
            };
            if watch.open {
                watch.break_off();
                self.list_after(ix, wait);
            }
        }
    }
}
