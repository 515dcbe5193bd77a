//! What the pods of a spread tell of its subsets.

use kube_rules::time::UnixMillis;
use rules::{Patience, Spread, SubsetIx};

use super::{Closing, shape};
use crate::plan::Planning;
use crate::world::{Assumed, KnownPod, Need};

/// Where places come free, a pod that waits is left this much longer: they may be for it.
const VACATED_MILLIS: i64 = 20_000;

/// So long the others wait for what becomes of a pod that tries a subset.
const UNDECIDED_MILLIS: i64 = 3_000;

/// What became of the pods that try a subset.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tried {
    /// They have a node.
    pub(super) placed: usize,
    /// When the last of those came.
    pub(super) last: UnixMillis,
    /// Nobody has told yet what becomes of them.
    pub(super) undecided: usize,
    /// The scheduler found no node for them, or has not looked for long.
    pub(super) waiting: usize,
}

impl<'w> Planning<'w> {
    /// What became of the pods that came to a subset since it is to be tried.
    pub(super) fn tried(&mut self, spread: &Spread, closing: &Closing) -> Tried {
        let world = self.world;
        let mut tried = Tried::default();
        for pod in world.pods_of(self.id) {
            if pod.facts().subset != Some(closing.subset.as_str())
                || !pod.is_since(closing.until)
                || !closing.shape.is_shown_by(pod)
            {
                continue;
            }
            if pod.record.node.is_some() {
                tried.placed += 1;
                tried.last = tried.last.max(pod.started());
                continue;
            }
            let is_held = pod.record.gated_by_others || pod.facts().terminating;
            if !pod.record.is_active() || is_held || !closing.shape.is_like(spread, pod) {
                continue;
            }
            let told_at = pod.started().plus(UNDECIDED_MILLIS);
            let is_written = pod.assumed.is_none();
            if pod.record.unschedulable_since.is_none() && (!is_written || told_at > self.now) {
                tried.undecided += 1;
                if is_written {
                    self.wake(told_at);
                }
            } else {
                tried.waiting += 1;
            }
        }
        tried
    }

    /// The pods that wait too long in their subset, oldest first.
    pub(super) fn stuck(&mut self, spread: &Spread, patience: Patience) -> Vec<(SubsetIx, &'w KnownPod)> {
        let world = self.world;
        let mut vacated = vec![false; spread.subsets().len()];
        for pod in world.pods_of(self.id) {
            let leaves = pod.record.terminating && pod.record.node.is_some();
            let subset = pod.facts().subset.and_then(|name| spread.subset_named(name));
            if let Some(vacated) = subset.and_then(|subset| vacated.get_mut(subset.index())) {
                *vacated |= leaves;
            }
        }
        let mut stuck = Vec::new();
        for pod in world.pods_of(self.id) {
            let Some(subset) = pod.facts().subset.and_then(|name| spread.subset_named(name)) else {
                continue;
            };
            let Some(since) = self.waits_in(spread, pod, subset) else {
                continue;
            };
            let mut due = since.plus(patience.critical_millis);
            if due <= self.now {
                let is_vacated = vacated.get(subset.index()) == Some(&true);
                due = self
                    .in_vain_from(spread, pod, subset, since, is_vacated)
                    .plus(patience.critical_millis);
            }
            if due <= self.now {
                stuck.push((subset, pod));
            } else {
                self.wake(due);
            }
        }
        stuck.sort_by_key(|(_, pod)| (pod.record.created, pod.sequence));
        stuck
    }

    /// Since when a pod waits in its subset in vain. Whom a reopened subset still has no place for gets as long again;
    /// one that cannot be moved anyway is not let close it a second time, for it may fit nowhere.
    fn waits_in(&self, spread: &Spread, pod: &KnownPod, subset: SubsetIx) -> Option<UnixMillis> {
        let since = pod.stuck_since()?;
        let name = spread.subset(subset)?.name();
        let reopened = self.world.reopened.get(&(self.id.clone(), name.to_owned()));
        let Some(reopened) = reopened else {
            return Some(since);
        };
        (pod.started() >= *reopened || self.may_be_moved(spread, pod, subset)).then(|| since.max(*reopened))
    }

    /// A place that came free, or is about to, may be for the pod: it waits in vain only from then on. Not for ever, for
    /// others may be faster each time.
    fn in_vain_from(
        &self,
        spread: &Spread,
        pod: &KnownPod,
        subset: SubsetIx,
        since: UnixMillis,
        is_vacated: bool,
    ) -> UnixMillis {
        let latest = since.plus(VACATED_MILLIS);
        if is_vacated {
            return latest.min(self.now);
        }
        let tolerations = shape::tolerations(pod);
        let need = Need {
            requests: &pod.record.requests,
            tolerations: &tolerations,
        };
        let roomier = spread
            .subset(subset)
            .and_then(|subset| self.world.roomier(subset, &need, since));
        roomier.map_or(since, |at| at.min(latest))
    }
}

impl KnownPod {
    /// Whether it came to its subset at a moment or later. What is on its way there does.
    fn is_since(&self, at: UnixMillis) -> bool {
        // What is bound at this moment has no annotation yet.
        let is_on_its_way = matches!(self.assumed, Some(Assumed::Bound { .. } | Assumed::Moved { .. }));
        self.record.gated || is_on_its_way || self.started() >= at
    }
}
