//! Judges ordinary days: whenever the workload is at rest, each finite subset is as full as the ladder of the desired size
//! says, and no pod was moved for it; nothing is ever above a maximum; every rollout ends.
//!
//! The promise is worked out by the reference model, rung by rung; what is counted is counted pod by pod.

use std::collections::BTreeSet;
use std::rc::Rc;

use reference_model as naive;
use rules::{Capacity, Rollout, Spread, Terminating};

use super::case::{Case, WorkloadCase};
use crate::judge::{Violation, naive_fill};
use crate::plane::objects::{Maker, Pod};
use crate::plane::observer::{By, Landed, Observer};
use crate::plane::setup::Happening;
use crate::plane::store::Store;
use crate::ranking::Phase;
use crate::time::Millis;

/// So long after something happened the pods of it are still coming.
const BURST: Millis = Millis(1_000);

/// A Lease that was not given up ends after 15 s; whoever takes it lets its own earlier writes end.
const FAILOVER: Millis = Millis(30_000);

/// Looks at the pods of one case.
pub(super) struct Daily {
    spread: Spread,
    fill: naive::Fill,
    names: Vec<String>,
    /// So long after an event everything rests.
    rest: Millis,
    /// So many stepping stones may stand above a maximum while a rollout goes on.
    surge: naive::Amount,
    replicas: u32,
    template: u32,
    /// When the last event was over.
    last: Millis,
    /// Whether pods may have left by it.
    left_last: bool,
    /// Until then no sidecar may lead.
    leaderless_until: Millis,
    /// When the split of the pods that were there was last nobody's fault: Kubernetes took pods that were not ready, a budget
    /// kept a stepping stone from going home, or the workload shrank in the middle of its rollout.
    excused: Option<Millis>,
    broken: Option<Violation>,
}

impl Daily {
    /// `None` where the case is not one of ordinary days.
    pub(super) fn of(case: &Case, spread: &Spread) -> Option<Self> {
        let rest = Millis(case.rest_millis?);
        let (replicas, surge) = match &case.workload {
            WorkloadCase::Deployment {
                replicas,
                max_surge,
                is_recreated: false,
                ..
            } => (*replicas, amount(max_surge)),
            WorkloadCase::Deployment { replicas, .. } => (*replicas, naive::Amount::Count(0)),
            WorkloadCase::Job { .. } => return None,
        };
        Some(Self {
            fill: naive_fill(spread),
            names: spread
                .subsets()
                .iter()
                .map(|subset| subset.name().to_owned())
                .collect(),
            spread: spread.clone(),
            rest,
            surge,
            replicas,
            template: 0,
            last: Millis::ZERO,
            left_last: false,
            leaderless_until: Millis::ZERO,
            excused: None,
            broken: None,
        })
    }

    pub(super) fn into_violation(self) -> Option<Violation> {
        self.broken
    }

    fn violated(&mut self, now: Millis, rule: &'static str, text: String, state: &str) {
        self.broken.get_or_insert_with(|| Violation {
            at: now.0,
            rule,
            text,
            state: state.to_owned(),
        });
    }

    /// The sidecar gives a pod another place, or deletes it.
    fn moved(&mut self, now: Millis, pod: &Pod, landed: &Landed, state: &str) {
        if !self.may_move() {
            let text = format!("the sidecar moves a pod ({landed:?}): {}", pod.describe());
            self.violated(now, "moved", text, state);
        }
    }

    fn state(&self, store: &Store) -> String {
        let pods = |is_meant: &dyn Fn(&Pod) -> bool| store.pods().filter(|pod| is_meant(pod)).count();
        let subsets = self.names.iter().map(|name| {
            let here =
                pods(&|pod: &Pod| pod.subset.as_ref() == Some(name) && pod.is_placed() && pod.is_active());
            format!("{name} {here}")
        });
        let subsets: Vec<String> = subsets.collect();
        format!(
            "{}; {} gated, {} terminating, {} in none, {} wanted",
            subsets.join(", "),
            pods(&|pod| pod.gated),
            pods(&|pod| pod.terminating),
            pods(&|pod| pod.subset.is_none() && !pod.gated),
            self.replicas
        )
    }

