//! Pods that were moved in place and got a node of the subset that they came from: a place came free there meanwhile.
//! The label, the cost and so the counts follow the node.

use placement_core::DeletionCost;
use placement_core::inject::next_in_place;
use placement_core::ladder::{Closed, Ladder};
use placement_core::spread::{Spread, WorkloadKind};

use crate::bind;
use crate::cost::excess;
use crate::ledger::replicas;
use crate::nodes::matches_term;
use crate::plan::Planning;
use crate::step::Action;
use crate::world::KnownPod;

impl Planning<'_> {
    /// Corrects what a moved pod says of itself, once its node tells.
    pub(crate) fn landed(&mut self, spread: &Spread) {
        if spread.patience().is_none() {
            return;
        }
        let world = self.world;
        let is_moved = |pod: &&KnownPod| pod.record.moved_from.is_some() && pod.record.is_active();
        for pod in world.pods_of(self.id).filter(is_moved) {
            let node = pod.record.node.as_ref().and_then(|node| world.nodes.get(node));
            let from = pod
                .record
                .moved_from
                .as_deref()
                .and_then(|name| spread.subset_named(name));
            let now = pod.facts().subset.and_then(|name| spread.subset_named(name));
            let (Some(node), Some(from), Some(now)) = (node, from, now) else {
                continue;
            };
            let (Some(first), Some(second)) = (spread.subset(from), spread.subset(now)) else {
                continue;
            };
            let is_of = |subset: &placement_core::spread::Subset| {
                subset
                    .overlay()
                    .required()
                    .is_some_and(|term| matches_term(node, term))
            };
            if next_in_place(spread, from) != Some(now) || is_of(second) || !is_of(first) {
                continue;
            }
            if !pod.is_free(self.now) {
                if let Some(at) = pod.retry_at.filter(|at| *at > self.now) {
                    self.wake(at);
                }
                continue;
            }
            let closed = Closed::none();
            let ladder = Ladder::new(spread, replicas(world, spread).unwrap_or(0), &closed);
            let taken = self.taken(spread, None);
            let mut free = ladder.free(&taken).take(10_000);
            let rung = free.find(|run| run.rung.subset == from).map(|run| run.rung);
            let is_ranked = pod.record.kind().is_some_and(WorkloadKind::honours_deletion_cost);
            let cost = rung.map_or(excess(from), |rung| {
                DeletionCost::of(rung, spread.subsets().len()).value()
            });
            self.step(Action::Move {
                pod: bind::pod_ref(&pod.record),
                from: now,
                subset: from,
                to: first.name().to_owned(),
                cost: is_ranked.then_some(cost),
                patch: bind::landed(&pod.record, spread, first, second, is_ranked.then_some(cost)),
            });
        }
    }
}
