//! The sidecar's index of spreads, pods and assumed writes.
//!
//! It is told what the watches show and what is being written, and never asks. Every event names the
//! spreads that it made dirty, so that nothing is planned that did not change.

mod assumed;
mod closed;
mod counts;
mod kinds;
mod matching;
mod moves;
mod pods;
mod pulse;
mod renamed;
mod room;
mod rule;
mod rule_index;
mod strangers;
mod workloads;

use core::fmt;
use std::collections::{BTreeMap, BTreeSet};

use kube_rules::time::UnixMillis;
use rules::CustomKind;
use rules::Spread;
use spread_api::{LedgerStatus, SpreadLedger};

pub(crate) use assumed::Assumed;
use assumed::Retry;
pub use counts::SpreadCounts;
pub(crate) use moves::{Moves, Stage};
use pods::Overwritten;
pub(crate) use pods::{KnownPod, Pods};
use pulse::{News, Pulse};
pub(crate) use room::Need;
use room::Rooms;
pub use rule::Rule;
pub(crate) use rule_index::Rules;
use strangers::Strangers;
pub(crate) use workloads::Workloads;

use crate::moments::is_recent;
use crate::record::{NodeRecord, PodRecord, WorkloadId, WorkloadRecord};
use crate::reschedule::Closing;

/// Which spread.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SpreadId {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// What this sidecar leads with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leader {
    /// `leaseTransitions` of the Lease.
    pub epoch: u64,
    /// The hash of the settings, for people.
    pub settings: String,
}

/// What the watches show.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A pod as it is now.
    Pod(Box<PodRecord>),
    /// A pod is no more.
    PodGone {
        /// Its uid.
        uid: String,
    },
    /// A workload as it is now.
    Workload(Box<WorkloadRecord>),
    /// A workload is no more.
    WorkloadGone(WorkloadId),
    /// A node as it is now.
    Node(Box<NodeRecord>),
    /// A node is no more.
    NodeGone(String),
    /// A ledger as it is now.
    Ledger(Box<SpreadLedger>),
    /// A ledger is no more.
    LedgerGone(SpreadId),
}

/// Everything that is known.
#[derive(Debug, Default)]
pub struct World {
    pub(crate) leader: Option<Leader>,
    /// Kinds of workload beyond those that are known.
    custom: Vec<CustomKind>,
    /// In the order of the settings: the first that matches a pod has it.
    pub(crate) rules: Rules,
    pub(crate) pods: Pods,
    pub(crate) by_spread: BTreeMap<SpreadId, BTreeSet<usize>>,
    strangers: Strangers,
    /// Pods without a subset, by their node, which was not seen yet.
    waiting_for_node: BTreeMap<String, BTreeSet<usize>>,
    /// Pods of a subset that their rule has no more, whose node does not say yet where they are.
    lost: BTreeSet<usize>,
    pub(crate) workloads: Workloads,
    pub(crate) nodes: BTreeMap<String, NodeRecord>,
    rooms: Rooms,
    pub(crate) ledgers: BTreeMap<SpreadId, KnownLedger>,
    pub(crate) noted: BTreeMap<(SpreadId, &'static str), UnixMillis>,
    pub(crate) surplus: BTreeMap<SpreadId, Surplus>,
    /// The hashes of the rules that this process ever led with.
    led_with: BTreeSet<String>,
    /// What is closed, as it was published last.
    pub(crate) closings: BTreeMap<SpreadId, Vec<Closing>>,
    /// When this process saw that a subset has places again.
    pub(crate) reopened: BTreeMap<(SpreadId, String), UnixMillis>,
    /// When pods were deleted to be made anew, as far as that still limits further ones.
    pub(crate) recreated: BTreeMap<SpreadId, Vec<UnixMillis>>,
    /// Pods that were moved home, and when the pods of each spread were last disturbed.
    pub(crate) moves: BTreeMap<SpreadId, Moves>,
    /// When a stepping stone was last found to have no node beside the old pods.
    pub(crate) beside_failed: BTreeMap<SpreadId, UnixMillis>,
    pulses: BTreeMap<SpreadId, Pulse>,
    sequence: u64,
}

/// What is known of a spread's ledger.
#[derive(Debug, Default)]
pub(crate) struct KnownLedger {
    /// As it is stored, as far as anybody knows.
    pub(crate) stored: Option<SpreadLedger>,
    /// When a sidecar was last seen to write it.
    pub(crate) seen_at: UnixMillis,
    /// When the last write was begun.
    pub(crate) written_at: Option<UnixMillis>,
    /// Whether a write is on its way.
    pub(crate) writing: bool,
    pub(crate) retry: Option<Retry>,
    /// Why the API server refused it last, and when.
    pub(crate) refused: Option<(String, UnixMillis)>,
}

/// After so long without a deletion they are counted anew.
const SURPLUS_MEMORY_MILLIS: i64 = 600_000;

/// Pods of a spread that were deleted because their subset had no place for them.
#[derive(Debug, Default)]
pub(crate) struct Surplus {
    pub(crate) deleted: u32,
    pub(crate) last: UnixMillis,
}

impl World {
    /// Knows nothing, leads nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the spreads of the settings, in their order, in place of all earlier ones. Every spread is dirty after
    /// that, also those that are no more.
    pub fn set_rules(&mut self, rules: Vec<Rule>) -> Vec<SpreadId> {
        let mut dirty: BTreeSet<SpreadId> = self.spread_ids().into_iter().collect();
        self.rules = Rules::new(rules);
        let places = self.pods.all_places();
        for place in &places {
            self.assign(*place);
        }
        self.look_at_renamed(places);
        dirty.extend(self.spread_ids());
        for id in &dirty {
            self.forget_if_gone(id);
        }
        self.remember_rules();
        dirty.into_iter().collect()
    }

