//! Shares against Tijdeman's definition, at every size to 2,000.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "clippy knows test functions but not their helpers"
)]

mod common;

use common::{any_percents, any_shares, closed, costed, difference, plain, share_fill, shares, weights};
use placement_core::{Closed, Ladder, Rung};
use proptest::prelude::*;
use reference_model::{self as model, invariant};
use rules::Fill;

const SIZES: usize = 2_000;

fn check(percents: &[Option<u8>], shut: &[usize], sizes: usize) {
    let spread = shares(percents).spread();
    let closed = closed(shut);
    let laid: Vec<Rung> = Ladder::new(&spread, 0, &closed).rungs().take(sizes).collect();
    let plain: Vec<model::Rung> = laid.iter().copied().map(plain).collect();
    let fill = share_fill(percents);
    let naive = model::ladder(&fill, 0, shut, sizes);
    assert_eq!(difference(&plain, &naive), None, "{percents:?} {shut:?}");
    assert_eq!(
        invariant::shares_kept(&weights(percents), shut, &plain),
        Ok(()),
        "{percents:?}"
    );
    assert_eq!(
        invariant::costs_fall(&costed(&laid, percents.len())),
        Ok(()),
        "{percents:?}"
    );
}

#[test]
fn every_size_to_two_thousand_is_within_the_bound() {
    let sets: &[&[Option<u8>]] = &[
        &[Some(50), Some(50)],
        &[Some(99), Some(1)],
        &[Some(1), Some(99)],
        &[Some(67), Some(33)],
        &[Some(50), Some(25), Some(25)],
        &[Some(25), None],
        &[Some(30), None, None],
        &[Some(1), None, None, None],
        &[Some(97), Some(1), Some(1), Some(1)],
        &[Some(40), Some(30), Some(20), Some(10)],
        &[
            Some(1),
            Some(2),
            Some(3),
            Some(5),
            Some(8),
            Some(13),
            Some(21),
            Some(47),
        ],
        &[Some(7), None, Some(11), None, Some(13), None, None],
    ];
    for percents in sets {
        check(percents, &[], SIZES);
    }
}

#[test]
fn the_others_share_what_a_closed_subset_leaves() {
    for shut in [&[0][..], &[1], &[2], &[0, 2], &[1, 2]] {
        check(&[Some(60), Some(30), Some(10)], shut, SIZES);
    }
    check(&[Some(60), Some(30), Some(10)], &[0, 1, 2], SIZES);
}

#[test]
fn one_subset_takes_all() {
    check(&[Some(100)], &[], SIZES);
    check(&[Some(60), Some(40)], &[1], SIZES);
}

#[test]
fn my_app_grows_one_by_one() {
    let spread = shares(&[Some(25), None]).spread();
    let open = Closed::none();
    let ladder = Ladder::new(&spread, 0, &open);
    let split = |size| {
        let laid: Vec<model::Rung> = ladder.rungs().take(size).map(plain).collect();
        invariant::split(&laid, 2)
    };
    assert_eq!(split(4), [1, 3]);
    assert_eq!(split(8), [2, 6]);
    assert_eq!(split(10), [3, 7]);
    assert_eq!(split(12), [3, 9]);
}

#[test]
fn the_remainder_is_divided_evenly_and_exactly() {
    let fill = shares(&[Some(1), None, None, None]).spread().fill().clone();
    let Fill::Shares(weights) = fill else {
        panic!("not shares")
    };
    // 1 : 33 : 33 : 33.
    let weights: Vec<u32> = weights.iter().map(|weight| weight.get()).collect();
    assert_eq!(
        weights
            .iter()
            .map(|weight| weight / weights[0])
            .collect::<Vec<_>>(),
        [1, 33, 33, 33]
    );
    let fill = shares(&[Some(50), None, None, None]).spread().fill().clone();
    let Fill::Shares(weights) = fill else {
        panic!("not shares")
    };
    assert_eq!(weights[0].get(), 3 * weights[1].get());
}

#[test]
fn a_thousand_subsets_by_shares_are_walked_as_far_as_asked() {
    let percents: Vec<Option<u8>> = (0..1_000).map(|subset| (subset == 0).then_some(1)).collect();
    let spread = shares(&percents).spread();
    let open = Closed::none();
    let ladder = Ladder::new(&spread, 100_000, &open);
    // 1 % and 999 parts of 99 %: 111 and 11 of a round of 11,100.
    assert_eq!(ladder.rungs().next(), ladder.rung(0));
    let subset = |number| ladder.rung(number).map(|rung| rung.subset);
    assert_eq!(subset(1_000_000 * 111), subset(0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_shares_are_the_naive_ones(percents in any_percents(), shut in proptest::collection::vec(0usize..6, 0..=3)) {
        check(&percents, &shut, 220);
    }

    #[test]
    fn every_round_is_exact(case in any_shares()) {
        let model::Fill::Shares(weights) = &case.fill else { return Ok(()) };
        let round: u64 = weights.iter().sum();
        let open = Closed::none();
        let ladder = Ladder::new(&case.spread, 0, &open);
        let laid: Vec<model::Rung> = ladder.rungs().take(usize::try_from(round).unwrap()).map(plain).collect();
        let split: Vec<u64> = invariant::split(&laid, weights.len()).into_iter().map(u64::from).collect();
        prop_assert_eq!(&split, weights);
    }
}
