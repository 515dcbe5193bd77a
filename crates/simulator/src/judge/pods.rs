//! What must hold of every write to a pod: a gate is opened once, nobody moves, no maximum is passed.

use std::rc::Rc;

use placement_core::Reason;
use reference_model as naive;
use rules::names::DECISION_ANNOTATION;
use rules::{Binding, Capacity, Rollout, Terminating};

use super::Judge;
use crate::json;
use crate::plane::objects::Pod;
use crate::plane::observer::{By, Landed, Observer};
use crate::plane::store::Store;
use crate::time::Millis;

impl Judge {
    /// A pod is about to be deleted.
    pub(super) fn pod_deleted(&mut self, now: Millis, pod: &Pod, by: &By) {
        if let By::Sidecar { epoch, landed, .. } = by {
            self.epoch(now, *epoch, "deletes a pod");
            if let Landed::Recreated(version) = landed {
                self.anew.insert(pod.uid.clone(), *version);
            }
            if let Landed::Evicted { to, why } = landed {
                self.sent_home(now, pod, *epoch, *to, *why);
            } else if pod.node.is_some() {
                self.violated(
                    now,
                    "deletion",
                    format!("the sidecar deletes pod {}, which has a node", pod.name),
                    None,
                );
            } else if self.is_job {
                self.violated(
                    now,
                    "deletion",
                    format!("the sidecar deletes pod {} of a Job", pod.name),
                    None,
                );
            }
        } else {
            self.deleted_by_others();
        }
    }

    /// A pod was written; `new`: `None` where it is gone.
    pub(super) fn pod_written(
        &mut self,
        now: Millis,
        store: &Store,
        old: Option<&Pod>,
        new: Option<&Pod>,
        by: &By,
    ) {
        let held_before = old.is_some_and(|old| old.is_placed() && !old.finished);
        self.note_rest(now, store);
        let Some(new) = new else {
            if let Some(old) = old
                && let Some(version) = self.anew.remove(&old.uid)
            {
                self.recreated(now, store, old, version);
            }
            self.freed += u32::from(held_before);
            if let Some(old) = old.filter(|old| held_before && !self.has_given_way(old)) {
                self.note_left(now, old);
            }
            // Whoever binds it does not know yet that it is gone.
            let bound = old.and_then(|old| self.planned.remove(&old.uid));
            if let Some((_, subset)) = bound.filter(|_| old.is_some_and(|old| old.gated)) {
                self.left_at(now, subset);
            }
            return;
        };
        if new.terminating && old.is_some_and(|old| !old.terminating) {
            self.freed += u32::from(held_before);
            if held_before && self.has_given_way(new) {
                self.note_left(now, new);
            }
        }
        if *by == By::CronJob {
            self.exempt.insert(new.uid.clone());
        }
        if let By::Sidecar { epoch, landed, .. } = by {
            self.epoch(now, *epoch, "writes to a pod");
            *self.writes.entry(new.uid.clone()).or_default() += 1;
            if let Landed::Released | Landed::Adopted = landed {
                self.exempt.insert(new.uid.clone());
            }
        }
        self.note_closings(now, store, old, new);
        if let Some(old) = old {
            self.gate(now, store, old, new, by);
            self.moved(now, store, old, new, by);
        }
        if new.is_placed() && !new.finished && !old.is_some_and(Pod::is_placed) {
            self.placed(now, store, new, by);
        }
    }

    /// Whether a pod is a stepping stone of a rollout, which may stand beside the old pods for a while.
    fn is_stone(&self, store: &Store, pod: &Pod) -> bool {
        let is_old = |other: &Rc<Pod>| other.origin.maker != pod.origin.maker;
        self.spread.rollout() == Rollout::Keep
            && self.spread.capacity() != Capacity::Exact
            && is_stone_beside(pod)
            && self.pods(store).any(is_old)
    }

    /// Whether a pod that is still there gives its place to whoever replaces it.
    fn has_given_way(&self, pod: &Pod) -> bool {
        pod.terminating && self.spread.terminating() == Terminating::Ignored
    }

    pub(super) fn gate(&mut self, now: Millis, store: &Store, old: &Pod, new: &Pod, by: &By) {
        let bound = match by {
            By::Sidecar {
                landed: Landed::Bound(subset),
                ..
            } => Some(subset),
            _ => None,
        };
        let is_opened = old.gated && !new.gated;
        let is_release = matches!(
            by,
            By::CronJob
                | By::Sidecar {
                    landed: Landed::Released,
                    ..
                }
        );
        if is_opened && bound.is_none() && !is_release {
            self.violated(
                now,
                "gate",
                format!("pod {} loses its gate to {by:?}", new.name),
                Some(store),
            );
        }
        if is_opened && !self.opened.insert(new.uid.clone()) {
            self.violated(
                now,
                "bound twice",
                format!("the gate of pod {} opens again", new.name),
                Some(store),
            );
        }
        if let Some(subset) = bound {
            if !is_opened {
                self.violated(
                    now,
                    "bound twice",
                    format!("pod {} is bound with its gate open", new.name),
                    Some(store),
                );
            }
            if new.subset.as_ref() != Some(subset) {
                let text = format!("pod {} is bound to {subset} and is in {:?}", new.name, new.subset);
                self.violated(now, "bind", text, Some(store));
            }
        }
    }

