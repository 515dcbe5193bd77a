//! The controller manager: it sees the cluster through watches of its own, late as any.

mod deployment;
mod pods;
mod rollout;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::Value;

use super::objects::{Deployment, Job, Maker, Object, Pod, ReplicaSet, SetStatus};
use super::store::Change;
use super::{Event, Plane};
use crate::random::Random;
use crate::replicaset::{Expectations, SlowStart};
use crate::time::Millis;
use crate::torture::case::WorkloadCase;

/// What the controllers know and are about.
#[derive(Debug)]
pub(crate) struct Controllers {
    pods: BTreeMap<u64, Rc<Pod>>,
    sets: BTreeMap<u32, Rc<ReplicaSet>>,
    deployment: Option<Rc<Deployment>>,
    job: Option<Rc<Job>>,
    /// By what owns the pods.
    work: BTreeMap<Sync, Work>,
    templates: BTreeMap<u32, Rc<Value>>,
    queued: BTreeSet<Sync>,
    limiter: Limiter,
    ties: Random,
}

/// What is to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sync {
    Deployment,
    /// The ReplicaSet of a template.
    Set(u32),
    Job,
}

/// What a controller is doing for one owner of pods.
#[derive(Debug, Default)]
struct Work {
    batches: Option<SlowStart>,
    deleting: usize,
    creations: Expectations,
    deletions: BTreeSet<u64>,
    /// When the watch must have shown what was asked for; then it is no more waited for.
    expires: Millis,
    failed_syncs: u32,
}

/// A pod that came and went while a watch was broken is never seen.
const EXPECTATIONS_EXPIRE: Millis = Millis(300_000);

#[derive(Debug)]
struct Limiter {
    micros_each: u64,
    free_at: u64,
}

impl Limiter {
    fn slot(&mut self, now: Millis) -> Millis {
        let slot = self.free_at.max(now.0 * 1000);
        self.free_at = slot + self.micros_each;
        Millis(slot / 1000)
    }
}

impl Controllers {
    pub(crate) fn new(writes_per_second: u32, ties: Random) -> Self {
        Self {
            pods: BTreeMap::new(),
            sets: BTreeMap::new(),
            deployment: None,
            job: None,
            work: BTreeMap::new(),
            templates: BTreeMap::new(),
            queued: BTreeSet::new(),
            limiter: Limiter {
                micros_each: 1_000_000 / u64::from(writes_per_second.max(1)),
                free_at: 0,
            },
            ties,
        }
    }

    fn made_by(&self, maker: Maker) -> Vec<Rc<Pod>> {
        let made = self.pods.values().filter(|pod| pod.origin.maker == maker);
        made.cloned().collect()
    }

    /// What owns a pod, as far as the controllers know of it.
    fn owner_of(&self, pod: &Pod) -> Option<Sync> {
        match pod.origin.maker {
            Maker::Set(template) => self.sets.contains_key(&template).then_some(Sync::Set(template)),
            Maker::Job => Some(Sync::Job),
        }
    }
}