    /// How many active pods stand in each subset.
    fn standing(&self, store: &Store) -> Vec<u32> {
        let counts = |pod: &Pod| {
            let is_there = !pod.terminating || self.spread.terminating() == Terminating::Counted;
            pod.is_placed() && !pod.finished && is_there
        };
        let in_subset = |name: &String| {
            let here = store
                .pods()
                .filter(|pod| pod.subset.as_ref() == Some(name) && counts(pod));
            u32::try_from(here.count()).unwrap_or(u32::MAX)
        };
        self.names.iter().map(in_subset).collect()
    }

    /// Why the workload does not rest; `None` where it does.
    fn unrest(&self, store: &Store) -> Option<String> {
        let pods: Vec<&Rc<Pod>> = store.pods().collect();
        let unready = |pod: &&&Rc<Pod>| pod.phase != Phase::Running || pod.ready_since.is_none();
        if let Some(pod) = pods.iter().find(|pod| pod.gated || pod.terminating) {
            return Some(pod.describe());
        }
        if let Some(pod) = pods.iter().find(unready) {
            return Some(format!("not ready: {}", pod.describe()));
        }
        let old = pods.iter().find(|pod| !self.is_newest(pod));
        if let Some(pod) = old {
            return Some(format!("an old pod is left: {}", pod.describe()));
        }
        let wanted = usize::try_from(self.replicas).unwrap_or(usize::MAX);
        (pods.len() != wanted).then(|| format!("{} pods, {wanted} wanted", pods.len()))
    }

    fn is_newest(&self, pod: &Pod) -> bool {
        matches!(pod.origin.maker, Maker::Set { template, .. } if template == self.template)
    }

    /// Each finite subset is as full as the ladder says; shares are within one pod.
    fn split_holds(&mut self, now: Millis, store: &Store) {
        let length = usize::try_from(self.replicas).unwrap_or(0);
        let ladder = naive::ladder(&self.fill, self.replicas, &[], length);
        let wanted = naive::invariant::split(&ladder, self.names.len());
        let standing = self.standing(store);
        for (ix, (wanted, standing)) in wanted.iter().zip(&standing).enumerate() {
            let is_held = match &self.fill {
                naive::Fill::Shares(_) => wanted.abs_diff(*standing) <= 1,
                naive::Fill::InOrder(_) => {
                    self.fill.maximum(ix, self.replicas).is_none() || wanted == standing
                }
            };
            if !is_held {
                let name = self.names.get(ix).cloned().unwrap_or_default();
                let text = format!(
                    "at rest {name} has {standing} pods, the ladder of {} says {wanted}",
                    self.replicas
                );
                self.violated(now, "split", text, &self.state(store));
                return;
            }
        }
    }

    /// Nothing is above a number that is a maximum; a percentage changes as the workload does.
    fn nothing_above(&mut self, now: Millis, store: &Store) {
        if self.spread.rollout() != Rollout::Keep {
            return;
        }
        let revisions: BTreeSet<Maker> = store.pods().map(|pod| pod.origin.maker).collect();
        let stones = match self.spread.capacity() {
            Capacity::Exact => 0,
            _ if revisions.len() > 1 => self.surge.of(self.replicas),
            _ => 0,
        };
        let naive::Fill::InOrder(bounds) = self.fill.clone() else {
            return;
        };
        let standing = self.standing(store);
        let mut above = 0;
        for (bounds, standing) in bounds.iter().zip(&standing) {
            if let Some(naive::Amount::Count(most)) = bounds.max {
                above += standing.saturating_sub(most);
            }
        }
        if above > stones {
            let text = format!("{above} pods above their maximums, {stones} stepping stones allowed");
            self.violated(now, "above", text, &self.state(store));
        }
    }

    fn excuse(&mut self, now: Millis, is_due: bool) {
        if is_due {
            self.excused = Some(now);
        }
    }

    /// Whether a pod of that time is still there.
    fn is_excused(&self, store: &Store) -> bool {
        let was_there = |at: Millis| store.pods().any(|pod| pod.origin.created <= at + BURST);
        self.excused.is_some_and(was_there)
    }

    /// Whether a stepping stone has no subset to go to, and is let go without one.
    fn stones_are_let_go(&self) -> bool {
        let is_open = |ix| self.fill.maximum(ix, 0).is_none();
        self.spread.capacity() == Capacity::Exact && !(0..self.names.len()).any(is_open)
    }

