//! Draws cases at random.

mod daily;
mod disruptions;
mod full_pools;
mod home;

use serde_json::{Value, json};

use super::case::{Case, EventCase, Happening, NAMESPACE, PoolCase, WORKLOAD, WorkloadCase};
use crate::json;
use crate::plane::setup::{ClusterSpec, Lag, PolicySpec, SidecarSpec};
use crate::random::Random;

/// Half of the numbers are below the square root of the largest: small cases are as likely to be hostile as large ones.
fn skewed(random: &mut Random, least: u64, most: u64) -> u64 {
    let doublings = (most - least + 1).ilog2() + 1;
    let bits = random.below(u64::from(doublings) + 1);
    least + random.below((1 << bits).min(most - least + 1))
}

fn number(random: &mut Random, least: u64, most: u64) -> u32 {
    u32::try_from(skewed(random, least, most)).unwrap_or(u32::MAX)
}

fn one_in(random: &mut Random, times: u64) -> bool {
    random.below(times) == 0
}

fn lag(random: &mut Random, most: u64) -> Lag {
    Lag {
        millis: skewed(random, 0, most),
        jitter: if one_in(random, 2) {
            0
        } else {
            skewed(random, 0, most)
        },
    }
}

fn pick<T: Clone>(random: &mut Random, items: &[T], otherwise: T) -> T {
    let ix = usize::try_from(random.below(items.len() as u64)).unwrap_or(0);
    items.get(ix).cloned().unwrap_or(otherwise)
}

impl Case {
    /// The case of a seed.
    #[must_use]
    pub fn draw(seed: u64) -> Self {
        let random = &mut Random::new(seed, "case");
        let is_job = one_in(random, 8);
        // A burst of every size, and several steps to it.
        let most = if one_in(random, 3) { 600 } else { 60 };
        let sidecars = if one_in(random, 3) { 1 } else { 2 + random.below(2) };
        let spread = spread(random, is_job, most);
        let subsets = names(&spread);
        let is_tight = one_in(random, 6);
        let pools = subsets
            .iter()
            .map(|name| {
                let nodes = number(random, 1, 4);
                let pods = if is_tight { number(random, 1, most) } else { 2000 };
                PoolCase {
                    name: name.clone(),
                    nodes,
                    pods,
                    cpu_millis: None,
                    taint: None,
                }
            })
            .collect();
        let is_lossy = one_in(random, 2);
        let mut per_mille = |most| {
            if is_lossy && one_in(random, 2) {
                number(random, 1, most)
            } else {
                0
            }
        };
        let (lost_requests, lost_answers) = (per_mille(100), per_mille(200));
        let (turned_away, delayed) = (per_mille(300), per_mille(50));
        let lag_most = pick(random, &[20, 200, 2000], 200);
        let events = events(
            random,
            &Drawn {
                is_job,
                most,
                sidecars,
                nodes: subsets.len() as u64,
            },
        );
        let workload = if is_job {
            let sizes = events.iter().map(|event| match event.happening {
                Happening::Scale { replicas } => u64::from(replicas),
                _ => 0,
            });
            // A Job that is narrow and long takes for ever.
            let widest = sizes.max().unwrap_or(1);
            WorkloadCase::Job {
                parallelism: 0,
                completions: number(random, 1, widest * 4 + 1),
                run_millis: skewed(random, 100, 10_000),
                backoff_limit: 1000,
            }
        } else {
            let part =
                |random: &mut Random| pick(random, &["25%", "0", "1", "50%", "100%"], "25%").to_owned();
            WorkloadCase::Deployment {
                replicas: 0,
                max_surge: part(random),
                max_unavailable: part(random),
                is_recreated: false,
            }
        };
        let cluster = ClusterSpec {
            controllers: lag(random, 200),
            scheduler: lag(random, 100),
            writes_per_second: pick(random, &[20, 350, 2000], 350),
            admission: lag(random, 100),
            startup: lag(random, 5000),
            termination: lag(random, 5000),
            lost_requests,
            lost_answers,
            turned_away,
            delayed,
            lease_millis: 15_000,
            request_timeout_millis: 10_000,
        };
        let skew = |random: &mut Random| {
            if one_in(random, 5) {
                i64::try_from(random.below(20_000)).unwrap_or(0) - 10_000
            } else {
                0
            }
        };
        let policies = (0..1 + random.below(3))
            .map(|_| PolicySpec {
                ledgers: lag(random, lag_most),
                leases: lag(random, lag_most),
                skew: skew(random),
            })
            .collect();
        let slowest = pick(random, &[10, 50, 400], 50);
        let sidecar_cases = (0..sidecars)
            .map(|_| SidecarSpec {
                pods: lag(random, lag_most),
                workloads: lag(random, lag_most),
                others: lag(random, lag_most),
                requests: lag(random, slowest),
                writes_at_once: pick(random, &[64, 16, 4, 1], 64),
                think_millis: pick(random, &[10, 1, 30], 10),
                skew: skew(random),
            })
            .collect();
        let mut case = Self {
            about: format!("drawn from seed {seed}"),
            seed,
            spread,
            workload,
            request_millis: 0,
            min_available: None,
            load: None,
            pools,
            cluster,
            policies,
            sidecars: sidecar_cases,
            events,
            rest_millis: None,
        };
        full_pools::add(&mut case, most);
        disruptions::add(&mut case, most);
        home::add(&mut case);
        case
    }
}

