//! What must hold of pods that are evicted to go home (`rebalance`): only where the rule says so, where a subset has a
//! place, at rest, so many a minute, and as far as budgets allow.

use std::collections::VecDeque;
use std::rc::Rc;

use reconcile_core::WhyMoved;
use reference_model as naive;
use rules::When;

use super::Judge;
use crate::plane::objects::Pod;
use crate::plane::store::Store;
use crate::time::Millis;

/// Nobody knows of something later than this.
const LATEST: Millis = Millis(60_000);
/// So long everything stands still before the first pod goes; clocks of watches are no better than this.
const REST: Millis = Millis(29_000);
/// After a move the next one may come as soon as the successor is ready: within this.
const JOURNEY: Millis = Millis(600_000);
/// A minute, less what requests take that are late.
const MINUTE: Millis = Millis(50_000);

/// What the judge knows of rest and of moves.
#[derive(Debug, Default)]
pub(super) struct Home {
    /// The last rest, which may last.
    rest: Option<Rest>,
    /// The last eviction that a budget allowed.
    pub(super) allowed: Option<(Millis, String)>,
    /// Whether a budget ever refused one.
    pub(super) is_refused: bool,
    has_moved: bool,
    /// Whether others deleted pods after the first move.
    is_disturbed: bool,
    /// Evictions of a leader, with its epoch.
    evicted: VecDeque<(Millis, u64)>,
}

/// A time in which nothing happened to the pods.
#[derive(Debug)]
struct Rest {
    from: Millis,
    /// `None`: it lasts.
    to: Option<Millis>,
    /// How many pods stood in each subset.
    counts: Vec<u32>,
}

impl Judge {
    fn moves_home(&self) -> bool {
        // Stepping stones, and whoever has no subset, go home whatever else does.
        self.spread.rebalance().when != When::Never
    }

    /// A pod was written: whether all of them are at rest since.
    pub(super) fn note_rest(&mut self, now: Millis, store: &Store) {
        if self.is_job || !self.moves_home() {
            return;
        }
        let mut counts = vec![0; self.fill.subsets()];
        let mut revision = None;
        for pod in self.pods(store).filter(|pod| !pod.finished || pod.terminating) {
            let is_still = !pod.gated && !pod.terminating && pod.node.is_some() && pod.ready_since.is_some();
            if !is_still || *revision.get_or_insert(&pod.revision) != &pod.revision {
                if let Some(rest) = &mut self.home.rest {
                    rest.to.get_or_insert(now);
                }
                return;
            }
            if let Some(count) = self.subset_of(pod).and_then(|(ix, _)| counts.get_mut(ix)) {
                *count += 1;
            }
        }
        match &mut self.home.rest {
            Some(rest) if rest.to.is_none() && rest.counts == counts => {}
            rest => {
                *rest = Some(Rest {
                    from: now,
                    to: None,
                    counts,
                });
            }
        }
    }

    /// A sidecar evicts a pod.
    pub(super) fn sent_home(&mut self, now: Millis, pod: &Pod, epoch: u64, to: usize, why: WhyMoved) {
        let broken = self
            .kind_of_move(pod, why)
            .or_else(|| self.budget_of_move(now, pod))
            .or_else(|| self.rate_of_moves(now, epoch))
            .or_else(|| self.rest_of_move(now, pod, to, why));
        if let Some(text) = broken {
            self.violated(now, "home", format!("pod {} is evicted {text}", pod.name), None);
        }
        self.home.has_moved = true;
        self.home.evicted.push_back((now, epoch));
    }

    fn kind_of_move(&self, pod: &Pod, why: WhyMoved) -> Option<String> {
        let when = self.spread.rebalance().when;
        let is_meant = match why {
            WhyMoved::SteppingStone => pod.record.stone,
            WhyMoved::Unplaced => pod.subset.is_none(),
            WhyMoved::AboveMaximum => true,
            WhyMoved::Home => when == When::Continuous,
        };
        (self.is_job || self.is_ordered || when == When::Never || !is_meant)
            .then(|| format!("({why}), which the rule does not allow"))
    }

    fn budget_of_move(&self, now: Millis, pod: &Pod) -> Option<String> {
        let is_allowed = matches!(&self.home.allowed, Some((at, uid)) if *at == now && *uid == pod.uid);
        (!is_allowed).then(|| "though no budget was asked".to_owned())
    }

