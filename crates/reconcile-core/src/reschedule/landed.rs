//! Pods that were moved in place and got a node of the subset that they came from: a place came free there meanwhile.
//! The label, the cost and so the counts follow the node.

use placement_core::inject::next_in_place;
use placement_core::ladder::Ladder;
use placement_core::{Closed, DeletionCost};
use rules::Spread;

use super::kept::Landing;
use crate::bind;
use crate::cost::excess;
use crate::ledger::replicas;
use crate::plan::Planning;
use crate::step::Action;
use crate::world::KnownPod;

/// Now and then a pod is seen on its node before the node is: only then it is known whether it keeps its place.
const LOOK_AGAIN_MILLIS: i64 = 1_000;

impl Planning<'_> {
    /// Corrects what a moved pod says of itself, once its node tells.
    pub(crate) fn landed(&mut self, spread: &Spread) {
        if spread.patience().is_none() {
            return;
        }
        let world = self.world;
        let is_moved = |pod: &&KnownPod| pod.record.moved_from.is_some() && pod.record.is_active();
        for pod in world.pods_of(self.id).filter(is_moved) {
            let from = pod.record.moved_from.as_deref();
            let Some(from) = from.and_then(|name| spread.subset_named(name)) else {
                continue;
            };
            let now = pod.facts().subset.and_then(|name| spread.subset_named(name));
            let Some(now) = now.filter(|now| next_in_place(spread, from) == Some(*now)) else {
                continue;
            };
            let (Some(first), Some(second)) = (spread.subset(from), spread.subset(now)) else {
                continue;
            };
            match world.landing(pod, first, Some(second)) {
                Landing::Back => {}
                Landing::Open => {
                    if pod.record.node.is_some() && world.kept_place(spread, pod).is_some() {
                        self.wake(self.now.plus(LOOK_AGAIN_MILLIS));
                    }
                    continue;
                }
                Landing::Elsewhere => continue,
            }
            if !self.is_free_or_wakes(pod) {
                continue;
            }
            let replicas = replicas(world, spread);
            let closed = Closed::none();
            let ladder = Ladder::new(spread, replicas.unwrap_or(0), &closed);
            let taken = self.observe_but(spread, None, replicas, Some(pod)).taken;
            let mut free = ladder.free(&taken).take(10_000);
            let rung = free.find(|run| run.rung.subset == from).map(|run| run.rung);
            let is_ranked = self.world.ranks(&pod.record);
            let cost = rung.map_or(excess(from), |rung| {
                DeletionCost::of_place(spread, rung, taken.of(from)).value()
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
