//! Moving stuck pods on: in place, or by making them anew.
//!
//! A pod is made anew by its controller: it is deleted, by uid and resource version, so never one that got a node in
//! between. Only where the controller puts another in its place: never a Job's, which counts a failure, nor a
//! StatefulSet's, whose next pod has the same name, volumes and ordinal. At most a tenth of the spread's pods, at least one,
//! are deleted in ten seconds: a pod that waits serves nobody, so that this costs nothing but requests; but whoever got
//! the terms of a pool wrong must not lose all pods to that at once, and the API server has other work.

use std::collections::BTreeMap;

use placement_core::decide::Placement;
use placement_core::ladder::{Ladder, Rung};
use placement_core::spread::{MaximumScope, Spread, WorkloadKind};
use placement_core::time::UnixMillis;
use placement_core::{DeletionCost, Reason, SubsetIx, inject};
use spread_api::LedgerStatus;

use super::{Closing, Closings};
use crate::bind;
use crate::gates::MOST_REFUSALS;
use crate::ledger::replicas;
use crate::moments::is_recent;
use crate::plan::Planning;
use crate::step::{Action, Severity};
use crate::world::KnownPod;

/// The part of a spread's pods that is made anew within [`RECREATE_MILLIS`]: one of so many.
const ONE_OF: usize = 10;

/// See [`ONE_OF`].
pub(crate) const RECREATE_MILLIS: i64 = 10_000;

/// So long after a subset was closed no pod is deleted for that: admissions see it by a watch, and must not send the next
/// pod there again.
const SEEN_MILLIS: i64 = 1_000;

/// How a pod gets to another subset.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    InPlace,
    Recreate,
}

/// What may be made anew at a moment.
struct Anew<'w> {
    /// So many pods.
    left: usize,
    /// When it is more, if it is none.
    next: UnixMillis,
    /// The active pods of each controller, by its uid.
    by_owner: BTreeMap<&'w str, usize>,
}

impl<'w> Planning<'w> {
    /// Moves the pods on that wait in a closed subset.
    pub(crate) fn move_stuck(&mut self, spread: &Spread, closings: &Closings) {
        let Some(patience) = spread.patience() else { return };
        let stuck = self.stuck(spread, closings, patience.critical_millis);
        if stuck.is_empty() {
            return;
        }
        if self
            .plan
            .steps
            .iter()
            .any(|step| matches!(step.action, Action::Bind { .. }))
        {
            // What is bound has taken its places once it is assumed.
            self.wake(self.now);
            return;
        }
        let skipped = closings.skipped();
        let mut scopes: BTreeMap<Option<&str>, Vec<(SubsetIx, &KnownPod)>> = BTreeMap::new();
        for (subset, pod) in stuck {
            let scope = match spread.maximum_scope() {
                MaximumScope::Workload => None,
                MaximumScope::Revision => pod.record.revision.as_deref(),
            };
            scopes.entry(scope).or_default().push((subset, pod));
        }
        let (mut moved, mut anew) = (Vec::new(), self.anew());
        for (revision, pods) in scopes {
            let observation = self.observe(spread, revision, replicas(self.world, spread));
            let ladder = Ladder::new(spread, observation.replicas, &skipped);
            let mut free = ladder
                .free(&observation.taken)
                .flat_map(|run| core::iter::repeat_n(run.rung, run.length.map_or(usize::MAX, length)))
                .peekable();
            for (from, pod) in pods {
                let Some(rung) = free.peek().copied() else { break };
                if self.move_on(spread, closings, pod, from, rung, &mut anew) {
                    free.next();
                    moved.push((pod, from));
                }
            }
        }
        self.tell(spread, &moved);
    }

    /// The pods that wait too long in a subset that every admission knows to be closed, oldest first.
    fn stuck(&self, spread: &Spread, closings: &Closings, critical: i64) -> Vec<(SubsetIx, &'w KnownPod)> {
        let world = self.world;
        let stored = world.stored_status(self.id);
        let is_known = |closing: &Closing| {
            let is_stored = |status: &LedgerStatus| status.closings.contains(&closing.status());
            closing.until > self.now && stored.is_some_and(is_stored)
        };
        let mut stuck = Vec::new();
        for subset in closings.closed.iter() {
            let name = spread.subset(subset).map(placement_core::spread::Subset::name);
            if !name.and_then(|name| closings.named(name)).is_some_and(is_known) {
                continue;
            }
            for pod in world.pods_of(self.id) {
                let is_due = |pod: &KnownPod| {
                    let since = self.waits_in(spread, pod, subset);
                    since.is_some_and(|since| since.plus(critical) <= self.now)
                };
                if pod.facts().subset == name && is_due(pod) {
                    stuck.push((subset, pod));
                }
            }
        }
        stuck.sort_by_key(|(_, pod)| (pod.record.created, pod.sequence));
        stuck
    }