impl Plane<'_> {
    pub(super) fn shown_to_controllers(&mut self, change: Change) {
        match change {
            Change::Stored(Object::Pod(pod)) => self.pod_seen(pod),
            Change::Gone(Object::Pod(pod)) => {
                self.controllers.pods.remove(&pod.origin.number);
                self.deletion_seen(&pod);
            }
            Change::Stored(Object::ReplicaSet(set)) => {
                let template = set.template;
                self.controllers.sets.insert(template, set);
                self.queue_sync(Sync::Deployment);
                self.queue_sync(Sync::Set(template));
            }
            Change::Stored(Object::Deployment(deployment)) => {
                self.controllers.deployment = Some(deployment);
                self.queue_sync(Sync::Deployment);
            }
            Change::Stored(Object::Job(job)) => {
                self.controllers.job = Some(job);
                self.queue_sync(Sync::Job);
            }
            _ => {}
        }
    }

    fn pod_seen(&mut self, pod: Rc<Pod>) {
        let before = self.controllers.pods.insert(pod.origin.number, Rc::clone(&pod));
        let Some(owner) = self.controllers.owner_of(&pod) else {
            return;
        };
        if before.is_none()
            && let Some(work) = self.controllers.work.get_mut(&owner)
        {
            work.creations.lower(1);
        }
        if pod.terminating {
            self.deletion_seen(&pod);
        }
        self.queue_sync(owner);
    }

    fn deletion_seen(&mut self, pod: &Pod) {
        let Some(owner) = self.controllers.owner_of(pod) else {
            return;
        };
        if let Some(work) = self.controllers.work.get_mut(&owner) {
            work.deletions.remove(&pod.origin.number);
        }
        self.queue_sync(owner);
    }

    pub(super) fn queue_sync(&mut self, what: Sync) {
        if self.controllers.queued.insert(what) {
            self.queue.push(self.now, Event::Sync(what));
        }
    }

    pub(super) fn sync(&mut self, what: Sync) {
        self.controllers.queued.remove(&what);
        if self.api.is_down {
            self.after(Millis(1000), Event::Sync(what));
            return;
        }
        match what {
            Sync::Deployment => self.sync_deployment(),
            Sync::Set(template) => self.sync_set(template),
            Sync::Job => self.sync_job(),
        }
    }

    fn sync_set(&mut self, template: u32) {
        let what = Sync::Set(template);
        let Some(set) = self.controllers.sets.get(&template).cloned() else {
            return;
        };
        if !self.is_idle(what) {
            return;
        }
        let pods = self.controllers.made_by(Maker::Set(template));
        let active: Vec<Rc<Pod>> = pods.into_iter().filter(|pod| pod.is_active()).collect();
        let count = |pods: usize| u32::try_from(pods).unwrap_or(u32::MAX);
        if self.is_expecting_nothing(what) {
            let wanted = usize::try_from(set.replicas).unwrap_or(0);
            if active.len() < wanted {
                self.create(&what, wanted - active.len());
            } else if active.len() > wanted {
                self.give_up(&what, &active, active.len() - wanted);
            }
        }
        let available = active.iter().filter(|pod| pod.ready_since.is_some()).count();
        let status = SetStatus {
            replicas: count(active.len()),
            available: count(available),
        };
        if status != set.status {
            self.put_set(ReplicaSet {
                status,
                ..set.as_ref().clone()
            });
        }
    }

    fn sync_job(&mut self) {
        let Some(job) = self.controllers.job.clone() else {
            return;
        };
        let WorkloadCase::Job {
            completions,
            backoff_limit,
            ..
        } = self.case.workload
        else {
            return;
        };
        if job.ended || !self.is_idle(Sync::Job) {
            return;
        }
        let pods = self.controllers.made_by(Maker::Job);
        let succeeded = pods.iter().filter(|pod| pod.finished && !pod.failed).count();
        let failed = self.judge.job_failures();
        let active: Vec<Rc<Pod>> = pods.iter().filter(|pod| pod.is_active()).cloned().collect();
        if succeeded >= usize::try_from(completions).unwrap_or(usize::MAX) || failed > backoff_limit {
            let version = self.store.next_version();
            self.put(Object::Job(Rc::new(Job {
                ended: true,
                version,
                ..job.as_ref().clone()
            })));
            self.give_up(&Sync::Job, &active, active.len());
            return;
        }
        if !self.is_expecting_nothing(Sync::Job) {
            return;
        }
        let left = usize::try_from(completions)
            .unwrap_or(0)
            .saturating_sub(succeeded);
        let wanted = usize::try_from(job.parallelism).unwrap_or(0).min(left);
        if active.len() < wanted {
            self.create(&Sync::Job, wanted - active.len());
        } else if active.len() > wanted {
            self.give_up(&Sync::Job, &active, active.len() - wanted);
        }
    }
}
