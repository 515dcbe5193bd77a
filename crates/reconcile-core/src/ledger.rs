//! The ledger of a spread: its rule, and an observation of each revision.

use std::collections::BTreeMap;

use placement_core::facts::PodFacts;
use placement_core::shard::Shard;
use placement_core::{Closed, Ladder};
use rules::names::SHARD_LABEL;
use rules::{Spread, Target, Terminating};
use spread_api::{
    API_VERSION, BinderStatus, LEDGER_KIND, LedgerMetadata, LedgerStatus, RevisionStatus, SpreadLedger,
};

use crate::reschedule::{Closing, Closings};
use crate::world::{KnownPod, Rule, SpreadId, World};

/// More revisions than this have one row together.
const MOST_REVISIONS: usize = 50;

/// The revision of the row of all others, which no revision can be called.
const OTHER_REVISIONS: &str = "*";

/// The ledger as it is to be stored.
pub(crate) fn ledger(
    world: &World,
    id: &SpreadId,
    rule: &Rule,
    full: &Closed,
    closings: &Closings,
    vacating: bool,
) -> SpreadLedger {
    let shard = Shard::of(&rule.spread).to_string();
    SpreadLedger {
        api_version: API_VERSION.to_owned(),
        kind: LEDGER_KIND.to_owned(),
        metadata: LedgerMetadata {
            name: id.name.clone(),
            namespace: id.namespace.clone(),
            labels: BTreeMap::from([(SHARD_LABEL.to_owned(), shard)]),
        },
        spec: rule.written.clone(),
        status: Some(LedgerStatus {
            vacating,
            ..status(world, id, rule, full, closings)
        }),
    }
}

/// Leaves out what can be too much. Admissions that lack it place nothing ungated.
pub(crate) fn shorten(ledger: &mut SpreadLedger) {
    if let Some(status) = &mut ledger.status {
        status.revisions.clear();
        status.closings.clear();
        status.vacating = true;
    }
}

fn status(world: &World, id: &SpreadId, rule: &Rule, full: &Closed, closings: &Closings) -> LedgerStatus {
    let spread = &rule.spread;
    let closed = full
        .iter()
        .fold(closings.skipped(), |closed, subset| closed.with(subset));
    let names = |which: &Closed| -> Vec<String> {
        let subsets = spread.subsets().iter().enumerate();
        let named = subsets.filter(|(ix, _)| which.contains(rules::SubsetIx::new(*ix)));
        named.map(|(_, subset)| subset.name().to_owned()).collect()
    };
    let replicas = replicas(world, spread);
    let pods: Vec<&KnownPod> = world.pods_of(id).collect();
    let all = Counts::of(world, spread, pods.iter().copied());
    let mut status = LedgerStatus {
        summary: summary(spread, &all, replicas.unwrap_or(0), &closed),
        replicas,
        active: all.active,
        gated: all.gated,
        taken: all.taken,
        revisions: Vec::new(),
        closed: names(&closed),
        probing: names(
            &closings
                .probing()
                .iter()
                .filter(|subset| !full.contains(*subset))
                .collect(),
        ),
        closings: closings.all().map(Closing::status).collect(),
        first_ordinal: first_ordinal(world, spread),
        order: world.order(id),
        vacating: false,
        binder: world.leader().map(|leader| BinderStatus {
            epoch: leader.epoch,
            rule: rule.hash.clone(),
        }),
    };
    status.revisions = revisions(world, spread, &pods);
    status
}

