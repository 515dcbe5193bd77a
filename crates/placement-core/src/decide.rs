//! Where one pod goes.

use rules::{Binding, Capacity, Spread, SubsetIx};

use crate::closed::Closed;
use crate::cost::DeletionCost;
use crate::hash::{fnv1a64, reduce};
use crate::ladder::Ladder;
use crate::observe::{Binder, Observation};
use crate::reason::Reason;
use crate::rung::{Run, Rung, Tier};

/// The longest window a hash picks from: more than one ReplicaSet creates at the same instant.
pub const LONGEST_WINDOW: u32 = 500;

/// A pod that arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival<'a> {
    /// The uid of the admission request: the API server makes a fresh one for each call.
    pub uid: &'a str,
    /// How its workload orders its pods.
    pub order: Order,
    /// Whether its controller ranks pods by deletion cost.
    pub ranked: bool,
    /// Whether its controller makes another pod in place of a deleted one, and counts no failure: a Job does count one.
    pub replaceable: bool,
    /// Whether it may be held back at all: what the cluster needs to run may not.
    pub may_wait: bool,
}

/// How a workload orders its pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Any pod is as good as another.
    None,
    /// By a number at the end of the name, less the workload's first ordinal; `None` where the
    /// name has no number.
    Ordinal(Option<u32>),
    /// By a number that the workload does not have as it was seen, so it was seen late: the number less the first
    /// ordinal as it was seen; `None` where it is below that one.
    Late(Option<u32>),
}

/// What becomes of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It goes to a subset now.
    Place(Placement),
    /// It goes to a subset now, and waits behind a scheduling gate until the binder has counted it: what its subset
    /// gives it cannot be given later.
    Hold(Placement),
    /// It is created with a scheduling gate and bound later.
    Gate {
        /// Where it would go as things are seen now.
        hint: Option<SubsetIx>,
        /// Why.
        reason: Reason,
    },
    /// It is created unchanged.
    Leave {
        /// Why.
        reason: Reason,
    },
}

/// A place for a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The subset.
    pub subset: SubsetIx,
    /// The deletion cost, where the pod's controller ranks by it.
    pub cost: Option<DeletionCost>,
    /// Why.
    pub reason: Reason,
}

/// Decides where a pod goes.
///
/// Without a binder the pod takes one of the next free rungs of the ladder, as many as pods are
/// missing: what is seen late in the missing pods is also seen late in the free rungs, so that the
/// hash is unbiased where first-fit on a stale count fills the last place many times over. With a
/// binder, only what cannot go wrong is placed here.
#[must_use]
pub fn decide(spread: &Spread, observation: &Observation, arrival: Arrival<'_>) -> Decision {
    let case = Case {
        spread,
        observation,
        arrival,
        ladder: Ladder::new(spread, observation.replicas, &observation.closed),
        hash: fnv1a64(arrival.uid.as_bytes()),
        gates: gates(spread, observation, arrival),
        is_late: matches!(arrival.order, Order::Late(_)),
    };
    if spread.has_only_one_endless_subset() {
        let only = Rung {
            subset: SubsetIx::new(0),
            tier: Tier::Maximum,
        };
        return Decision::Place(case.placement(only, Reason::OnlySubset));
    }
    match arrival.order {
        Order::Ordinal(ordinal) | Order::Late(ordinal @ Some(_)) => case.by_ordinal(ordinal),
        Order::None | Order::Late(None) => case.gated().unwrap_or_else(|| case.hashed()),
    }
}

/// Whether a pod that could go wrong waits for the binder.
fn gates(spread: &Spread, observation: &Observation, arrival: Arrival<'_>) -> bool {
    arrival.may_wait
        && match (spread.capacity(), observation.binder) {
            (Capacity::BestEffort, _) | (Capacity::Auto, Binder::Absent) => false,
            // What is bound at admission may have to be deleted.
            (Capacity::Auto, Binder::Serving) => spread.binding() == Binding::Late || arrival.replaceable,
            (Capacity::Exact, _) => true,
        }
}

/// A pod that is decided about, and what is known of it.
struct Case<'a> {
    spread: &'a Spread,
    observation: &'a Observation,
    arrival: Arrival<'a>,
    ladder: Ladder<'a>,
    hash: u64,
    gates: bool,
    is_late: bool,
}

