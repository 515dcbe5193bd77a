//! The controller manager: it sees the cluster through watches of its own, late as any.

mod deployment;
mod job;
mod owned;
mod pods;
mod replica_set;
mod rollout;
mod stateful_set;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::objects::{Deployment, Job, Maker, Object, Pod, ReplicaSet, StatefulSet};
use super::store::Change;
use super::{Event, Plane};
use crate::random::Random;
use crate::replicaset::{Expectations, SlowStart};
use crate::time::Millis;
use owned::Owned;

/// What the controllers know and are about.
#[derive(Debug)]
pub(crate) struct Controllers {
    /// The pods of each owner.
    pods: BTreeMap<Maker, Owned>,
    /// By workload and template.
    sets: BTreeMap<(usize, u32), Rc<ReplicaSet>>,
    deployments: BTreeMap<usize, Rc<Deployment>>,
    stateful_sets: BTreeMap<usize, Rc<StatefulSet>>,
    jobs: BTreeMap<usize, Rc<Job>>,
    /// By what owns the pods.
    work: BTreeMap<Sync, Work>,
    queued: BTreeSet<Sync>,
    limiter: Limiter,
    ties: Random,
}

/// What is to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sync {
    Deployment(usize),
    /// The ReplicaSet of a workload's template.
    Set {
        workload: usize,
        template: u32,
    },
    StatefulSet(usize),
    Job(usize),
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
    /// When its owner is looked at because a pod has been ready for long enough.
    looks: Millis,
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

impl Sync {
    /// The owner of the pods that are made for it.
    pub(crate) fn maker(self) -> Maker {
        match self {
            Self::Set { workload, template } => Maker::Set { workload, template },
            Self::Deployment(workload) | Self::StatefulSet(workload) | Self::Job(workload) => {
                Maker::Workload(workload)
            }
        }
    }
}

impl Controllers {
    pub(crate) fn new(writes_per_second: u32, ties: Random) -> Self {
        Self {
            pods: BTreeMap::new(),
            sets: BTreeMap::new(),
            deployments: BTreeMap::new(),
            stateful_sets: BTreeMap::new(),
            jobs: BTreeMap::new(),
            work: BTreeMap::new(),
            queued: BTreeSet::new(),
            limiter: Limiter {
                micros_each: 1_000_000 / u64::from(writes_per_second.max(1)),
                free_at: 0,
            },
            ties,
        }
    }

    /// What owns a pod, as far as the controllers know of it.
    fn owner_of(&self, pod: &Pod) -> Option<Sync> {
        match pod.origin.maker {
            Maker::Set { workload, template } => self
                .sets
                .contains_key(&(workload, template))
                .then_some(Sync::Set { workload, template }),
            Maker::Workload(workload) if self.stateful_sets.contains_key(&workload) => {
                Some(Sync::StatefulSet(workload))
            }
            Maker::Workload(workload) => Some(Sync::Job(workload)),
        }
    }

    fn owned(&self, maker: Maker) -> impl Iterator<Item = &Rc<Pod>> {
        self.pods.get(&maker).into_iter().flat_map(Owned::all)
    }

    /// The pods of a workload, all its revisions together.
    pub(super) fn pods_of(&self, workload: usize) -> impl Iterator<Item = &Rc<Pod>> {
        let sets = Maker::Set {
            workload,
            template: 0,
        }..=Maker::Set {
            workload,
            template: u32::MAX,
        };
        let own = Maker::Workload(workload)..=Maker::Workload(workload);
        self.pods
            .range(sets)
            .chain(self.pods.range(own))
            .flat_map(|(_, owned)| owned.all())
    }
}

impl Plane<'_> {
    pub(super) fn shown_to_controllers(&mut self, change: Change) {
        match change {
            Change::Stored(Object::Pod(pod)) => self.pod_seen(&pod),
            Change::Gone(Object::Pod(pod)) => {
                if let Some(owned) = self.controllers.pods.get_mut(&pod.origin.maker) {
                    owned.remove(pod.origin.number);
                }
                self.deletion_seen(&pod);
                self.old_pod_gone(pod.origin.maker.workload());
            }
            Change::Stored(Object::ReplicaSet(set)) => {
                let (workload, template) = (set.workload, set.template);
                self.controllers.sets.insert((workload, template), set);
                self.queue_sync(Sync::Deployment(workload));
                self.queue_sync(Sync::Set { workload, template });
            }
            Change::Stored(Object::Deployment(deployment)) => {
                let workload = deployment.workload;
                self.controllers.deployments.insert(workload, deployment);
                self.queue_sync(Sync::Deployment(workload));
            }
            Change::Stored(Object::StatefulSet(set)) => {
                let workload = set.workload;
                self.controllers.stateful_sets.insert(workload, set);
                self.queue_sync(Sync::StatefulSet(workload));
            }
            Change::Stored(Object::Job(job)) => {
                let workload = job.workload;
                self.controllers.jobs.insert(workload, job);
                self.queue_sync(Sync::Job(workload));
            }
            _ => {}
        }
    }

    fn pod_seen(&mut self, pod: &Rc<Pod>) {
        let owned = self.controllers.pods.entry(pod.origin.maker).or_default();
        let is_new = owned.insert(Rc::clone(pod));
        let Some(owner) = self.controllers.owner_of(pod) else {
            return;
        };
        if is_new && let Some(work) = self.controllers.work.get_mut(&owner) {
            work.creations.lower(1);
        }
        if pod.terminating {
            self.deletion_seen(pod);
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
            Sync::Deployment(workload) => self.sync_deployment(workload),
            Sync::Set { workload, template } => self.sync_set(workload, template),
            Sync::StatefulSet(workload) => self.sync_stateful_set(workload),
            Sync::Job(workload) => self.sync_job(workload),
        }
    }
}
