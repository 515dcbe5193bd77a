//! The choice of a node for a pod: filter, score, and a draw among the best.

use std::collections::BTreeMap;

use super::companions::{self, Required};
use super::needs::Needs;
use super::node::NodeRoom;
use super::nodes::{NodeId, Nodes};
use super::reason::{Reason, Unschedulable};
use super::score::{balance_gain, least_allocated, stretched, weight};
use super::spreading::{self, Hard, Seen};
use super::verdicts::Verdict;
use crate::random::Random;

/// The node that was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// Which.
    pub node: NodeId,
    /// Its score, by the weights of the default profile.
    pub score: i64,
}

/// The rules against a node that depend on the pods of all nodes.
struct Between<'c> {
    spread: Hard<'c>,
    required: Required<'c>,
}

impl Nodes {
    /// The best node for a pod; among equals one is drawn, as kube-scheduler does. Where there is only one, nothing is drawn.
    ///
    /// # Errors
    /// When gates hold the pod or no node takes it.
    pub fn choose(&mut self, needs: &Needs, random: &mut Random) -> Result<Choice, Unschedulable> {
        let scores = self.scores(needs)?;
        let highest = scores.iter().map(|choice| choice.score).max();
        let mut best = scores.iter().filter(|choice| Some(choice.score) == highest);
        let count = u64::try_from(best.clone().count()).unwrap_or(u64::MAX);
        let drawn = if count > 1 { random.below(count) } else { 0 };
        let found = usize::try_from(drawn)
            .ok()
            .and_then(|drawn| best.nth(drawn))
            .copied();
        found.ok_or_else(|| self.no_node(BTreeMap::new()))
    }

    /// Every node that takes a pod, with its score, in the order of their ids.
    ///
    /// # Errors
    /// As [`choose`](Self::choose).
    pub fn scores(&mut self, needs: &Needs) -> Result<Vec<Choice>, Unschedulable> {
        if !needs.gates().is_empty() {
            return Err(Unschedulable::Gated(needs.gates().to_vec()));
        }
        self.learn(needs);
        let verdicts = self.verdicts.of(&needs.wishes, &self.slots);
        let seen = Seen {
            slots: &self.slots,
            verdicts,
            topology: &self.topology,
        };
        let between = Between {
            spread: Hard::of(needs, seen, &mut self.tallies),
            required: Required::of(needs, &self.slots, &self.topology, &mut self.tallies),
        };
        let rooms = || self.slots.iter().zip(verdicts).enumerate();
        let taking = rooms().filter_map(|(slot, (room, verdict))| {
            let (room, verdict) = (room.as_ref()?, verdict.as_ref()?);
            let takes = verdict.against.is_none() && fits(needs, room) && between.against(slot).is_none();
            takes.then_some(slot)
        });
        let candidates: Vec<usize> = taking.collect();
        if candidates.is_empty() {
            let mut reasons = BTreeMap::new();
            for (slot, (room, verdict)) in rooms() {
                if let (Some(room), Some(verdict)) = (room, verdict) {
                    for reason in against(needs, slot, room, *verdict, &between) {
                        *reasons.entry(reason).or_default() += 1;
                    }
                }
            }
            return Err(self.no_node(reasons));
        }
        let spread = spreading::scores(needs, &candidates, seen, &mut self.tallies);
        let company = companions::scores(needs, &candidates, &self.slots, &self.topology, &mut self.tallies);
        let highest = |of: fn(&Verdict) -> i64| {
            let found = candidates
                .iter()
                .filter_map(|slot| Some(of(verdicts.get(*slot)?.as_ref()?)));
            found.max().unwrap_or_default()
        };
        let (most_avoided, most_preferred) = (
            highest(|verdict| verdict.avoided),
            highest(|verdict| verdict.preferred),
        );
        let score = |(index, slot): (usize, &usize)| {
            let room = self.slots.get(*slot)?.as_ref()?;
            let verdict = verdicts.get(*slot)?.as_ref()?;
            let of = |scores: &[i64]| scores.get(index).copied().unwrap_or_default();
            let allocatable = &room.node.allocatable;
            let score = weight::TAINTS * stretched(verdict.avoided, most_avoided, true)
                + weight::NODE_AFFINITY * stretched(verdict.preferred, most_preferred, false)
                + weight::SPREAD * of(&spread)
                + weight::POD_AFFINITY * of(&company)
                + weight::LEAST_ALLOCATED
                    * least_allocated(&room.taken.usual, &needs.requests.usual, allocatable)
                + weight::BALANCE
                    * balance_gain(room.balance, &room.taken.exact, &needs.requests, allocatable);
            Some(Choice {
                node: NodeId(*slot),
                score,
            })
        };
        Ok(candidates.iter().enumerate().filter_map(score).collect())
    }

