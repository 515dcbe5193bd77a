//! Which pods a ReplicaSet gives up first, as `ActivePodsWithRanks` of Kubernetes orders them.

use crate::time::Millis;

/// What the ranking looks at in one active pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranked<'a> {
    /// The pod's uid: the last word between pods of about the same age.
    pub uid: &'a str,
    /// `spec.nodeName`, once it has one.
    pub node: Option<&'a str>,
    /// `status.phase`.
    pub phase: Phase,
    /// When the pod's Ready condition became true; `None` while it is not ready.
    pub ready_since: Option<Millis>,
    /// `controller.kubernetes.io/pod-deletion-cost`, 0 where absent or unreadable.
    pub cost: i32,
    /// How many active pods of the same owner share the node.
    pub rank: usize,
    /// The [`restarts`] of its containers.
    pub restarts: u64,
    /// `metadata.creationTimestamp`.
    pub created: Millis,
}

/// The phases an active pod can be in, the first to be deleted first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Not all containers have started.
    Pending,
    /// The kubelet does not answer.
    Unknown,
    /// Bound, and every container was started.
    Running,
}

/// Whether `a` is deleted before `b`, judged at `now`.
///
/// This is not an order: pods of equal age tie, and pods of about the same age are told apart by uid, so ties are not
/// transitive. Hence [`in_deletion_order`] sorts by merging, which no comparison can upset.
pub fn deleted_before(a: &Ranked<'_>, b: &Ranked<'_>, now: Millis) -> bool {
    if a.node.is_none() != b.node.is_none() {
        return a.node.is_none();
    }
    if a.phase != b.phase {
        return a.phase < b.phase;
    }
    if a.ready_since.is_none() != b.ready_since.is_none() {
        return a.ready_since.is_none();
    }
    if a.cost != b.cost {
        return a.cost < b.cost;
    }
    if a.rank != b.rank {
        return a.rank > b.rank;
    }
    if let (Some(a_since), Some(b_since)) = (a.ready_since, b.ready_since)
        && a_since != b_since
    {
        return younger((a_since, a.uid), (b_since, b.uid), now);
    }
    if a.restarts != b.restarts {
        return a.restarts > b.restarts;
    }
    if a.created != b.created {
        return younger((a.created, a.uid), (b.created, b.uid), now);
    }
    false
}