    pub(super) fn moved(&mut self, now: Millis, store: &Store, old: &Pod, new: &Pod, by: &By) {
        if !old.is_placed() || new.subset == old.subset {
            return;
        }
        let is_meant =
            matches!(by, By::Sidecar { landed: Landed::Moved(to), .. } if new.subset.as_ref() == Some(to));
        if is_meant && self.spread.patience().is_some() {
            self.moved_on(now, store, old, new);
            self.placed(now, store, new, by);
        } else {
            let text = format!("pod {} moves from {:?} to {:?}", new.name, old.subset, new.subset);
            self.violated(now, "moved", text, Some(store));
        }
    }

    /// A pod took a place just now.
    pub(super) fn placed(&mut self, now: Millis, store: &Store, pod: &Pod, by: &By) {
        let Some((ix, subset)) = self.subset_of(pod) else {
            let text = format!("pod {} is in subset {:?}, which is none", pod.name, pod.subset);
            self.violated(now, "subset", text, Some(store));
            return;
        };
        let is_share = matches!(self.fill, naive::Fill::Shares(_));
        // An ordinal has its share for itself.
        let is_finite = self.fill.maximum(ix, 0).is_some() || (is_share && !self.is_ordered);
        let known = match by {
            By::Created { served } => {
                let is_exact = self.spread.capacity() == Capacity::Exact;
                let is_best_effort = self.spread.capacity() == Capacity::BestEffort || self.gates_nothing();
                // Pods of a Job that get their subset at admission cannot be taken back.
                let is_best_effort = is_best_effort
                    || (self.is_job && !is_exact && self.spread.binding() == Binding::Admission);
                if is_finite && !is_best_effort && (*served || is_exact) {
                    let text = format!("pod {} is placed in {subset} at admission, ungated", pod.name);
                    self.violated(now, "ungated", text, Some(store));
                }
                if !served || is_best_effort {
                    self.exempt.insert(pod.uid.clone());
                    self.unserved += 1;
                }
                self.admitted_to(now, store, pod);
                return;
            }
            By::Sidecar { known, landed, .. } => {
                if matches!(landed, Landed::Bound(_)) {
                    self.bound_to(now, store, pod);
                }
                *known
            }
            By::Cluster | By::Controller | By::CronJob | By::User => return,
        };
        if self.exempt.contains(&pod.uid) || self.is_stone(store, pod) {
            return;
        }
        let from = self
            .history
            .iter()
            .rposition(|(version, _)| *version <= known)
            .unwrap_or(0);
        let wanted = self.history.iter().skip(from).map(|(_, replicas)| *replicas);
        // Of percentages the largest that held since the binder looked.
        let maximums: Vec<Option<u32>> = wanted.map(|replicas| self.fill.maximum(ix, replicas)).collect();
        let Some(maximum) = maximums
            .iter()
            .copied()
            .min_by_key(Option::is_some)
            .flatten()
            .map(|_| maximums.iter().flatten().copied().max().unwrap_or(0))
        else {
            return;
        };
        let count = self.count(store, &subset, pod.revision.as_deref());
        if count > maximum {
            let text = format!(
                "pod {} makes {count} pods in {subset}, its maximum is {maximum}",
                pod.name
            );
            self.violated(now, "maximum", text, Some(store));
        }
    }

    pub(super) fn gates_nothing(&self) -> bool {
        self.spread.has_only_one_endless_subset()
    }

    pub(super) fn subset_of(&self, pod: &Pod) -> Option<(usize, String)> {
        let name = pod.subset.as_ref()?;
        let ix = self
            .spread
            .subsets()
            .iter()
            .position(|subset| subset.name() == name)?;
        Some((ix, name.clone()))
    }

    /// The pods of a subset, counted anew; those that are exempt are left out.
    pub(super) fn count(&self, store: &Store, subset: &str, revision: Option<&str>) -> u32 {
        let is_shared = self.spread.has_shared_maximums();
        let is_counted = self.spread.terminating() == Terminating::Counted;
        let holds = |pod: &&Rc<Pod>| {
            let in_scope =
                (is_shared || pod.revision.as_deref() == revision) && (is_counted || !pod.terminating);
            in_scope
                && pod.subset.as_deref() == Some(subset)
                && !pod.gated
                && !pod.finished
                && !self.exempt.contains(&pod.uid)
                && !self.is_stone(store, pod)
        };
        u32::try_from(self.pods(store).filter(holds).count()).unwrap_or(u32::MAX)
    }
}

/// Whether a pod says that it is a stepping stone beside the old pods.
pub(super) fn is_stone_beside(pod: &Pod) -> bool {
    let reason = json::text(&pod.value, &["metadata", "annotations", DECISION_ANNOTATION]);
    reason.is_some_and(|reason| reason.contains(&Reason::StoneBeside.to_string()))
}