fn names(spread: &Value) -> Vec<String> {
    let subsets = spread.get("subsets").and_then(Value::as_array);
    let named = subsets
        .into_iter()
        .flatten()
        .filter_map(|subset| subset.get("name")?.as_str());
    named.map(ToOwned::to_owned).collect()
}

fn spread(random: &mut Random, is_job: bool, most: u64) -> Value {
    let count = pick(random, &[2, 2, 2, 3, 1], 2);
    let is_shares = one_in(random, 6) && count > 1;
    let has_percents = one_in(random, 5);
    let is_open = !one_in(random, 4);
    let amount = |random: &mut Random, most: u64| {
        if has_percents && one_in(random, 2) {
            json!(format!("{}%", 1 + random.below(100)))
        } else {
            json!(skewed(random, 0, most))
        }
    };
    let all = ["fixed", "elastic", "spot"];
    let mut left = 100;
    let mut subsets = Vec::new();
    for (ix, name) in all.iter().take(count).enumerate() {
        let mut subset = json!({"name": name});
        let is_last = ix + 1 == count;
        if is_shares {
            if is_last {
                json::put(&mut subset, &["replicas"], json!(format!("{left}%")));
            } else {
                let share = 1 + random.below(left - (count - ix) as u64);
                left -= share;
                json::put(&mut subset, &["replicas"], json!(format!("{share}%")));
            }
        } else {
            let max = (!is_last || !is_open).then(|| amount(random, most));
            if one_in(random, 3) {
                let min = match &max {
                    Some(max) if max.is_u64() => json!(random.below(max.as_u64().unwrap_or(0) + 1)),
                    // A number beside a percentage: which is more depends on the replicas.
                    Some(_) if one_in(random, 2) => json!(random.below(8)),
                    Some(max) => max.clone(),
                    None => amount(random, 10),
                };
                json::put(&mut subset, &["minReplicas"], min);
            }
            if let Some(max) = max {
                json::put(&mut subset, &["maxReplicas"], max);
            }
        }
        let term = json!({"matchExpressions": [{"key": "pool", "operator": "In", "values": [name]}]});
        json::put(&mut subset, &["requiredNodeSelectorTerm"], term);
        if one_in(random, 3) {
            json::put(
                &mut subset,
                &["tolerations"],
                json!([{"key": format!("only-{name}"), "operator": "Exists"}]),
            );
        }
        if one_in(random, 4) {
            json::put(
                &mut subset,
                &["patch"],
                json!({"metadata": {"labels": {"pool": name}}}),
            );
        }
        subsets.push(subset);
    }
    // Percent maximums for all must make the whole.
    let maximums = subsets
        .iter()
        .map(|subset: &Value| subset.get("maxReplicas").is_some_and(Value::is_string));
    if maximums.into_iter().all(|is_percent| is_percent)
        && let Some(last) = subsets.last_mut()
    {
        json::put(last, &["maxReplicas"], json!("100%"));
    }
    let kind = if is_job {
        json!({"apiVersion": "batch/v1", "kind": "Job", "name": WORKLOAD})
    } else {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": WORKLOAD})
    };
    let capacity = if one_in(random, 12) {
        "BestEffort"
    } else {
        pick(random, &["Auto", "Exact"], "Auto")
    };
    let mut spread = json!({
        "name": "web", "namespace": NAMESPACE, "targetRef": kind, "subsets": subsets,
        "capacity": capacity,
        "gateTimeoutSeconds": pick(random, &[300, 60, 20], 300),
    });
    if !(is_job && capacity == "Exact") && one_in(random, 4) {
        json::put(&mut spread, &["binding"], json!("Admission"));
    }
    let rollout = pick(random, &["Keep", "Keep", "Surge", "Spill"], "Keep");
    json::put(&mut spread, &["rollout"], json!(rollout));
    if one_in(random, 4) {
        json::put(&mut spread, &["terminating"], json!("Counted"));
    }
    spread
}

