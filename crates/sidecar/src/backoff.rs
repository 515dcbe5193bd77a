//! Pauses that grow while something fails.

use std::time::Duration;

/// The first pause.
const FIRST: Duration = Duration::from_millis(250);
/// No pause is longer while the API server cannot be reached: it comes back at any moment.
const LONGEST: Duration = Duration::from_secs(5);
/// No pause is longer while it refuses: somebody must change something first.
const LONGEST_REFUSED: Duration = sidecar_core::watches::LONGEST_PAUSE;

/// How often it failed since it last worked.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// It works.
    pub(crate) fn worked(&mut self) {
        self.failures = 0;
    }

    /// It failed; how long to wait now. `share` is between 0 and 1, so that many do not come back at once.
    pub(crate) fn failed(&mut self, is_refused: bool, share: f64) -> Duration {
        let longest = if is_refused { LONGEST_REFUSED } else { LONGEST };
        let pause = FIRST
            .saturating_mul(2_u32.saturating_pow(self.failures))
            .min(longest);
        self.failures = self.failures.saturating_add(1);
        pause.mul_f64(0.5 + share / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_end_and_begin_anew() {
        let mut backoff = Backoff::default();
        let pauses: Vec<u128> = (0..7).map(|_| backoff.failed(false, 1.0).as_millis()).collect();
        assert_eq!(pauses, [250, 500, 1000, 2000, 4000, 5000, 5000]);
        assert_eq!(backoff.failed(true, 1.0).as_secs(), 30);
        assert_eq!(backoff.failed(true, 0.0).as_secs(), 15);
        backoff.worked();
        assert_eq!(backoff.failed(true, 1.0).as_millis(), 250);
        for _ in 0..100 {
            assert!(backoff.failed(true, 1.0) <= LONGEST_REFUSED);
        }
    }
}
