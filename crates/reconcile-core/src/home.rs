//! Moving pods home (`rebalance`): a pod that stands where it is not meant to stay is evicted, so that its controller
//! makes another, which takes the lowest free rung.
//!
//! ```text
//!   at rest for 30 s --> a subset is short of what its ladder says --> who is to go --> a node has room --> evict
//!        ^                                                                                                    |
//!        '------------------------------ the successor is ready: the next one ------------------------------'
//! ```
//!
//! A pod that runs serves somebody. So nothing moves unless everything stands still, one pod at a time, by the eviction
//! API, which asks the PodDisruptionBudgets, and never again within the hour to where it did not help.

use std::collections::{BTreeMap, BTreeSet};

use kube_rules::time::UnixMillis;
use placement_core::Closed;
use placement_core::ladder::Ladder;
use placement_core::sizes::is_ladder;
use rules::{Fill, Spread, SubsetIx, Target, When, WorkloadKind};

use crate::bind;
use crate::gates::needs_replicas;
use crate::ledger::replicas;
use crate::moments::{ahead, is_recent};
use crate::plan::Planning;
use crate::record::{Phase, WorkloadRecord};
use crate::reschedule::Closings;
use crate::step::{Action, Severity, WhyMoved};
use crate::world::{KnownPod, Moves, Stage};

/// Nothing is moved before everything stood still for so long.
const REST_MILLIS: i64 = 30_000;
/// Room on nodes is looked for again after so long: nobody tells when another's pod leaves one.
const LOOK_AGAIN_MILLIS: i64 = 30_000;
/// What `maxMovesPerMinute` is about.
pub(crate) const MINUTE_MILLIS: i64 = 60_000;
/// Where a move did not help, none is tried again before.
pub(crate) const HOUR_MILLIS: i64 = 3_600_000;
/// Whether there is an order of removal is looked at from so many more pods on: percentages repeat after as many.
const PERIOD: u32 = 100;

/// The pods of a spread when nothing happens to them.
struct Rest<'w> {
    pods: Vec<&'w KnownPod>,
    /// Those whose controller makes another in their place, under another name.
    replaceable: BTreeSet<&'w str>,
}

/// How the pods stand, and how they are to stand.
struct Split<'s> {
    spread: &'s Spread,
    skipped: Closed,
    standing: Vec<u32>,
    meant: Vec<u32>,
    /// Subsets above their percent maximum, which no order of removal keeps.
    above: Vec<SubsetIx>,
}

/// A pod that may go, from where, and why.
struct Homeless<'w> {
    pod: &'w KnownPod,
    /// `None`: it was let go without a subset.
    from: Option<SubsetIx>,
    why: WhyMoved,
}

