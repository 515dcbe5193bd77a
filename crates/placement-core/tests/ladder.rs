//! The ladder against the naive one, and what it promises.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "clippy knows test functions but not their helpers"
)]

mod common;

use common::{
    any_in_order, any_shares, closed, costed, difference, in_order, plain, plain_fill, shares, taken,
};
use placement_core::cost::DeletionCost;
use placement_core::{Closed, Ladder, Run, Rung, Taken, Tier};
use proptest::prelude::*;
use reference_model::{self as model, invariant};
use rules::{Amount, Rollout, SubsetIx};

const LENGTH: usize = 150;

fn rungs(ladder: &Ladder<'_>, length: usize) -> Vec<Rung> {
    ladder.rungs().take(length).collect()
}

fn walked(runs: impl Iterator<Item = Run>, length: usize) -> Vec<model::Rung> {
    runs.flat_map(|run| {
        let rungs = run
            .length
            .map_or(length, |rungs| usize::try_from(rungs).unwrap().min(length));
        std::iter::repeat_n(plain(run.rung), rungs)
    })
    .take(length)
    .collect()
}

fn split(ladder: &Ladder<'_>, size: usize, subsets: usize) -> Vec<u32> {
    let laid: Vec<model::Rung> = rungs(ladder, size).into_iter().map(plain).collect();
    invariant::split(&laid, subsets)
}

fn count(pods: u32) -> Option<Amount> {
    Some(Amount::Count(pods))
}

fn percent(percent: u8) -> Option<Amount> {
    Some(Amount::Percent(percent))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_ordered_ladder_is_the_naive_one(case in any_in_order()) {
        let closed = closed(&case.closed);
        let ladder = Ladder::new(&case.spread, case.replicas, &closed);
        let laid = rungs(&ladder, LENGTH);
        let naive = model::ladder(&case.fill, case.replicas, &case.closed, LENGTH);
        prop_assert_eq!(difference(&laid.iter().copied().map(plain).collect::<Vec<_>>(), &naive), None);
        let subsets = case.spread.subsets().len();
        let split = invariant::split(&naive, subsets);
        prop_assert_eq!(invariant::bounded(&case.fill, case.replicas, &case.closed, &split), Ok(()));
        prop_assert_eq!(invariant::complete(&case.fill, case.replicas, &case.closed, naive.len(), LENGTH), Ok(()));
        prop_assert_eq!(invariant::minimums_first(&case.fill, case.replicas, &case.closed, &naive), Ok(()));
        prop_assert_eq!(invariant::costs_fall(&costed(&laid, subsets)), Ok(()));
        for subset in 0..subsets {
            prop_assert_eq!(ladder.maximum(SubsetIx::new(subset)), case.fill.maximum(subset, case.replicas));
        }
    }

    #[test]
    fn free_rungs_are_the_naive_ones(case in prop_oneof![any_in_order(), any_shares()]) {
        let closed = closed(&case.closed);
        let ladder = Ladder::new(&case.spread, case.replicas, &closed);
        let naive = model::free(&case.fill, case.replicas, &case.closed, &case.taken, LENGTH);
        prop_assert_eq!(difference(&walked(ladder.free(&taken(&case.taken)), LENGTH), &naive), None);
        let whole = model::ladder(&case.fill, case.replicas, &case.closed, LENGTH);
        prop_assert_eq!(difference(&walked(ladder.runs(), LENGTH), &whole), None);
    }

    #[test]
    fn a_rung_by_number_is_the_one_that_is_walked_to(
        case in prop_oneof![any_in_order(), any_shares()],
        number in 0u32..300,
    ) {
        let closed = closed(&case.closed);
        let ladder = Ladder::new(&case.spread, case.replicas, &closed);
        prop_assert_eq!(ladder.rung(number), ladder.rungs().nth(usize::try_from(number).unwrap()));
    }

    #[test]
    fn runs_are_never_empty_and_only_the_last_has_no_end(case in prop_oneof![any_in_order(), any_shares()]) {
        let closed = closed(&case.closed);
        let ladder = Ladder::new(&case.spread, case.replicas, &closed);
        let runs: Vec<Run> = ladder.free(&taken(&case.taken)).take(LENGTH).collect();
        for (place, run) in runs.iter().enumerate() {
            prop_assert_ne!(run.length, Some(0));
            prop_assert!(run.length.is_some() || place + 1 == runs.len());
        }
    }

    #[test]
    fn without_percentages_growing_never_moves_a_pod(case in prop_oneof![any_in_order(), any_shares()], step in 1u32..40) {
        let moves = match &case.fill {
            model::Fill::InOrder(bounds) => bounds.iter().any(|bounds| {
                [bounds.min, bounds.max].iter().flatten().any(|amount| matches!(amount, model::Amount::Percent(_)))
            }),
            model::Fill::Shares(_) => false,
        };
        prop_assume!(!moves);
        let closed = closed(&case.closed);
        let laid = |replicas: u32| -> Vec<model::Rung> {
            let size = usize::try_from(replicas).unwrap();
            rungs(&Ladder::new(&case.spread, replicas, &closed), size).into_iter().map(plain).collect()
        };
        prop_assert_eq!(invariant::prefix(&laid(case.replicas), &laid(case.replicas + step)), Ok(()));
    }
}

