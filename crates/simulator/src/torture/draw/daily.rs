//! Draws ordinary days: something happens, and there is time to rest before the next. Pods take 2 s to 4 s to start and 5 s
//! to 20 s to end.

use serde_json::{Value, json};

use super::super::case::{Case, EventCase, Happening, NAMESPACE, PoolCase, WORKLOAD, WorkloadCase};
use super::{names, number, one_in, pick, skewed};
use crate::json;
use crate::plane::setup::{ClusterSpec, Lag, PolicySpec, SidecarSpec};
use crate::random::Random;

/// No workload of a day is larger.
const MOST: u64 = 40;
/// So long after the last event even a slow rollout of the largest workload has ended: five minutes, and 15 s a pod.
const REST: u64 = 300_000 + 15_000 * MOST;

impl Case {
    /// The ordinary days of a seed.
    #[must_use]
    pub fn draw_daily(seed: u64) -> Self {
        let random = &mut Random::new(seed, "daily");
        let spread = spread(random);
        let pools: Vec<PoolCase> = names(&spread)
            .into_iter()
            .map(|name| pool(random, name))
            .collect();
        let nodes = pools.iter().map(|pool| u64::from(pool.nodes)).sum();
        let part =
            |random: &mut Random| pick(random, &["25%", "0", "1", "50%", "100%", "2"], "25%").to_owned();
        let is_recreated = one_in(random, 5);
        let watch_lag = pick(random, &[50, 50, 250, 2000, 10_000], 50);
        let lag = |millis, jitter| Lag { millis, jitter };
        Self {
            about: format!("days drawn from seed {seed}"),
            seed,
            rest_millis: Some(REST),
            workload: WorkloadCase::Deployment {
                replicas: 0,
                max_surge: part(random),
                max_unavailable: part(random),
                is_recreated,
            },
            request_millis: 0,
            min_available: one_in(random, 2)
                .then(|| pick(random, &["1", "50%", "80%", "100%"], "1").to_owned()),
            load: None,
            pools,
            cluster: ClusterSpec {
                controllers: lag(10, 20),
                scheduler: lag(5, 10),
                writes_per_second: 350,
                admission: lag(5, 10),
                startup: lag(2000, 2000),
                termination: lag(5000, 15_000),
                lost_requests: 0,
                lost_answers: 0,
                turned_away: 0,
                delayed: 0,
                lease_millis: 15_000,
                request_timeout_millis: 10_000,
            },
            policies: (0..1 + random.below(2))
                .map(|_| PolicySpec {
                    ledgers: lag(watch_lag, watch_lag),
                    leases: lag(50, 50),
                    skew: 0,
                })
                .collect(),
            sidecars: (0..1 + random.below(2))
                .map(|_| SidecarSpec {
                    pods: lag(30, 40),
                    workloads: lag(30, 40),
                    others: lag(30, 40),
                    requests: lag(5, 10),
                    writes_at_once: 64,
                    think_millis: 10,
                    skew: 0,
                })
                .collect(),
            events: events(random, nodes),
            spread,
        }
    }
}

fn pool(random: &mut Random, name: String) -> PoolCase {
    PoolCase {
        name,
        nodes: number(random, 2, 4),
        pods: 2000,
        cpu_millis: None,
        taint: None,
    }
}

fn spread(random: &mut Random) -> Value {
    let all = ["fixed", "spot", "elastic"];
    let count = pick(random, &[2, 2, 2, 3], 2);
    let is_shares = one_in(random, 6);
    let has_percents = one_in(random, 5);
    // Under `Exact` a stepping stone needs an open end.
    let is_exact = one_in(random, 2);
    let is_open = is_exact || !one_in(random, 4);
    let mut left = 100;
    let mut subsets = Vec::new();
    for (ix, name) in all.iter().take(count).enumerate() {
        let is_last = ix + 1 == count;
        let term = json!({"matchExpressions": [{"key": "pool", "operator": "In", "values": [name]}]});
        let mut subset = json!({"name": name, "requiredNodeSelectorTerm": term});
        if is_shares {
            let share = if is_last {
                left
            } else {
                1 + random.below(left - (count - ix) as u64)
            };
            left -= share;
            json::put(&mut subset, &["replicas"], json!(format!("{share}%")));
        } else if !is_last {
            let most = if has_percents {
                json!(format!("{}%", 1 + random.below(100)))
            } else {
                json!(1 + skewed(random, 0, MOST - 1))
            };
            if one_in(random, 4) {
                json::put(&mut subset, &["minReplicas"], json!(u64::from(!has_percents)));
            }
            json::put(&mut subset, &["maxReplicas"], most);
        } else if !is_open {
            // All of them find a place.
            let most = if has_percents { json!("100%") } else { json!(MOST) };
            json::put(&mut subset, &["maxReplicas"], most);
        }
        subsets.push(subset);
    }
    let mut spread = json!({
        "name": "web", "namespace": NAMESPACE, "subsets": subsets,
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": WORKLOAD},
        "capacity": if is_exact { "Exact" } else { "Auto" },
    });
    if one_in(random, 5) {
        json::put(&mut spread, &["rollout"], json!("Surge"));
    } else if one_in(random, 5) {
        json::put(&mut spread, &["terminating"], json!("Counted"));
    }
    spread
}

/// A first scale-out, then whatever a day brings; every fourth thing comes before the one before it has settled. At the
/// end nothing changes: that is when the last rest is looked at.
fn events(random: &mut Random, nodes: u64) -> Vec<EventCase> {
    let mut at = 60_000;
    let mut size = number(random, 1, MOST);
    let mut events = vec![EventCase {
        at,
        happening: Happening::Scale { replicas: size },
    }];
    let mut newest = 0;
    for _ in 0..3 + random.below(6) {
        let lasted = events.last().map_or(0, |event| event.happening.lasts());
        let is_soon = one_in(random, 4);
        at += if is_soon {
            skewed(random, 0, 40_000)
        } else {
            REST + lasted
        };
        let happening = happening(random, nodes, &mut newest, &mut size);
        events.push(EventCase { at, happening });
    }
    events.push(EventCase {
        at: at + REST + 300_000,
        happening: Happening::Scale { replicas: size },
    });
    events
}

fn happening(random: &mut Random, nodes: u64, newest: &mut u32, size: &mut u32) -> Happening {
    let node = u32::try_from(random.below(nodes)).unwrap_or(0);
    match random.below(12) {
        0..=4 => {
            let is_undone = *newest > 0 && one_in(random, 5);
            *newest += u32::from(!is_undone);
            Happening::Rollout {
                template: if is_undone { *newest - 1 } else { *newest },
            }
        }
        5..=6 => {
            *size = number(random, 1, MOST);
            Happening::Scale { replicas: *size }
        }
        7 => Happening::DeletePods {
            count: number(random, 1, 5),
        },
        8 => Happening::DeletePods { count: 1000 },
        9 => Happening::DrainNode {
            node,
            back_after: 30_000 + skewed(random, 0, 200_000),
        },
        10 => Happening::LoseNode {
            node,
            back_after: 30_000 + skewed(random, 0, 100_000),
        },
        _ => Happening::Crash {
            sidecar: 0,
            back_after: 1000 + skewed(random, 0, 59_000),
        },
    }
}
