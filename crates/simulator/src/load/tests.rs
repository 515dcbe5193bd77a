use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::time::Millis;

fn points(points: &[(u64, u64)]) -> Vec<Point> {
    let point = |&(seconds, rps)| Point {
        at: Millis(seconds * 1000),
        rate: rps * MICRO,
    };
    points.iter().map(point).collect()
}

fn service(requests_per_second: u64, timeout: Millis) -> Service {
    Service {
        requests_per_second: requests_per_second * MICRO,
        by_subset: BTreeMap::from([("arm".to_owned(), 2 * requests_per_second * MICRO)]),
        timeout,
        cpu: Cpu {
            idle: 20,
            per_request: 5000,
            limit: Some(400),
        },
    }
}

const NO_QUEUE: Millis = Millis::ZERO;
const SECOND: Millis = Millis(1000);

#[test]
fn a_line_is_followed_between_points_and_held_outside() {
    let traffic = Traffic::new(points(&[(10, 100), (20, 300), (20, 50), (30, 0)]), Shape::Linear).unwrap();
    for (at, rps) in [
        (0, 100),
        (10, 100),
        (15, 200),
        (20, 50),
        (25, 25),
        (30, 0),
        (99, 0),
    ] {
        assert_eq!(traffic.rate(Millis(at * 1000)), rps * MICRO, "{at}");
    }
    let arrived = |from: u64, to: u64| traffic.arrived(Millis(from * 1000), Millis(to * 1000)) / MICRO;
    assert_eq!(
        (arrived(0, 10), arrived(10, 20), arrived(10, 15), arrived(20, 99)),
        (1000, 2000, 750, 250)
    );
}

#[test]
fn steps_hold_and_days_repeat() {
    let traffic = Traffic::new(points(&[(0, 10), (3600, 500), (7200, 10)]), Shape::Steps).unwrap();
    let daily = traffic.clone().daily().unwrap();
    let at = |traffic: &Traffic, seconds: u64| traffic.rate(Millis(seconds * 1000)) / MICRO;
    assert_eq!(
        [at(&traffic, 3599), at(&traffic, 3600), at(&traffic, 7200)],
        [10, 500, 10]
    );
    assert_eq!(
        (at(&traffic, 86_400 + 4000), at(&daily, 86_400 + 4000)),
        (10, 500)
    );
    let day = Millis(86_400_000);
    assert_eq!(daily.arrived(day, day + day), daily.arrived(Millis::ZERO, day));
    let long = Traffic::new(points(&[(0, 1), (86_401, 1)]), Shape::Steps).unwrap();
    assert_eq!(long.daily(), Err(TrafficFault::LongDay(Millis(86_401_000))));
}

#[test]
fn csv_is_read_with_or_without_a_header() {
    let with = Traffic::from_csv("seconds,rps\n0,10\n\n# a peak\n60, 250.5\n", Shape::Linear).unwrap();
    let without = Traffic::from_csv("0;10\r\n60;250.5\r\n", Shape::Linear).unwrap();
    assert_eq!(with, without);
    assert_eq!(with.rate(Millis(60_000)), 250_500_000);
}

#[test]
fn faults_of_a_csv_have_line_numbers() {
    let faults = Traffic::from_csv(
        "seconds,rps\n0,10\nten,5\n5,-1\n5\n20,1\n10,1\n31536001,1\n",
        Shape::Linear,
    )
    .unwrap_err();
    let texts: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "line 3: found `ten`; write seconds since the beginning, such as `60` or `0.5`",
            "line 4: found `-1`; write requests per second from 0 to 500000, with at most six decimals",
            "line 5: found `5`; write `seconds,rps`, such as `60,250`",
            "line 7: `10` is earlier than the line before it; write the lines in the order of time",
            "line 8: found `31536001`; write at most 31536000 seconds, a year",
        ]
    );
    let empty = Traffic::from_csv("seconds,rps\n", Shape::Linear).unwrap_err();
    assert_eq!(
        empty[0].to_string(),
        "line 1: there is no point; write at least one"
    );
}

#[test]
fn what_a_pod_cannot_serve_is_lost_where_nothing_waits() {
    let mut queue = Queue::default();
    let step = queue.step(
        &service(50, NO_QUEUE),
        Millis::ZERO,
        SECOND,
        120 * MICRO,
        &[None, None],
    );
    assert_eq!(
        (step.served, step.lost, step.queued),
        (100 * MICRO, 20 * MICRO, 0)
    );
    // 20 m idle and 50 requests of 5 ms each.
    let busy = PodLoad {
        served: 50 * MICRO,
        utilisation: 1000,
        cpu: 270,
    };
    assert_eq!(step.pods, [busy, busy]);
}

