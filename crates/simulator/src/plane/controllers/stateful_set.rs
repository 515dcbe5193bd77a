//! The StatefulSet controller: `updateStatefulSet` of pkg/controller/statefulset. One pod for each ordinal, made upwards and
//! given up downwards, one at a time unless its pods are managed in parallel; a rollout replaces the highest ordinal first,
//! one at a time, down to the partition.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::Sync;
use crate::plane::Plane;
use crate::plane::objects::{Kind, Object, Pod, StatefulSet};
use crate::plane::setup::Update;
use crate::time::Millis;

/// The pods of a StatefulSet by their ordinals, and what its controller looks at.
struct Seen {
    set: Rc<StatefulSet>,
    pods: BTreeMap<u32, Rc<Pod>>,
    now: Millis,
}

/// What the controller does next.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Create(Vec<u32>),
    Delete(Vec<u32>),
    /// Something must be ready, or gone, first.
    Wait,
    Rest,
}

impl Seen {
    fn is_parallel(&self) -> bool {
        self.set.kind.is_parallel
    }

    fn wanted(&self) -> core::ops::Range<u32> {
        let first = self.set.kind.first_ordinal;
        first..first.saturating_add(self.set.replicas)
    }

    fn is_available(&self, pod: &Pod) -> bool {
        let since = pod.available_since(self.set.kind.min_ready);
        pod.is_active() && since.is_some_and(|since| since <= self.now)
    }

    fn next(&self, update_revision: &str) -> Next {
        match self.replicas_next() {
            Next::Rest => {}
            next => return next,
        }
        match self.condemned_next() {
            Next::Rest => self.update_next(update_revision),
            next => next,
        }
    }

    /// Every ordinal has a pod that is available, or in parallel: has a pod.
    fn replicas_next(&self) -> Next {
        let finished: Vec<u32> = self
            .wanted()
            .filter(|ordinal| self.pod(*ordinal).is_some_and(|pod| pod.finished))
            .collect();
        let missing: Vec<u32> = self
            .wanted()
            .filter(|ordinal| self.pod(*ordinal).is_none())
            .collect();
        if self.is_parallel() {
            return match (finished.is_empty(), missing.is_empty()) {
                (false, _) => Next::Delete(finished),
                (true, false) => Next::Create(missing),
                (true, true) => Next::Rest,
            };
        }
        for ordinal in self.wanted() {
            match self.pod(ordinal) {
                None => return Next::Create(vec![ordinal]),
                Some(pod) if pod.finished => return Next::Delete(vec![ordinal]),
                Some(pod) if !self.is_available(pod) => return Next::Wait,
                Some(_) => {}
            }
        }
        Next::Rest
    }

    /// Pods beyond the replicas go, the highest first; in order, none goes while another is not available.
    fn condemned_next(&self) -> Next {
        let wanted = self.wanted();
        let condemned: Vec<(&u32, &Rc<Pod>)> = self
            .pods
            .iter()
            .rev()
            .filter(|(ordinal, _)| !wanted.contains(ordinal))
            .collect();
        if self.is_parallel() {
            let going = condemned.iter().filter(|(_, pod)| !pod.terminating);
            let going: Vec<u32> = going.map(|(ordinal, _)| **ordinal).collect();
            return if going.is_empty() {
                Next::Rest
            } else {
                Next::Delete(going)
            };
        }
        let first_unhealthy = self.pods.values().find(|pod| !self.is_available(pod));
        match condemned.first() {
            None => Next::Rest,
            Some((_, pod)) if pod.terminating => Next::Wait,
            Some((ordinal, pod)) => {
                let is_first = first_unhealthy.is_some_and(|first| first.uid == pod.uid);
                if self.is_available(pod) || is_first {
                    Next::Delete(vec![**ordinal])
                } else {
                    Next::Wait
                }
            }
        }
    }