#[test]
fn percent_maximums_move_a_pod_as_the_workload_grows() {
    let spread = in_order(&[(None, percent(33)), (None, percent(33)), (None, None)]).spread();
    let open = Closed::none();
    let of = |size: u32| {
        split(
            &Ladder::new(&spread, size, &open),
            usize::try_from(size).unwrap(),
            3,
        )
    };
    assert_eq!(of(3), [1, 1, 1]);
    assert_eq!(of(4), [2, 2, 0]);
}

#[test]
fn percentages_beyond_the_whole_leave_the_rest_to_the_second() {
    let spread = in_order(&[(None, percent(60)), (None, percent(60))]).spread();
    let open = Closed::none();
    assert_eq!(split(&Ladder::new(&spread, 10, &open), 10, 2), [6, 4]);
}

#[test]
fn minimums_are_filled_before_any_maximum() {
    let spread = in_order(&[(count(2), count(5)), (count(1), None), (count(3), count(9))]).spread();
    let open = Closed::none();
    let ladder = Ladder::new(&spread, 0, &open);
    let laid: Vec<(usize, Tier)> = ladder
        .runs()
        .map(|run| (run.rung.subset.index(), run.rung.tier))
        .collect();
    use Tier::{Maximum, Minimum};
    // The endless run of the second subset ends the ladder: the third never goes beyond its minimum.
    assert_eq!(
        laid,
        [
            (0, Minimum),
            (1, Minimum),
            (2, Minimum),
            (0, Maximum),
            (1, Maximum)
        ]
    );
    let lengths: Vec<Option<u32>> = ladder.runs().map(|run| run.length).collect();
    assert_eq!(lengths, [Some(2), Some(1), Some(3), Some(3), None]);
}

#[test]
fn a_closed_subset_without_end_does_not_end_the_ladder() {
    let spread = in_order(&[(None, None), (None, count(2))]).spread();
    let shut = closed(&[0]);
    let ladder = Ladder::new(&spread, 9, &shut);
    assert_eq!(
        ladder.rungs().map(|rung| rung.subset.index()).collect::<Vec<_>>(),
        [1, 1]
    );
    assert_eq!(ladder.rung(1).map(|rung| rung.subset.index()), Some(1));
    assert_eq!(ladder.rung(2), None);
    assert_eq!(ladder.first_open().map(SubsetIx::index), Some(1));
    let all = closed(&[0, 1]);
    let ladder = Ladder::new(&spread, 9, &all);
    assert_eq!(
        (ladder.runs().next(), ladder.rung(0), ladder.first_open()),
        (None, None, None)
    );
}

#[test]
fn a_gap_below_is_free_before_what_lies_above() {
    let spread = in_order(&[(count(1), count(3)), (None, None)]).spread();
    let open = Closed::none();
    let ladder = Ladder::new(&spread, 0, &open);
    let first = |counts: &[u32]| {
        ladder
            .free(&taken(counts))
            .next()
            .map(|run| (run.rung.subset.index(), run.length))
    };
    assert_eq!(first(&[0, 4]), Some((0, Some(1))));
    assert_eq!(first(&[1, 4]), Some((0, Some(2))));
    assert_eq!(first(&[2, 4]), Some((0, Some(1))));
    assert_eq!(first(&[3, 4]), Some((1, None)));
    // More than the maximum holds, as after the maximum was lowered.
    assert_eq!(first(&[7, 4]), Some((1, None)));
}

