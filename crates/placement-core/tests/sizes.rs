//! Ladders that move with the replicas: an order of removal that keeps every maximum at every size.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy knows test functions but not their helpers"
)]

mod common;

use common::in_order;
use placement_core::ladder::Ladder;
use placement_core::sizes::{is_ladder, size_of};
use placement_core::{Closed, DeletionCost, Rung, Tier};
use proptest::prelude::*;
use rules::{Amount, Spread, SubsetIx};

fn percent(percent: u8) -> Option<Amount> {
    Some(Amount::Percent(percent))
}

fn split(spread: &Spread, size: u32) -> Vec<u32> {
    let closed = Closed::none();
    Ladder::new(spread, size, &closed).split(size)
}

/// The pods that are left of `from` when all but `size` were removed, lowest cost first.
fn left(spread: &Spread, from: u32, size: u32) -> Vec<u32> {
    let mut pods = Vec::new();
    for (subset, places) in split(spread, from).into_iter().enumerate() {
        let rung = Rung {
            subset: SubsetIx::new(subset),
            tier: Tier::Maximum,
        };
        pods.extend((0..places).map(|number| (DeletionCost::of_place(spread, rung, number).value(), subset)));
    }
    pods.sort_unstable();
    let mut left = vec![0; spread.subsets().len()];
    for (_, subset) in pods.split_off(usize::try_from(from - size).unwrap()) {
        left[subset] += 1;
    }
    left
}

#[test]
fn ten_percent_and_a_rest_keep_their_split_at_every_depth() {
    let spread = in_order(&[(None, percent(10)), (None, None)]).spread();
    assert!(is_ladder(&spread, 200));
    for (from, size) in [(25, 10), (25, 1), (100, 99), (100, 11), (101, 100)] {
        assert_eq!(
            left(&spread, from, size),
            split(&spread, size),
            "{from} -> {size}"
        );
    }
}

#[test]
fn thirds_have_no_order_and_pass_a_maximum_by_one_at_most() {
    let spread = in_order(&[(None, percent(33)), (None, percent(33)), (None, None)]).spread();
    assert!(!is_ladder(&spread, 4), "1/1/1 at 3, 2/2/0 at 4");
    for (from, size) in (1..=30).flat_map(|from| (1..=from).map(move |size| (from, size))) {
        let left = left(&spread, from, size);
        let maximum = (size * 33).div_ceil(100);
        assert!(
            left[0] <= maximum + 1 && left[1] <= maximum + 1,
            "{from} -> {size}: {left:?}"
        );
    }
}

#[test]
fn a_place_that_no_size_has_is_answered_without_a_walk() {
    let spread = in_order(&[(None, percent(0)), (None, percent(1)), (None, None)]).spread();
    assert_eq!(size_of(&spread, SubsetIx::new(0), 0), None);
    assert_eq!(size_of(&spread, SubsetIx::new(1), u32::MAX), None);
    assert_eq!(size_of(&spread, SubsetIx::new(1), 2), Some(201));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn two_subsets_always_have_an_order(part in 0u8..=100, least in 0u8..=100, from in 1u32..120, cut in 1u32..120) {
        let bounds = [(percent(least.min(part)), percent(part)), (None, None)];
        let spread = in_order(&bounds).spread();
        prop_assert!(is_ladder(&spread, from));
        let size = from.saturating_sub(cut);
        prop_assert_eq!(left(&spread, from, size), split(&spread, size));
    }
}
