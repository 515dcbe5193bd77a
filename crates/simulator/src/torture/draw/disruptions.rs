//! Draws evictions and an HPA.

use super::super::case::{Case, EventCase, Happening, LoadCase, WorkloadCase};
use super::{number, one_in, pick, skewed};
use crate::random::Random;

/// Makes every third case one of evictions and of an HPA: nodes are drained, reclaimed and not heard, requests come and
/// go. Drawn by itself, so that the other cases stay what they are.
pub(super) fn add(case: &mut Case, most: u64) {
    let random = &mut Random::new(case.seed, "disruptions");
    if !one_in(random, 3) {
        return;
    }
    if one_in(random, 2) {
        case.min_available = Some(pick(random, &["50%", "1", "90%", "3", "100%"], "1").to_owned());
    }
    let begin = case.events.first().map_or(0, |event| event.at);
    if matches!(case.workload, WorkloadCase::Deployment { .. }) && one_in(random, 3) {
        let mut at = begin;
        let mut rates = vec![(0, number(random, 0, most * 5))];
        for _ in 0..random.below(4) {
            at += 1 + skewed(random, 0, 60_000);
            rates.push((at, number(random, 0, most * 12)));
        }
        // An HPA may swing for ever while requests come.
        rates.push((at + 60_000, 0));
        case.load = Some(LoadCase {
            min_replicas: number(random, 1, 10),
            max_replicas: number(random, 10, most.max(11)),
            calm_seconds: pick(random, &[0, 15, 300], 15),
            rates,
        });
    }
    let nodes: u64 = case.pools.iter().map(|pool| u64::from(pool.nodes)).sum();
    let mut at = begin;
    for _ in 0..random.below(4) {
        at += skewed(random, 0, 40_000);
        let node = u32::try_from(random.below(nodes)).unwrap_or(0);
        let back_after = skewed(random, 1000, 120_000);
        let happening = match random.below(4) {
            0 => Happening::FailNode { node, back_after },
            1 => Happening::ReclaimNode {
                node,
                notice: pick(random, &[0, 30_000, 120_000], 30_000),
                back_after,
            },
            _ => Happening::DrainNode { node, back_after },
        };
        case.events.push(EventCase { at, happening });
    }
}
