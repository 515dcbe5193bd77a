//! Pods that come and go: a replacement takes the rung, and so the cost, that became free, so that
//! a later scale-in by cost alone still gives up the highest rungs first.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "clippy knows test functions but not their helpers"
)]

mod common;

use common::{in_order, shares};
use placement_core::decide::Order;
use placement_core::facts::PodFacts;
use placement_core::observe::Desired;
use placement_core::{Arrival, Decision, decide, observe};
use proptest::prelude::*;
use rules::{Amount, Spread};

/// The pods of one workload, as its controller keeps them.
struct Workload<'s> {
    spread: &'s Spread,
    pods: Vec<(usize, i32, &'static str)>,
    created: u32,
}

impl<'s> Workload<'s> {
    fn of(spread: &'s Spread, size: u32) -> Self {
        let mut workload = Self {
            spread,
            pods: Vec::new(),
            created: 0,
        };
        (1..=size).for_each(|size| workload.create("abc", size));
        workload
    }

    /// One pod of a revision, while the workload wants `desired`.
    fn create(&mut self, revision: &'static str, desired: u32) {
        let names: Vec<&str> = self.spread.subsets().iter().map(|subset| subset.name()).collect();
        let listed: Vec<PodFacts<'_>> = self
            .pods
            .iter()
            .map(|(subset, cost, revision)| PodFacts {
                spread: Some(self.spread.name()),
                subset: Some(names[*subset]),
                revision: Some(revision),
                cost: Some(*cost),
                has_our_cost: true,
                ..PodFacts::default()
            })
            .collect();
        let wanted = Desired {
            workload: Some(desired),
            revision: None,
        };
        let observation = observe(self.spread, Some(revision), wanted, listed);
        self.created += 1;
        let uid = format!("uid-{}", self.created);
        let arrival = Arrival {
            uid: &uid,
            order: Order::None,
            ranked: true,
            replaceable: true,
            may_wait: true,
        };
        let Decision::Place(placement) = decide(self.spread, &observation, arrival) else {
            panic!("{} pods leave no rung", self.pods.len())
        };
        self.pods.push((
            placement.subset.index(),
            placement.cost.unwrap().value(),
            revision,
        ));
    }

    /// Evicts the oldest pod of the first subset, so many times, and lets a new one come for each.
    fn replace_first_of_first(&mut self, times: u32) {
        let size = u32::try_from(self.pods.len()).unwrap();
        for _ in 0..times {
            let oldest = self.pods.iter().position(|(subset, ..)| *subset == 0).unwrap();
            self.pods.remove(oldest);
            self.create("abc", size);
        }
    }

    /// What is left of each subset after a scale-in by cost.
    fn split_at(&self, size: usize) -> Vec<usize> {
        let mut pods = self.pods.clone();
        pods.sort_by_key(|(_, cost, _)| -cost);
        let mut split = vec![0; self.spread.subsets().len()];
        pods.iter()
            .take(size)
            .for_each(|(subset, ..)| split[*subset] += 1);
        split
    }
}

#[test]
fn pods_of_a_share_that_were_all_replaced_are_given_up_in_turn() {
    let spread = shares(&[Some(50), Some(50)]).spread();
    let mut workload = Workload::of(&spread, 10);
    workload.replace_first_of_first(5);
    assert_eq!(workload.split_at(4), [2, 2]);
    assert_eq!(workload.split_at(10), [5, 5]);
}

#[test]
fn a_minimum_outlives_the_pods_that_filled_it() {
    let bounds = [
        (Some(Amount::Count(2)), Some(Amount::Count(5))),
        (Some(Amount::Count(2)), None),
    ];
    let spread = in_order(&bounds).spread();
    let mut workload = Workload::of(&spread, 7);
    assert_eq!(workload.split_at(7), [5, 2]);
    workload.replace_first_of_first(5);
    assert_eq!(workload.split_at(2), [2, 0]);
    assert_eq!(workload.split_at(4), [2, 2]);
    assert_eq!(workload.split_at(7), [5, 2]);
}

#[test]
fn after_a_rollout_one_by_one_the_shares_are_given_up_in_turn() {
    let spread = shares(&[Some(50), Some(50)]).spread();
    let mut workload = Workload::of(&spread, 10);
    for _ in 0..10 {
        workload.create("new", 10);
        // The old revision is drained by cost.
        let old = workload
            .pods
            .iter()
            .enumerate()
            .filter(|(_, (.., revision))| *revision == "abc");
        let (lowest, _) = old.min_by_key(|(_, (_, cost, _))| *cost).unwrap();
        workload.pods.remove(lowest);
    }
    let split = workload.split_at(4);
    assert!(split.iter().all(|pods| (1..=3).contains(pods)), "{split:?}");
    assert_eq!(workload.split_at(10), [5, 5]);
}

proptest! {
    #[test]
    fn any_pod_may_be_replaced_at_any_time(evicted in proptest::collection::vec(0usize..12, 0..60), by_shares: bool) {
        let spread = if by_shares {
            shares(&[Some(50), Some(30), None]).spread()
        } else {
            in_order(&[
                (Some(Amount::Count(1)), Some(Amount::Count(4))),
                (Some(Amount::Count(2)), Some(Amount::Count(5))),
                (None, None),
            ])
            .spread()
        };
        let fresh = Workload::of(&spread, 12);
        let mut workload = Workload::of(&spread, 12);
        for pod in evicted {
            workload.pods.remove(pod);
            workload.create("abc", 12);
        }
        for size in 0..=12 {
            prop_assert_eq!(workload.split_at(size), fresh.split_at(size), "at {}", size);
        }
    }
}
