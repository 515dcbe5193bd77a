//! Plays cases one after the other, by their seeds, and keeps what is worth keeping.

use super::case::{Case, Happening, PoolCase};
use super::shrink::shrink;
use super::{Played, Policies, Violation, play};

/// A failing case is played so often at most while it is made smaller.
pub const MOST_SHRINKS: u32 = 2000;

/// A case that fails, as small as it got.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The seed that it was drawn from.
    pub seed: u64,
    /// What was wrong with the case as it was drawn.
    pub found: Violation,
    /// The smallest case in which the same is wrong.
    pub case: Case,
    /// What is wrong with that one.
    pub violation: Violation,
}

/// Makes a failing case smaller, as long as the same rule is broken.
pub fn minimise(case: &Case, found: &Violation, policies: &mut Policies<'_>) -> Failure {
    let mut smallest = found.clone();
    let mut fails = |case: &Case| {
        let violation = play(case, policies).ok().and_then(|played| played.violation);
        let same = violation.filter(|violation| violation.rule == found.rule);
        if let Some(violation) = &same {
            smallest = violation.clone();
        }
        same.is_some()
    };
    let (mut small, _) = shrink(case, MOST_SHRINKS, &mut fails);
    small.about = format!(
        "{}: {}; shrunk from seed {}",
        found.rule, smallest.text, case.seed
    );
    Failure {
        seed: case.seed,
        found: found.clone(),
        case: small,
        violation: smallest,
    }
}

/// How hard a case that passed was: what struck while pods were waiting counts most.
#[must_use]
pub fn hostility(played: &Played) -> u64 {
    let tally = &played.tally;
    let some = |count: u64, most: u64| count.min(most);
    if tally.bound == 0 || !played.tolerated.led {
        return 0;
    }
    40 * tally.struck
        + 10 * tally.overlapping
        + 20 * tally.leaders.saturating_sub(1)
        + 3 * some(u64::from(played.tolerated.empty), 10)
        + 2 * some(tally.refused + tally.surplus, 20)
        + some(tally.bound, 60) / 2
}

/// Whether a real control plane can play it in a minute or two: it takes no longer, needs no clock that goes wrong and
/// no answer that gets lost, and is not too large.
#[must_use]
pub fn is_for_a_real_cluster(case: &Case, played: &Played) -> bool {
    let cluster = &case.cluster;
    let happens =
        |is_meant: fn(&Happening) -> bool| case.events.iter().any(|event| is_meant(&event.happening));
    let is_plain = |pool: &PoolCase| pool.cpu_millis.is_none() && pool.taint.is_none();
    case.end() <= 90_000
        && case.load.is_none()
        && case.min_available.is_none()
        && case.spread.get("rebalance").is_none()
        && case.pools.iter().all(is_plain)
        && !happens(|happening| {
            matches!(
                happening,
                Happening::FailNode { .. } | Happening::ReclaimNode { .. } | Happening::DrainNode { .. }
            )
        })
        && played.tally.pods <= 600
        && cluster.lost_requests + cluster.lost_answers + cluster.turned_away + cluster.delayed == 0
        && case.sidecars.iter().all(|sidecar| sidecar.skew == 0)
        && case.policies.iter().all(|policy| policy.skew == 0)
        && !happens(|happening| matches!(happening, Happening::EditGated { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::torture::NativeAdmission;

    #[test]
    fn a_failure_is_made_small_and_says_where_it_came_from() {
        // A judge that dislikes rollouts.
        let case = (0..).map(Case::draw).find(|case| {
            case.events.len() > 6
                && case
                    .events
                    .iter()
                    .any(|event| matches!(event.happening, Happening::Rollout { .. }))
        });
        let case = case.unwrap();
        let (small, _) = shrink(&case, MOST_SHRINKS, &mut |case| {
            let played = play(case, &mut |case| Box::new(NativeAdmission::of(case))).unwrap();
            played.violation.is_none()
                && case
                    .events
                    .iter()
                    .any(|event| matches!(event.happening, Happening::Rollout { .. }))
        });
        assert_eq!(small.events.len(), 1, "{}", small.text());
    }

    #[test]
    fn what_strikes_a_burst_is_more_hostile_than_what_does_not() {
        let played = |struck, led| Played {
            violation: None,
            tally: crate::torture::Tally {
                bound: 10,
                struck,
                overlapping: struck,
                ..Default::default()
            },
            tolerated: crate::torture::Tolerated {
                led,
                ..Default::default()
            },
            millis: 0,
        };
        assert!(hostility(&played(2, true)) > hostility(&played(1, true)));
        assert_eq!(hostility(&played(2, false)), 0);
    }
}
