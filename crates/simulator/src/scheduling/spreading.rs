//! Topology spread: whether a node keeps the skew, and how evenly it would be (`PodTopologySpread`).

use super::constraints::{HOSTNAME, Spread, SpreadConstraint};
use super::domains::{Domains, Topology};
use super::logarithm::{POINT, ln};
use super::needs::Needs;
use super::node::NodeRoom;
use super::reason::Reason;
use super::score::MOST;
use super::tallies::{Counted, Tallies};
use super::verdicts::Verdict;

/// The constraints that must hold, with what they count.
pub(super) struct Hard<'c> {
    constraints: Vec<HardOne<'c>>,
}

struct HardOne<'c> {
    constraint: &'c SpreadConstraint,
    domains: &'c Domains,
    pods: Vec<i64>,
    least: i64,
    itself: i64,
}

/// What a choice looks at.
#[derive(Clone, Copy)]
pub(super) struct Seen<'c> {
    pub(super) slots: &'c [Option<NodeRoom>],
    pub(super) verdicts: &'c [Option<Verdict>],
    pub(super) topology: &'c Topology,
}

impl<'c> Hard<'c> {
    pub(super) fn of(needs: &'c Needs, seen: Seen<'c>, tallies: &mut Tallies) -> Self {
        let all = domains_of(&needs.spread.hard, seen.topology);
        let constraints = all.iter().map(|(constraint, domains)| {
            let by_slot = by_slot(constraint, seen.slots, tallies);
            let mut pods = vec![0; domains.len()];
            let mut is_there = vec![false; domains.len()];
            for (slot, domain) in counted(constraint, &all, domains, seen, true) {
                if let (Some(sum), Some(is_there)) = (pods.get_mut(domain), is_there.get_mut(domain)) {
                    *sum += i64::from(by_slot.get(slot).copied().unwrap_or_default());
                    *is_there = true;
                }
            }
            let known = is_there.iter().filter(|is_there| **is_there).count();
            let counts = pods.iter().zip(&is_there).filter(|(_, is_there)| **is_there);
            let least = counts.map(|(count, _)| *count).min().unwrap_or_default();
            HardOne {
                constraint,
                domains,
                least: if known < constraint.min_domains { 0 } else { least },
                pods,
                itself: i64::from(constraint.pods.selects(&needs.namespace, &needs.labels)),
            }
        });
        Self {
            constraints: constraints.collect(),
        }
    }

    /// The first constraint against a node.
    pub(super) fn against(&self, slot: usize) -> Option<Reason> {
        self.constraints.iter().find_map(|one| {
            let Some(domain) = one.domains.at(slot) else {
                return Some(Reason::SpreadLabel);
            };
            let pods = one.pods.get(domain).copied().unwrap_or_default();
            (pods + one.itself - one.least > one.constraint.max_skew).then_some(Reason::Spread)
        })
    }
}

/// The scores of the candidates, by the constraints that only prefer; empty without any.
pub(super) fn scores(needs: &Needs, candidates: &[usize], seen: Seen<'_>, tallies: &mut Tallies) -> Vec<i64> {
    let Spread {
        soft,
        needs_every_key,
        ..
    } = &needs.spread;
    if soft.is_empty() {
        return Vec::new();
    }
    let all = domains_of(soft, seen.topology);
    let is_ignored =
        |slot: usize| *needs_every_key && all.iter().any(|(_, domains)| domains.at(slot).is_none());
    let scored: Vec<usize> = candidates
        .iter()
        .copied()
        .filter(|slot| !is_ignored(*slot))
        .collect();
    let mut sums = vec![0_i64; seen.slots.len()];
    for (constraint, domains) in &all {
        let by_slot = by_slot(constraint, seen.slots, tallies);
        let is_by_node = constraint.topology_key == HOSTNAME;
        let mut pods = vec![0_i64; domains.len()];
        for (slot, domain) in counted(constraint, &all, domains, seen, *needs_every_key) {
            if let Some(sum) = pods.get_mut(domain) {
                *sum += i64::from(by_slot.get(slot).copied().unwrap_or_default());
            }
        }
        let size = if is_by_node {
            scored.len()
        } else {
            distinct(domains, &scored)
        };
        let weight = ln(u64::try_from(size).unwrap_or(u64::MAX).saturating_add(2));
        for slot in &scored {
            let Some(domain) = domains.at(*slot) else { continue };
            let count = if is_by_node {
                by_slot.get(*slot).copied().map_or(0, i64::from)
            } else {
                pods.get(domain).copied().unwrap_or_default()
            };
            if let Some(sum) = sums.get_mut(*slot) {
                *sum += count * weight + ((constraint.max_skew - 1) << POINT);
            }
        }
    }
    let rounded = |slot: usize| (sums.get(slot).copied().unwrap_or_default() + (1 << (POINT - 1))) >> POINT;
    let lowest = scored.iter().map(|slot| rounded(*slot)).min().unwrap_or_default();
    let highest = scored.iter().map(|slot| rounded(*slot)).max().unwrap_or_default();
    let score = |slot: &usize| match (is_ignored(*slot), highest) {
        (true, _) => 0,
        (false, 0) => MOST,
        (false, _) => MOST * (highest + lowest - rounded(*slot)) / highest,
    };
    candidates.iter().map(score).collect()
}

fn domains_of<'c>(
    constraints: &'c [SpreadConstraint],
    topology: &'c Topology,
) -> Vec<(&'c SpreadConstraint, &'c Domains)> {
    let found = constraints
        .iter()
        .map(|constraint| Some((constraint, topology.of(&constraint.topology_key)?)));
    found.flatten().collect()
}

/// The nodes whose pods count, with their domain.
fn counted<'a>(
    constraint: &'a SpreadConstraint,
    all: &'a [(&SpreadConstraint, &Domains)],
    domains: &'a Domains,
    seen: Seen<'a>,
    needs_every_key: bool,
) -> impl Iterator<Item = (usize, usize)> + 'a {
    seen.verdicts
        .iter()
        .enumerate()
        .filter_map(move |(slot, verdict)| {
            let verdict = verdict.as_ref()?;
            let domain = domains.at(slot)?;
            let has_keys = !needs_every_key || all.iter().all(|(_, domains)| domains.at(slot).is_some());
            let is_included = (!constraint.honours_affinity || verdict.is_affine)
                && (!constraint.honours_taints || verdict.is_tolerated);
            (has_keys && is_included).then_some((slot, domain))
        })
}

fn by_slot(constraint: &SpreadConstraint, slots: &[Option<NodeRoom>], tallies: &mut Tallies) -> Vec<u32> {
    if constraint.pods.is_everything() {
        return Vec::new();
    }
    let counted = Counted {
        by: vec![constraint.pods.clone()],
        skips_terminating: true,
    };
    tallies.by_slot(&counted, slots)
}

/// How many domains the nodes have between them. Those without the key share one.
fn distinct(domains: &Domains, slots: &[usize]) -> usize {
    let mut is_there = vec![false; domains.len() + 1];
    for slot in slots {
        let domain = domains.at(*slot).unwrap_or(domains.len());
        if let Some(is_there) = is_there.get_mut(domain) {
            *is_there = true;
        }
    }
    is_there.iter().filter(|is_there| **is_there).count()
}