struct Drawn {
    is_job: bool,
    most: u64,
    sidecars: u64,
    nodes: u64,
}

/// A first scale-out, and then whatever comes, most of it while the pods of something else are on their way.
fn events(random: &mut Random, drawn: &Drawn) -> Vec<EventCase> {
    let mut at = if one_in(random, 10) {
        skewed(random, 0, 1000)
    } else {
        3000 + skewed(random, 0, 2000)
    };
    let first = number(random, 1, drawn.most);
    let mut events = vec![EventCase {
        at,
        happening: Happening::Scale { replicas: first },
    }];
    let is_calm = one_in(random, 4);
    let count = if is_calm {
        skewed(random, 0, 3)
    } else {
        skewed(random, 1, 16)
    };
    let mut template = 0;
    let mut size = u64::from(first);
    for _ in 0..count {
        at += match random.below(6) {
            0 => skewed(random, 0, 60_000),
            1 => random.below(5000),
            2 | 3 => random.below(400),
            4 => random.below(40),
            _ => skewed(random, 0, 500),
        };
        let sidecar = u32::try_from(random.below(drawn.sidecars)).unwrap_or(0);
        let happening = match random.below(if is_calm { 3 } else { 14 }) {
            0..=2 => {
                size = match random.below(4) {
                    0 => skewed(random, 0, drawn.most),
                    1 => size.saturating_sub(skewed(random, 1, size.max(1))),
                    _ => (size + skewed(random, 1, drawn.most)).min(drawn.most),
                };
                Happening::Scale {
                    replicas: u32::try_from(size).unwrap_or(0),
                }
            }
            3 | 4 if !drawn.is_job => {
                template = if template > 0 && one_in(random, 4) {
                    0
                } else {
                    template + 1
                };
                Happening::Rollout { template }
            }
            3..=5 => Happening::DeletePods {
                count: number(random, 1, (size / 2).max(1)),
            },
            6 => Happening::LoseNode {
                node: u32::try_from(random.below(drawn.nodes * 2)).unwrap_or(0),
                back_after: skewed(random, 1000, 60_000),
            },
            7 => Happening::EditGated {
                count: number(random, 1, 20),
            },
            8 | 9 => Happening::Crash {
                sidecar,
                back_after: skewed(random, 500, 60_000),
            },
            10 => Happening::Stop {
                sidecar,
                back_after: skewed(random, 500, 30_000),
            },
            11 => Happening::Freeze {
                sidecar,
                back_after: skewed(random, 100, 90_000),
            },
            12 => Happening::RestartApi {
                back_after: skewed(random, 100, 20_000),
            },
            _ => Happening::PolicyDown {
                back_after: skewed(random, 100, 20_000),
            },
        };
        events.push(EventCase { at, happening });
    }
    events
}