    /// Whether a sidecar may move pods: stones that went beyond go home, and percentages of which no order of removal keeps
    /// all are put right at rest.
    fn may_move(&self) -> bool {
        let has_percents = match &self.fill {
            naive::Fill::InOrder(bounds) => {
                let is_percent =
                    |amount: &Option<naive::Amount>| matches!(amount, Some(naive::Amount::Percent(_)));
                bounds
                    .iter()
                    .any(|bounds| is_percent(&bounds.max) || is_percent(&bounds.min))
            }
            naive::Fill::Shares(_) => false,
        };
        self.spread.capacity() == Capacity::Exact || (has_percents && self.names.len() > 2)
    }
}

impl Observer for Daily {
    fn happens(&mut self, now: Millis, store: &Store, happening: &Happening) {
        match self.unrest(store) {
            Some(why) if now >= self.last + self.rest => {
                self.violated(
                    now,
                    "unrest",
                    format!("no rest after {}: {why}", self.rest),
                    &self.state(store),
                );
            }
            // Who is to go home goes after a while of rest.
            None if self.may_move() && now < self.last + self.rest => {}
            None if !self.is_excused(store) && !self.stones_are_let_go() => self.split_holds(now, store),
            _ => {}
        }
        // In the middle of a burst, and while no sidecar leads, an admission may know of the places as they were before: who
        // comes in place of a pod that leaves then goes to the open end, as those before it.
        let leaves = !matches!(happening, Happening::Scale { .. } | Happening::Rollout { .. });
        let is_burst = now < self.last + BURST && (leaves || self.left_last);
        self.excuse(now, is_burst || (leaves && now < self.leaderless_until));
        self.left_last = leaves;
        if matches!(happening, Happening::Crash { .. } | Happening::Stop { .. }) {
            self.leaderless_until = now + happening.lasts() + FAILOVER;
        }
        match *happening {
            Happening::Scale { replicas, .. } => {
                // New pods run where the larger workload wanted them, and none is moved for a scale-in.
                let is_smaller = replicas < self.replicas;
                self.excuse(now, is_smaller && store.pods().any(|pod| !self.is_newest(pod)));
                self.replicas = replicas;
            }
            Happening::Rollout { template, .. } => self.template = template,
            _ => {}
        }
        self.last = self.last.max(now + happening.lasts());
    }

    fn pod(&mut self, now: Millis, store: &Store, _old: Option<&Pod>, new: Option<&Pod>, by: &By) {
        let Some(pod) = new else { return };
        if let By::Sidecar {
            landed: landed @ Landed::Moved(_),
            ..
        } = by
        {
            self.moved(now, pod, landed, &self.state(store));
        }
        if pod.is_placed() && pod.is_active() {
            self.nothing_above(now, store);
        }
    }

    fn deleted(&mut self, now: Millis, pod: &Pod, by: &By) {
        if let By::Sidecar { landed, .. } = by {
            self.moved(now, pod, landed, "");
        }
    }

    /// Whoever drains a node asks too: that is not told apart.
    fn evicted(&mut self, now: Millis, _pod: &Pod, is_allowed: bool) {
        self.excuse(now, !is_allowed && self.may_move());
    }

    /// Kubernetes gives up pods that are not ready first, wherever they stand.
    fn scaled_in(&mut self, now: Millis, removed: &[Rc<Pod>], kept: &[Rc<Pod>]) {
        let is_unready = |pod: &Rc<Pod>| pod.ready_since.is_none();
        let is_of_newest = removed.first().is_some_and(|pod| self.is_newest(pod));
        let is_theirs = !kept.is_empty() && removed.iter().chain(kept).any(is_unready);
        self.excuse(now, is_of_newest && is_theirs);
    }

    fn is_broken(&self) -> bool {
        self.broken.is_some()
    }
}

fn amount(text: &str) -> naive::Amount {
    let percent = text.strip_suffix('%').and_then(|percent| percent.parse().ok());
    percent.map_or_else(
        || naive::Amount::Count(text.parse().unwrap_or(0)),
        naive::Amount::Percent,
    )
}
