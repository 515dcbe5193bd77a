//! Decisions against the naive ones, and what must hold of any decision.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "clippy knows test functions but not their helpers"
)]

mod common;

use common::{any_in_order, any_shares, closed, in_order, plain, shares, taken};
use placement_core::cost::DeletionCost;
use placement_core::decide::Order;
use placement_core::{
    Arrival, Binder, Closed, Decision, Ladder, Observation, Placement, Reason, Taken, decide,
};
use proptest::prelude::*;
use reference_model::{self as model, Bind, Outcome};
use rules::{Amount, Binding, Capacity, Spread, SubsetIx};

const UID: &str = "705ab4f5-6393-11e8-b7cc-42010a800002";

fn arrival(uid: &str) -> Arrival<'_> {
    Arrival {
        uid,
        order: Order::None,
        ranked: true,
        replaceable: true,
        may_wait: true,
    }
}

fn observation(counts: &[u32]) -> Observation {
    Observation {
        replicas: 0,
        desired: None,
        active: counts.iter().sum(),
        missing: 1,
        behind: false,
        is_vacated: false,
        taken: taken(counts),
        filled: taken(counts),
        undecided: 0,
        closed: Closed::none(),
        probing: Closed::none(),
        binder: Binder::Absent,
    }
}

fn count(pods: u32) -> Option<Amount> {
    Some(Amount::Count(pods))
}

/// `fixed` of ten places, then an open end.
fn fixed_and_elastic() -> common::Words {
    in_order(&[(None, count(10)), (None, None)])
}

fn subset(decision: Decision) -> Option<usize> {
    match decision {
        Decision::Place(Placement { subset, .. }) => Some(subset.index()),
        _ => None,
    }
}

fn any_uid() -> impl Strategy<Value = String> {
    "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{12}"
}

