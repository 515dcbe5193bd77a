//! Draws pools that are full before their maximum is.

use serde_json::json;

use super::super::case::{Case, EventCase, Happening};
use super::{number, one_in, pick, skewed};
use crate::json;
use crate::random::Random;

/// Makes every third case one of full pools: nodes too small for what their subset may hold, some of them away for a
/// while, and a spread that moves the pods on. Drawn by itself, so that the other cases stay what they are.
pub(super) fn add(case: &mut Case, most: u64) {
    let random = &mut Random::new(case.seed, "full pools");
    if !one_in(random, 3) {
        return;
    }
    let critical = pick(random, &[1, 2, 5, 30], 2);
    let closed = pick(random, &[5, 20, 60, 300], 60);
    let at = &["scheduleStrategy"];
    let adaptive = json!({"rescheduleCriticalSeconds": critical, "unschedulableLastSeconds": closed});
    json::put(
        &mut case.spread,
        at,
        json!({"type": "Adaptive", "adaptive": adaptive}),
    );
    let (has_requests, has_taints) = (one_in(random, 2), one_in(random, 2));
    if has_requests {
        case.request_millis = 100;
    }
    let pools = case.pools.len();
    for (ix, pool) in case.pools.iter_mut().enumerate() {
        let is_small = if ix + 1 == pools {
            one_in(random, 10)
        } else {
            !one_in(random, 4)
        };
        if is_small {
            let places = number(random, 1, (most / 4).max(1));
            if has_requests {
                pool.cpu_millis = Some(places * case.request_millis);
            } else {
                pool.pods = places;
            }
        }
        if has_taints && ix > 0 {
            let key = format!("only-{}", pool.name);
            let toleration = json!([{"key": key, "operator": "Exists"}]);
            if let Some(subset) = case.spread.pointer_mut(&format!("/subsets/{ix}")) {
                json::put(subset, &["tolerations"], toleration);
            }
            pool.taint = Some(key);
        }
    }
    let nodes: u64 = case.pools.iter().map(|pool| u64::from(pool.nodes)).sum();
    let mut at = case.events.first().map_or(0, |event| event.at);
    for _ in 0..random.below(5) {
        at += skewed(random, 0, (critical + closed) * 1500);
        let happening = match random.below(3) {
            0 => Happening::LoseNode {
                node: u32::try_from(random.below(nodes)).unwrap_or(0),
                back_after: skewed(random, 1000, (critical + closed) * 2000),
            },
            1 => Happening::DeletePods {
                count: number(random, 1, 10),
            },
            _ => Happening::Scale {
                replicas: number(random, 0, most),
            },
        };
        case.events.push(EventCase { at, happening });
    }
}
