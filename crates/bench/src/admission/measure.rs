//! Times of two things that are done in turn.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

/// How long something took, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Times {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

/// The times of both, and how much the first costs of the second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Pair {
    pub(crate) policy: Times,
    pub(crate) base: Times,
    pub(crate) ratio: Times,
}

/// Does both in turn, a tenth of `requests` to warm up, then `requests` times each.
pub(crate) fn in_turn(
    requests: u32,
    mut policy: impl FnMut() -> Result<()>,
    mut base: impl FnMut() -> Result<()>,
) -> Result<Pair> {
    for _ in 0..requests / 10 {
        policy()?;
        base()?;
    }
    let (mut policies, mut bases) = (Vec::new(), Vec::new());
    for _ in 0..requests {
        policies.push(timed(&mut policy)?);
        bases.push(timed(&mut base)?);
    }
    let (policy, base) = (Times::of(policies), Times::of(bases));
    let ratio = Times {
        p50: policy.p50 / base.p50,
        p99: policy.p99 / base.p99,
    };
    Ok(Pair { policy, base, ratio })
}

fn timed(action: &mut impl FnMut() -> Result<()>) -> Result<Duration> {
    let start = Instant::now();
    action()?;
    Ok(start.elapsed())
}

impl Times {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        // The smallest time that so many percent of all times do not exceed.
        let percentile = |percent: usize| {
            let place = (times.len() * percent).div_ceil(100).saturating_sub(1);
            times.get(place).map_or(f64::NAN, |time| time.as_secs_f64() * 1e6)
        };
        Self {
            p50: percentile(50),
            p99: percentile(99),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_seen() {
        let times = |count: u64| Times::of((1..=count).rev().map(Duration::from_millis).collect());
        assert_eq!(
            times(100),
            Times {
                p50: 50_000.0,
                p99: 99_000.0
            }
        );
        assert_eq!(
            times(10),
            Times {
                p50: 5_000.0,
                p99: 10_000.0
            }
        );
        assert_eq!(
            times(1),
            Times {
                p50: 1_000.0,
                p99: 1_000.0
            }
        );
    }

    #[test]
    fn both_are_done_in_turn_and_failures_end_the_run() {
        let order = std::cell::RefCell::new(String::new());
        let note = |c: char| {
            order.borrow_mut().push(c);
            Ok(())
        };
        in_turn(10, || note('p'), || note('b')).unwrap();
        assert_eq!(*order.borrow(), "pb".repeat(11));
        assert!(in_turn(10, || note('p'), || anyhow::bail!("no")).is_err());
    }
}
