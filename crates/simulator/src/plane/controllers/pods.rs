//! How a controller makes pods, in batches that double, and gives them up, in order; it does nothing more until it has
//! seen what it asked for.

use std::collections::BTreeMap;
use std::rc::Rc;

use rules::names::CONTROLLER_REVISION_HASH;
use serde_json::Value;

use super::{EXPECTATIONS_EXPIRE, Sync};
use crate::json;
use crate::plane::objects::Pod;
use crate::plane::pod_template::{Controller, new_pod};
use crate::plane::{Event, Plane};
use crate::ranking::{Ranked, in_deletion_order};
use crate::replicaset::{BURST, Expectations, Progress, SlowStart};
use crate::time::Millis;

impl Plane<'_> {
    pub(in crate::plane) fn create(&mut self, what: &Sync, missing: usize) {
        let total = missing.min(BURST);
        let work = self.controllers.work.entry(*what).or_default();
        work.creations = Expectations::default();
        work.creations.expect(total);
        let mut batches = SlowStart::new(total);
        let progress = batches.begin();
        work.batches = Some(batches);
        self.expect_until(what);
        self.go_on(what, progress);
    }

    pub(in crate::plane) fn go_on(&mut self, what: &Sync, progress: Progress) {
        let now = self.now;
        let Some(work) = self.controllers.work.get_mut(what) else {
            return;
        };
        match progress {
            Progress::Waiting => {}
            Progress::Next(calls) => {
                for _ in 0..calls {
                    let slot = self.controllers.limiter.slot(now);
                    self.queue.push(slot + Millis(1), Event::Create(*what, None));
                }
            }
            Progress::Done => {
                work.batches = None;
                work.failed_syncs = 0;
                self.queue_sync(*what);
            }
            Progress::Aborted(unasked) => {
                work.batches = None;
                work.creations.lower(unasked);
                let wait = Millis((5_u64 << work.failed_syncs.min(18)).min(60_000));
                work.failed_syncs += 1;
                self.after(wait, Event::Sync(*what));
            }
        }
    }

    /// The API server answered a creation.
    pub(in crate::plane) fn created(&mut self, what: &Sync, is_created: bool) {
        let Some(work) = self.controllers.work.get_mut(what) else {
            return;
        };
        if !is_created {
            work.creations.lower(1);
        }
        if let Some(batches) = &mut work.batches {
            let progress = batches.answered(is_created);
            self.go_on(what, progress);
        }
    }

    /// Asks for the pods of these ordinals.
    pub(super) fn create_ordinals(&mut self, what: &Sync, ordinals: &[u32], count: usize) {
        let work = self.controllers.work.entry(*what).or_default();
        work.creations = Expectations::default();
        work.creations.expect(count);
        self.expect_until(what);
        let now = self.now;
        for ordinal in ordinals {
            let slot = self.controllers.limiter.slot(now);
            let event = Event::Create(*what, Some(*ordinal));
            self.queue.push(slot + Millis(1), event);
        }
    }

    /// The pod that a controller asks for; `None`: its owner is no more.
    pub(in crate::plane) fn asked_for(&self, what: &Sync, ordinal: Option<u32>) -> Option<Value> {
        let workload = self.setup.workloads.get(what.maker().workload())?;
        let (number, kind, name, uid) = match what {
            Sync::Set { workload, template } => {
                let set = self.controllers.sets.get(&(*workload, *template))?;
                (*template, "ReplicaSet", set.name.as_str(), set.uid.as_str())
            }
            Sync::StatefulSet(workload) => {
                let set = self.controllers.stateful_sets.get(workload)?;
                let (template, _) = self.revision_for(set, ordinal?)?;
                (template, "StatefulSet", set.id.name.as_str(), set.uid.as_str())
            }
            Sync::Job(workload) => {
                let job = self.controllers.jobs.get(workload)?;
                (0, "Job", job.id.name.as_str(), job.uid.as_str())
            }
            Sync::Deployment(_) => return None,
        };
        let template = self.template(what.maker().workload(), number)?;
        let by = Controller {
            api_version: workload.kind.api_version(),
            kind,
            namespace: &workload.id.namespace,
            name,
            uid,
        };
        let mut pod = new_pod(&template, &by);
        if let Some(ordinal) = ordinal {
            set_identity(&mut pod, name, ordinal, &template.hash);
        }
        Some(pod)
    }

    pub(in crate::plane) fn give_up(&mut self, what: &Sync, active: &[Rc<Pod>], surplus: usize) {
        let surplus = surplus.min(BURST);
        let mut pods: Vec<Rc<Pod>> = active.to_vec();
        // The controller's cache has no order, and its sort is not stable.
        self.controllers.ties.shuffle(&mut pods);
        if surplus < pods.len() {
            let order = self.in_order(what.maker().workload(), &pods);
            pods = order.into_iter().filter_map(|ix| pods.get(ix).cloned()).collect();
        }
        let (removed, kept) = pods.split_at(surplus.min(pods.len()));
        if matches!(what, Sync::Set { .. }) {
            self.observer.scaled_in(self.now, removed, kept);
        }
        let now = self.now;
        let work = self.controllers.work.entry(*what).or_default();
        work.deletions = removed.iter().map(|pod| pod.origin.number).collect();
        work.deleting = removed.len();
        self.expect_until(what);
        for pod in removed {
            let slot = self.controllers.limiter.slot(now);
            let event = Event::Delete {
                owner: Some(*what),
                pod: pod.origin.number,
            };
            self.queue.push(slot + Millis(1), event);
        }
    }

    pub(in crate::plane) fn in_order(&self, workload: usize, pods: &[Rc<Pod>]) -> Vec<usize> {
        let mut on_node: BTreeMap<Option<&str>, usize> = BTreeMap::new();
        for pod in self.controllers.pods_of(workload).filter(|pod| pod.is_active()) {
            *on_node.entry(pod.node.as_deref()).or_default() += 1;
        }
        let ranked: Vec<Ranked<'_>> = pods
            .iter()
            .map(|pod| Ranked {
                uid: &pod.uid,
                node: pod.node.as_deref(),
                phase: pod.phase,
                ready_since: pod.ready_since,
                cost: pod.cost,
                rank: on_node.get(&pod.node.as_deref()).copied().unwrap_or_default(),
                restarts: 0,
                created: Millis(pod.origin.created.whole_seconds() * 1000),
            })
            .collect();
        in_deletion_order(&ranked, self.now)
    }

    /// The API server answered a deletion.
    pub(in crate::plane) fn deleted(&mut self, what: &Sync, pod: u64, is_done: bool) {
        let Some(work) = self.controllers.work.get_mut(what) else {
            return;
        };
        work.deleting = work.deleting.saturating_sub(1);
        if !is_done {
            work.deletions.remove(&pod);
        }
        if work.deleting == 0 {
            self.queue_sync(*what);
        }
    }

    pub(in crate::plane) fn is_idle(&self, owner: Sync) -> bool {
        let work = self.controllers.work.get(&owner);
        work.is_none_or(|work| work.batches.is_none() && work.deleting == 0)
    }

    pub(in crate::plane) fn is_expecting_nothing(&mut self, owner: Sync) -> bool {
        let Some(work) = self.controllers.work.get(&owner) else {
            return true;
        };
        if (work.creations.fulfilled() && work.deletions.is_empty()) || work.expires <= self.now {
            return true;
        }
        self.awaited = self.awaited.max(work.expires);
        false
    }

    /// Whatever was asked for is waited for so long.
    pub(in crate::plane) fn expect_until(&mut self, what: &Sync) {
        let expires = self.now + EXPECTATIONS_EXPIRE;
        if let Some(work) = self.controllers.work.get_mut(what) {
            work.expires = expires;
        }
        self.queue.push(expires, Event::Sync(*what));
    }
}

/// What a StatefulSet gives to the pod of an ordinal.
fn set_identity(pod: &mut Value, set: &str, ordinal: u32, hash: &str) {
    let name = format!("{set}-{ordinal}");
    json::put(pod, &["metadata", "name"], name.as_str().into());
    for (label, value) in [
        ("statefulset.kubernetes.io/pod-name", name),
        ("apps.kubernetes.io/pod-index", ordinal.to_string()),
        (CONTROLLER_REVISION_HASH, format!("{set}-{hash}")),
    ] {
        json::put(pod, &["metadata", "labels", label], value.into());
    }
}
