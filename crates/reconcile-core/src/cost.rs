//! Deletion costs that are wrong, and no others: a pod gets its cost when it is placed or bound, so
//! that a scale-in needs no write.
//!
//! Only the order inside one ReplicaSet counts. A controller that gives pods up at this moment is
//! faster than any writer, so that nothing is written to its pods until it is done.

use std::collections::BTreeMap;

use placement_core::ladder::Ladder;
use placement_core::sizes::is_ladder;
use placement_core::{Closed, DeletionCost, Rung, Taken, Tier};
use rules::{Fill, Spread, SubsetIx, Target, WorkloadKind};

use crate::bind;
use crate::ledger::replicas;
use crate::plan::Planning;
use crate::record::WorkloadRecord;
use crate::step::{Action, Severity, Step};
use crate::world::KnownPod;

/// After a cost was overwritten so often, people are told.
const TOLD_AFTER: u32 = 3;

/// The cost of a pod that its subset has no place for.
pub(crate) fn excess(subset: SubsetIx) -> i32 {
    let subset = i32::try_from(subset.index()).unwrap_or(i32::MAX);
    subset.saturating_add(1).saturating_mul(-100)
}

/// The cost of a pod in none of so many subsets.
pub(crate) fn unplaced(subsets: usize) -> i32 {
    excess(SubsetIx::new(subsets))
}

/// Pods by their subset.
pub(crate) type Groups<'p> = BTreeMap<SubsetIx, Vec<&'p KnownPod>>;
/// A pod, and the cost that it is to have.
pub(crate) type Wanted<'p> = (&'p KnownPod, i32);

impl<'w> Planning<'w> {
    /// Corrects the costs of every controller's pods.
    pub(crate) fn costs(&mut self, spread: &'w Spread) {
        let world = self.world;
        if replicas(world, spread) == Some(0) {
            return;
        }
        let mut by_owner: BTreeMap<&str, Vec<&KnownPod>> = BTreeMap::new();
        for pod in world.pods_of(self.id) {
            let is_ranked = world.ranks(&pod.record);
            if let Some(owner) = &pod.record.owner
                && is_ranked
                && pod.record.is_active()
                && !pod.is_gated()
            {
                by_owner.entry(&owner.uid).or_default().push(pod);
            }
        }
        if by_owner.is_empty() {
            return;
        }
        let latest = self.newest(spread).map(|set| set.uid.clone());
        for (owner, pods) in by_owner {
            let set = world.workloads.of_uid(owner);
            let waiting = world
                .pods_of(self.id)
                .filter(|pod| pod.is_gated() && pod.record.is_active());
            let waiting =
                waiting.filter(|pod| pod.record.owner.as_ref().is_some_and(|known| known.uid == owner));
            let active = pods.len() + waiting.count();
            // Whoever gives pods up right now has ranked them already.
            let asked_for = set.and_then(|set| world.replicas_of(set));
            if asked_for
                .is_some_and(|replicas| usize::try_from(replicas).is_ok_and(|replicas| replicas < active))
            {
                continue;
            }
            let wanted = match &latest {
                Some(latest) if latest != owner => {
                    // All of them go in the next step: there is no order to keep. One that is not known yet may be newer.
                    if set.is_none_or(|set| set.replicas == 0) {
                        continue;
                    }
                    self.reversed(spread, &pods)
                }
                _ => {
                    let is_target = |set: &WorkloadRecord| {
                        world
                            .workload_of(spread)
                            .is_some_and(|target| target.uid == set.uid)
                    };
                    let wanted = set.and_then(|set| match is_target(set) {
                        true => replicas(world, spread),
                        false => Some(set.replicas),
                    });
                    let has = u32::try_from(pods.len()).ok();
                    self.in_order(spread, &pods, wanted.is_some() && wanted == has)
                }
            };
            self.write(wanted);
        }
    }