    /// Learns the domains of every key that this choice needs.
    fn learn(&mut self, needs: &Needs) {
        let spread = needs.spread.hard.iter().chain(&needs.spread.soft);
        let affinity = &needs.affinity;
        let required = affinity.required.iter().chain(&affinity.required_anti);
        let preferred = affinity.preferred.iter().map(|(_, term)| term);
        let carried = self.tallies.carried().iter().map(|carried| &carried.term);
        let keys = spread.map(|constraint| constraint.topology_key.as_str()).chain(
            required
                .chain(preferred)
                .chain(carried)
                .map(|term| term.topology_key.as_str()),
        );
        self.topology.learn(keys, &self.slots);
    }

    fn no_node(&self, reasons: BTreeMap<String, usize>) -> Unschedulable {
        Unschedulable::NoNode {
            nodes: self.len(),
            reasons,
        }
    }
}

impl Between<'_> {
    fn against(&self, slot: usize) -> Option<Reason> {
        self.spread.against(slot).or_else(|| self.required.against(slot))
    }
}

/// Whether the pod fits beside those that are there (`NodeResourcesFit`). Asked of every node for every pod, so the usual
/// resources are compared without more ado.
fn fits(needs: &Needs, room: &NodeRoom) -> bool {
    let (pod, taken, allocatable) = (&needs.requests.exact, &room.taken.exact, &room.node.allocatable);
    let has = |asked: i64, taken: i64, all: i64| asked <= 0 || asked <= all.saturating_sub(taken);
    room.pods.len() < usize::try_from(room.node.pods).unwrap_or(usize::MAX)
        && has(pod.cpu, taken.cpu, allocatable.cpu)
        && has(pod.memory, taken.memory, allocatable.memory)
        && has(pod.storage, taken.storage, allocatable.storage)
        && (pod.others.is_empty() || lacking(needs, room).next().is_none())
}

/// The resources that are asked for and not free.
fn lacking<'n>(needs: &'n Needs, room: &'n NodeRoom) -> impl Iterator<Item = &'n str> {
    let (pod, taken, allocatable) = (&needs.requests.exact, &room.taken.exact, &room.node.allocatable);
    let usual = [
        ("cpu", pod.cpu, taken.cpu, allocatable.cpu),
        ("memory", pod.memory, taken.memory, allocatable.memory),
        (
            "ephemeral-storage",
            pod.storage,
            taken.storage,
            allocatable.storage,
        ),
    ];
    let others = pod
        .others
        .iter()
        .map(|(name, asked)| (name.as_str(), *asked, taken.other(name), allocatable.other(name)));
    usual
        .into_iter()
        .chain(others)
        .filter(|(_, asked, taken, all)| *asked > 0 && *asked > all.saturating_sub(*taken))
        .map(|(name, ..)| name)
}

/// The reasons against one node: those of the first filter that refuses it.
fn against(
    needs: &Needs,
    slot: usize,
    room: &NodeRoom,
    verdict: Verdict,
    between: &Between<'_>,
) -> Vec<String> {
    let words = |reason: Reason| vec![reason.words().to_owned()];
    if let Some(reason) = verdict.against {
        return words(reason);
    }
    let mut reasons: Vec<String> = lacking(needs, room)
        .map(|name| format!("Insufficient {name}"))
        .collect();
    if room.pods.len() >= usize::try_from(room.node.pods).unwrap_or(usize::MAX) {
        reasons.push(Reason::TooManyPods.words().to_owned());
    }
    if reasons.is_empty() {
        reasons.extend(between.against(slot).map(|reason| reason.words().to_owned()));
    }
    reasons
}
