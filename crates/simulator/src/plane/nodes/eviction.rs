//! The eviction API: a pod goes only if its PodDisruptionBudget allows it. Who deletes pods outright asks no budget:
//! controllers, taints, a node that is gone.

use std::collections::BTreeSet;
use std::rc::Rc;

use reconcile_core::PodRef;

use crate::disruption::{DisruptionBudget, Evicted, Eviction, Guarded};
use crate::json;
use crate::plane::Plane;
use crate::plane::objects::Pod;
use crate::plane::observer::By;
use crate::plane::requests::{Answered, Refused};
use crate::plane::sabotage::Sabotage;
use crate::scheduling::Labels;

impl Plane<'_> {
    /// Evicts a pod, or is refused.
    pub(super) fn evict(&mut self, pod: &Pod, by: &By) -> bool {
        let is_allowed = self.may_evict(pod);
        self.observer.evicted(self.now, pod, is_allowed);
        self.tell(|| {
            let word = if is_allowed { "evicted" } else { "not evicted" };
            format!("{word}: {}", pod.describe())
        });
        if is_allowed {
            self.delete_pod(pod, by);
        }
        is_allowed
    }

    /// Evicts a pod for a sidecar, if it still is the version that was looked at.
    pub(in crate::plane) fn evict_as_asked(
        &mut self,
        pod: &PodRef,
        version: Option<u64>,
        by: &By,
    ) -> Answered {
        let Some(stored) = self.store.meant(pod).cloned() else {
            return Err(Refused::gone());
        };
        if version.is_some() && version != stored.record.version {
            return Err(Refused::new(409, "the version in the precondition is another"));
        }
        if self.sabotage == Sabotage::NoBudget {
            self.delete_pod(&stored, by);
        } else if !self.evict(&stored, by) {
            let why = "Cannot evict pod as it would violate the pod's disruption budget.";
            return Err(Refused::new(429, why));
        }
        if let By::Sidecar { landed, .. } = by {
            self.tally.landed(landed);
        }
        Ok(None)
    }

    /// Whether a pod may be evicted now.
    pub(super) fn may_evict(&self, pod: &Pod) -> bool {
        let labels = labels_of(pod);
        let budgets = self.setup.budgets.iter();
        let mut about = budgets.filter(|budget| budget.selects(&pod.namespace, &labels));
        match (about.next(), about.next()) {
            _ if pod.finished => true,
            (None, _) => true,
            (Some(budget), None) => self.allows(budget, pod),
            // The API server does not know which one to count: an error, whatever they allow.
            (Some(_), Some(_)) => false,
        }
    }

    /// The status is taken anew, as if the disruption controller had just looked.
    fn allows(&self, budget: &DisruptionBudget, pod: &Pod) -> bool {
        let selected: Vec<&Rc<Pod>> = self
            .store
            .pods()
            .filter(|other| !other.finished && budget.selects(&other.namespace, &labels_of(other)))
            .collect();
        let guarded = selected.iter().map(|pod| Guarded {
            is_ready: pod.ready_since.is_some(),
            is_leaving: pod.terminating,
        });
        let workloads: BTreeSet<usize> = selected.iter().map(|pod| pod.origin.maker.workload()).collect();
        let scale = workloads.iter().map(|workload| self.replicas_of(*workload)).sum();
        let status = budget.status(guarded, scale);
        let evicted = Evicted {
            phase: pod.phase,
            is_ready: pod.ready_since.is_some(),
            is_terminating: pod.terminating,
        };
        budget.may_evict(status, evicted) != Eviction::Refused
    }
}

fn labels_of(pod: &Pod) -> Labels {
    let labels = json::at(&pod.value, &["metadata", "labels"]).and_then(serde_json::Value::as_object);
    let labels = labels.into_iter().flatten();
    labels
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}