    fn rate_of_moves(&mut self, now: Millis, epoch: u64) -> Option<String> {
        while self
            .home
            .evicted
            .front()
            .is_some_and(|(at, _)| *at + MINUTE <= now)
        {
            self.home.evicted.pop_front();
        }
        let most = usize::from(self.spread.rebalance().moves.get());
        let before = self.home.evicted.iter().filter(|(_, of)| *of == epoch).count();
        (before >= most).then(|| format!("as the {}. within a minute, {most} may be", before + 1))
    }

    /// Who is late may not know; where nobody is, there was rest, and a place.
    fn rest_of_move(&self, now: Millis, pod: &Pod, to: usize, why: WhyMoved) -> Option<String> {
        if !self.calm.is_prompt {
            return None;
        }
        let Some(rest) = &self.home.rest else {
            return Some("before anything was at rest".to_owned());
        };
        let ended = rest.to.unwrap_or(now);
        if ended + LATEST < now {
            return Some(format!("and nothing is at rest since {} ms", ended.0));
        }
        let moved = self
            .home
            .evicted
            .back()
            .is_some_and(|(at, _)| *at + JOURNEY > now);
        if !moved && ended < rest.from + REST {
            return Some(format!("after a rest from {} to {} ms", rest.from.0, ended.0));
        }
        self.place_of_move(rest, pod, to, why)
    }

    /// Whether there was a place where it goes, and one too many where it was. Which subsets were closed is another matter.
    fn place_of_move(&self, rest: &Rest, pod: &Pod, to: usize, why: WhyMoved) -> Option<String> {
        if self.spread.patience().is_some() {
            return None;
        }
        let (from, _) = self.subset_of(pod)?;
        let size: u32 = rest.counts.iter().sum();
        let replicas = self.history.last().map_or(size, |(_, replicas)| *replicas);
        let length = usize::try_from(size).unwrap_or(0);
        let ladder = naive::ladder(&self.fill, replicas, &[], length);
        let wanted = naive::invariant::split(&ladder, self.fill.subsets());
        let of = |counts: &[u32], ix: usize| counts.get(ix).copied().unwrap_or(0);
        let is_home = of(&rest.counts, to) < of(&wanted, to)
            && of(&rest.counts, from) > of(&wanted, from)
            && (why == WhyMoved::AboveMaximum || to < from || matches!(self.fill, naive::Fill::Shares(_)));
        (!is_home && replicas == size).then(|| {
            format!(
                "from the subset {from} to {to}, where {:?} stood and {wanted:?} are meant to",
                rest.counts
            )
        })
    }

    /// Whoever deletes pods besides may be why a successor does not come home.
    pub(super) fn deleted_by_others(&mut self) {
        self.home.is_disturbed |= self.home.has_moved;
    }

    /// At the end nobody stands later than a place that is free and has a node.
    pub(super) fn everybody_is_home(&mut self, now: Millis, store: &Store, pods: &[Rc<Pod>]) {
        let is_in_order = matches!(self.fill, naive::Fill::InOrder(_));
        let is_expected = self.spread.rebalance().when == When::Continuous
            && self.calm.is_prompt
            && is_in_order
            && !self.is_job
            && !self.is_ordered
            && !self.home.is_refused
            && !self.home.is_disturbed
            && self.spread.patience().is_none();
        let Some(rest) = self
            .home
            .rest
            .as_ref()
            .filter(|rest| is_expected && rest.to.is_none())
        else {
            return;
        };
        let size: u32 = rest.counts.iter().sum();
        if self.history.last().is_none_or(|(_, replicas)| *replicas != size) {
            return;
        }
        let ladder = naive::ladder(&self.fill, size, &[], usize::try_from(size).unwrap_or(0));
        let wanted = naive::invariant::split(&ladder, self.fill.subsets());
        let subsets = rest.counts.iter().zip(&wanted).zip(self.spread.subsets());
        let mut free = None;
        let late = subsets.enumerate().find_map(|(ix, ((count, wanted), subset))| {
            if count < wanted && free.is_none() && self.has_node(pods, subset.name()) {
                free = Some(ix);
            }
            (count > wanted).then_some(free?)
        });
        if let Some(free) = late {
            let text = format!(
                "{:?} stand and {wanted:?} are meant to: subset {free} has a place",
                rest.counts
            );
            self.violated(now, "not home", text, Some(store));
        }
    }
}