#[test]
fn a_faster_subset_takes_what_the_others_leave() {
    let mut queue = Queue::default();
    let pods = [Some("arm"), Some("intel"), None];
    let step = queue.step(&service(50, NO_QUEUE), Millis::ZERO, SECOND, 180 * MICRO, &pods);
    let served: Vec<u64> = step.pods.iter().map(|pod| pod.served / MICRO).collect();
    assert_eq!(served, [80, 50, 50]);
    assert_eq!(step.pods[0].utilisation, 800);
    // 420 m would be above the limit.
    assert_eq!(step.pods[0].cpu, 400);
}

#[test]
fn requests_wait_until_the_timeout() {
    let service = service(100, Millis(2000));
    let mut queue = Queue::default();
    let mut play = |second: u64, arriving: u64, pods: &[Option<&str>]| {
        let (from, to) = (Millis(second * 1000), Millis(second * 1000 + 1000));
        let step = queue.step(&service, from, to, arriving * MICRO, pods);
        (step.served / MICRO, step.lost / MICRO, step.queued / MICRO)
    };
    assert_eq!(play(0, 300, &[]), (0, 0, 300));
    assert_eq!(play(1, 0, &[None]), (100, 0, 200));
    assert_eq!(play(2, 50, &[]), (0, 0, 250));
    // What came in the first second has now waited three.
    assert_eq!(play(3, 0, &[None]), (100, 100, 50));
    assert_eq!(play(4, 0, &[None]), (50, 0, 0));
}

#[test]
fn a_rate_is_that_of_prometheus() {
    let mut counter = Counter::new(Millis(60_000));
    assert_eq!(counter.rate(Millis(0), Millis(60_000)), None);
    for second in 0..=12 {
        counter.scrape(Millis(second * 5000), second * 500 * MICRO);
    }
    // A steady 100 per second, whatever the window.
    for window in [12_000, 20_000, 60_000] {
        let rate = counter.rate(Millis(60_000), Millis(window)).unwrap();
        assert!((rate - 100.0).abs() < 1e-9, "{window}: {rate}");
    }
    assert_eq!(counter.rate(Millis(60_000), Millis(5000)), None);
    // The counter began at 0 inside the window: 200 requests in 10 s, extended to the end alone.
    let mut young = Counter::new(Millis(60_000));
    young.scrape(Millis(50_000), 0);
    young.scrape(Millis(60_000), 200 * MICRO);
    let rate = young.rate(Millis(60_000), Millis(40_000)).unwrap();
    assert!((rate - 5.0).abs() < 1e-9, "{rate}");
}

proptest! {
    #[test]
    fn neighbouring_spans_add_up(
        at in prop::collection::vec((0_u64..100_000, 0_u64..5_000_000_000), 1..8),
        cuts in prop::collection::vec(0_u64..200_000, 1..10),
        steps in any::<bool>(),
    ) {
        let mut points: Vec<Point> = at.iter().map(|&(at, rate)| Point { at: Millis(at), rate }).collect();
        points.sort_by_key(|point| point.at);
        let shape = if steps { Shape::Steps } else { Shape::Linear };
        let traffic = Traffic::new(points, shape).unwrap();
        let mut cuts = cuts;
        cuts.sort_unstable();
        let (first, last) = (Millis(cuts[0]), Millis(cuts[cuts.len() - 1]));
        let parts: u64 = cuts.windows(2).map(|cut| traffic.arrived(Millis(cut[0]), Millis(cut[1]))).sum();
        prop_assert_eq!(parts, traffic.arrived(first, last));
    }

    #[test]
    fn what_arrived_was_served_lost_or_waits(
        steps in prop::collection::vec((0_u64..3_000_000_000, 1_u64..3000, 0_usize..6), 1..40),
        timeout in 0_u64..5000,
    ) {
        let service = service(200, Millis(timeout));
        let mut queue = Queue::default();
        let mut now = Millis::ZERO;
        for (arriving, span, ready) in steps {
            let pods: Vec<Option<&str>> = (0..ready).map(|pod| (pod % 3 == 0).then_some("arm")).collect();
            let to = now + Millis(span);
            let before = queue.queued();
            let step = queue.step(&service, now, to, arriving, &pods);
            prop_assert_eq!(before + step.arriving, step.served + step.lost + step.queued);
            prop_assert_eq!(step.pods.iter().map(|pod| pod.served).sum::<u64>(), step.served);
            prop_assert!(step.pods.iter().all(|pod| pod.utilisation <= 1000));
            prop_assert_eq!(queue.arrived(), queue.served() + queue.lost() + queue.queued());
            now = to;
        }
    }
}