    /// The Deployment's newest ReplicaSet; `None` where revisions do not matter.
    pub(crate) fn newest(&self, spread: &'w Spread) -> Option<&'w WorkloadRecord> {
        let Target::Workload { kind, .. } = spread.target() else {
            return None;
        };
        let is_deployment = kind.known() == Some(WorkloadKind::Deployment);
        let sets = is_deployment.then(|| self.world.sets_of(spread));
        sets?.max_by(|one, other| one.revision_order().cmp(&other.revision_order()))
    }

    /// As the ladder has it: minimums above maximums above excess above pods of no subset.
    ///
    /// Where each rung has a cost of its own, a subset's pods are worth its lowest rungs, whoever has left; but only while
    /// they are complete, for what is made anew takes the rung that is empty.
    fn in_order<'p>(&self, spread: &Spread, pods: &[&'p KnownPod], are_complete: bool) -> Vec<Wanted<'p>> {
        let subsets = spread.subsets().len();
        let closed = Closed::none();
        let ladder = Ladder::new(spread, replicas(self.world, spread).unwrap_or(0), &closed);
        let (by_subset, mut wanted) = self.grouped(spread, pods);
        for (subset, mut pods) in by_subset {
            pods.sort_by_key(|pod| worth(pod));
            let tiers = match spread.fill() {
                Fill::InOrder(_) if spread.has_percentages() => {
                    let is_ours = |cost| DeletionCost::rung(cost, subset, spread.fill()).is_some();
                    if !are_complete && pods.iter().all(|pod| pod.facts().cost.is_some_and(is_ours)) {
                        continue;
                    }
                    sizes(spread, &ladder, subset, pods.len())
                }
                Fill::InOrder(_) => tiers(&ladder, subset, pods.len(), subsets),
                Fill::Shares(_) if are_complete => lowest(&ladder, subset, pods.len(), subsets),
                Fill::Shares(_) => match rungs(spread, &ladder, subset, &pods) {
                    Some(rungs) => rungs,
                    None => continue,
                },
            };
            wanted.extend(assigned(&pods, tiers));
        }
        if leaves_in_order(spread, pods, &wanted) {
            return Vec::new();
        }
        wanted
    }

    /// Pods by their subset, and what those of no subset are to cost.
    pub(crate) fn grouped<'p>(
        &self,
        spread: &Spread,
        pods: &[&'p KnownPod],
    ) -> (Groups<'p>, Vec<Wanted<'p>>) {
        let (mut groups, mut others) = (Groups::new(), Vec::new());
        for pod in pods {
            match pod.facts().subset.and_then(|name| spread.subset_named(name)) {
                Some(subset) => groups.entry(subset).or_default().push(pod),
                // The first to be given up, unless its node may still say which subset it is of.
                None if pod.record.spread.is_some() || self.is_of_no_subset(pod) => {
                    others.push((*pod, unplaced(spread.subsets().len())));
                }
                None => {}
            }
        }
        (groups, others)
    }

    /// Whether a pod that was never placed runs where no subset is.
    fn is_of_no_subset(&self, pod: &KnownPod) -> bool {
        let node = pod.record.node.as_ref();
        let is_adopted = |step: &Step| {
            step.action
                .pod()
                .is_some_and(|adopted| adopted.uid == pod.record.uid)
        };
        node.is_some_and(|node| self.world.nodes.contains_key(node))
            && !self.plan.steps.iter().any(is_adopted)
    }

    fn write(&mut self, wanted: Vec<Wanted<'_>>) {
        for (pod, cost) in wanted {
            if pod.facts().cost == Some(cost) {
                continue;
            }
            if let Some(at) = pod.overwritten.waits_until(self.now) {
                self.wake(at);
            } else if self.is_free_or_wakes(pod) {
                self.step(Action::PatchCost {
                    pod: bind::pod_ref(&pod.record),
                    cost,
                    patch: bind::cost(&pod.record, cost),
                });
                if pod.overwritten.times == TOLD_AFTER {
                    self.tell_of_another_writer(pod);
                }
            }
        }
    }

    /// Says, when a spread is first published, that no order of pods keeps its split while the workload shrinks.
    pub(crate) fn tell_of_percentages(&mut self, spread: &Spread) {
        const SIZES: u32 = 200;
        if spread.has_percentages() && !is_ladder(spread, SIZES) {
            let text = "no order in which pods leave keeps these percentages at every size: after a scale-in a subset may \
                        stand above its maximum until a pod moves home";
            self.note(Severity::Normal, "NoRemovalOrder", text.to_owned());
        }
    }

    fn tell_of_another_writer(&mut self, pod: &KnownPod) {
        let text = format!(
            "somebody else changes the deletion cost of pod {} whenever it is corrected: it is corrected ever more \
             rarely, and pods may be deleted in another order than that of the subsets",
            pod.record.name
        );
        self.note(Severity::Warning, "DeletionCostOverwritten", text);
    }

    pub(crate) fn taken(&self, spread: &Spread, revision: Option<&str>) -> Taken {
        self.observe(spread, revision, replicas(self.world, spread)).taken
    }
}

/// The costs of a subset's pods, highest first, with how many have each.
fn tiers(ladder: &Ladder<'_>, subset: SubsetIx, pods: usize, subsets: usize) -> Vec<(i32, usize)> {
    let of = |tier| DeletionCost::of(Rung { subset, tier }, subsets).value();
    let count = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
    let maximum = ladder.maximum(subset).map_or(pods, count).min(pods);
    let minimum = count(ladder.minimum(subset)).min(maximum);
    vec![
        (of(Tier::Minimum), minimum),
        (of(Tier::Maximum), maximum - minimum),
        (excess(subset), pods - maximum),
    ]
}

/// The costs of a subset's pods where each is worth the size of the workload at which it appears, highest first.
fn sizes(spread: &Spread, ladder: &Ladder<'_>, subset: SubsetIx, pods: usize) -> Vec<(i32, usize)> {
    let pods = u32::try_from(pods).unwrap_or(u32::MAX);
    let places = ladder.maximum(subset).map_or(pods, |maximum| maximum.min(pods));
    let rung = Rung {
        subset,
        tier: Tier::Maximum,
    };
    let costs = (0..places).map(|others| (DeletionCost::of_place(spread, rung, others).value(), 1));
    let surplus = usize::try_from(pods - places).unwrap_or(usize::MAX);
    costs.chain([(excess(subset), surplus)]).collect()
}