    /// Begins or ends to lead. What was assumed in an earlier term is forgotten: whoever led in between may have done
    /// otherwise, and all of it was listed anew. New settings begin no term.
    pub fn lead(&mut self, leader: Option<Leader>) -> Vec<SpreadId> {
        let epoch = |leader: &Option<Leader>| leader.as_ref().map(|leader| leader.epoch);
        if epoch(&self.leader) != epoch(&leader) {
            for pod in self.pods.all_mut() {
                pod.forget_attempts();
                pod.overwritten = Overwritten::default();
            }
            for ledger in self.ledgers.values_mut() {
                ledger.writing = false;
                ledger.retry = None;
            }
            for moves in self.moves.values_mut() {
                moves.forget_attempts();
            }
            self.recall_closings();
            self.rooms.grow_stale();
        }
        self.leader = leader;
        self.remember_rules();
        self.spread_ids()
    }

    /// What it leads with.
    #[must_use]
    pub fn leader(&self) -> Option<&Leader> {
        self.leader.as_ref()
    }

    /// The highest epoch with which anybody is known to have led: ledgers name it.
    #[must_use]
    pub fn highest_epoch(&self) -> Option<u64> {
        let stored = self.ledgers.values().filter_map(|ledger| ledger.stored.as_ref());
        let statuses = stored.filter_map(|ledger| ledger.status.as_ref());
        statuses
            .filter_map(|status| Some(status.binder.as_ref()?.epoch))
            .max()
    }

    /// Every spread that there is something of: a rule, a pod that carries its name, a ledger.
    #[must_use]
    pub fn spread_ids(&self) -> Vec<SpreadId> {
        let rules = self.rules.iter().map(|(id, _)| id);
        let all: BTreeSet<&SpreadId> = rules
            .chain(self.by_spread.keys())
            .chain(self.ledgers.keys())
            .collect();
        all.into_iter().cloned().collect()
    }

    /// Takes what a watch shows; the spreads that it changed something for.
    pub fn take(&mut self, event: Event, now: UnixMillis) -> Vec<SpreadId> {
        let mut dirty = self.take_one(event, now);
        if self.rooms.freshen(now) {
            dirty.extend(self.waits_for_room());
        }
        dirty
    }

