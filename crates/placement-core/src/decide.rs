//! Where one pod goes.

use crate::cost::DeletionCost;
use crate::hash::{fnv1a64, reduce};
use crate::ladder::{Closed, Ladder, Run, Rung, SubsetIx, Tier};
use crate::observe::{Binder, Observation};
use crate::reason::Reason;
use crate::spread::{Binding, Capacity, Spread};

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
    let ladder = Ladder::new(spread, observation.replicas, &observation.closed);
    let hash = fnv1a64(arrival.uid.as_bytes());
    let place = |rung: Rung, reason| {
        let cost = arrival.ranked.then(|| cost(spread, observation, rung, hash));
        Decision::Place(Placement {
            subset: rung.subset,
            cost,
            reason,
        })
    };
    if spread.has_only_one_endless_subset() {
        let only = Rung {
            subset: SubsetIx::new(0),
            tier: Tier::Maximum,
        };
        return place(only, Reason::OnlySubset);
    }
    let gates = arrival.may_wait
        && match (spread.capacity(), observation.binder) {
            (Capacity::BestEffort, _) | (Capacity::Auto, Binder::Absent) => false,
            // What is bound at admission may have to be deleted.
            (Capacity::Auto, Binder::Serving) => spread.binding() == Binding::Late || arrival.replaceable,
            (Capacity::Exact, _) => true,
        };
    let is_late = matches!(arrival.order, Order::Late(_));
    match arrival.order {
        Order::Ordinal(ordinal) | Order::Late(ordinal @ Some(_)) => {
            let found = match ordinal {
                Some(ordinal) => ladder.rung(ordinal).map(|rung| (rung, Reason::Ordinal(ordinal))),
                None => ladder.first_open().map(|subset| {
                    let tier = Tier::Maximum;
                    (Rung { subset, tier }, Reason::NoOrdinal)
                }),
            };
            let Some((rung, reason)) = found else {
                let (hint, reason) = (None, Reason::MustBeExact);
                let waits = gates && is_late && spread.binding() == Binding::Late;
                return match waits {
                    true => Decision::Gate { hint, reason },
                    false => Decision::Leave {
                        reason: Reason::LadderFull,
                    },
                };
            };
            // Where the first ordinal moves, pods of two sets of ordinals are there together: nobody but the binder knows
            // who holds a place that must not be given twice.
            let waits = gates && (is_late || ladder.maximum(rung.subset).is_some());
            return match place(rung, reason) {
                Decision::Place(_) if waits && spread.binding() == Binding::Late => Decision::Gate {
                    hint: Some(rung.subset),
                    reason: Reason::MustBeExact,
                },
                Decision::Place(placement) if waits => Decision::Hold(placement),
                decision => decision,
            };
        }
        Order::None | Order::Late(None) => {}
    }
    if gates {
        if let Some(rung) = open_end(&ladder, observation).filter(|_| !is_late) {
            return place(rung, Reason::OnlyOpenEnd);
        }
        if spread.binding() == Binding::Late {
            let hint = ladder.free(&observation.taken).next().map(|run| run.rung.subset);
            let is_probe = hint.is_some_and(|subset| observation.probing.contains(subset));
            return Decision::Gate {
                hint,
                reason: if is_probe {
                    Reason::OneProbe
                } else {
                    Reason::MustBeExact
                },
            };
        }
    }
    // Where every subset is closed the pod waits in the one that it would have; the binder lets it go when one has room.
    let reopened = Closed::none();
    let ladder = match gates && ladder.free(&observation.taken).next().is_none() {
        true => Ladder::new(spread, observation.replicas, &reopened),
        false => ladder,
    };
    let held = |decision| match decision {
        Decision::Place(placement) if gates => Decision::Hold(placement),
        decision => decision,
    };
    // Where somebody writes the counts anew in a moment, few can have come meanwhile.
    let is_counted_soon = gates || observation.binder == Binder::Serving;
    let window = if is_counted_soon && observation.behind {
        finite(&ladder, observation)
    } else {
        window(&ladder, observation)
    };
    let picked = reduce(hash, window);
    let (active, desired) = (observation.active, observation.desired);
    held(match at(ladder.free(&observation.taken), picked) {
        None => Decision::Leave {
            reason: Reason::LadderFull,
        },
        Some(rung) if window == 1 => place(rung, Reason::LowestFree { active, desired }),
        Some(rung) => place(
            rung,
            Reason::Hashed {
                place: picked + 1,
                window,
                active,
                desired,
            },
        ),
    })
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