/// Laid out, these ladders would need gigabytes, and a loop over their rungs hours.
#[test]
fn a_ladder_costs_its_runs_not_its_rungs() {
    let bounds: Vec<_> = (0..1_000).map(|_| (count(100_000), count(4_000_000))).collect();
    let spread = in_order(&bounds).spread();
    let open = Closed::none();
    let ladder = Ladder::new(&spread, 100_000, &open);
    assert_eq!(ladder.runs().count(), 2_000);
    assert_eq!(
        ladder.rungs().size_hint().0,
        0,
        "nothing is laid before it is asked for"
    );
    let number = 1_000 * 100_000 + 999 * 3_900_000;
    assert_eq!(
        ladder.rung(number).map(|rung| (rung.subset.index(), rung.tier)),
        Some((999, Tier::Maximum))
    );
    assert_eq!(ladder.rung(number - 1).map(|rung| rung.subset.index()), Some(998));
    let full: Vec<u32> = (0..1_000)
        .map(|subset| if subset < 998 { 4_000_000 } else { 100_000 })
        .collect();
    assert_eq!(ladder.free(&taken(&full)).count(), 2);
}

#[test]
fn an_endless_run_is_one_run_however_often_it_is_walked() {
    let spread = in_order(&[(None, count(u32::MAX)), (None, None)]).spread();
    let open = Closed::none();
    let ladder = Ladder::new(&spread, u32::MAX, &open);
    assert_eq!(
        ladder.runs().map(|run| run.length).collect::<Vec<_>>(),
        [Some(u32::MAX), None]
    );
    assert_eq!(ladder.rung(u32::MAX).map(|rung| rung.subset.index()), Some(1));
    assert_eq!(ladder.rung(u32::MAX - 1).map(|rung| rung.subset.index()), Some(0));
    assert_eq!(ladder.free(&taken(&[u32::MAX, u32::MAX])).count(), 1);
}

/// A walk over the rounds that are taken would never come back.
#[test]
fn shares_jump_over_the_rounds_that_are_taken() {
    let spread = shares(&[Some(50), Some(25), None]).spread();
    let open = Closed::none();
    let ladder = Ladder::new(&spread, 0, &open);
    let begin: Vec<usize> = ladder.rungs().take(4).map(|rung| rung.subset.index()).collect();
    let billion = 1_000_000_000;
    let next = ladder.free(&taken(&[2 * billion, billion, billion])).take(4);
    assert_eq!(next.map(|run| run.rung.subset.index()).collect::<Vec<_>>(), begin);
    // The second round is the first one again, in higher numbers.
    let numbers = ladder.free(&taken(&[2, 1, 1])).take(2).map(|run| run.rung.tier);
    assert_eq!(numbers.collect::<Vec<_>>(), [Tier::Share(4), Tier::Share(5)]);
}

/// Any user may create a pod that is named so.
#[test]
fn a_high_ordinal_is_answered_without_a_walk() {
    let spread = shares(&[Some(50), Some(25), None]).spread();
    let open = Closed::none();
    let ladder = Ladder::new(&spread, 0, &open);
    let first = ladder.rung(3).unwrap();
    let last = ladder.rung(u32::MAX).unwrap();
    assert_eq!((last.subset, last.tier), (first.subset, Tier::Share(u32::MAX)));
}

#[test]
fn the_cost_falls_from_tier_to_tier_with_a_thousand_subsets() {
    let bounds: Vec<_> = (0..1_000).map(|_| (count(1), count(2))).collect();
    let spread = in_order(&bounds).rollout(Rollout::Surge).spread();
    let open = Closed::none();
    let laid = rungs(&Ladder::new(&spread, 0, &open), 2_000);
    assert_eq!(invariant::costs_fall(&costed(&laid, 1_000)), Ok(()));
    let lowest = laid
        .iter()
        .map(|rung| DeletionCost::of(*rung, 1_000).value())
        .min();
    assert_eq!(
        lowest,
        Some(100),
        "a pod of no subset, which has no cost, goes first"
    );
}

#[test]
fn the_naive_fill_says_the_same_as_the_words() {
    let fill = plain_fill(&[(count(1), percent(50))]);
    assert_eq!(fill.maximum(0, 5), Some(3));
}

#[test]
fn a_minimum_whose_pods_are_lost_does_not_lead_beyond_the_maximum() {
    let spread = in_order(&[(count(2), count(3)), (None, None)]).spread();
    let closed = Closed::none();
    let ladder = Ladder::new(&spread, 6, &closed);
    let mut taken = Taken::none(2);
    for _ in 0..3 {
        taken.add_on(Rung {
            subset: SubsetIx::new(0),
            tier: Tier::Maximum,
        });
    }
    let free: Vec<_> = ladder
        .free(&taken)
        .map(|run| (run.rung.subset.index(), run.length))
        .collect();
    assert_eq!(free, [(1, None)]);
}
