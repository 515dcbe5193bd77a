//! What must hold of a run, checked after every write against counts that are taken anew, pod by pod, and against the
//! naive ladder of the reference model.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use placement_core::Spread;
use placement_core::spread::{Amount, Binding, Capacity, Fill, MaximumScope};
use reference_model as naive;
use serde::Serialize;

use super::calm::Calm;
use super::case::{Case, WorkloadCase};
use super::plane::objects::{Kind, Maker, Object, Pod};
use super::plane::store::Store;
use crate::time::Millis;

/// Who writes to a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// A controller, through the policy; `served`: the replica that decided knew of a binder.
    Created { served: bool },
    /// A sidecar, as the leader of an epoch, who knew the workload at a version.
    Sidecar { epoch: u64, known: u64, landed: Landed },
    /// The scheduler, a kubelet, the garbage collector.
    Cluster,
    /// The controller that owns the pod.
    Controller,
    /// Somebody.
    User,
}

/// What a sidecar's write was meant to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Landed {
    Bound(String),
    Released,
    Adopted,
    Cost,
    Deleted,
}

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
    spread: Rc<Spread>,
    fill: naive::Fill,
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
    job_failures: u32,
    idle_plans: u32,
    /// When a subset had no free place within its minimum, and none at all, for the last time.
    full: Vec<[Millis; 2]>,
    broken: Option<Violation>,
    pub(super) tolerated: Tolerated,
}

