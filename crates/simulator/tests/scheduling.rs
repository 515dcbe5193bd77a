//! The choice of nodes against a scheduler that is too plain to be wrong: it walks every pod for every node.

mod naive;

use std::sync::Arc;

use naive::{Naive, NodeCase, PodCase};
use proptest::prelude::*;
use simulator::Random;
use simulator::scheduling::{Needs, Nodes};

fn node() -> impl Strategy<Value = NodeCase> {
    (
        1_i64..8,
        1_i64..8,
        1_usize..6,
        0_usize..4,
        prop::option::of(0_usize..3),
        prop::option::of(any::<bool>()),
        prop::bool::weighted(0.1),
    )
        .prop_map(|(cpu, memory, pods, pool, zone, taint, is_cordoned)| NodeCase {
            cpu,
            memory,
            pods,
            pool,
            zone,
            is_soft_taint: taint,
            is_cordoned,
        })
}

fn pod() -> impl Strategy<Value = PodCase> {
    (
        (0_i64..4, 0_i64..4, 0_usize..3),
        (
            any::<bool>(),
            prop::option::of(0_usize..4),
            prop::option::of((0_usize..4, 1_i64..50)),
        ),
        (
            prop::option::of((any::<bool>(), 1_i64..3)),
            prop::option::of((any::<bool>(), 1_i64..3)),
        ),
        (
            prop::option::of((any::<bool>(), any::<bool>())),
            prop::option::of((any::<bool>(), -40_i64..40)),
        ),
    )
        .prop_map(
            |((cpu, memory, app), (tolerates, pool, preferred), (hard, soft), (required, liked))| PodCase {
                cpu,
                memory,
                app,
                tolerates,
                pool,
                preferred_pool: preferred,
                hard_spread: hard,
                soft_spread: soft,
                company: required,
                liked_company: liked.filter(|(_, weight)| *weight != 0),
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Nodes that take a pod, their scores, and the choice are the naive scheduler's, over a whole life of a cluster.
    #[test]
    fn choices_are_those_of_a_plain_scheduler(
        nodes in prop::collection::vec(node(), 1..7),
        pods in prop::collection::vec((pod(), prop::option::weighted(0.25, any::<prop::sample::Index>())), 1..25),
    ) {
        let mut naive = Naive::of(&nodes);
        let mut ours = Nodes::default();
        for (number, node) in nodes.iter().enumerate() {
            ours.put(node.read(number));
        }
        let mut random = Random::new(7, "test");
        for (key, (pod, gone)) in pods.iter().enumerate() {
            let needs = Arc::new(Needs::read(&pod.value()).unwrap());
            let expected = naive.scores(pod);
            let scores = ours.scores(&needs).unwrap_or_default();
            let found: Vec<(usize, i64)> = scores
                .iter()
                .map(|choice| (naive::number(&ours.get(choice.node).unwrap().node().name), choice.score))
                .collect();
            prop_assert_eq!(&found, &expected, "pod {}: {:?}", key, pod);
            let choice = ours.choose(&needs, &mut random);
            prop_assert_eq!(choice.as_ref().ok().map(|choice| choice.score), expected.iter().map(|one| one.1).max());
            if let Ok(choice) = choice {
                let name = ours.get(choice.node).unwrap().node().name.clone();
                naive.put(key, naive::number(&name), pod.clone());
                ours.assume(key as u64, needs, choice.node);
            }
            if let Some(gone) = gone {
                let gone = gone.index(key + 1);
                naive.forget(gone);
                ours.forget(gone as u64);
            }
            for (_, room) in ours.iter() {
                let (taken, all) = (&room.taken().exact, &room.node().allocatable);
                prop_assert!(taken.cpu <= all.cpu && taken.memory <= all.memory);
                prop_assert!(room.pods().count() as u64 <= room.node().pods);
            }
        }
    }
}