/// The costs of the lowest rungs that a subset has in shares, highest first.
fn lowest(ladder: &Ladder<'_>, subset: SubsetIx, pods: usize, subsets: usize) -> Vec<(i32, usize)> {
    let rungs = ladder
        .rungs()
        .take(1_000_000)
        .filter(|rung| rung.subset == subset);
    let costs = rungs.map(|rung| (DeletionCost::of(rung, subsets).value(), 1));
    costs.take(pods).collect()
}

/// The costs of a subset's pods in shares: each keeps the rung that it has, a pod without one gets the lowest that is
/// free. `None` where all have one.
fn rungs(
    spread: &Spread,
    ladder: &Ladder<'_>,
    subset: SubsetIx,
    pods: &[&KnownPod],
) -> Option<Vec<(i32, usize)>> {
    let known: Vec<i32> = pods
        .iter()
        .map(|pod| pod.facts())
        .filter_map(|facts| facts.cost.filter(|_| facts.has_our_cost))
        .filter(|cost| DeletionCost::rung(*cost, subset, spread.fill()).is_some())
        .collect();
    if known.len() == pods.len() {
        return None;
    }
    let subsets = spread.subsets().len();
    let free = ladder
        .rungs()
        .enumerate()
        .take(1_000_000)
        .filter(|(_, rung)| rung.subset == subset)
        .map(|(_, rung)| DeletionCost::of(rung, subsets).value())
        .filter(|cost| !known.contains(cost));
    let mut costs: Vec<(i32, usize)> = free
        .take(pods.len() - known.len())
        .map(|cost| (cost, 1))
        .collect();
    costs.extend(known.iter().map(|cost| (*cost, 1)));
    costs.sort_unstable_by_key(|(cost, _)| core::cmp::Reverse(*cost));
    Some(costs)
}

/// Gives pods, best last, their costs with as few changes as possible: whoever has a cost that is wanted keeps it.
pub(crate) fn assigned<'p>(pods: &[&'p KnownPod], mut costs: Vec<(i32, usize)>) -> Vec<Wanted<'p>> {
    let mut changed = Vec::new();
    // The best keep what is high, before the worst find it taken.
    for pod in pods.iter().rev() {
        let cost = pod.facts().cost;
        match costs
            .iter_mut()
            .find(|(wanted, left)| Some(*wanted) == cost && *left > 0)
        {
            Some((_, left)) => *left -= 1,
            None => changed.push(*pod),
        }
    }
    let mut left = costs
        .into_iter()
        .flat_map(|(cost, count)| core::iter::repeat_n(cost, count));
    changed
        .into_iter()
        .filter_map(|pod| Some((pod, left.next()?)))
        .collect()
}

/// Whether the pods leave subset by subset as they would with the wanted costs. Which pod of a subset goes does not
/// matter, so costs that differ only within one are left alone; a cost that is somebody else's is not.
fn leaves_in_order(spread: &Spread, pods: &[&KnownPod], wanted: &[Wanted<'_>]) -> bool {
    let subsets = spread.subsets().len();
    let (mut now, mut then) = (Vec::with_capacity(pods.len()), Vec::with_capacity(pods.len()));
    for pod in pods {
        let facts = pod.facts();
        let subset = facts.subset.and_then(|name| spread.subset_named(name));
        let Some(cost) = facts.cost else { return false };
        let is_ours = match subset {
            Some(subset) => {
                cost == excess(subset) || DeletionCost::rung(cost, subset, spread.fill()).is_some()
            }
            None => cost == unplaced(subsets),
        };
        if !is_ours {
            return false;
        }
        let changed = wanted.iter().find(|(known, _)| core::ptr::eq(*known, *pod));
        now.push((cost, subset));
        then.push((changed.map_or(cost, |(_, cost)| *cost), subset));
    }
    now.sort_unstable();
    then.sort_unstable();
    let order =
        |costs: &[(i32, Option<SubsetIx>)]| costs.iter().map(|(_, subset)| *subset).collect::<Vec<_>>();
    let is_clear = now.windows(2).all(|pair| match pair {
        [(left, one), (right, other)] => left != right || one == other,
        _ => true,
    });
    is_clear && order(&now) == order(&then)
}

/// Whom to keep, worst first: as the ReplicaSet controller ranks before it looks at costs.
pub(crate) fn worth(pod: &KnownPod) -> impl Ord + use<> {
    let record = &pod.record;
    (
        record.node.is_some(),
        record.phase,
        record.ready_since.is_some(),
        core::cmp::Reverse(record.ready_since),
        core::cmp::Reverse(record.restarts),
        core::cmp::Reverse(record.created),
    )
}