impl<'w> Planning<'w> {
    /// Evicts one pod that is to go elsewhere, if everything is at rest.
    pub(crate) fn go_home(&mut self, spread: &'w Spread, closings: &Closings) {
        self.tell_of_moves();
        let is_idle = self.plan.steps.iter().all(|step| step.action.pod().is_none());
        if !is_idle || spread.rebalance().when == When::Never || spread.subsets().len() < 2 {
            return;
        }
        let Some(rest) = self.at_rest(spread) else { return };
        let Some(split) = self.split(spread, closings, rest.pods.len()) else {
            return;
        };
        let moves = self.world.moves.get(self.id);
        let to_go: Vec<(SubsetIx, Vec<Homeless<'_>>)> = split
            .short()
            .filter(|to| {
                let name = spread.subset(*to).map_or("", rules::Subset::name);
                !moves.is_some_and(|moves| moves.was_in_vain(name, self.now))
            })
            .map(|to| (to, split.homeless(&rest, to)))
            .filter(|(_, homeless)| !homeless.is_empty())
            .collect();
        if to_go.is_empty() {
            return;
        }
        if let Some(due) = moves.and_then(|moves| self.not_before(spread, moves)) {
            self.wake(due);
            return;
        }
        self.evict_one(spread, to_go);
    }

    /// Evicts the first pod for which there is a node, or looks again later.
    fn evict_one(&mut self, spread: &Spread, to_go: Vec<(SubsetIx, Vec<Homeless<'_>>)>) {
        let world = self.world;
        for (to, homeless) in to_go {
            let Some(subset) = spread.subset(to) else { continue };
            let mut tried = Vec::new();
            for Homeless { pod, from, why } in homeless {
                let Some(template) = self.template(pod) else {
                    continue;
                };
                // Of pods that need the same one is looked at.
                let needs = (&template.uid, &pod.record.requests);
                if tried.contains(&needs) {
                    continue;
                }
                let Some(node) = world.node_for_successor(spread, subset, pod, template) else {
                    tried.push(needs);
                    continue;
                };
                if self.is_free_or_wakes(pod) {
                    self.step(Action::Evict {
                        pod: bind::pod_ref(&pod.record),
                        version: pod.record.version,
                        from,
                        to,
                        node: node.to_owned(),
                        why,
                    });
                }
                return;
            }
        }
        self.wake(self.now.plus(LOOK_AGAIN_MILLIS));
    }

    /// Whoever makes the successor of a pod.
    fn template(&self, pod: &KnownPod) -> Option<&'w WorkloadRecord> {
        self.world.workloads.of_uid(&pod.record.owner.as_ref()?.uid)
    }

    /// Until when nothing is moved: it was not at rest for long enough, evictions are refused, or there were as many as
    /// may be within a minute.
    fn not_before(&self, spread: &Spread, moves: &Moves) -> Option<UnixMillis> {
        let rested = ahead(moves.stirred.plus(REST_MILLIS), self.now, REST_MILLIS);
        let mut begun = moves.begun.iter();
        let recent = begun
            .clone()
            .filter(|at| is_recent(**at, self.now, MINUTE_MILLIS));
        let most = usize::from(spread.rebalance().moves.get());
        let first = begun.find(|at| is_recent(**at, self.now, MINUTE_MILLIS));
        let spent = first
            .filter(|_| recent.count() >= most)
            .map(|at| at.plus(MINUTE_MILLIS));
        rested.max(moves.refused_until(self.now)).max(spent)
    }

    /// The pods, if nothing happens to any of them, and whoever makes them has and wants as many as there are.
    fn at_rest(&self, spread: &Spread) -> Option<Rest<'w>> {
        let world = self.world;
        let mut pods = Vec::new();
        let mut owners: BTreeMap<&str, (usize, Option<&str>, bool)> = BTreeMap::new();
        for pod in world.pods_of(self.id) {
            let record = &pod.record;
            if record.phase == Phase::Finished && !record.terminating {
                continue;
            }
            let is_still = record.is_active() && !record.gated && record.node.is_some();
            if !is_still || record.ready_since.is_none() || pod.assumed.is_some() {
                return None;
            }
            pods.push(pod);
            let Some(owner) = &record.owner else { continue };
            let is_replaced = record.kind().is_some_and(WorkloadKind::replaces_by_another);
            let revision = record.revision.as_deref();
            let (count, known, _) = owners.entry(&owner.uid).or_insert((0, revision, is_replaced));
            *count += 1;
            if *known != revision {
                return None;
            }
        }
        let replaceable = self.settled_owners(spread, &owners)?;
        Some(Rest { pods, replaceable })
    }

    /// The controllers whose pods have successors; `None` if one of them is not done, or rolls out.
    fn settled_owners(
        &self,
        spread: &Spread,
        owners: &BTreeMap<&'w str, (usize, Option<&str>, bool)>,
    ) -> Option<BTreeSet<&'w str>> {
        let has_all = matches!(spread.target(), Target::Workload { filter: None, .. });
        let mut settled = BTreeSet::new();
        let mut tops: BTreeMap<&str, &WorkloadRecord> = BTreeMap::new();
        let workloads = &self.world.workloads;
        for (uid, (count, _, is_replaced)) in owners {
            let Some(workload) = workloads.of_uid(uid) else {
                continue;
            };
            let wanted = usize::try_from(workload.replicas).unwrap_or(usize::MAX);
            let is_settled = wanted == *count || (!has_all && wanted > *count);
            if !is_replaced {
                continue;
            }
            if !is_settled {
                return None;
            }
            settled.insert(*uid);
            if let Some(top) = &workload.owner
                && tops.insert(&top.uid, workload).is_some()
            {
                return None;
            }
        }
        for (top, set) in tops {
            let is_next = |other: &WorkloadRecord| other.uid != set.uid && other.replicas > 0;
            let is_short = |top: &WorkloadRecord| top.replicas != set.replicas;
            if workloads.siblings(set).any(is_next) || workloads.of_uid(top).is_some_and(is_short) {
                return None;
            }
        }
        Some(settled)
    }

    /// How so many pods stand and are to stand; `None` where it depends on replicas that nobody knows.
    fn split<'s>(&self, spread: &'s Spread, closings: &Closings, pods: usize) -> Option<Split<'s>> {
        let replicas = replicas(self.world, spread);
        if replicas.is_none() && needs_replicas(spread) {
            return None;
        }
        let observation = self.observe(spread, None, replicas);
        // A subset that is to be tried is tried by the first that goes there.
        let skipped = closings.closed();
        let size = u32::try_from(pods).unwrap_or(u32::MAX);
        let standing: Vec<u32> = subsets(spread)
            .map(|subset| observation.taken.of(subset))
            .collect();
        let meant = meant(spread, observation.replicas, &skipped, size);
        let above = subsets(spread)
            .filter(|subset| is_above(spread, *subset, observation.replicas, &standing))
            .collect();
        Some(Split {
            spread,
            skipped,
            standing,
            meant,
            above,
        })
    }

    /// Tells of the last move, and that evictions are refused.
    fn tell_of_moves(&mut self) {
        let Some(moves) = self.world.moves.get(self.id) else {
            return;
        };
        if let Some(journey) = moves
            .last
            .as_ref()
            .filter(|journey| journey.stage != Stage::Asked)
        {
            let told = self.world.noted.get(&(self.id.clone(), "PodMovedHome"));
            if told.is_none_or(|told| *told < journey.begun) {
                let text = format!(
                    "pod {} was evicted, its successor goes to subset {}: {}",
                    journey.name, journey.to, journey.why
                );
                self.note(Severity::Normal, "PodMovedHome", text);
            }
        }
        if let Some(refused) = moves.refused.as_ref().filter(|refused| refused.times == 1) {
            let text = format!(
                "a pod is not moved home, its eviction is refused: {}",
                refused.why
            );
            self.note(Severity::Warning, "PodNotMovedHome", text);
        }
    }
}

