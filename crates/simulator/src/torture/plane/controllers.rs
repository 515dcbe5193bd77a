//! The controller manager: it sees the cluster through watches of its own, late as any.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::Value;

use super::objects::{self, Deployment, Job, Kind, Maker, Object, Pod, ReplicaSet, SetStatus};
use super::rollout::{Share, Wanted};
use super::store::Change;
use super::{Event, Plane};
use crate::random::Random;
use crate::ranking::{Ranked, in_deletion_order};
use crate::replicaset::{BURST, Expectations, Progress, SlowStart};
use crate::time::Millis;
use crate::torture::case::{WORKLOAD, WorkloadCase};

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

    fn sync_deployment(&mut self) {
        let Some(deployment) = self.controllers.deployment.clone() else {
            return;
        };
        let WorkloadCase::Deployment {
            max_surge,
            max_unavailable,
            ..
        } = &self.case.workload
        else {
            return;
        };
        let mut sets: Vec<Rc<ReplicaSet>> = self.controllers.sets.values().cloned().collect();
        sets.sort_by_key(|set| (set.created, set.name.clone()));
        let status = sets.iter().map(|set| set.status.replicas).sum();
        let wanted = Wanted::new(deployment.replicas, max_surge, max_unavailable, status);
        if deployment.status_replicas != status {
            self.put_deployment(Deployment {
                status_replicas: status,
                ..deployment.as_ref().clone()
            });
        }
        let newest = sets.iter().map(|set| set.ordinal).max().unwrap_or(0);
        let Some(new) = sets.iter().find(|set| set.template == deployment.template) else {
            self.new_set(&deployment, &sets, wanted, newest + 1);
            return;
        };
        let share = |set: &Rc<ReplicaSet>| Share {
            is_new: set.template == deployment.template,
            replicas: set.replicas,
            available: set.status.available,
            desired: set.desired,
            max: set.max,
        };
        let shares: Vec<Share> = sets.iter().map(share).collect();
        let ordinal_of_new = if new.ordinal == newest { newest } else { newest + 1 };
        if wanted.is_scaling(&shares) {
            let sizes = wanted.scaled(&shares);
            for (set, size) in sets.iter().zip(sizes) {
                self.resize(set, size, wanted, set.ordinal);
            }
            return;
        }
        let size = wanted.of_new(&shares).unwrap_or(0);
        if size != new.replicas || new.ordinal != ordinal_of_new || new.desired != wanted.replicas {
            self.resize(new, size, wanted, ordinal_of_new);
            return;
        }
        for (set, size) in sets.iter().zip(wanted.of_old(&shares)) {
            if set.name != new.name && size != set.replicas {
                self.resize(set, size, wanted, set.ordinal);
            }
        }
    }

    fn new_set(&mut self, deployment: &Deployment, sets: &[Rc<ReplicaSet>], wanted: Wanted, ordinal: u64) {
        let (template, hash) = objects::template(deployment.template, "ReplicaSet");
        let name = format!("{WORKLOAD}-{hash}");
        if self
            .store
            .of((Kind::ReplicaSet, u64::from(deployment.template)))
            .is_some()
        {
            return;
        }
        let mut shares: Vec<Share> = sets
            .iter()
            .map(|set| Share {
                is_new: false,
                replicas: set.replicas,
                available: set.status.available,
                desired: set.desired,
                max: set.max,
            })
            .collect();
        shares.push(Share {
            is_new: true,
            replicas: 0,
            available: 0,
            desired: wanted.replicas,
            max: 0,
        });
        let set = ReplicaSet {
            uid: self.chance.uids.uuid(),
            version: self.store.next_version(),
            owner: deployment.uid.clone(),
            created: self.now,
            template: deployment.template,
            hash,
            ordinal,
            replicas: wanted.of_new(&shares).unwrap_or(0),
            desired: wanted.replicas,
            max: wanted.replicas + wanted.surge,
            status: SetStatus::default(),
            name,
        };
        self.controllers.templates.insert(set.template, Rc::new(template));
        self.put(Object::ReplicaSet(Rc::new(set)));
    }

    /// Writes what the controller saw last: refused by the API server if it is not the newest.
    fn resize(&mut self, set: &ReplicaSet, size: u32, wanted: Wanted, ordinal: u64) {
        let new = ReplicaSet {
            replicas: size,
            desired: wanted.replicas,
            max: wanted.replicas + wanted.surge,
            ordinal,
            ..set.clone()
        };
        if new != *set {
            self.put_set(new);
        }
    }

    fn put_set(&mut self, mut set: ReplicaSet) {
        let stored = self.store.of((Kind::ReplicaSet, u64::from(set.template)));
        if !matches!(stored, Some(Object::ReplicaSet(stored)) if stored.version == set.version) {
            return;
        }
        set.version = self.store.next_version();
        self.put(Object::ReplicaSet(Rc::new(set)));
    }

    fn put_deployment(&mut self, mut deployment: Deployment) {
        let stored = self.store.of((Kind::Deployment, 0));
        if !matches!(stored, Some(Object::Deployment(stored)) if stored.version == deployment.version) {
            return;
        }
        deployment.version = self.store.next_version();
        self.put(Object::Deployment(Rc::new(deployment)));
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

    fn is_idle(&self, owner: Sync) -> bool {
        let work = self.controllers.work.get(&owner);
        work.is_none_or(|work| work.batches.is_none() && work.deleting == 0)
    }

    fn is_expecting_nothing(&mut self, owner: Sync) -> bool {
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
    fn expect_until(&mut self, what: &Sync) {
        let expires = self.now + EXPECTATIONS_EXPIRE;
        if let Some(work) = self.controllers.work.get_mut(what) {
            work.expires = expires;
        }
        self.queue.push(expires, Event::Sync(*what));
    }

    fn create(&mut self, what: &Sync, missing: usize) {
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

    fn go_on(&mut self, what: &Sync, progress: Progress) {
        let now = self.now;
        let Some(work) = self.controllers.work.get_mut(what) else {
            return;
        };
        match progress {
            Progress::Waiting => {}
            Progress::Next(calls) => {
                for _ in 0..calls {
                    let slot = self.controllers.limiter.slot(now);
                    self.queue.push(slot + Millis(1), Event::Create(*what));
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
    pub(super) fn created(&mut self, what: &Sync, is_created: bool) {
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

    /// The pod that a controller asks for; `None`: its owner is no more.
    pub(super) fn asked_for(&self, what: &Sync) -> Option<Value> {
        match what {
            Sync::Set(template) => {
                let set = self.controllers.sets.get(template)?;
                let template = self.controllers.templates.get(template)?;
                Some(objects::new_pod(
                    template,
                    "apps/v1",
                    "ReplicaSet",
                    &set.name,
                    &set.uid,
                ))
            }
            Sync::Job => {
                let uid = &self.controllers.job.as_ref()?.uid;
                let (template, _) = objects::template(0, "Job");
                Some(objects::new_pod(&template, "batch/v1", "Job", WORKLOAD, uid))
            }
            Sync::Deployment => None,
        }
    }

    fn give_up(&mut self, what: &Sync, active: &[Rc<Pod>], surplus: usize) {
        let surplus = surplus.min(BURST);
        let mut pods: Vec<Rc<Pod>> = active.to_vec();
        // The controller's cache has no order, and its sort is not stable.
        self.controllers.ties.shuffle(&mut pods);
        if surplus < pods.len() {
            let order = self.in_order(&pods);
            pods = order.into_iter().filter_map(|ix| pods.get(ix).cloned()).collect();
        }
        let (removed, kept) = pods.split_at(surplus.min(pods.len()));
        if matches!(what, Sync::Set(_)) {
            self.judge.scaled_in(self.now, removed, kept);
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

    fn in_order(&self, pods: &[Rc<Pod>]) -> Vec<usize> {
        let mut on_node: BTreeMap<Option<&str>, usize> = BTreeMap::new();
        for pod in self.controllers.pods.values().filter(|pod| pod.is_active()) {
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
    pub(super) fn deleted(&mut self, what: &Sync, pod: u64, is_done: bool) {
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
}