/// The indexes of `pods`, the first to be deleted first. Pods that tie keep their order.
pub fn in_deletion_order(pods: &[Ranked<'_>], now: Millis) -> Vec<usize> {
    let indexed: Vec<(usize, &Ranked<'_>)> = pods.iter().enumerate().collect();
    merge_sorted(indexed, now)
        .into_iter()
        .map(|(index, _)| index)
        .collect()
}

/// What two pods' restarts are compared by: the highest count among the containers, then among the sidecars (init
/// containers that restart).
pub fn restarts(containers: u32, sidecars: u32) -> u64 {
    u64::from(containers) << 32 | u64::from(sidecars)
}

/// The annotation's value as the controller reads it: a number of 32 bits without a leading plus or zero, else 0.
pub fn deletion_cost(annotation: Option<&str>) -> i32 {
    let Some(text) = annotation else { return 0 };
    let canonical =
        text == "0" || text.starts_with(|first: char| first == '-' || ('1'..='9').contains(&first));
    if canonical { text.parse().unwrap_or(0) } else { 0 }
}

/// Ages count by powers of two, so that scale-in does not always hit the newest pods.
fn younger(a: (Millis, &str), b: (Millis, &str), now: Millis) -> bool {
    let (a_rank, b_rank) = (log_age(a.0, now), log_age(b.0, now));
    if a_rank == b_rank {
        a.1 < b.1
    } else {
        a_rank < b_rank
    }
}

/// floor(log2) of the nanoseconds since `then`; -1 where none have passed.
fn log_age(then: Millis, now: Millis) -> i32 {
    let nanoseconds = u128::from((now - then).0) * 1_000_000;
    nanoseconds
        .checked_ilog2()
        .and_then(|log| i32::try_from(log).ok())
        .unwrap_or(-1)
}

fn merge_sorted<'a, 'b>(mut pods: Vec<(usize, &'a Ranked<'b>)>, now: Millis) -> Vec<(usize, &'a Ranked<'b>)> {
    if pods.len() < 2 {
        return pods;
    }
    let right = merge_sorted(pods.split_off(pods.len() / 2), now);
    let left = merge_sorted(pods, now);
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some(l), Some(r)) = (left.peek(), right.peek()) {
        let next = if deleted_before(r.1, l.1, now) {
            right.next()
        } else {
            left.next()
        };
        merged.extend(next);
    }
    merged.extend(left);
    merged.extend(right);
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_000_000);

    fn pod(uid: &str) -> Ranked<'_> {
        Ranked {
            uid,
            node: Some("node"),
            phase: Phase::Running,
            ready_since: Some(Millis(500_000)),
            cost: 0,
            rank: 1,
            restarts: 0,
            created: Millis(400_000),
        }
    }

    /// `first` goes before `second`, whichever way round they are asked.
    fn goes_first(first: &Ranked<'_>, second: &Ranked<'_>) {
        assert!(deleted_before(first, second, NOW), "{first:?} before {second:?}");
        assert!(
            !deleted_before(second, first, NOW),
            "{second:?} not before {first:?}"
        );
    }

    #[test]
    fn step_1_unassigned_before_assigned() {
        goes_first(
            &Ranked {
                node: None,
                cost: 100,
                ..pod("b")
            },
            &Ranked {
                phase: Phase::Pending,
                ..pod("a")
            },
        );
    }

    #[test]
    fn step_2_pending_before_unknown_before_running() {
        let phase = |phase, cost| Ranked {
            phase,
            ready_since: None,
            cost,
            ..pod("a")
        };
        goes_first(&phase(Phase::Pending, 9), &phase(Phase::Unknown, 5));
        goes_first(&phase(Phase::Unknown, 5), &phase(Phase::Running, 0));
    }

    #[test]
    fn step_3_not_ready_before_ready() {
        goes_first(
            &Ranked {
                ready_since: None,
                cost: 100,
                ..pod("b")
            },
            &Ranked {
                cost: -100,
                ..pod("a")
            },
        );
    }

    #[test]
    fn step_4_lower_cost_before_higher() {
        goes_first(
            &Ranked {
                cost: -1,
                rank: 1,
                ..pod("b")
            },
            &Ranked {
                cost: 0,
                rank: 50,
                ..pod("a")
            },
        );
    }

    #[test]
    fn step_5_higher_rank_before_lower() {
        let young = Ranked {
            ready_since: Some(Millis(999_000)),
            rank: 1,
            ..pod("a")
        };
        goes_first(&Ranked { rank: 2, ..pod("b") }, &young);
    }

    #[test]
    fn step_6_shorter_ready_before_longer_by_powers_of_two() {
        let since = |uid, millis| Ranked {
            ready_since: Some(Millis(millis)),
            ..pod(uid)
        };
        // 100 s lies a power of two below 500 s.
        goes_first(
            &Ranked {
                restarts: 0,
                ..since("b", 900_000)
            },
            &Ranked {
                restarts: 9,
                ..since("a", 500_000)
            },
        );
        // 480 s and 500 s share a power of two, so the lower uid goes.
        goes_first(&since("a", 500_000), &since("b", 520_000));
        goes_first(&since("a", 520_000), &since("b", 500_000));
    }

    #[test]
    fn step_6_is_skipped_where_the_ready_times_are_equal() {
        goes_first(
            &Ranked {
                restarts: 1,
                ..pod("b")
            },
            &pod("a"),
        );
    }

    #[test]
    fn step_6_an_age_of_nothing_is_the_youngest() {
        let since = |uid, millis| Ranked {
            ready_since: Some(Millis(millis)),
            ..pod(uid)
        };
        goes_first(&since("b", NOW.0), &since("a", NOW.0 - 1));
    }

    #[test]
    fn step_7_more_restarts_before_fewer() {
        let newest = Ranked {
            created: Millis(999_999),
            ..pod("a")
        };
        goes_first(
            &Ranked {
                restarts: 3,
                ..pod("b")
            },
            &newest,
        );
    }

    #[test]
    fn step_7_restarts_of_sidecars_tell_equals_apart() {
        let restarted = |uid, containers, sidecars| Ranked {
            restarts: restarts(containers, sidecars),
            ..pod(uid)
        };
        goes_first(&restarted("b", 3, 1), &restarted("a", 3, 0));
        goes_first(&restarted("b", 4, 0), &restarted("a", 3, 9));
    }

    #[test]
    fn step_8_newer_before_older_by_powers_of_two() {
        let created = |uid, millis| Ranked {
            created: Millis(millis),
            ..pod(uid)
        };
        goes_first(&created("b", 900_000), &created("a", 400_000));
        goes_first(&created("a", 400_000), &created("b", 410_000));
    }

    #[test]
    fn equal_pods_tie_and_keep_their_order() {
        assert!(!deleted_before(&pod("a"), &pod("b"), NOW));
        assert!(!deleted_before(&pod("b"), &pod("a"), NOW));
        assert_eq!(in_deletion_order(&[pod("b"), pod("a"), pod("c")], NOW), [0, 1, 2]);
    }

    #[test]
    fn the_order_is_by_all_steps() {
        let pods = [
            pod("a"),
            Ranked { cost: -5, ..pod("b") },
            Ranked {
                node: None,
                phase: Phase::Pending,
                ready_since: None,
                ..pod("c")
            },
            Ranked {
                ready_since: None,
                ..pod("d")
            },
        ];
        assert_eq!(in_deletion_order(&pods, NOW), [2, 3, 1, 0]);
    }

    #[test]
    fn ties_that_are_not_transitive_do_not_upset_the_sort() {
        // a and c tie (equal times), yet b stands between them by uid.
        let pods: Vec<Ranked<'_>> = (0..200)
            .map(|n| Ranked {
                uid: ["m", "a", "z"][n % 3],
                ready_since: Some(Millis(500_000 + (n as u64 % 2) * 1000)),
                ..pod("x")
            })
            .collect();
        let mut order = in_deletion_order(&pods, NOW);
        order.sort_unstable();
        assert_eq!(order, (0..200).collect::<Vec<_>>());
    }

    #[test]
    fn a_cost_is_read_as_the_controller_reads_it() {
        for (text, cost) in [
            ("0", 0),
            ("7", 7),
            ("-3", -3),
            ("+10", 0),
            ("008", 0),
            ("-2147483648", i32::MIN),
            ("2147483648", 0),
            ("x", 0),
            ("", 0),
        ] {
            assert_eq!(deletion_cost(Some(text)), cost, "{text}");
        }
        assert_eq!(deletion_cost(None), 0);
    }
}
