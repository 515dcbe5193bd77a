//! Pods that were never placed: created while the policy was away, or before there was one.
//!
//! The rule is WorkloadSpread's: such a pod is of the subset that its node fits best.

use std::collections::BTreeMap;

use kube_rules::nodes::{NodeAffinity, PreferredTerms, Term, Toleration, untolerated};
use kube_rules::smp::merge_pod;
use placement_core::ladder::Ladder;
use placement_core::{Closed, DeletionCost, Taken};
use rules::{Spread, Subset, SubsetIx};
use serde_json::{Map, Value};

use crate::bind;
use crate::cost::excess;
use crate::ledger::replicas;
use crate::plan::Planning;
use crate::record::NodeRecord;
use crate::step::Action;
use crate::world::KnownPod;

impl Planning<'_> {
    /// Labels anew whoever carries a subset that the rule has no more, by the subset of its node; whether there was any. It
    /// counts there already, and keeps its cost.
    pub(crate) fn rename(&mut self, spread: &Spread) -> bool {
        let world = self.world;
        let renamed: Vec<&KnownPod> = world
            .pods_of(self.id)
            .filter(|pod| pod.by_node.is_some() && pod.assumed.is_none())
            .collect();
        for pod in &renamed {
            let subset = pod.by_node.as_deref().and_then(|name| spread.subset_named(name));
            let found = subset.and_then(|subset| Some((subset, spread.subset(subset)?)));
            if let Some((subset, found)) = found
                && self.is_free_or_wakes(pod)
            {
                self.step(Action::Adopt {
                    pod: bind::pod_ref(&pod.record),
                    subset,
                    patch: bind::adopt(&pod.record, spread, found, None),
                });
            }
        }
        !renamed.is_empty()
    }

    /// Adopts every running pod without a subset whose node says where it is. A pod that carries the label of its
    /// spread was decided before: it was let go without a subset on purpose.
    pub(crate) fn adopt(&mut self, spread: &Spread) {
        let world = self.world;
        let is_stranger = |pod: &&KnownPod| {
            pod.record.is_active()
                && pod.record.spread.is_none()
                && pod.record.subset.is_none()
                && !pod.record.gated
                && pod.assumed.is_none()
        };
        let mut strangers: Vec<&KnownPod> = world.pods_of(self.id).filter(is_stranger).collect();
        strangers.retain(|pod| self.is_free_or_wakes(pod));
        if strangers.is_empty() {
            return;
        }
        let closed = Closed::none();
        let ladder = Ladder::new(spread, replicas(world, spread).unwrap_or(0), &closed);
        let mut by_scope: BTreeMap<Option<String>, Taken> = BTreeMap::new();
        for pod in strangers {
            let scope = self.scope(spread, pod).map(ToOwned::to_owned);
            let taken = by_scope
                .entry(scope)
                .or_insert_with_key(|revision| self.taken(spread, revision.as_deref()));
            let node = pod.record.node.as_ref().and_then(|node| world.nodes.get(node));
            let (Some(node), Some(outline)) = (node, pod.record.outline.as_ref()) else {
                continue;
            };
            let Some(subset) = best(spread, &ladder, taken, node, &outline.value()) else {
                continue;
            };
            let rung = ladder
                .free(taken)
                .take(10_000)
                .find(|run| run.rung.subset == subset);
            let cost = match rung {
                Some(run) => DeletionCost::of_place(spread, run.rung, taken.of(subset)).value(),
                None => excess(subset),
            };
            match rung {
                Some(run) => taken.add_on(run.rung),
                None => taken.add(subset),
            }
            let is_ranked = world.ranks(&pod.record);
            let Some(found) = spread.subset(subset) else {
                continue;
            };
            self.step(Action::Adopt {
                pod: bind::pod_ref(&pod.record),
                subset,
                patch: bind::adopt(&pod.record, spread, found, is_ranked.then_some(cost)),
            });
        }
    }
}

/// The subset of the highest score, the first of several.
pub(crate) fn best(
    spread: &Spread,
    ladder: &Ladder<'_>,
    taken: &Taken,
    node: &NodeRecord,
    pod: &Value,
) -> Option<SubsetIx> {
    let mut best: Option<(i64, SubsetIx)> = None;
    for (ix, subset) in spread.subsets().iter().enumerate() {
        let ix = SubsetIx::new(ix);
        let has_place = ladder.maximum(ix).is_none_or(|maximum| taken.of(ix) < maximum);
        if let Some(score) = score(subset, node, pod, has_place)
            && best.is_none_or(|(highest, _)| score > highest)
        {
            best = Some((score, ix));
        }
    }
    best.map(|(_, subset)| subset)
}

/// How well a pod on a node fits a subset; `None`: not at all.
///
/// 100 for each weight of a preferred term that selects the node, 10 where the pod has what the subset's patch gives,
/// 1 where the subset has a place.
pub fn score(subset: &Subset, node: &NodeRecord, pod: &Value, has_place: bool) -> Option<i64> {
    let overlay = subset.overlay();
    let spec = pod.get("spec").unwrap_or(&Value::Null);
    let facts = node.facts();
    let own = spec.get("tolerations").and_then(Value::as_array);
    let tolerations = own.into_iter().flatten().chain(overlay.tolerations());
    let tolerations: Vec<Toleration> = tolerations.map(Toleration::read).collect();
    // Without a term of the subset's the pod's own say nothing: it runs there already.
    let is_required = overlay
        .required()
        .is_none_or(|term| Term::read(term).selects(facts) && NodeAffinity::of_pod(spec).selects(facts));
    if untolerated(&node.taints, &tolerations).is_some() || !is_required {
        return None;
    }
    // The terms were checked with the spread.
    let preferred = PreferredTerms::read(overlay.preferred())
        .unwrap_or_default()
        .score(facts);
    let is_patched = overlay.patch().is_some_and(|patch| has_all_of(pod, patch));
    Some(preferred * 100 + i64::from(is_patched) * 10 + i64::from(has_place))
}

/// Whether a patch, annotations aside, changes nothing of a pod.
fn has_all_of(pod: &Value, patch: &Value) -> bool {
    let mut patch = patch.clone();
    if let Some(metadata) = patch.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("annotations");
    }
    let is_nothing = |value: &Value| value.as_object().is_none_or(Map::is_empty);
    let is_empty = patch.get("metadata").is_none_or(is_nothing) && patch.get("spec").is_none_or(is_nothing);
    is_empty || merge_pod(pod.clone(), &patch).is_ok_and(|patched| patched == *pod)
}
