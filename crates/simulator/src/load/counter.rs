//! A counter as Prometheus sees it: a sample at every scrape, and `rate` over a window of samples.

use std::collections::VecDeque;

use super::traffic::MICRO;
use crate::time::Millis;

/// The scraped samples of one counter that never resets, as long as the longest window needs them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counter {
    keep: Millis,
    samples: VecDeque<(Millis, u64)>,
}

impl Counter {
    /// A counter whose samples are kept for `keep`: the longest window that is asked.
    pub fn new(keep: Millis) -> Self {
        Self {
            keep,
            samples: VecDeque::new(),
        }
    }

    /// Takes a sample: millionths of a request since the beginning. Samples come in the order of time.
    pub fn scrape(&mut self, now: Millis, total: u64) {
        while let Some((at, _)) = self.samples.front()
            && now - *at > self.keep
        {
            self.samples.pop_front();
        }
        self.samples.push_back((now, total));
    }

    /// Requests per second over the window that ends now (`extrapolatedRate` of Prometheus): the increase between the first
    /// and the last sample, extended to the window's edges where a sample could be there, but by no more than half the
    /// usual distance where not, and never below zero requests. `None` with fewer than two samples in the window: it must
    /// be at least twice as long as the scrape interval.
    pub fn rate(&self, now: Millis, window: Millis) -> Option<f64> {
        let begin = i128::from(now.0) - i128::from(window.0);
        // A range excludes its beginning.
        let mut within = self
            .samples
            .iter()
            .filter(|(at, _)| i128::from(at.0) > begin && *at <= now);
        let (first_at, first) = *within.next()?;
        let (last_at, last, more) = within.fold((first_at, first, 0_u64), |(_, _, count), (at, total)| {
            (*at, *total, count + 1)
        });
        if more == 0 || last_at == first_at {
            return None;
        }
        let sampled = seconds(i128::from(last_at.0) - i128::from(first_at.0));
        let average = sampled / whole(more);
        let threshold = average * 1.1;
        let increase = requests(last.saturating_sub(first));
        let mut to_start = seconds(i128::from(first_at.0) - begin);
        let mut to_end = seconds(i128::from(now.0) - i128::from(last_at.0));
        if to_start >= threshold {
            to_start = average / 2.0;
        }
        if increase > 0.0 {
            let to_zero = sampled * (requests(first) / increase);
            if to_zero < to_start {
                to_start = to_zero;
            }
        }
        if to_end >= threshold {
            to_end = average / 2.0;
        }
        let factor = (sampled + to_start + to_end) / sampled;
        Some(increase * (factor / seconds(i128::from(window.0))))
    }
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53 milliseconds")]
fn seconds(millis: i128) -> f64 {
    millis as f64 / 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus' values are doubles")]
fn requests(micro: u64) -> f64 {
    micro as f64 / MICRO as f64
}

#[expect(clippy::cast_precision_loss, reason = "a count of samples is small")]
fn whole(count: u64) -> f64 {
    count as f64
}
