//! How good a node is for a pod, by each plugin of the default profile that looks at one node.
//!
//! Where Kubernetes computes in floating point, so does this, in the same order, by operations alone that IEEE 754
//! fixes to the last bit. Its one logarithm is [`super::logarithm`].

use super::Requests;
use super::Resources;

/// The best score of one plugin.
pub(super) const MOST: i64 = 100;

/// What the plugins count for in the sum.
pub(super) mod weight {
    pub(in super::super) const TAINTS: i64 = 3;
    pub(in super::super) const NODE_AFFINITY: i64 = 2;
    pub(in super::super) const SPREAD: i64 = 2;
    pub(in super::super) const POD_AFFINITY: i64 = 2;
    pub(in super::super) const LEAST_ALLOCATED: i64 = 1;
    pub(in super::super) const BALANCE: i64 = 1;
}

/// `NodeResourcesFit`, strategy `LeastAllocated`: the mean share of cpu and memory that stays free.
pub(super) fn least_allocated(taken: &Resources, pod: &Resources, allocatable: &Resources) -> i64 {
    let pairs = [
        (taken.cpu.saturating_add(pod.cpu), allocatable.cpu),
        (taken.memory.saturating_add(pod.memory), allocatable.memory),
    ];
    let (mut sum, mut count) = (0, 0);
    for (requested, capacity) in pairs {
        if capacity == 0 {
            continue;
        }
        count += 1;
        if requested <= capacity {
            sum += (capacity - requested) * MOST / capacity;
        }
    }
    if count == 0 { 0 } else { sum / count }
}

/// `NodeResourcesBalancedAllocation`: how much more evenly cpu and memory are taken with the pod than without it,
/// where 75 is no change. A pod that asks for neither is not compared by it.
pub(super) fn balance_gain(before: i64, taken: &Resources, pod: &Requests, allocatable: &Resources) -> i64 {
    if pod.exact.cpu == 0 && pod.exact.memory == 0 {
        return 0;
    }
    let after = balance(taken, pod.exact.cpu, pod.exact.memory, allocatable);
    MOST / 2 + (MOST / 2 + after - before) / 2
}

/// 100 where cpu and memory are taken to the same share, 50 where one is full and the other free.
#[expect(clippy::cast_possible_truncation, reason = "a number from 50 to 100")]
pub(super) fn balance(taken: &Resources, cpu: i64, memory: i64, allocatable: &Resources) -> i64 {
    let deviation = if allocatable.cpu == 0 || allocatable.memory == 0 {
        0.0
    } else {
        let cpu = fraction(taken.cpu.saturating_add(cpu), allocatable.cpu);
        let memory = fraction(taken.memory.saturating_add(memory), allocatable.memory);
        ((cpu - memory) / 2.0).abs()
    };
    ((1.0 - deviation) * MOST as f64) as i64
}

#[expect(clippy::cast_precision_loss, reason = "as Kubernetes does")]
fn fraction(requested: i64, allocatable: i64) -> f64 {
    (requested as f64 / allocatable as f64).min(1.0)
}

/// Stretches scores so that the highest is 100; the other way round, so that it is 0.
pub(super) fn stretched(score: i64, highest: i64, is_reversed: bool) -> i64 {
    let share = if highest == 0 { 0 } else { MOST * score / highest };
    if is_reversed { MOST - share } else { share }
}

/// Stretches scores from lowest to highest over 0 to 100.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "as Kubernetes does, for a number from 0 to 100"
)]
pub(super) fn spanned(score: i64, lowest: i64, highest: i64) -> i64 {
    if highest <= lowest {
        return 0;
    }
    (MOST as f64 * ((score - lowest) as f64 / (highest - lowest) as f64)) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resources(cpu: i64, memory: i64) -> Resources {
        Resources {
            cpu,
            memory,
            ..Resources::default()
        }
    }

    #[test]
    fn the_share_that_stays_free_is_the_mean_of_cpu_and_memory() {
        let node = resources(4000, 1000);
        assert_eq!(least_allocated(&resources(0, 0), &resources(1000, 0), &node), 87);
        assert_eq!(
            least_allocated(&resources(4000, 500), &resources(1, 0), &node),
            25
        );
        assert_eq!(
            least_allocated(&resources(0, 0), &resources(1, 1), &resources(0, 0)),
            0
        );
        assert_eq!(
            least_allocated(&resources(0, 0), &resources(1000, 9), &resources(4000, 0)),
            75
        );
    }

    #[test]
    fn balance_falls_as_the_shares_part() {
        let node = resources(4000, 4000);
        assert_eq!(balance(&resources(0, 0), 0, 0, &node), 100);
        assert_eq!(balance(&resources(1000, 0), 1000, 0, &node), 75);
        assert_eq!(balance(&resources(0, 0), 8000, 0, &node), 50);
        let pod = Requests {
            exact: resources(1000, 0),
            usual: resources(1000, 0),
        };
        assert_eq!(balance_gain(100, &resources(0, 0), &pod, &node), 68);
        assert_eq!(balance_gain(87, &resources(0, 1000), &pod, &node), 81);
        assert_eq!(
            balance_gain(100, &resources(0, 0), &Requests::default(), &node),
            0
        );
    }

    #[test]
    fn scores_are_stretched() {
        assert_eq!(stretched(1, 3, false), 33);
        assert_eq!(stretched(1, 3, true), 67);
        assert_eq!(stretched(0, 0, true), 100);
        assert_eq!(stretched(0, 0, false), 0);
        assert_eq!(spanned(-5, -10, 10), 25);
        assert_eq!(spanned(3, 3, 3), 0);
    }
}