    fn take_one(&mut self, event: Event, now: UnixMillis) -> Vec<SpreadId> {
        match event {
            Event::Pod(pod) => self.take_pod(*pod, now),
            Event::PodGone { uid } => self.forget_pod(&uid, now),
            Event::Workload(workload) => {
                let id = workload.id.clone();
                if self.workloads.get(&id) == Some(workload.as_ref()) {
                    return Vec::new();
                }
                self.workloads.insert(*workload);
                let touched = self.touched_by(&id);
                for spread in &touched {
                    self.feel(spread, News::default(), now);
                }
                touched
            }
            Event::WorkloadGone(id) => {
                self.workloads.remove(&id);
                self.touched_by(&id)
            }
            Event::Node(node) => {
                let name = node.name.clone();
                let is_new = !self.nodes.contains_key(&name);
                let mut dirty = self.take_node(*node, now);
                if is_new {
                    dirty.extend(self.look_at_renamed_on(&name));
                    dirty.extend(self.waited_for_node(&name));
                }
                dirty
            }
            Event::NodeGone(name) => {
                self.forget_node(&name);
                Vec::new()
            }
            Event::Ledger(ledger) => {
                let id = SpreadId {
                    namespace: ledger.metadata.namespace.clone(),
                    name: ledger.metadata.name.clone(),
                };
                let known = self.ledgers.entry(id.clone()).or_default();
                let is_news = known.stored.as_ref() != Some(&ledger);
                // While this one leads no other sidecar writes: a stranger who does keeps no ledger alive.
                if is_news && (self.leader.is_none() || known.stored.is_none()) {
                    known.seen_at = now;
                }
                known.stored = Some(*ledger);
                // Whoever leads remembers what it wrote itself; others follow.
                if self.leader.is_none() {
                    self.recall_closings_of(&id);
                }
                if is_news { vec![id] } else { Vec::new() }
            }
            Event::LedgerGone(id) => {
                if let Some(known) = self.ledgers.get_mut(&id) {
                    known.stored = None;
                }
                self.forget_if_gone(&id);
                vec![id]
            }
        }
    }

    /// Forgets a spread of which nothing is left: no rule, no pod, no ledger.
    fn forget_if_gone(&mut self, id: &SpreadId) {
        let ledger = self.ledgers.get(id);
        let has_ledger = ledger.is_some_and(|known| known.writing || known.stored.is_some());
        if has_ledger || self.by_spread.contains_key(id) || self.rule(id).is_some() {
            return;
        }
        self.ledgers.remove(id);
        self.closings.remove(id);
        self.recreated.remove(id);
        self.beside_failed.remove(id);
        self.pulses.remove(id);
        self.surplus.remove(id);
        self.moves.remove(id);
        self.noted.retain(|(spread, _), _| spread != id);
        self.reopened.retain(|(spread, _), _| spread != id);
    }

    /// The rule of a spread.
    #[must_use]
    pub fn rule(&self, id: &SpreadId) -> Option<&Rule> {
        self.rules.get(id)
    }

    /// The place of a spread in the settings.
    pub(crate) fn order(&self, id: &SpreadId) -> u32 {
        let place = self.rules.place(id);
        place
            .and_then(|place| u32::try_from(place).ok())
            .unwrap_or(u32::MAX)
    }

    /// What is stored of a spread's counts.
    pub(crate) fn stored_status(&self, id: &SpreadId) -> Option<&LedgerStatus> {
        self.ledgers.get(id)?.stored.as_ref()?.status.as_ref()
    }
}

impl Surplus {
    /// How many were deleted, as long as that is not long ago.
    pub(crate) fn remembered(&self, now: UnixMillis) -> u32 {
        match is_recent(self.last, now, SURPLUS_MEMORY_MILLIS) {
            true => self.deleted,
            false => 0,
        }
    }
}

impl KnownLedger {
    /// Whether the last write failed.
    pub(crate) fn fails(&self) -> bool {
        self.retry.is_some()
    }
}

impl SpreadId {
    /// What has the gated pods of a namespace that no spread has. No spread is without a name.
    pub(crate) fn nobodys(namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: String::new(),
        }
    }

    pub(crate) fn is_nobodys(&self) -> bool {
        self.name.is_empty()
    }

    /// Which a spread is.
    #[must_use]
    pub fn of(spread: &Spread) -> Self {
        Self {
            namespace: spread.namespace().to_owned(),
            name: spread.name().to_owned(),
        }
    }
}

impl fmt::Display for SpreadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
