//! What the StatefulSet controller does next, as plain cases.

use serde_json::json;

use super::*;
use crate::plane::objects::{Maker, Origin};
use crate::plane::setup::{StatefulSetKind, WorkloadName};

const NOW: Millis = Millis(100_000);

fn pod(ordinal: u32, revision: &str, ready: Option<u64>) -> Rc<Pod> {
    let value = json!({
        "metadata": {
            "name": format!("web-{ordinal}"), "namespace": "shop", "uid": format!("u{ordinal}"), "resourceVersion": "1",
            "creationTimestamp": "2026-01-01T00:00:00Z", "labels": {"controller-revision-hash": revision},
        },
        "spec": {"containers": []}, "status": {"phase": "Running"},
    });
    let origin = Origin {
        number: u64::from(ordinal),
        maker: Maker::Workload(0),
        created: Millis::ZERO,
        injected: false,
    };
    Rc::new(Pod::of(value, origin, ready.map(Millis)).expect("a pod"))
}

fn seen(kind: StatefulSetKind, replicas: u32, pods: &[Rc<Pod>]) -> Seen {
    let set = StatefulSet {
        workload: 0,
        id: Rc::new(WorkloadName {
            namespace: "shop".to_owned(),
            name: "web".to_owned(),
        }),
        uid: "s".to_owned(),
        version: 1,
        replicas,
        template: 1,
        current: 0,
        kind: Rc::new(kind),
        status_replicas: 0,
    };
    Seen {
        set: Rc::new(set),
        pods: pods
            .iter()
            .filter_map(|pod| Some((ordinal(pod)?, Rc::clone(pod))))
            .collect(),
        now: NOW,
    }
}

fn kind(update: Update, is_parallel: bool) -> StatefulSetKind {
    StatefulSetKind {
        first_ordinal: 0,
        is_parallel,
        update,
        min_ready: Millis::ZERO,
    }
}

const ALL: Update = Update::Rolling { partition: 0 };

#[test]
fn at_rest_nothing_is_done() {
    let pods: Vec<Rc<Pod>> = (0..3).map(|ordinal| pod(ordinal, "web-b", Some(1000))).collect();
    for is_parallel in [false, true] {
        let seen = seen(kind(ALL, is_parallel), 3, &pods);
        assert_eq!(seen.next("web-b"), Next::Rest);
        assert!(seen.is_updated("web-b"));
    }
}

#[test]
fn in_order_one_pod_is_made_at_a_time_and_in_parallel_all() {
    let one = [pod(0, "web-b", None)];
    assert_eq!(seen(kind(ALL, false), 3, &one).next("web-b"), Next::Wait);
    let ready = [pod(0, "web-b", Some(1000))];
    assert_eq!(
        seen(kind(ALL, false), 3, &ready).next("web-b"),
        Next::Create(vec![1])
    );
    assert_eq!(
        seen(kind(ALL, true), 3, &one).next("web-b"),
        Next::Create(vec![1, 2])
    );
}

#[test]
fn a_rollout_goes_down_to_its_partition_one_pod_at_a_time() {
    let old: Vec<Rc<Pod>> = (0..3).map(|ordinal| pod(ordinal, "web-a", Some(1000))).collect();
    let partition = |partition| kind(Update::Rolling { partition }, false);
    assert_eq!(seen(partition(2), 3, &old).next("web-b"), Next::Delete(vec![2]));
    let mut later = old.clone();
    later[2] = pod(2, "web-b", None);
    assert_eq!(seen(partition(0), 3, &later).next("web-b"), Next::Wait);
    later[2] = pod(2, "web-b", Some(99_000));
    assert_eq!(seen(partition(2), 3, &later).next("web-b"), Next::Rest);
    assert_eq!(seen(partition(0), 3, &later).next("web-b"), Next::Delete(vec![1]));
    assert!(!seen(partition(2), 3, &later).is_updated("web-b"));
    assert_eq!(
        seen(kind(Update::OnDelete, false), 3, &old).next("web-b"),
        Next::Rest
    );
}

#[test]
fn what_is_ready_too_short_a_time_is_waited_for() {
    let mut slow = kind(ALL, false);
    slow.min_ready = Millis(10_000);
    let pods = [pod(0, "web-a", Some(1000)), pod(1, "web-b", Some(95_000))];
    assert_eq!(seen(slow.clone(), 2, &pods).next("web-b"), Next::Wait);
    slow.min_ready = Millis(5000);
    assert_eq!(seen(slow, 2, &pods).next("web-b"), Next::Delete(vec![0]));
}

#[test]
fn the_highest_ordinals_go_first() {
    let pods: Vec<Rc<Pod>> = (0..4).map(|ordinal| pod(ordinal, "web-b", Some(1000))).collect();
    assert_eq!(
        seen(kind(ALL, false), 2, &pods).next("web-b"),
        Next::Delete(vec![3])
    );
    assert_eq!(
        seen(kind(ALL, true), 2, &pods).next("web-b"),
        Next::Delete(vec![3, 2])
    );
}
