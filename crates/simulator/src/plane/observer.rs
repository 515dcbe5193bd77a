//! Who looks at a run: a judge that finds what must never be, a recorder that draws pictures of it.

use std::rc::Rc;

use reconcile_core::{SpreadId, WhyMoved};

use super::objects::Pod;
use super::setup::Happening;
use super::store::Store;
use crate::load::Step;
use crate::time::Millis;

/// Who writes to a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// A controller, through the policy; `served`: the replica that decided knew of a binder.
    Created { served: bool },
    /// A sidecar, as the leader of an epoch, who knew the workload at a version.
    Sidecar { epoch: u64, known: u64, landed: Landed },
    /// The scheduler, a kubelet, the garbage collector.
    Cluster,
    /// The controller that owns the pod.
    Controller,
    /// The CronJob that opens gates while nobody leads.
    CronJob,
    /// Somebody.
    User,
}

/// What a sidecar's write was meant to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Landed {
    Bound(String),
    Released,
    Adopted,
    Cost,
    /// Given another subset as it stands.
    Moved(String),
    Deleted,
    /// Deleted, so that its controller makes another; with the version that the delete named.
    Recreated(Option<u64>),
    /// Evicted, so that its controller makes another, which goes to the subset at this place.
    Evicted {
        to: usize,
        why: WhyMoved,
    },
}

/// A plan of a sidecar that binds pods.
pub(crate) struct Chosen<'a> {
    /// For whose sake.
    pub(crate) spread: &'a SpreadId,
    /// The subsets that pods are bound to, in this order.
    pub(crate) binds: &'a [usize],
    /// The uids of these pods.
    pub(crate) pods: &'a [&'a str],
    /// How many binds to each subset are on their way.
    pub(crate) pending: &'a [u32],
    /// How late whoever plans can know of something.
    pub(crate) late: Millis,
}

/// Is told of everything that matters in a run. What is not listened to is passed over.
pub(crate) trait Observer {
    /// Something is about to happen to the cluster.
    fn happens(&mut self, _now: Millis, _store: &Store, _happening: &Happening) {}

    /// Nothing happens between two events.
    fn passes(&mut self, _now: Millis, _next: Millis) {}

    /// The admission is asked about a pod.
    fn admitted(&mut self) {}

    /// A workload asks for so many from this version of it on.
    fn replicas(&mut self, _workload: usize, _version: u64, _now: Millis, _replicas: u32) {}

    /// A pod was written; `new`: `None` where it is gone.
    fn pod(&mut self, _now: Millis, _store: &Store, _old: Option<&Pod>, _new: Option<&Pod>, _by: &By) {}

    /// A pod is about to be deleted.
    fn deleted(&mut self, _now: Millis, _pod: &Pod, _by: &By) {}

    /// Somebody asks to evict a pod, and may or may not.
    fn evicted(&mut self, _now: Millis, _pod: &Pod, _is_allowed: bool) {}

    /// A controller that ranks its pods gives some up.
    fn scaled_in(&mut self, _now: Millis, _removed: &[Rc<Pod>], _kept: &[Rc<Pod>]) {}

    /// An autoscaler changes the replicas of a workload.
    fn autoscaled(&mut self, _now: Millis, _workload: usize, _from: u32, _to: u32, _reason: &str) {}

    /// A machine joins or leaves because the cluster autoscaler says so.
    fn node_changed(&mut self, _now: Millis, _node: &str, _what: &str) {}

    /// A second of the traffic of a workload.
    fn served(&mut self, _workload: usize, _step: &Step) {}

    /// The admission refused a pod or failed.
    fn refused(&mut self, _now: Millis, _reason: &str) {}

    /// The admission warned.
    fn warned(&mut self, _warning: &str) {}

    /// The admission called a host operation so often for one pod.
    fn host_called(&mut self, _operation: &str, _calls: u64) {}

    /// A patch does what no pod allows.
    fn forbidden(&mut self, _now: Millis, _pod: &Pod, _broken: &str) {}

    /// A sidecar wrote as the leader of an epoch.
    fn epoch(&mut self, _now: Millis, _epoch: u64, _what: &str) {}

    /// A plan was made; `is_idle`: it has no steps, and wants to be made again at once.
    fn planned(&mut self, _now: Millis, _is_idle: bool) {}

    /// A plan binds pods.
    fn chosen(&mut self, _now: Millis, _store: &Store, _chosen: &Chosen<'_>) {}

    /// Too many events, and still no rest.
    fn never_at_rest(&mut self, _now: Millis, _events: u64) {}

    /// Nothing moves any more; whether a sidecar leads.
    fn at_rest(&mut self, _now: Millis, _store: &Store, _leads: bool) {}

    /// Whether the run need not go on.
    fn is_broken(&self) -> bool {
        false
    }
}
