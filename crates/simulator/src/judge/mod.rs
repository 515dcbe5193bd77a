//! What must hold of a run, checked after every write against counts that are taken anew, pod by pod, and against the
//! naive ladder of the reference model.

mod calm;
mod closings;
mod home;
mod naive;
mod order;
mod pods;
mod rest;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use reconcile_core::SpreadId;
use reference_model::Fill;
use rules::Spread;
use serde::Serialize;

pub(crate) use calm::Calm;
use closings::Closing;
pub(crate) use naive::naive_fill;

use crate::plane::objects::Pod;
use crate::plane::observer::{By, Chosen, Observer};
use crate::plane::store::Store;
use crate::time::Millis;

/// Something that must never be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Violation {
    /// When, in milliseconds.
    pub at: u64,
    /// Which rule, in a word or two.
    pub rule: &'static str,
    /// What was found.
    pub text: String,
    /// How the pods stood.
    pub state: String,
}

/// What is counted, though it is allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tolerated {
    /// Places that are empty at the end, though a later subset has pods.
    pub empty: u32,
    /// Pods that no spread counts any more: released, adopted, placed while nobody was known to bind.
    pub exempt: u32,
    /// Ready pods that were given up before others that stand higher on the ladder.
    pub out_of_order: u32,
    /// Whether a leader was there at the end.
    pub led: bool,
}

/// So many plans may do nothing and want to be made again at once.
const MOST_IDLE_PLANS: u32 = 50;

/// What is judged.
pub(crate) struct Judged {
    pub(crate) spread: Spread,
    /// The place of its workload among all.
    pub(crate) workload: usize,
    pub(crate) is_job: bool,
    /// Whether its pods are placed by their ordinals.
    pub(crate) is_ordered: bool,
    pub(crate) calm: Calm,
    /// How many pods each node takes.
    pub(crate) room: BTreeMap<String, usize>,
}

/// Judges the pods of one spread.
pub(crate) struct Judge {
    spread: Spread,
    id: SpreadId,
    workload: usize,
    fill: Fill,
    calm: Calm,
    is_job: bool,
    is_ordered: bool,
    /// What the workload asked for, by version.
    history: Vec<(u64, u32)>,
    exempt: BTreeSet<String>,
    /// Pods whose gate was opened.
    opened: BTreeSet<String>,
    /// Places that came free, and pods that were let go.
    freed: u32,
    unserved: u32,
    writes: BTreeMap<String, u32>,
    epoch: u64,
    idle_plans: u32,
    /// When a place of which subset was given up, lately.
    left: VecDeque<(Millis, usize)>,
    /// Whether the scheduler ever found no node for a pod that can be moved on.
    found_no_node: bool,
    /// When the ledger first told of a closed subset.
    closed_since: BTreeMap<Closing, Millis>,
    /// How many pods found a node in a subset that was tried again.
    tried: BTreeMap<Closing, usize>,
    /// How often a bind of each pod was planned, and to which subset.
    planned: BTreeMap<String, (u32, usize)>,
    /// Pods that moved on, and from where.
    moved_for: BTreeSet<(String, Closing)>,
    /// Pods that are deleted to be made anew, with the version that the delete named.
    anew: BTreeMap<String, Option<u64>>,
    /// How many pods each node takes.
    room: BTreeMap<String, usize>,
    /// How the pods stood when nothing happened to them, and who was evicted to go home.
    home: home::Home,
    broken: Option<Violation>,
    pub(crate) tolerated: Tolerated,
}

impl Judge {
    pub(crate) fn new(judged: Judged) -> Self {
        let Judged {
            spread,
            workload,
            is_job,
            is_ordered,
            calm,
            room,
        } = judged;
        Self {
            fill: naive::naive_fill(&spread),
            id: SpreadId::of(&spread),
            workload,
            calm,
            is_job,
            is_ordered,
            history: Vec::new(),
            exempt: BTreeSet::new(),
            opened: BTreeSet::new(),
            freed: 0,
            unserved: 0,
            writes: BTreeMap::new(),
            epoch: 0,
            idle_plans: 0,
            left: VecDeque::new(),
            found_no_node: false,
            closed_since: BTreeMap::new(),
            tried: BTreeMap::new(),
            planned: BTreeMap::new(),
            moved_for: BTreeSet::new(),
            anew: BTreeMap::new(),
            room,
            home: home::Home::default(),
            broken: None,
            tolerated: Tolerated::default(),
            spread,
        }
    }

