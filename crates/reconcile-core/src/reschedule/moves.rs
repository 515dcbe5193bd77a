//! Moving stuck pods on: in place, or by making them anew.
//!
//! A pod is made anew by its controller: it is deleted, by uid and resource version, so never one that got a node in
//! between. Only where the controller puts another in its place: never a Job's, which counts a failure, nor a
//! StatefulSet's, whose next pod has the same name, volumes and ordinal. At most a third of the spread's pods are deleted in
//! ten seconds, so that all have moved within thirty: a pod that waits serves nobody, and this costs nothing but
//! requests; but whoever got the terms of a pool wrong must not lose all pods to that at once, and the API server has
//! other work.

use std::collections::BTreeMap;

use kube_rules::time::UnixMillis;
use placement_core::decide::Placement;
use placement_core::{DeletionCost, Observation, Reason, Rung, inject};
use rules::{Spread, SubsetIx, WorkloadKind};

use super::closings::{Known, State};
use super::{Closing, Closings};
use crate::bind;
use crate::gates::MOST_REFUSALS;
use crate::ledger::replicas;
use crate::moments::is_recent;
use crate::plan::Planning;
use crate::step::{Action, Severity, WhyRecreated};
use crate::world::KnownPod;

/// The part of a spread's pods that is made anew within [`RECREATE_MILLIS`]: one of so many.
const ONE_OF: usize = 3;

/// See [`ONE_OF`].
pub(crate) const RECREATE_MILLIS: i64 = 10_000;

/// So long after a subset was closed no pod is deleted for that: admissions see it by a watch, and must not send the next
/// pod there again.
const SEEN_MILLIS: i64 = 1_000;

/// So long a pod that was deleted counts among those that try its next subset: by then its successor does.
const SUCCESSOR_MILLIS: i64 = 3_000;

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
    /// When pods were deleted whose successors may not have been seen yet.
    on_their_way: Vec<UnixMillis>,
    /// The active pods of each controller, by its uid.
    by_owner: BTreeMap<&'w str, usize>,
}

impl<'w> Planning<'w> {
    /// Moves the pods on that wait in a closed subset.
    pub(crate) fn move_stuck(&mut self, spread: &Spread, closings: &Closings) {
        let Some(patience) = spread.patience() else { return };
        let mut stuck = self.stuck(spread, patience);
        stuck.retain(|(subset, pod)| self.left(spread, closings, pod, *subset).is_some());
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
        let mut scopes: BTreeMap<Option<&str>, Vec<(SubsetIx, &KnownPod)>> = BTreeMap::new();
        for (subset, pod) in stuck {
            scopes
                .entry(self.scope(spread, pod))
                .or_default()
                .push((subset, pod));
        }
        let (mut moved, mut anew) = (Vec::new(), self.anew());
        for (revision, pods) in scopes {
            let mut observation = self.observe(spread, revision, replicas(self.world, spread));
            for (from, pod) in pods {
                let Some(rung) = self.next_rung(spread, &observation, closings, pod, from, &anew) else {
                    if let Some(at) = anew.on_their_way.iter().max() {
                        self.wake(at.plus(SUCCESSOR_MILLIS));
                    }
                    continue;
                };
                let Some(closing) = self.left(spread, closings, pod, from) else {
                    continue;
                };
                let reason = match self.is_displaced(spread, pod, rung.subset, closings) {
                    true => Reason::StoneBeyond,
                    false => Reason::Moved,
                };
                if self.move_on(spread, closing, pod, from, (rung, reason), &mut anew) {
                    observation.taken.add_on(rung);
                    observation.filled.add_on(rung);
                    self.note_probe(spread, closings, pod, rung.subset);
                    moved.push((pod, from));
                }
            }
        }
        self.tell(spread, &moved);
    }