    fn update_next(&self, update_revision: &str) -> Next {
        let Update::Rolling { partition } = self.set.kind.update else {
            return Next::Rest;
        };
        let first = self.set.kind.first_ordinal.saturating_add(partition);
        for ordinal in self.wanted().rev().take_while(|ordinal| *ordinal >= first) {
            match self.pod(ordinal) {
                Some(pod) if pod.revision.as_deref() != Some(update_revision) && !pod.terminating => {
                    return Next::Delete(vec![ordinal]);
                }
                Some(pod) if self.is_available(pod) => {}
                _ => return Next::Wait,
            }
        }
        Next::Rest
    }

    fn pod(&self, ordinal: u32) -> Option<&Rc<Pod>> {
        self.pods.get(&ordinal)
    }

    /// Whether all pods are those of the last rollout.
    fn is_updated(&self, update_revision: &str) -> bool {
        let updated =
            |pod: &Rc<Pod>| self.is_available(pod) && pod.revision.as_deref() == Some(update_revision);
        matches!(self.set.kind.update, Update::Rolling { .. })
            && self.pods.len() == usize::try_from(self.set.replicas).unwrap_or(usize::MAX)
            && self.pods.values().all(updated)
    }
}

impl Plane<'_> {
    pub(super) fn sync_stateful_set(&mut self, workload: usize) {
        let what = Sync::StatefulSet(workload);
        let Some(set) = self.controllers.stateful_sets.get(&workload).cloned() else {
            return;
        };
        if !self.is_idle(what) || !self.is_expecting_nothing(what) {
            return;
        }
        let pods = self
            .controllers
            .owned(what.maker())
            .filter_map(|pod| Some((ordinal(pod)?, Rc::clone(pod))));
        let seen = Seen {
            pods: pods.collect(),
            now: self.now,
            set,
        };
        let Some(update_revision) = self.revision_of(&seen.set, seen.set.template) else {
            return;
        };
        self.tell_status(&seen, seen.is_updated(&update_revision));
        let min_ready = seen.set.kind.min_ready;
        let due = seen
            .pods
            .values()
            .filter_map(|pod| pod.available_since(min_ready));
        if let Some(due) = due.filter(|due| *due > self.now).min() {
            self.look_at(what, due);
        }
        match seen.next(&update_revision) {
            Next::Create(ordinals) => self.create_ordinals(&what, &ordinals, ordinals.len()),
            Next::Delete(ordinals) => {
                let going: Vec<Rc<Pod>> = ordinals
                    .iter()
                    .filter_map(|ordinal| seen.pods.get(ordinal).cloned())
                    .collect();
                self.give_up(&what, &going, going.len());
            }
            Next::Wait | Next::Rest => {}
        }
    }

    /// What `controller-revision-hash` says for a template.
    fn revision_of(&self, set: &StatefulSet, template: u32) -> Option<String> {
        let template = self.template(set.workload, template)?;
        Some(format!("{}-{}", set.id.name, template.hash))
    }

    /// The template and the revision of the pod of an ordinal that is made now.
    pub(super) fn revision_for(&self, set: &StatefulSet, ordinal: u32) -> Option<(u32, String)> {
        let is_kept = match set.kind.update {
            Update::OnDelete => false,
            Update::Rolling { partition } => ordinal < set.kind.first_ordinal.saturating_add(partition),
        };
        let template = if is_kept { set.current } else { set.template };
        Some((template, self.revision_of(set, template)?))
    }

    fn tell_status(&mut self, seen: &Seen, is_updated: bool) {
        let set = &seen.set;
        let current = if is_updated { set.template } else { set.current };
        let status_replicas = u32::try_from(seen.pods.len()).unwrap_or(u32::MAX);
        let stored = self.store.of((Kind::StatefulSet, set.workload as u64));
        let is_newest = matches!(stored, Some(Object::StatefulSet(stored)) if stored.version == set.version);
        if (set.status_replicas, set.current) == (status_replicas, current) || !is_newest {
            return;
        }
        let version = self.store.next_version();
        self.put(Object::StatefulSet(Rc::new(StatefulSet {
            status_replicas,
            current,
            version,
            ..set.as_ref().clone()
        })));
    }
}

/// The number at the end of a pod's name.
fn ordinal(pod: &Pod) -> Option<u32> {
    pod.name.rsplit_once('-')?.1.parse().ok()
}

#[cfg(test)]
#[path = "stateful_set_tests.rs"]
mod tests;