/// A row for each revision; the smallest are one row together where there are too many.
fn revisions(world: &World, spread: &Spread, pods: &[&KnownPod]) -> Vec<RevisionStatus> {
    let desired = desired_by_revision(world, spread);
    let mut by_revision: BTreeMap<Option<&str>, Vec<&KnownPod>> = BTreeMap::new();
    for (revision, _) in desired.iter().filter(|(_, desired)| **desired > 0) {
        by_revision.entry(Some(revision)).or_default();
    }
    for pod in pods.iter().filter(|pod| pod.record.is_active()) {
        by_revision.entry(pod.record.revision.as_deref()).or_default();
    }
    for pod in pods {
        if let Some(of_revision) = by_revision.get_mut(&pod.record.revision.as_deref()) {
            of_revision.push(pod);
        }
    }
    let row = |revision: Option<&str>, pods: &[&KnownPod]| {
        let counts = Counts::of(world, spread, pods.iter().copied());
        RevisionStatus {
            revision: revision.map(ToOwned::to_owned),
            desired: revision.and_then(|revision| desired.get(revision).copied()),
            active: counts.active,
            gated: counts.gated,
            taken: counts.taken,
        }
    };
    let mut largest: Vec<(Option<&str>, Vec<&KnownPod>)> = by_revision.into_iter().collect();
    largest.sort_by_key(|(revision, pods)| {
        let is_known = revision.is_some_and(|revision| desired.contains_key(revision));
        core::cmp::Reverse((is_known, pods.len()))
    });
    let others = largest.split_off(largest.len().min(MOST_REVISIONS));
    largest.sort_by_key(|(revision, _)| *revision);
    let rows = largest.iter().map(|(revision, pods)| row(*revision, pods));
    let others: Vec<&KnownPod> = others.into_iter().flat_map(|(_, pods)| pods).collect();
    let merged = (!others.is_empty()).then(|| row(Some(OTHER_REVISIONS), &others));
    rows.chain(merged).collect()
}

/// The replicas that percentages are taken of; `None`: not known.
pub(crate) fn replicas(world: &World, spread: &Spread) -> Option<u32> {
    let Target::Workload { replicas: paths, .. } = spread.target() else {
        return None;
    };
    let workload = world.workload_of(spread)?;
    if paths.is_empty() {
        return world.replicas_of(workload).or(Some(workload.replicas));
    }
    let object = serde_json::json!({ "spec": workload.spec });
    placement_core::facts::replicas_in(&object, paths).ok()
}

fn first_ordinal(world: &World, spread: &Spread) -> Option<u32> {
    crate::ordinals::first(&world.workload_of(spread)?.spec)
}

/// What each ReplicaSet of a Deployment, or the one that is the target, asks for.
pub(crate) fn desired_by_revision<'w>(world: &'w World, spread: &'w Spread) -> BTreeMap<&'w str, u32> {
    let mut desired = BTreeMap::new();
    for set in world.sets_of(spread) {
        if let Some(revision) = set.revision.as_deref() {
            desired.insert(revision, set.replicas);
        }
    }
    desired
}

struct Counts {
    active: u32,
    gated: u32,
    taken: Vec<u32>,
}

impl Counts {
    fn of<'p>(world: &World, spread: &Spread, pods: impl Iterator<Item = &'p KnownPod>) -> Self {
        let mut counts = Self {
            active: 0,
            gated: 0,
            taken: vec![0; spread.subsets().len()],
        };
        for pod in pods {
            let facts: PodFacts<'_> = pod.facts();
            if facts.finished {
                continue;
            }
            if !facts.terminating {
                counts.active += 1;
                counts.gated += u32::from(pod.is_gated());
            } else if spread.terminating() == Terminating::Ignored {
                continue;
            }
            let subset = facts.subset.and_then(|name| spread.subset_named(name));
            for subset in subset.into_iter().chain(world.kept_place(spread, pod)) {
                if let Some(taken) = counts.taken.get_mut(subset.index()) {
                    *taken += 1;
                }
            }
        }
        counts
    }
}

fn summary(spread: &Spread, counts: &Counts, replicas: u32, closed: &Closed) -> String {
    let ladder = Ladder::new(spread, replicas, closed);
    let subsets = spread
        .subsets()
        .iter()
        .zip(&counts.taken)
        .enumerate()
        .map(|(ix, (subset, taken))| {
            let ix = rules::SubsetIx::new(ix);
            let mut text = format!("{} {taken}", subset.name());
            if let Some(maximum) = ladder.maximum(ix) {
                text.push_str(&format!("/{maximum}"));
            }
            if closed.contains(ix) {
                text.push_str(" closed");
            }
            text
        });
    subsets.collect::<Vec<String>>().join(", ")
}