    /// The closing for which a pod may leave its subset: every admission knows of it.
    fn left<'c>(
        &self,
        spread: &'c Spread,
        closings: &'c Closings,
        pod: &'c KnownPod,
        from: SubsetIx,
    ) -> Option<&'c Closing> {
        let mut about = closings.about(spread, pod);
        let is_known = |known: &&Known| {
            known.subset == from && known.closing.until > self.now && self.is_told(&known.closing)
        };
        about.find(is_known).map(|known| &known.closing)
    }

    /// The lowest rung that a pod which is stuck can go to. One that is being tried takes so many at a time.
    fn next_rung(
        &self,
        spread: &Spread,
        observation: &Observation,
        closings: &Closings,
        pod: &KnownPod,
        from: SubsetIx,
        anew: &Anew<'_>,
    ) -> Option<Rung> {
        let mut skipped = self.impassable(spread, closings, pod, from);
        loop {
            let rung = self.lowest(spread, observation, &skipped)?;
            let is_full = closings.known().iter().enumerate().any(|(place, known)| {
                let sent =
                    self.probes.iter().filter(|probe| **probe == place).count() + anew.on_their_way.len();
                let is_here = known.subset == rung.subset && known.closing.shape.is_like(spread, pod);
                is_here && matches!(known.state, State::Tried { left, .. } if left <= sent)
            });
            if !is_full {
                return Some(rung);
            }
            skipped = skipped.with(rung.subset);
        }
    }

    /// Plans to move a pod to a rung; whether that was possible.
    fn move_on(
        &mut self,
        spread: &Spread,
        closing: &Closing,
        pod: &KnownPod,
        from: SubsetIx,
        (rung, reason): (Rung, Reason),
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
            Way::InPlace => self.move_in_place(spread, pod, from, rung, reason),
            Way::Recreate => self.recreate(closing, pod, from, anew),
        }
    }

    fn move_in_place(
        &mut self,
        spread: &Spread,
        pod: &KnownPod,
        from: SubsetIx,
        rung: Rung,
        reason: Reason,
    ) -> bool {
        let is_ranked = self.world.ranks(&pod.record);
        let placement = Placement {
            subset: rung.subset,
            cost: is_ranked.then(|| {
                let others = self.observe(spread, self.scope(spread, pod), replicas(self.world, spread));
                DeletionCost::of_place(spread, rung, others.taken.of(rung.subset))
            }),
            reason,
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

    fn recreate(&mut self, closing: &Closing, pod: &KnownPod, from: SubsetIx, anew: &mut Anew<'_>) -> bool {
        if !is_replaced_by_kind(pod) || !self.is_replaced_now(pod, anew) {
            return false;
        }
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
            why: WhyRecreated::NoNode,
        });
        true
    }

    /// What may be made anew at this moment.
    fn anew(&self) -> Anew<'w> {
        let (world, now) = (self.world, self.now);
        let of_late = |millis: i64| -> Vec<UnixMillis> {
            let recreated = world.recreated.get(self.id).into_iter().flatten();
            recreated
                .copied()
                .filter(|at| is_recent(*at, now, millis))
                .collect()
        };
        let (recent, on_their_way) = (of_late(RECREATE_MILLIS), of_late(SUCCESSOR_MILLIS));
        let oldest = recent.iter().min().map_or(now, |oldest| *oldest);
        let (mut active, mut by_owner) = (0_usize, BTreeMap::new());
        for pod in world.pods_of(self.id) {
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
            left: active.div_ceil(ONE_OF).saturating_sub(recent.len()),
            next: oldest.plus(RECREATE_MILLIS),
            on_their_way,
            by_owner,
        }
    }

    /// Whether the controller wants as many pods as it has: then it makes another in place of one that goes.
    fn is_replaced_now(&self, pod: &KnownPod, anew: &Anew<'_>) -> bool {
        let Some(owner) = &pod.record.owner else {
            return false;
        };
        let active = anew.by_owner.get(owner.uid.as_str()).copied().unwrap_or(0);
        let wanted = self.world.workloads.of_uid(&owner.uid);
        wanted.is_some_and(|workload| usize::try_from(workload.replicas).is_ok_and(|wanted| wanted >= active))
    }

    /// Whether its controller makes another pod in its place, now.
    pub(crate) fn is_replaced(&mut self, pod: &KnownPod) -> bool {
        let anew = self.anew();
        is_replaced_by_kind(pod) && self.is_replaced_now(pod, &anew)
    }

    /// Whether a pod could be moved out of its subset, as far as its own kind goes.
    pub(super) fn may_be_moved(&self, spread: &Spread, pod: &KnownPod, from: SubsetIx) -> bool {
        is_replaced_by_kind(pod) || is_movable(spread, pod, from)
    }

    fn tell(&mut self, spread: &Spread, moved: &[(&KnownPod, SubsetIx)]) {
        let Some((pod, from)) = moved.first() else { return };
        let from = spread.subset(*from).map_or("?", rules::Subset::name);
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