impl Case<'_> {
    fn placement(&self, rung: Rung, reason: Reason) -> Placement {
        let cost = || cost(self.spread, self.observation, rung, self.hash);
        Placement {
            subset: rung.subset,
            cost: self.arrival.ranked.then(cost),
            reason,
        }
    }

    /// A pod that its number gives its rung; `None`: its name has no number.
    fn by_ordinal(&self, ordinal: Option<u32>) -> Decision {
        let found = match ordinal {
            Some(ordinal) => {
                let rung = self.ladder.rung(ordinal);
                rung.map(|rung| (rung, Reason::Ordinal(ordinal)))
            }
            None => self.ladder.first_open().map(|subset| {
                let tier = Tier::Maximum;
                (Rung { subset, tier }, Reason::NoOrdinal)
            }),
        };
        let is_late_bound = self.spread.binding() == Binding::Late;
        let Some((rung, reason)) = found else {
            return match self.gates && self.is_late && is_late_bound {
                true => must_be_exact(None),
                false => Decision::Leave {
                    reason: Reason::LadderFull,
                },
            };
        };
        // Where the first ordinal moves, pods of two sets of ordinals are there together: nobody but the binder knows
        // who holds a place that must not be given twice.
        let waits = self.gates && (self.is_late || self.ladder.maximum(rung.subset).is_some());
        match (waits, is_late_bound) {
            (true, true) => must_be_exact(Some(rung.subset)),
            (true, false) => Decision::Hold(self.placement(rung, reason)),
            (false, _) => Decision::Place(self.placement(rung, reason)),
        }
    }

    /// What a binder makes of the pod; `None`: it is placed or held by its hash.
    fn gated(&self) -> Option<Decision> {
        if !self.gates {
            return None;
        }
        let observation = self.observation;
        if let Some(rung) = open_end(&self.ladder, observation).filter(|_| !self.is_late) {
            return Some(Decision::Place(self.placement(rung, Reason::OnlyOpenEnd)));
        }
        if self.spread.binding() != Binding::Late {
            return None;
        }
        let next = self.ladder.free(&observation.taken).next();
        let hint = next.map(|run| run.rung.subset);
        let is_probe = hint.is_some_and(|subset| observation.probing.contains(subset));
        Some(match is_probe {
            true => Decision::Gate {
                hint,
                reason: Reason::OneProbe,
            },
            false => must_be_exact(hint),
        })
    }

    /// One of the next free rungs, by the hash.
    fn hashed(&self) -> Decision {
        let (observation, ladder) = (self.observation, self.ladder);
        // Where every subset is closed the pod waits in the one that it would have; the binder lets it go when one has room.
        let reopened = Closed::none();
        let ladder = match self.gates && ladder.free(&observation.taken).next().is_none() {
            true => Ladder::new(self.spread, observation.replicas, &reopened),
            false => ladder,
        };
        // Where somebody writes the counts anew in a moment, few can have come meanwhile.
        let is_counted_soon = self.gates || observation.binder == Binder::Serving;
        let window = match is_counted_soon && observation.behind {
            true => finite(&ladder, observation),
            false => window(&ladder, observation),
        };
        let picked = reduce(self.hash, window);
        let Some(rung) = at(ladder.free(&observation.taken), picked) else {
            return Decision::Leave {
                reason: Reason::LadderFull,
            };
        };
        let (active, desired) = (observation.active, observation.desired);
        let reason = match window {
            1 => Reason::LowestFree { active, desired },
            _ => Reason::Hashed {
                place: picked + 1,
                window,
                active,
                desired,
            },
        };
        let placement = self.placement(rung, reason);
        match self.gates {
            true => Decision::Hold(placement),
            false => Decision::Place(placement),
        }
    }
}

fn must_be_exact(hint: Option<SubsetIx>) -> Decision {
    Decision::Gate {
        hint,
        reason: Reason::MustBeExact,
    }
}

/// The cost of a pod on a rung. Where each rung has a cost of its own, nobody knows which of the subset's next ones it is:
/// one of those that are missing.
fn cost(spread: &Spread, observation: &Observation, rung: Rung, hash: u64) -> DeletionCost {
    let taken = observation.taken.of(rung.subset);
    let left = Ladder::new(spread, observation.replicas, &observation.closed)
        .maximum(rung.subset)
        .map_or(u32::MAX, |max| max.saturating_sub(taken));
    let missing = observation.missing.min(LONGEST_WINDOW).min(left).max(1);
    DeletionCost::of_place(spread, rung, taken.saturating_add(reduce(hash, missing)))
}

/// How many of the next free rungs the hash picks from.
fn window(ladder: &Ladder<'_>, observation: &Observation) -> u32 {
    let wanted = observation.missing.clamp(1, LONGEST_WINDOW);
    let mut window = 0u32;
    for run in ladder.free(&observation.taken) {
        window = run
            .length
            .map_or(wanted, |length| window.saturating_add(length).min(wanted));
        if window == wanted {
            break;
        }
    }
    window
}

/// How many free rungs have a maximum behind them. A pod that arrives although nothing is missing was counted late: it goes
/// to what is paid for. Where it waits, the binder deletes what does not fit.
fn finite(ladder: &Ladder<'_>, observation: &Observation) -> u32 {
    let lengths = ladder.free(&observation.taken).map_while(|run| run.length);
    let mut rungs = 0u32;
    for length in lengths {
        rungs = rungs.saturating_add(length).min(LONGEST_WINDOW);
        if rungs == LONGEST_WINDOW {
            break;
        }
    }
    rungs.max(1)
}

/// The rung at a place among the free ones.
fn at(free: impl Iterator<Item = Run>, place: u32) -> Option<Rung> {
    let mut below = 0u32;
    for run in free {
        match run.length {
            Some(length) if place - below >= length => below += length,
            _ => return Some(run.rung),
        }
    }
    None
}

/// The rung of a pod that no stale view can misplace: pods are missing, none has left a moment ago, and every
/// free rung of the ladder of the desired size lies in the one subset that has no end. Two views can agree on
/// a last place that is free, so nothing goes ungated into a maximum, a minimum or a share; nor
/// into a subset that is to be tried with one pod.
fn open_end(ladder: &Ladder<'_>, observation: &Observation) -> Option<Rung> {
    if observation.is_vacated || observation.active >= observation.desired? {
        return None;
    }
    let first = ladder.free(&observation.taken).next()?;
    let is_open = first.length.is_none() && !observation.probing.contains(first.rung.subset);
    is_open.then_some(first.rung)
}