impl Judge {
    pub(super) fn new(case: &Case, spread: Rc<Spread>) -> Self {
        Self {
            fill: naive_fill(&spread),
            calm: Calm::of(case),
            is_job: matches!(case.workload, WorkloadCase::Job { .. }),
            history: Vec::new(),
            exempt: BTreeSet::new(),
            opened: BTreeSet::new(),
            freed: 0,
            unserved: 0,
            writes: BTreeMap::new(),
            epoch: 0,
            job_failures: 0,
            idle_plans: 0,
            full: vec![[Millis::ZERO; 2]; spread.subsets().len()],
            broken: None,
            tolerated: Tolerated::default(),
            spread,
        }
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    pub(super) fn into_violation(self) -> Option<Violation> {
        self.broken
    }

    pub(super) fn job_failures(&self) -> u32 {
        self.job_failures
    }

    /// The workload asks for so many from this version on.
    pub(super) fn replicas(&mut self, version: u64, _now: Millis, replicas: u32) {
        self.history.push((version, replicas));
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

    pub(super) fn never_at_rest(&mut self, now: Millis, events: u64) {
        self.violated(
            now,
            "rest",
            format!("the cluster does not come to rest, {events} events so far"),
            None,
        );
    }

    /// A plan was made; `is_idle`: it has no steps, and wants to be made again at once.
    pub(super) fn planned(&mut self, now: Millis, is_idle: bool) {
        self.idle_plans = if is_idle { self.idle_plans + 1 } else { 0 };
        if self.idle_plans > MOST_IDLE_PLANS {
            let text =
                format!("{MOST_IDLE_PLANS} plans in a row do nothing and want to be made again at once");
            self.violated(now, "spinning", text, None);
        }
    }

    /// A plan binds pods to these subsets, in this order, while so many binds are on their way to each. A place that was
    /// free for longer than whoever plans can be late must not be passed over.
    pub(super) fn chosen(
        &mut self,
        now: Millis,
        store: &Store,
        binds: &[usize],
        pending: &[u32],
        late: Millis,
    ) {
        if !self.calm.is_prompt || !self.exempt.is_empty() {
            return;
        }
        let naive::Fill::InOrder(bounds) = self.fill.clone() else {
            return;
        };
        let mut counts = self.counts(store, pending);
        self.fill_up(now, &counts);
        let places = |ix: usize, is_minimum: bool| {
            let bounds = bounds.get(ix).copied().unwrap_or_default();
            let max = bounds.max.map_or(u32::MAX, |max| max.of(0));
            if is_minimum {
                bounds.min.map_or(0, |min| min.of(0)).min(max)
            } else {
                max
            }
        };
        for subset in binds {
            let here = counts.get(*subset).copied().unwrap_or(0);
            let is_minimum = here < places(*subset, true);
            let is_passed_over = |ix: usize| {
                let count = counts.get(ix).copied().unwrap_or(0);
                let since = |place: usize| {
                    self.full
                        .get(ix)
                        .and_then(|full| full.get(place))
                        .copied()
                        .unwrap_or(now)
                };
                let in_minimum = count < places(ix, true) && now - since(0) > late;
                let anywhere = count < places(ix, false) && now - since(1) > late;
                (in_minimum && (!is_minimum || ix < *subset)) || (anywhere && !is_minimum && ix < *subset)
            };
            if let Some(passed) = (0..counts.len()).find(|ix| ix != subset && is_passed_over(*ix)) {
                let text = format!(
                    "a pod is bound to subset {subset} while subset {passed} has had a free place for more than {late}"
                );
                self.violated(now, "passed over", text, Some(store));
            }
            if let Some(count) = counts.get_mut(*subset) {
                *count += 1;
            }
        }
        self.fill_up(now, &counts);
    }

    fn counts(&self, store: &Store, pending: &[u32]) -> Vec<u32> {
        let names = self
            .spread
            .subsets()
            .iter()
            .map(placement_core::spread::Subset::name);
        let counts = names.zip(pending.iter().chain(core::iter::repeat(&0)));
        counts
            .map(|(name, pending)| self.count(store, name, None) + pending)
            .collect()
    }

    fn fill_up(&mut self, now: Millis, counts: &[u32]) {
        let naive::Fill::InOrder(bounds) = &self.fill else {
            return;
        };
        for ((bounds, count), full) in bounds.iter().zip(counts).zip(&mut self.full) {
            let is_full = |amount: Option<naive::Amount>| amount.is_some_and(|amount| *count >= amount.of(0));
            if bounds.min.is_none() || is_full(bounds.min) {
                full[0] = now;
            }
            if is_full(bounds.max) {
                full[1] = now;
            }
        }
    }

    pub(super) fn refused(&mut self, now: Millis, reason: &str) {
        self.violated(
            now,
            "admission",
            format!("the admission refused a pod or failed: {reason}"),
            None,
        );
    }

    pub(super) fn forbidden(&mut self, now: Millis, pod: &Pod, broken: &str) {
        let text = format!("a patch of pod {} does what no pod allows: {broken}", pod.name);
        self.violated(now, "mutability", text, None);
    }

    /// Writes land in the order of the epochs: whoever led before never writes after whoever leads now.
    pub(super) fn epoch(&mut self, now: Millis, epoch: u64, what: &str) {
        if epoch < self.epoch {
            let text = format!(
                "the leader of epoch {epoch} {what} after that of epoch {}",
                self.epoch
            );
            self.violated(now, "fencing", text, None);
        }
        self.epoch = self.epoch.max(epoch);
    }

    /// A pod is about to be deleted.
    pub(super) fn deleted(&mut self, now: Millis, pod: &Pod, by: &By) {
        if self.is_job && *by != By::Controller && pod.is_active() {
            self.job_failures += 1;
        }
        if let By::Sidecar { epoch, .. } = by {
            self.epoch(now, *epoch, "deletes a pod");
            if pod.node.is_some() {
                self.violated(
                    now,
                    "deletion",
                    format!("the sidecar deletes pod {}, which has a node", pod.name),
                    None,
                );
            } else if self.is_job {
                self.violated(
                    now,
                    "deletion",
                    format!("the sidecar deletes pod {} of a Job", pod.name),
                    None,
                );
            }
        }
    }

    /// A pod was written; `new`: `None` where it is gone.
    pub(super) fn pod(&mut self, now: Millis, store: &Store, old: Option<&Pod>, new: Option<&Pod>, by: &By) {
        let held_before = old.is_some_and(|old| old.is_placed() && !old.finished);
        let Some(new) = new else {
            self.freed += u32::from(held_before);
            return;
        };
        if new.terminating && old.is_some_and(|old| !old.terminating) {
            self.freed += u32::from(held_before);
        }
        if let By::Sidecar { epoch, landed, .. } = by {
            self.epoch(now, *epoch, "writes to a pod");
            *self.writes.entry(new.uid.clone()).or_default() += 1;
            if let Landed::Released | Landed::Adopted = landed {
                self.exempt.insert(new.uid.clone());
            }
        }
        if let Some(old) = old {
            self.gate(now, store, old, new, by);
            self.moved(now, store, old, new);
        }
        if new.is_placed() && !new.finished && !old.is_some_and(Pod::is_placed) {
            self.placed(now, store, new, by);
            if self.calm.is_prompt {
                let counts = self.counts(store, &[]);
                self.fill_up(now, &counts);
            }
        }
    }

    fn gate(&mut self, now: Millis, store: &Store, old: &Pod, new: &Pod, by: &By) {
        let bound = match by {
            By::Sidecar {
                landed: Landed::Bound(subset),
                ..
            } => Some(subset),
            _ => None,
        };
        let is_opened = old.gated && !new.gated;
        let is_release = matches!(
            by,
            By::Sidecar {
                landed: Landed::Released,
                ..
            }
        );
        if is_opened && bound.is_none() && !is_release {
            self.violated(
                now,
                "gate",
                format!("pod {} loses its gate to {by:?}", new.name),
                Some(store),
            );
        }
        if is_opened && !self.opened.insert(new.uid.clone()) {
            self.violated(
                now,
                "bound twice",
                format!("the gate of pod {} opens again", new.name),
                Some(store),
            );
        }
        if let Some(subset) = bound {
            if !is_opened {
                self.violated(
                    now,
                    "bound twice",
                    format!("pod {} is bound with its gate open", new.name),
                    Some(store),
                );
            }
            if new.subset.as_ref() != Some(subset) {
                let text = format!("pod {} is bound to {subset} and is in {:?}", new.name, new.subset);
                self.violated(now, "bind", text, Some(store));
            }
        }
    }

    fn moved(&mut self, now: Millis, store: &Store, old: &Pod, new: &Pod) {
        if old.is_placed() && new.subset != old.subset {
            let text = format!("pod {} moves from {:?} to {:?}", new.name, old.subset, new.subset);
            self.violated(now, "moved", text, Some(store));
        }
    }

    /// A pod took a place just now.
    fn placed(&mut self, now: Millis, store: &Store, pod: &Pod, by: &By) {
        let Some((ix, subset)) = self.subset_of(pod) else {
            let text = format!("pod {} is in subset {:?}, which is none", pod.name, pod.subset);
            self.violated(now, "subset", text, Some(store));
            return;
        };
        let is_finite = self.fill.maximum(ix, 0).is_some() || matches!(self.fill, naive::Fill::Shares(_));
        let known = match by {
            By::Created { served } => {
                let is_exact = self.spread.capacity() == Capacity::Exact;
                let is_best_effort = self.spread.capacity() == Capacity::BestEffort || self.gates_nothing();
                // Pods of a Job that get their subset at admission cannot be taken back.
                let is_best_effort = is_best_effort
                    || (self.is_job && !is_exact && self.spread.binding() == Binding::Admission);
                if is_finite && !is_best_effort && (*served || is_exact) {
                    let text = format!("pod {} is placed in {subset} at admission, ungated", pod.name);
                    self.violated(now, "ungated", text, Some(store));
                }
                if !served || is_best_effort {
                    self.exempt.insert(pod.uid.clone());
                    self.unserved += 1;
                }
                return;
            }
            By::Sidecar { known, .. } => *known,
            By::Cluster | By::Controller | By::User => return,
        };
        if self.exempt.contains(&pod.uid) {
            return;
        }
        let from = self
            .history
            .iter()
            .rposition(|(version, _)| *version <= known)
            .unwrap_or(0);
        let wanted = self.history.iter().skip(from).map(|(_, replicas)| *replicas);
        // Of percentages the largest that held since the binder looked.
        let maximums: Vec<Option<u32>> = wanted.map(|replicas| self.fill.maximum(ix, replicas)).collect();
        let Some(maximum) = maximums
            .iter()
            .copied()
            .min_by_key(Option::is_some)
            .flatten()
            .map(|_| maximums.iter().flatten().copied().max().unwrap_or(0))
        else {
            return;
        };
        let count = self.count(store, &subset, pod.revision.as_deref());
        if count > maximum {
            let text = format!(
                "pod {} makes {count} pods in {subset}, its maximum is {maximum}",
                pod.name
            );
            self.violated(now, "maximum", text, Some(store));
        }
    }

    fn gates_nothing(&self) -> bool {
        self.spread.has_only_one_endless_subset()
    }

    fn subset_of(&self, pod: &Pod) -> Option<(usize, String)> {
        let name = pod.subset.as_ref()?;
        let ix = self
            .spread
            .subsets()
            .iter()
            .position(|subset| subset.name() == name)?;
        Some((ix, name.clone()))
    }

    /// The pods of a subset, counted anew; those that are exempt are left out.
    fn count(&self, store: &Store, subset: &str, revision: Option<&str>) -> u32 {
        let of_revision = self.spread.maximum_scope() == MaximumScope::Revision;
        let holds = |pod: &&Rc<Pod>| {
            let in_scope = !of_revision || (pod.revision.as_deref() == revision && !pod.terminating);
            in_scope
                && pod.subset.as_deref() == Some(subset)
                && !pod.gated
                && !pod.finished
                && !self.exempt.contains(&pod.uid)
        };
        u32::try_from(store.pods().filter(holds).count()).unwrap_or(u32::MAX)
    }

    /// A ReplicaSet gives pods up.
    pub(super) fn scaled_in(&mut self, now: Millis, removed: &[Rc<Pod>], kept: &[Rc<Pod>]) {
        let ready = |pods: &[Rc<Pod>]| -> Vec<Rc<Pod>> {
            pods.iter()
                .filter(|pod| pod.ready_since.is_some())
                .cloned()
                .collect()
        };
        let (removed, kept) = (ready(removed), ready(kept));
        let highest = removed.iter().max_by_key(|pod| pod.cost);
        let lowest = kept.iter().min_by_key(|pod| pod.cost);
        if let (Some(removed), Some(kept)) = (highest, lowest)
            && kept.cost < removed.cost
        {
            let text = format!(
                "pod {} of cost {} outlives pod {} of cost {}",
                kept.name, kept.cost, removed.name, removed.cost
            );
            self.violated(now, "order", text, None);
        }
        let strays = self.strays(&removed, &kept);
        self.tolerated.out_of_order += strays;
        if strays > 0 && self.calm.keeps_order && self.exempt.is_empty() {
            let text = format!(
                "{strays} of {} ready pods are given up before others that stand higher",
                removed.len()
            );
            self.violated(now, "order", text, None);
        }
    }

    /// How many of the removed are not those that the ladder gives up first.
    fn strays(&self, removed: &[Rc<Pod>], kept: &[Rc<Pod>]) -> u32 {
        let naive::Fill::InOrder(bounds) = &self.fill else {
            return 0;
        };
        let replicas = self.history.last().map_or(0, |(_, replicas)| *replicas);
        let counts = |pods: &[Rc<Pod>]| -> Vec<u32> {
            let of = |ix: usize| {
                pods.iter()
                    .filter(|pod| self.subset_of(pod).is_some_and(|(of, _)| of == ix))
                    .count()
            };
            (0..bounds.len())
                .map(|ix| u32::try_from(of(ix)).unwrap_or(0))
                .collect()
        };
        let (gone, left) = (counts(removed), counts(kept));
        let mut ideal: Vec<u32> = gone.iter().zip(&left).map(|(gone, left)| gone + left).collect();
        let minimum = |ix: usize| {
            let min = bounds
                .get(ix)
                .and_then(|bounds| bounds.min)
                .map_or(0, |min| min.of(replicas));
            self.fill.maximum(ix, replicas).map_or(min, |max| min.min(max))
        };
        let mut to_remove: u32 = gone.iter().sum();
        for is_minimum in [false, true] {
            for (ix, count) in ideal.iter_mut().enumerate().rev() {
                let kept = if is_minimum { 0 } else { minimum(ix).min(*count) };
                let taken = to_remove.min(*count - kept);
                *count -= taken;
                to_remove -= taken;
            }
        }
        let over = ideal
            .iter()
            .zip(&left)
            .map(|(ideal, left)| ideal.saturating_sub(*left));
        over.sum()
    }

    /// The cluster is at rest.
    pub(super) fn at_rest(&mut self, now: Millis, store: &Store, leads: bool) {
        self.tolerated.led = leads;
        self.tolerated.exempt = u32::try_from(self.exempt.len()).unwrap_or(u32::MAX);
        let pods: Vec<Rc<Pod>> = store.pods().cloned().collect();
        self.tolerated.empty = self.empty_places(&pods);
        if !leads {
            return;
        }
        if let Some(pod) = pods.iter().find(|pod| pod.gated) {
            self.violated(
                now,
                "left gated",
                format!("pod {} still waits at the end", pod.name),
                Some(store),
            );
        }
        self.desired_reached(now, store, &pods);
        self.ledger_tells(now, store, &pods);
        if self.tolerated.empty > 0 {
            let excuses = self.freed + self.tolerated.exempt + self.unserved;
            if self.calm.is_growing
                && self.spread.binding() == Binding::Late
                && (excuses == 0 || self.tolerated.empty > excuses)
            {
                let text = format!(
                    "{} places are empty, though a later subset has pods",
                    self.tolerated.empty
                );
                self.violated(now, "empty", text, Some(store));
            }
        }
        if self.calm.is_growing && self.calm.is_faultless {
            self.few_writes(now, store, &pods);
        }
    }

    fn few_writes(&mut self, now: Millis, store: &Store, pods: &[Rc<Pod>]) {
        for pod in pods {
            let writes = self.writes.get(&pod.uid).copied().unwrap_or(0);
            let allowed = u32::from(self.opened.contains(&pod.uid) || self.exempt.contains(&pod.uid));
            if writes > allowed {
                let text = format!(
                    "pod {} was written to {writes} times, {allowed} would do",
                    pod.name
                );
                self.violated(now, "writes", text, Some(store));
                return;
            }
        }
    }

    fn empty_places(&self, pods: &[Rc<Pod>]) -> u32 {
        let replicas = self.history.last().map_or(0, |(_, replicas)| *replicas);
        let of = |ix: usize| {
            let placed = pods.iter().filter(|pod| pod.is_placed() && pod.is_active());
            placed
                .filter(|pod| self.subset_of(pod).is_some_and(|(of, _)| of == ix))
                .count()
        };
        let counts: Vec<usize> = (0..self.fill.subsets()).map(of).collect();
        let ladder = naive::ladder(&self.fill, replicas, &[], counts.iter().sum());
        let wanted = naive::invariant::split(&ladder, counts.len());
        let short = wanted
            .iter()
            .zip(&counts)
            .map(|(wanted, count)| wanted.saturating_sub(u32::try_from(*count).unwrap_or(0)));
        short.sum()
    }

    fn desired_reached(&mut self, now: Millis, store: &Store, pods: &[Rc<Pod>]) {
        let unschedulable = pods.iter().any(|pod| pod.is_active() && pod.node.is_none());
        let sets: Vec<_> = store
            .all(Kind::ReplicaSet)
            .filter_map(|object| {
                if let Object::ReplicaSet(set) = object {
                    Some(set)
                } else {
                    None
                }
            })
            .collect();
        for set in &sets {
            let active = pods
                .iter()
                .filter(|pod| pod.origin.maker == Maker::Set(set.template) && pod.is_active())
                .count();
            if active != usize::try_from(set.replicas).unwrap_or(0) {
                let text = format!(
                    "ReplicaSet {} has {active} pods and wants {}",
                    set.name, set.replicas
                );
                self.violated(now, "desired", text, Some(store));
            }
        }
        let wanted = self.history.last().map_or(0, |(_, replicas)| *replicas);
        let all: u32 = sets.iter().map(|set| set.replicas).sum();
        if !self.is_job && !unschedulable && all != wanted {
            let text = format!("the ReplicaSets want {all} pods and the Deployment {wanted}");
            self.violated(now, "desired", text, Some(store));
        }
    }

    /// At rest the ledger tells what is.
    fn ledger_tells(&mut self, now: Millis, store: &Store, pods: &[Rc<Pod>]) {
        let Some(Object::Ledger(ledger)) = store.all(Kind::Ledger).next() else {
            self.violated(now, "ledger", "there is none".to_owned(), Some(store));
            return;
        };
        let number = |path: &str| ledger.pointer(path).and_then(serde_json::Value::as_u64);
        let ours = |pod: &&Rc<Pod>| !pod.finished;
        let active = pods.iter().filter(ours).filter(|pod| !pod.terminating).count() as u64;
        if number("/status/active") != Some(active) {
            let text = format!(
                "it tells {:?} active pods, there are {active}",
                number("/status/active")
            );
            self.violated(now, "ledger", text, Some(store));
        }
        for (ix, subset) in self.spread.clone().subsets().iter().enumerate() {
            let placed = pods
                .iter()
                .filter(ours)
                .filter(|pod| pod.is_placed() && pod.subset.as_deref() == Some(subset.name()));
            let placed = placed.count() as u64;
            let told = number(&format!("/status/taken/{ix}"));
            if told != Some(placed) {
                let text = format!("it tells {told:?} pods in {}, there are {placed}", subset.name());
                self.violated(now, "ledger", text, Some(store));
            }
        }
    }

    /// How the pods stand, in a line.
    fn state(&self, store: &Store) -> String {
        let pods: Vec<&Rc<Pod>> = store.pods().collect();
        let mut parts: Vec<String> = Vec::new();
        let replicas = self.history.last().map_or(0, |(_, replicas)| *replicas);
        for (ix, subset) in self.spread.subsets().iter().enumerate() {
            let here = pods
                .iter()
                .filter(|pod| pod.subset.as_deref() == Some(subset.name()) && !pod.gated && !pod.finished);
            let (terminating, live): (Vec<&Rc<Pod>>, Vec<&Rc<Pod>>) =
                here.copied().partition(|pod| pod.terminating);
            let maximum = self
                .fill
                .maximum(ix, replicas)
                .map_or_else(String::new, |maximum| format!("/{maximum}"));
            parts.push(format!(
                "{} {}{maximum} and {} terminating",
                subset.name(),
                live.len(),
                terminating.len()
            ));
        }
        let gated = pods.iter().filter(|pod| pod.gated).count();
        let unplaced = pods
            .iter()
            .filter(|pod| pod.subset.is_none() && !pod.gated && !pod.finished)
            .count();
        format!(
            "{}; {gated} gated, {unplaced} unplaced, {replicas} wanted, {} exempt",
            parts.join(", "),
            self.exempt.len()
        )
    }
}

fn naive_fill(spread: &Spread) -> naive::Fill {
    let amount = |amount: Amount| match amount {
        Amount::Count(count) => naive::Amount::Count(count),
        Amount::Percent(percent) => naive::Amount::Percent(percent),
    };
    match spread.fill() {
        Fill::InOrder(bounds) => naive::Fill::InOrder(
            bounds
                .iter()
                .map(|bounds| naive::Bounds {
                    min: bounds.min.map(amount),
                    max: bounds.max.map(amount),
                })
                .collect(),
        ),
        Fill::Shares(weights) => {
            naive::Fill::Shares(weights.iter().map(|weight| u64::from(weight.get())).collect())
        }
    }
}
