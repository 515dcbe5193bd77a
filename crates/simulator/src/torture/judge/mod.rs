//! What must hold of a run, checked after every write against counts that are taken anew, pod by pod, and against the
//! naive ladder of the reference model.

mod naive;
mod order;
mod pods;
mod rest;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use placement_core::Spread;
use reference_model::Fill;
use serde::Serialize;

use super::calm::Calm;
use super::case::{Case, WorkloadCase};
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

/// Judges a run.
pub(super) struct Judge {
    spread: Spread,
    fill: Fill,
    calm: Calm,
    is_job: bool,
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
    broken: Option<Violation>,
    pub(super) tolerated: Tolerated,
}

impl Judge {
    pub(super) fn new(case: &Case, spread: Spread) -> Self {
        Self {
            fill: naive::naive_fill(&spread),
            calm: Calm::of(case),
            is_job: matches!(case.workload, WorkloadCase::Job { .. }),
            history: Vec::new(),
            exempt: BTreeSet::new(),
            opened: BTreeSet::new(),
            freed: 0,
            unserved: 0,
            writes: BTreeMap::new(),
            epoch: 0,
            idle_plans: 0,
            left: VecDeque::new(),
            broken: None,
            tolerated: Tolerated::default(),
            spread,
        }
    }

    pub(super) fn into_violation(self) -> Option<Violation> {
        self.broken
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

    fn replicas(&mut self, _workload: usize, version: u64, _now: Millis, replicas: u32) {
        self.history.push((version, replicas));
    }

    fn pod(&mut self, now: Millis, store: &Store, old: Option<&Pod>, new: Option<&Pod>, by: &By) {
        self.pod_written(now, store, old, new, by);
    }

    fn deleted(&mut self, now: Millis, pod: &Pod, by: &By) {
        self.pod_deleted(now, pod, by);
    }

    fn scaled_in(&mut self, now: Millis, removed: &[Rc<Pod>], kept: &[Rc<Pod>]) {
        self.given_up(now, removed, kept);
    }

    fn chosen(&mut self, now: Millis, store: &Store, chosen: &Chosen<'_>) {
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