    /// Plans to move a pod to a rung; whether that was possible.
    fn move_on(
        &mut self,
        spread: &Spread,
        closings: &Closings,
        pod: &KnownPod,
        from: SubsetIx,
        rung: Rung,
        anew: &mut Anew<'_>,
    ) -> bool {
        if !self.is_free_or_wakes(pod) {
            return false;
        }
        let way = if inject::next_in_place(spread, from) == Some(rung.subset)
            && is_movable(spread, pod, from)
            && pod.refusals < MOST_REFUSALS
        {
            Way::InPlace
        } else {
            Way::Recreate
        };
        match way {
            Way::InPlace => self.move_in_place(spread, pod, from, rung),
            Way::Recreate => self.recreate(spread, closings, pod, from, anew),
        }
    }

    fn move_in_place(&mut self, spread: &Spread, pod: &KnownPod, from: SubsetIx, rung: Rung) -> bool {
        let is_ranked = pod.record.kind().is_some_and(WorkloadKind::honours_deletion_cost);
        let placement = Placement {
            subset: rung.subset,
            cost: is_ranked.then(|| DeletionCost::of(rung, spread.subsets().len())),
            reason: Reason::Moved,
        };
        let Ok(patch) = bind::move_in_place(&pod.record, spread, from, &placement, self.now) else {
            return false;
        };
        self.step(Action::Move {
            pod: bind::pod_ref(&pod.record),
            from,
            subset: rung.subset,
            to: spread
                .subset(rung.subset)
                .map_or_else(String::new, |subset| subset.name().to_owned()),
            cost: placement.cost.map(DeletionCost::value),
            patch,
        });
        true
    }

    fn recreate(
        &mut self,
        spread: &Spread,
        closings: &Closings,
        pod: &KnownPod,
        from: SubsetIx,
        anew: &mut Anew<'_>,
    ) -> bool {
        if !is_replaced_by_kind(pod) || !self.is_replaced_now(pod, anew) {
            return false;
        }
        let closing = spread
            .subset(from)
            .and_then(|subset| closings.named(subset.name()));
        let Some(closing) = closing else { return false };
        let seen = closing.since.plus(SEEN_MILLIS);
        if seen > self.now {
            self.wake(seen);
            return false;
        }
        if anew.left == 0 {
            self.wake(anew.next);
            return false;
        }
        anew.left -= 1;
        self.step(Action::Recreate {
            pod: bind::pod_ref(&pod.record),
            version: pod.record.version,
            from,
        });
        true
    }

    /// What may be made anew at this moment.
    fn anew(&self) -> Anew<'w> {
        let recent = self.world.recreated.get(self.id).map_or(&[][..], Vec::as_slice);
        let recent = recent
            .iter()
            .filter(|at| is_recent(**at, self.now, RECREATE_MILLIS));
        let oldest = recent.clone().min().map_or(self.now, |oldest| *oldest);
        let (mut active, mut by_owner) = (0, BTreeMap::new());
        for pod in self.world.pods_of(self.id) {
            let facts = pod.facts();
            if facts.terminating || facts.finished {
                continue;
            }
            active += 1;
            if let Some(owner) = &pod.record.owner {
                *by_owner.entry(owner.uid.as_str()).or_insert(0) += 1;
            }
        }
        Anew {
            left: (active / ONE_OF).max(1).saturating_sub(recent.count()),
            next: oldest.plus(RECREATE_MILLIS),
            by_owner,
        }
    }

    /// Whether the controller wants as many pods as it has: then it makes another in place of one that goes.
    fn is_replaced_now(&self, pod: &KnownPod, anew: &Anew<'_>) -> bool {
        let Some(owner) = &pod.record.owner else {
            return false;
        };
        let active = anew.by_owner.get(owner.uid.as_str()).copied().unwrap_or(0);
        let wanted = self
            .world
            .workloads
            .values()
            .find(|workload| workload.uid == owner.uid);
        wanted.is_some_and(|workload| usize::try_from(workload.replicas).is_ok_and(|wanted| wanted >= active))
    }

    /// Whether a pod could be moved out of its subset, as far as its own kind goes.
    pub(super) fn may_be_moved(&self, spread: &Spread, pod: &KnownPod, from: SubsetIx) -> bool {
        is_replaced_by_kind(pod) || is_movable(spread, pod, from)
    }

    fn tell(&mut self, spread: &Spread, moved: &[(&KnownPod, SubsetIx)]) {
        let Some((pod, from)) = moved.first() else { return };
        let from = spread
            .subset(*from)
            .map_or("?", placement_core::spread::Subset::name);
        let others = match moved.len() {
            1 => String::new(),
            many => format!(" and {} more", many - 1),
        };
        let text = format!(
            "pod {}{others} found no node in subset {from} and moves on",
            pod.record.name
        );
        self.note(Severity::Normal, "PodMoved", text);
    }
}

fn is_movable(spread: &Spread, pod: &KnownPod, from: SubsetIx) -> bool {
    let outline = pod.record.outline.as_ref();
    outline.is_some_and(|outline| inject::is_movable(spread, from, &outline.value()))
}

/// Whether controllers of its kind make another pod in place of a deleted one, under another name.
fn is_replaced_by_kind(pod: &KnownPod) -> bool {
    pod.record.kind().is_some_and(WorkloadKind::replaces_by_another)
}

fn length(length: u32) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}
