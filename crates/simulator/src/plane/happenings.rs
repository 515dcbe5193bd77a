//! What happens to the cluster while it is played, and how each of it ends.

use std::rc::Rc;

use serde_json::json;
use sidecar_core::watches;

use super::objects::{Deployment, Job, Kind, Object, Pod, StatefulSet};
use super::observer::By;
use super::setup::{Happening, Kind as WorkloadKind, Lag};
use super::sidecars::Sidecar;
use super::store::Viewer;
use super::{Event, Plane};
use crate::json;
use crate::time::Millis;

/// The end of something.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Back {
    Started(usize),
    Thawed(usize),
    Api,
    Policy,
    /// A change of a workload that the API server could not take.
    Change(Change),
}

/// What is changed of a workload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) workload: usize,
    pub(crate) replicas: Option<u32>,
    pub(crate) template: Option<u32>,
    pub(crate) is_paused: Option<bool>,
}

impl Change {
    /// Of a workload, as yet of nothing.
    fn of(workload: usize) -> Self {
        Self {
            workload,
            replicas: None,
            template: None,
            is_paused: None,
        }
    }
}

impl Plane<'_> {
    pub(super) fn happen(&mut self, ix: usize) {
        let Some((_, happening)) = self.setup.happenings.get(ix) else {
            return;
        };
        let gated = self.store.pods().filter(|pod| pod.gated).count();
        self.tally.happened(gated, happening);
        self.observer.happens(self.now, &self.store, happening);
        self.tell(|| format!("{happening:?}"));
        match *happening {
            Happening::Scale { workload, replicas } => self.scale(workload, replicas),
            Happening::Rollout { workload, template } => self.change_workload(Change {
                template: Some(template),
                ..Change::of(workload)
            }),
            Happening::Pause { workload, is_paused } => self.change_workload(Change {
                is_paused: Some(is_paused),
                ..Change::of(workload)
            }),
            Happening::LoseNode { node, back_after } => self.lose_node(node, back_after),
            Happening::FailNode { node, back_after } => self.fail_node(node, back_after),
            Happening::ReclaimNode {
                node,
                notice,
                back_after,
            } => self.reclaim_node(node, notice, back_after),
            Happening::DrainNode { node, back_after } => self.drain_for(node, back_after),
            Happening::DeletePods { workload, count } => {
                for pod in self.some_pods(workload, count, |pod| !pod.terminating) {
                    self.delete_pod(&pod, &By::User);
                }
            }
            Happening::EditGated { workload, count } => {
                for pod in self.some_pods(workload, count, |pod| pod.gated) {
                    self.edit(&pod);
                }
            }
            Happening::Crash { sidecar, back_after } => {
                if self.kill_sidecar(sidecar) {
                    self.after(back_after, Event::Back(Back::Started(sidecar)));
                }
            }
            Happening::Stop { sidecar, back_after } => {
                if self.stop_sidecar(sidecar) {
                    self.after(back_after, Event::Back(Back::Started(sidecar)));
                }
            }
            Happening::Freeze { sidecar, back_after } => {
                if self.freeze_sidecar(sidecar) {
                    self.after(back_after, Event::Back(Back::Thawed(sidecar)));
                }
            }
            Happening::RestartApi { back_after } => {
                if !self.api.is_down {
                    self.stop_api();
                    self.after(back_after, Event::Back(Back::Api));
                }
            }
            Happening::PolicyDown { back_after } => {
                self.policy_down += 1;
                self.after(back_after, Event::Back(Back::Policy));
            }
        }
    }

    pub(super) fn back(&mut self, back: Back) {
        self.stirred = self.now;
        self.tell(|| format!("{back:?}"));
        match back {
            // Who is still finishing is waited for.
            Back::Started(ix) if self.sidecars.get(ix).is_some_and(Sidecar::is_ending) => {
                self.after(Millis(500), Event::Back(back));
            }
            Back::Started(ix) => self.start_sidecar(ix),
            Back::Thawed(ix) => self.thaw_sidecar(ix),
            Back::Api => self.api.is_down = false,
            Back::Change(change) => self.change_workload(change),
            Back::Policy => self.policy_down = self.policy_down.saturating_sub(1),
        }
    }

    /// Sets the replicas of a workload, as whoever writes its scale does.
    pub(super) fn scale(&mut self, workload: usize, replicas: u32) {
        self.change_workload(Change {
            replicas: Some(replicas),
            ..Change::of(workload)
        });
    }

    fn change_workload(&mut self, change: Change) {
        if self.api.is_down {
            // Whoever asks, asks again.
            self.after(Millis(500), Event::Back(Back::Change(change)));
            return;
        }
        let Change {
            workload,
            replicas,
            template,
            is_paused,
        } = change;
        let Some(old) = self.workload(workload).cloned() else {
            return;
        };
        let version = self.store.next_version();
        if let Some(replicas) = replicas {
            self.observer.replicas(workload, version, self.now, replicas);
        }
        match old {
            Object::Deployment(old) => self.put(Object::Deployment(Rc::new(Deployment {
                version,
                replicas: replicas.unwrap_or(old.replicas),
                template: template.unwrap_or(old.template),
                is_paused: is_paused.unwrap_or(old.is_paused),
                ..old.as_ref().clone()
            }))),
            Object::StatefulSet(old) => self.put(Object::StatefulSet(Rc::new(StatefulSet {
                version,
                replicas: replicas.unwrap_or(old.replicas),
                template: template.unwrap_or(old.template),
                ..old.as_ref().clone()
            }))),
            Object::Job(old) => self.put(Object::Job(Rc::new(Job {
                version,
                parallelism: replicas.unwrap_or(old.parallelism),
                ..old.as_ref().clone()
            }))),
            _ => {}
        }
    }

    /// A workload as it is stored.
    pub(super) fn workload(&self, workload: usize) -> Option<&Object> {
        let kind = match self.setup.workloads.get(workload)?.kind {
            WorkloadKind::Deployment(_) => Kind::Deployment,
            WorkloadKind::StatefulSet(_) => Kind::StatefulSet,
            WorkloadKind::Job { .. } => Kind::Job,
        };
        self.store.of((kind, workload as u64))
    }

    fn some_pods(&mut self, workload: usize, count: u32, is_meant: impl Fn(&Pod) -> bool) -> Vec<Rc<Pod>> {
        let pods = self.store.pods();
        let mut pods: Vec<Rc<Pod>> = pods
            .filter(|pod| pod.origin.maker.workload() == workload && is_meant(pod))
            .cloned()
            .collect();
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
                let viewer = watch.viewer;
                self.list_after(ix, wait);
                if let Viewer::Sidecar(sidecar) = viewer
                    && !self.is_frozen(viewer)
                {
                    self.tell_of_watch(sidecar, ix, watches::Change::Broke);
                }
            }
        }
    }
}