    pub(crate) fn into_violation(self) -> Option<Violation> {
        self.broken
    }

    fn is_ours(&self, pod: &Pod) -> bool {
        pod.origin.maker.workload() == self.workload
    }

    /// The pods of its workload, in the order of their creation.
    fn pods<'s>(&self, store: &'s Store) -> impl Iterator<Item = &'s Rc<Pod>> + use<'s> {
        let workload = self.workload;
        store
            .pods()
            .filter(move |pod| pod.origin.maker.workload() == workload)
    }

    fn violated(&mut self, now: Millis, rule: &'static str, text: String, store: Option<&Store>) {
        if self.broken.is_none() {
            let state = store.map_or_else(String::new, |store| self.state(store));
            self.broken = Some(Violation {
                at: now.0,
                rule,
                text,
                state,
            });
        }
    }
}

impl Observer for Judge {
    fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    fn replicas(&mut self, workload: usize, version: u64, _now: Millis, replicas: u32) {
        if workload == self.workload {
            self.history.push((version, replicas));
        }
    }

    fn pod(&mut self, now: Millis, store: &Store, old: Option<&Pod>, new: Option<&Pod>, by: &By) {
        if new.or(old).is_some_and(|pod| self.is_ours(pod)) {
            self.pod_written(now, store, old, new, by);
        }
    }

    fn deleted(&mut self, now: Millis, pod: &Pod, by: &By) {
        if self.is_ours(pod) {
            self.pod_deleted(now, pod, by);
        }
    }

    fn evicted(&mut self, now: Millis, pod: &Pod, is_allowed: bool) {
        if self.is_ours(pod) {
            self.home.is_refused |= !is_allowed;
            self.home.allowed = is_allowed.then(|| (now, pod.uid.clone()));
        }
    }

    fn scaled_in(&mut self, now: Millis, removed: &[Rc<Pod>], kept: &[Rc<Pod>]) {
        if removed.first().is_some_and(|pod| self.is_ours(pod)) {
            self.given_up(now, removed, kept);
        }
    }

    fn chosen(&mut self, now: Millis, store: &Store, chosen: &Chosen<'_>) {
        if *chosen.spread != self.id {
            return;
        }
        for (pod, subset) in chosen.pods.iter().zip(chosen.binds) {
            let (times, to) = self.planned.entry((*pod).to_owned()).or_default();
            (*times, *to) = (*times + 1, *subset);
        }
        self.passed_over(now, store, chosen);
    }

    fn at_rest(&mut self, now: Millis, store: &Store, leads: bool) {
        self.rests(now, store, leads);
    }

    fn never_at_rest(&mut self, now: Millis, events: u64) {
        self.violated(
            now,
            "rest",
            format!("the cluster does not come to rest, {events} events so far"),
            None,
        );
    }

    /// A plan was made; `is_idle`: it has no steps, and wants to be made again at once.
    fn planned(&mut self, now: Millis, is_idle: bool) {
        self.idle_plans = if is_idle { self.idle_plans + 1 } else { 0 };
        if self.idle_plans > MOST_IDLE_PLANS {
            let text =
                format!("{MOST_IDLE_PLANS} plans in a row do nothing and want to be made again at once");
            self.violated(now, "spinning", text, None);
        }
    }

    fn refused(&mut self, now: Millis, reason: &str) {
        self.violated(
            now,
            "admission",
            format!("the admission refused a pod or failed: {reason}"),
            None,
        );
    }

    fn forbidden(&mut self, now: Millis, pod: &Pod, broken: &str) {
        let text = format!("a patch of pod {} does what no pod allows: {broken}", pod.name);
        self.violated(now, "mutability", text, None);
    }

    /// Writes land in the order of the epochs: whoever led before never writes after whoever leads now.
    fn epoch(&mut self, now: Millis, epoch: u64, what: &str) {
        if epoch < self.epoch {
            let text = format!(
                "the leader of epoch {epoch} {what} after that of epoch {}",
                self.epoch
            );
            self.violated(now, "fencing", text, None);
        }
        self.epoch = self.epoch.max(epoch);
    }
}