impl Split<'_> {
    /// The subsets that have fewer pods than they are meant to have, in order.
    fn short(&self) -> impl Iterator<Item = SubsetIx> {
        let of = |counts: &[u32], subset: SubsetIx| counts.get(subset.index()).copied().unwrap_or(0);
        subsets(self.spread).filter(move |subset| {
            !self.skipped.contains(*subset) && of(&self.standing, *subset) < of(&self.meant, *subset)
        })
    }

    /// Whether a subset has more pods than it is meant to have.
    fn is_over(&self, subset: SubsetIx) -> bool {
        let ix = subset.index();
        self.standing.get(ix) > self.meant.get(ix)
    }

    /// The pods that may go to a subset: for the best reason first, then whoever would be given up first.
    fn homeless<'w>(&self, rest: &Rest<'w>, to: SubsetIx) -> Vec<Homeless<'w>> {
        let mut homeless: Vec<Homeless<'w>> = rest
            .pods
            .iter()
            .filter_map(|pod| {
                let owner = pod.record.owner.as_ref()?;
                let subset = pod.facts().subset;
                let from = subset.and_then(|subset| self.spread.subset_named(subset));
                let why = match from {
                    Some(from) => self.why(pod, from, to)?,
                    // One that never was ours runs where its makers want it.
                    None if subset.is_none() && pod.record.spread.is_some() => WhyMoved::Unplaced,
                    None => return None,
                };
                rest.replaceable
                    .contains(owner.uid.as_str())
                    .then_some(Homeless { pod, from, why })
            })
            .collect();
        homeless.sort_by_key(|homeless| {
            let pod = homeless.pod;
            let age = (pod.record.created, pod.sequence);
            (homeless.why, pod.record.cost, core::cmp::Reverse(age))
        });
        homeless
    }

    /// Why a pod of a subset may go to another, if it may.
    fn why(&self, pod: &KnownPod, from: SubsetIx, to: SubsetIx) -> Option<WhyMoved> {
        let is_continuous = self.spread.rebalance().when == When::Continuous;
        // Shares have no earlier and later.
        let is_homeward = match self.spread.fill() {
            Fill::InOrder(_) => to < from,
            Fill::Shares(_) => !self.skipped.contains(from),
        };
        if from == to || !self.is_over(from) {
            None
        } else if pod.record.stone && is_homeward {
            Some(WhyMoved::SteppingStone)
        } else if self.above.contains(&from) {
            Some(WhyMoved::AboveMaximum)
        } else {
            (is_continuous && is_homeward).then_some(WhyMoved::Home)
        }
    }
}

/// Whether a subset stands above its percent maximum, and shrinking to this size by costs alone does not avoid that.
fn is_above(spread: &Spread, subset: SubsetIx, replicas: u32, standing: &[u32]) -> bool {
    let Fill::InOrder(bounds) = spread.fill() else {
        return false;
    };
    let maximum = bounds.get(subset.index()).and_then(|bounds| bounds.max);
    let Some(maximum) = maximum.filter(|maximum| maximum.is_percent()) else {
        return false;
    };
    if standing
        .get(subset.index())
        .is_none_or(|standing| *standing <= maximum.of(replicas))
    {
        return false;
    }
    !is_ladder(spread, replicas.saturating_add(PERIOD))
}

/// How many of the lowest rungs are in each subset.
fn meant(spread: &Spread, replicas: u32, closed: &Closed, size: u32) -> Vec<u32> {
    let mut counts = vec![0; spread.subsets().len()];
    let mut left = size;
    for run in Ladder::new(spread, replicas, closed).runs() {
        if left == 0 {
            break;
        }
        let taken = run.length.unwrap_or(left).min(left);
        if let Some(count) = counts.get_mut(run.rung.subset.index()) {
            *count += taken;
        }
        left -= taken;
    }
    counts
}

fn subsets(spread: &Spread) -> impl Iterator<Item = SubsetIx> {
    (0..spread.subsets().len()).map(SubsetIx::new)
}