/// A lone subset without end takes every pod, closed or not: WorkloadSpread asks no further.
fn is_lone(fill: &model::Fill) -> bool {
    match fill {
        model::Fill::InOrder(bounds) => matches!(bounds.as_slice(), [only] if only.max.is_none()),
        model::Fill::Shares(weights) => weights.len() == 1,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn best_effort_takes_one_of_the_next_free_rungs(
        case in prop_oneof![any_in_order(), any_shares()],
        missing in 0u32..700,
        uid in any_uid(),
    ) {
        prop_assume!(!is_lone(&case.fill));
        let observation = Observation {
            replicas: case.replicas,
            desired: Some(case.replicas),
            missing,
            closed: closed(&case.closed),
            ..observation(&case.taken)
        };
        let decision = decide(&case.spread, &observation, arrival(&uid));
        match model::best_effort(&case.fill, case.replicas, &case.closed, &case.taken, missing) {
            Outcome::Nowhere => prop_assert_eq!(decision, Decision::Leave { reason: Reason::LadderFull }),
            Outcome::OneOf(window) => {
                let Decision::Place(placement) = decision else { panic!("{decision:?}, though a rung is free") };
                let subset = placement.subset.index();
                prop_assert!(!case.closed.contains(&subset), "placed into a closed subset");
                if let Some(max) = case.fill.maximum(subset, case.replicas) {
                    prop_assert!(case.taken[subset] < max, "placed into a full subset");
                }
                let costs: Vec<i32> = Ladder::new(&case.spread, case.replicas, &observation.closed)
                    .free(&observation.taken)
                    .filter(|run| window.contains(&plain(run.rung)))
                    .take(window.len())
                    .filter(|run| run.rung.subset == placement.subset)
                    .map(|run| DeletionCost::of(run.rung, case.spread.subsets().len()).value())
                    .collect();
                let by_size = case.spread.has_percentages();
                prop_assert!(by_size || placement.cost.is_some_and(|cost| costs.contains(&cost.value())));
                match placement.reason {
                    Reason::LowestFree { .. } => {
                        prop_assert_eq!(window.len(), 1);
                        prop_assert_eq!(subset, window[0].subset);
                    }
                    Reason::Hashed { place, window: seen, .. } => {
                        prop_assert_eq!(usize::try_from(seen).unwrap(), window.len());
                        prop_assert_eq!(subset, window[usize::try_from(place - 1).unwrap()].subset);
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    #[test]
    fn with_one_pod_missing_the_lowest_free_rung_is_taken(
        case in prop_oneof![any_in_order(), any_shares()],
        uid in any_uid(),
    ) {
        prop_assume!(!is_lone(&case.fill));
        let observation =
            Observation { replicas: case.replicas, closed: closed(&case.closed), ..observation(&case.taken) };
        let first = model::free(&case.fill, case.replicas, &case.closed, &case.taken, 1);
        let decision = decide(&case.spread, &observation, arrival(&uid));
        prop_assert_eq!(subset(decision), first.first().map(|rung| rung.subset));
    }

    #[test]
    fn filling_one_by_one_lays_the_ladder(case in prop_oneof![any_in_order(), any_shares()], uid in any_uid()) {
        prop_assume!(!is_lone(&case.fill));
        let mut now = Observation {
            replicas: case.replicas,
            closed: closed(&case.closed),
            ..observation(&vec![0; case.taken.len()])
        };
        let ladder = model::ladder(&case.fill, case.replicas, &case.closed, 60);
        for rung in &ladder {
            let decision = decide(&case.spread, &now, arrival(&uid));
            prop_assert_eq!(subset(decision), Some(rung.subset));
            now.taken.add(SubsetIx::new(rung.subset));
        }
        if ladder.len() < 60 {
            prop_assert_eq!(
                decide(&case.spread, &now, arrival(&uid)),
                Decision::Leave { reason: Reason::LadderFull }
            );
        }
    }

    #[test]
    fn ordinals_name_their_rung_whatever_is_taken(
        case in prop_oneof![any_in_order(), any_shares()],
        ordinal in 0u32..120,
        uid in any_uid(),
    ) {
        prop_assume!(!is_lone(&case.fill));
        let observation =
            Observation { replicas: case.replicas, closed: closed(&case.closed), ..observation(&case.taken) };
        let arrival = Arrival { uid: &uid, order: Order::Ordinal(Some(ordinal)), ranked: false, replaceable: true, may_wait: true };
        let decision = decide(&case.spread, &observation, arrival);
        let place = usize::try_from(ordinal).unwrap();
        let ladder = model::ladder(&case.fill, case.replicas, &case.closed, place + 1);
        match (decision, ladder.get(place)) {
            (Decision::Place(placement), Some(rung)) => {
                prop_assert_eq!(placement.subset.index(), rung.subset);
                prop_assert_eq!((placement.cost, placement.reason), (None, Reason::Ordinal(ordinal)));
            }
            (decision, None) => prop_assert_eq!(decision, Decision::Leave { reason: Reason::LadderFull }),
            (decision, Some(rung)) => panic!("{decision:?} for {rung:?}"),
        }
    }

    #[test]
    fn with_a_binder_no_ordinal_is_placed_below_a_maximum_nor_by_a_late_view(
        case in prop_oneof![any_in_order(), any_shares()],
        number in 0u32..120,
        is_late: bool,
        uid in any_uid(),
    ) {
        prop_assume!(!is_lone(&case.fill));
        let observation = Observation {
            replicas: case.replicas,
            closed: closed(&case.closed),
            binder: Binder::Serving,
            ..observation(&case.taken)
        };
        let order = if is_late { Order::Late(Some(number)) } else { Order::Ordinal(Some(number)) };
        let decision = decide(&case.spread, &observation, Arrival { order, ranked: false, ..arrival(&uid) });
        let ladder = Ladder::new(&case.spread, case.replicas, &observation.closed);
        let rung = ladder.rung(number);
        let is_placed = matches!(decision, Decision::Place(_));
        let is_endless = rung.is_some_and(|rung| ladder.maximum(rung.subset).is_none());
        prop_assert_eq!(is_placed, is_endless && !is_late);
        prop_assert_eq!(matches!(decision, Decision::Leave { .. }), rung.is_none() && !is_late);
        // Nobody binds: a number is as good as what was seen.
        let alone = Observation { binder: Binder::Absent, ..observation };
        let decision = decide(&case.spread, &alone, Arrival { order, ranked: false, ..arrival(&uid) });
        prop_assert_eq!(subset(decision), rung.map(|rung| rung.subset.index()));
    }

    #[test]
    fn with_a_binder_only_what_cannot_go_wrong_is_placed(
        case in prop_oneof![any_in_order(), any_shares()],
        desired in proptest::option::of(0u32..120),
        active in 0u32..120,
        exact in any::<bool>(),
    ) {
        prop_assume!(!is_lone(&case.fill));
        let capacity = if exact { Capacity::Exact } else { Capacity::Auto };
        let spread = with_capacity(&case, capacity);
        let observation = Observation {
            replicas: case.replicas,
            desired,
            active,
            closed: closed(&case.closed),
            binder: Binder::Serving,
            ..observation(&case.taken)
        };
        let decision = decide(&spread, &observation, arrival(UID));
        match model::with_binder(&case.fill, case.replicas, &case.closed, &case.taken, desired, active) {
            Bind::Place(rung) => {
                prop_assert_eq!(subset(decision), Some(rung.subset));
                prop_assert_eq!(case.fill.maximum(rung.subset, case.replicas), None);
            }
            Bind::Wait { hint } => prop_assert_eq!(
                decision,
                Decision::Gate { hint: hint.map(SubsetIx::new), reason: Reason::MustBeExact }
            ),
        }
        // Without a binder, Exact waits just the same and Auto places.
        let unbound = Observation { binder: Binder::Absent, ..observation };
        let alone = decide(&spread, &unbound, arrival(UID));
        prop_assert_eq!(matches!(alone, Decision::Gate { .. }), exact && matches!(decision, Decision::Gate { .. }));
    }

    #[test]
    fn best_effort_never_gates(case in prop_oneof![any_in_order(), any_shares()], serving in any::<bool>()) {
        let spread = with_capacity(&case, Capacity::BestEffort);
        let binder = if serving { Binder::Serving } else { Binder::Absent };
        let observation = Observation { replicas: case.replicas, binder, ..observation(&case.taken) };
        let decision = decide(&spread, &observation, arrival(UID));
        prop_assert!(!matches!(decision, Decision::Gate { .. }), "{:?}", decision);
    }

    #[test]
    fn nothing_that_is_counted_makes_it_panic(
        case in prop_oneof![any_in_order(), any_shares()],
        numbers in any::<[u32; 4]>(),
        desired in any::<Option<u32>>(),
        counts in proptest::collection::vec(any::<u32>(), 0..8),
        ordinal in any::<Option<u32>>(),
        with_ordinal in any::<bool>(),
        uid in ".{0,40}",
    ) {
        // Shares are walked by imbalance: keep that, but not the numbers, small.
        let counts: Vec<u32> = match case.fill {
            model::Fill::Shares(_) => counts.iter().map(|count| count % 1_000).collect(),
            model::Fill::InOrder(_) => counts,
        };
        let [replicas, active, missing, undecided] = numbers;
        for binder in [Binder::Absent, Binder::Serving] {
            let observation = Observation {
                behind: false,
                replicas, desired, active, missing, undecided, binder,
                is_vacated: false,
                taken: taken(&counts),
                filled: taken(&counts),
                closed: closed(&case.closed),
                probing: Closed::none(),
            };
            let orders = if with_ordinal { [Order::Ordinal(ordinal), Order::Late(ordinal)] } else { [Order::None; 2] };
            for order in orders {
                let _ = decide(&case.spread, &observation, Arrival { uid: &uid, order, ranked: true, replaceable: true, may_wait: true });
            }
        }
    }
}

fn with_capacity(case: &common::Case, capacity: Capacity) -> Spread {
    match &case.fill {
        model::Fill::InOrder(bounds) => {
            let amount = |amount: model::Amount| match amount {
                model::Amount::Count(count) => Amount::Count(count),
                model::Amount::Percent(percent) => Amount::Percent(percent),
            };
            let bounds: Vec<_> = bounds
                .iter()
                .map(|bounds| (bounds.min.map(amount), bounds.max.map(amount)))
                .collect();
            in_order(&bounds).capacity(capacity).spread()
        }
        model::Fill::Shares(_) => shares(&case.percents).capacity(capacity).spread(),
    }
}

#[test]
fn a_lone_endless_subset_takes_every_pod_even_when_closed() {
    let spread = in_order(&[(None, None)]).capacity(Capacity::Exact).spread();
    let observation = Observation {
        closed: closed(&[0]),
        binder: Binder::Serving,
        ..observation(&[3])
    };
    let decision = decide(&spread, &observation, arrival(UID));
    let Decision::Place(placement) = decision else {
        panic!("{decision:?}")
    };
    assert_eq!(
        (placement.subset.index(), placement.reason),
        (0, Reason::OnlySubset)
    );
}

#[test]
fn a_lone_closed_subset_with_a_maximum_takes_none() {
    let spread = in_order(&[(None, count(5))]).spread();
    let observation = Observation {
        closed: closed(&[0]),
        ..observation(&[0])
    };
    assert_eq!(
        decide(&spread, &observation, arrival(UID)),
        Decision::Leave {
            reason: Reason::LadderFull
        }
    );
}

#[test]
fn a_number_below_the_first_ordinal_waits_or_is_placed_by_the_counts() {
    let spread = fixed_and_elastic().spread();
    let at = |binder| {
        let observation = Observation {
            binder,
            desired: Some(20),
            ..observation(&[10, 0])
        };
        let order = Order::Late(None);
        decide(
            &spread,
            &observation,
            Arrival {
                order,
                ..arrival(UID)
            },
        )
    };
    assert!(matches!(at(Binder::Serving), Decision::Gate { .. }));
    assert_eq!(
        subset(at(Binder::Absent)),
        Some(1),
        "not the first rung, which is taken"
    );
}

#[test]
fn a_pod_without_an_ordinal_takes_the_first_open_subset_however_full() {
    let spread = in_order(&[(None, count(0)), (None, None)]).spread();
    let arrival = Arrival {
        uid: UID,
        order: Order::Ordinal(None),
        ranked: false,
        replaceable: true,
        may_wait: true,
    };
    let place = |shut: &[usize]| {
        let observation = Observation {
            closed: closed(shut),
            ..observation(&[0, 0])
        };
        subset(decide(&spread, &observation, arrival))
    };
    assert_eq!(
        (place(&[]), place(&[0]), place(&[0, 1])),
        (Some(0), Some(1), None)
    );
}

#[test]
fn the_cost_is_written_only_where_the_controller_ranks_by_it() {
    let spread = fixed_and_elastic().spread();
    let cost = |counts: &[u32], ranked| match decide(
        &spread,
        &observation(counts),
        Arrival {
            ranked,
            ..arrival(UID)
        },
    ) {
        Decision::Place(placement) => placement.cost.map(DeletionCost::value),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        (cost(&[0, 0], true), cost(&[10, 0], true), cost(&[0, 0], false)),
        (Some(200), Some(100), None)
    );
}

/// A finite subset, a minimum or a share may be filled by two views that agree: these always wait.
#[test]
fn with_a_binder_only_the_open_end_is_placed_ungated() {
    let decide_with = |words: common::Words, counts: &[u32], desired, active| {
        let observation = Observation {
            replicas: 30,
            desired: Some(desired),
            active,
            binder: Binder::Serving,
            ..observation(counts)
        };
        decide(&words.spread(), &observation, arrival(UID))
    };
    let gate = |hint| Decision::Gate {
        hint: Some(SubsetIx::new(hint)),
        reason: Reason::MustBeExact,
    };
    assert_eq!(decide_with(fixed_and_elastic(), &[9, 0], 30, 9), gate(0));
    assert_eq!(
        subset(decide_with(fixed_and_elastic(), &[10, 0], 30, 10)),
        Some(1)
    );
    // Enough pods are there already: a stale view, or a surge.
    assert_eq!(decide_with(fixed_and_elastic(), &[10, 20], 30, 30), gate(1));
    // The elastic subset has a minimum that is not filled.
    let with_minimum = in_order(&[(None, count(10)), (count(2), None)]);
    assert_eq!(decide_with(with_minimum, &[10, 1], 30, 11), gate(1));
    // Shares have no open end.
    assert_eq!(decide_with(shares(&[Some(50), None]), &[0, 0], 30, 0), gate(0));
    // Not known how many are wanted.
    let unknown = Observation {
        binder: Binder::Serving,
        ..observation(&[10, 0])
    };
    assert_eq!(
        decide(&fixed_and_elastic().spread(), &unknown, arrival(UID)),
        gate(1)
    );
}

#[test]
fn exact_waits_where_auto_places() {
    let unbound = observation(&[0, 0]);
    let decide_as = |capacity| {
        decide(
            &fixed_and_elastic().capacity(capacity).spread(),
            &unbound,
            arrival(UID),
        )
    };
    assert_eq!(subset(decide_as(Capacity::Auto)), Some(0));
    assert_eq!(subset(decide_as(Capacity::BestEffort)), Some(0));
    let hint = Some(SubsetIx::new(0));
    assert_eq!(
        decide_as(Capacity::Exact),
        Decision::Gate {
            hint,
            reason: Reason::MustBeExact
        }
    );
}

#[test]
fn a_full_ladder_with_a_binder_waits_without_a_hint() {
    let spread = in_order(&[(None, count(2))]).capacity(Capacity::Exact).spread();
    let decision = decide(&spread, &observation(&[2]), arrival(UID));
    assert_eq!(
        decision,
        Decision::Gate {
            hint: None,
            reason: Reason::MustBeExact
        }
    );
}

/// A whole burst decides on one count, as the pods of one ReplicaSet do.
#[test]
fn a_burst_on_one_stale_count_splits_as_its_window_does() {
    let spread = in_order(&[(None, count(100)), (None, count(60)), (None, None)]).spread();
    let burst = Observation {
        desired: Some(400),
        missing: 400,
        behind: false,
        is_vacated: false,
        ..observation(&[0, 0, 0])
    };
    let bursts = 100u32;
    let mut split = Taken::none(3);
    for pod in 0..bursts * 400 {
        let uid = format!(
            "{:08x}-6393-11e8-b7cc-42010a{pod:06x}",
            pod.wrapping_mul(0x9e37_79b9)
        );
        let Decision::Place(placement) = decide(&spread, &burst, arrival(&uid)) else {
            panic!("not placed")
        };
        split.add(placement.subset);
    }
    for (subset, expected) in [100, 60, 240].into_iter().enumerate() {
        let seen = f64::from(split.of(SubsetIx::new(subset))) / f64::from(bursts);
        let error = (seen - f64::from(expected)).abs() / f64::from(expected);
        assert!(
            error < 0.02,
            "subset {subset}: {seen} pods a burst, {expected} expected"
        );
    }
}

#[test]
fn the_window_is_no_longer_than_what_one_replicaset_creates_at_once() {
    let spread = in_order(&[(None, count(500)), (None, None)]).spread();
    let missing = |missing| Observation {
        missing,
        ..observation(&[0, 0])
    };
    for pod in 0..2_000u32 {
        let uid = format!("{pod:08x}-6393-11e8-b7cc-42010a800002");
        assert_eq!(subset(decide(&spread, &missing(100_000), arrival(&uid))), Some(0));
        let Decision::Place(placement) = decide(&spread, &missing(100_000), arrival(&uid)) else {
            panic!()
        };
        assert!(
            matches!(placement.reason, Reason::Hashed { window: 500, .. }),
            "{:?}",
            placement.reason
        );
    }
}

#[test]
fn the_same_uid_is_always_given_the_same_place() {
    let spread = in_order(&[(None, count(50)), (None, None)]).spread();
    let burst = Observation {
        desired: Some(100),
        missing: 100,
        behind: false,
        is_vacated: false,
        ..observation(&[0, 0])
    };
    let Decision::Place(placement) = decide(&spread, &burst, arrival(UID)) else {
        panic!("not placed")
    };
    // FNV-1a 64 of the uid, by multiply-shift into 100.
    let place = model_place(UID, 100) + 1;
    assert_eq!(
        placement.reason,
        Reason::Hashed {
            place,
            window: 100,
            active: 0,
            desired: Some(100)
        }
    );
}

/// FNV-1a and the reduction once more, written out.
fn model_place(uid: &str, window: u32) -> u32 {
    let mut hash: u64 = 14_695_981_039_346_656_037;
    for byte in uid.bytes() {
        hash ^= u64::from(byte);
        hash = hash.wrapping_mul(1_099_511_628_211);
    }
    u32::try_from((u128::from(hash) * u128::from(window)) / (1u128 << 64)).unwrap()
}

#[test]
fn a_pod_that_waits_and_was_counted_late_goes_to_what_is_paid_for() {
    let spread = in_order(&[(None, count(3)), (None, count(2)), (None, None)])
        .capacity(Capacity::Exact)
        .binding(Binding::Admission)
        .spread();
    let late = Observation {
        missing: 500,
        behind: true,
        ..observation(&[1, 0, 0])
    };
    let mut seen = [0; 3];
    for number in 0..300u32 {
        match decide(
            &spread,
            &late,
            arrival(&format!("{:08x}-uid", number.wrapping_mul(0x9e37_79b9))),
        ) {
            Decision::Hold(placement) => seen[placement.subset.index()] += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(seen[0] > 0 && seen[1] > 0, "{seen:?}");
    assert_eq!(seen[2], 0, "{seen:?}");
}
