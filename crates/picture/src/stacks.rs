//! The samples as layers to be stacked: what chart and picture draw.

use simulator::{LoadSample, Mark, Outcome, Sample};

/// More moments than this cannot be seen in a picture.
const MOMENTS: usize = 1200;
/// A rate is a mean over at least such a part of the whole; one request more or less is no change of the rate.
const RATES: usize = 200;

/// The pods of one subset over time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layer {
    pub(crate) subset: String,
    /// One value per moment.
    pub(crate) running: Vec<u64>,
    pub(crate) pending: Vec<u64>,
}

/// A run, ready to be drawn: the pods of each subset over time, the requests and the marks.
#[derive(Debug, Clone, PartialEq)]
pub struct Stacks {
    pub(crate) seconds: Vec<f64>,
    pub(crate) desired: Vec<u64>,
    /// In the order of the subsets, the first at the bottom.
    pub(crate) layers: Vec<Layer>,
    /// Where somebody asks for something.
    pub(crate) load: Option<Load>,
    /// What happened, in order of time.
    pub(crate) marks: Vec<Mark>,
}

/// Requests per second over time, a mean up to each moment since the one before.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Load {
    pub(crate) seconds: Vec<f64>,
    pub(crate) arriving: Vec<f64>,
    pub(crate) served: Vec<f64>,
    pub(crate) lost: Vec<f64>,
}

impl Stacks {
    /// Of too many samples, those that show every peak.
    pub fn of(outcome: &Outcome) -> Self {
        let kept = telling(&outcome.report.samples);
        let layer = |subset: &String| {
            let counts = |sample: &Sample| sample.subsets.get(subset).copied().unwrap_or_default();
            Layer {
                subset: subset.clone(),
                running: kept.iter().map(|sample| counts(sample).running).collect(),
                pending: kept.iter().map(|sample| counts(sample).pending).collect(),
            }
        };
        Self {
            seconds: kept.iter().map(|sample| sample.t.seconds()).collect(),
            desired: kept.iter().map(|sample| sample.desired).collect(),
            layers: outcome.subset_order.iter().map(layer).collect(),
            load: Load::of(&outcome.report.samples),
            marks: outcome.report.marks.clone(),
        }
    }

    /// The highest point there is, pods or wish; at least 1.
    pub(crate) fn highest(&self) -> u64 {
        let stacked = |index: usize| -> u64 {
            let at = |values: &[u64]| values.get(index).copied().unwrap_or_default();
            self.layers
                .iter()
                .map(|layer| at(&layer.running) + at(&layer.pending))
                .sum()
        };
        let pods = (0..self.seconds.len()).map(stacked).max().unwrap_or_default();
        pods.max(self.desired.iter().copied().max().unwrap_or_default())
            .max(1)
    }

    /// The last moment; more than nothing.
    pub(crate) fn end(&self) -> f64 {
        self.seconds.last().copied().unwrap_or_default().max(0.001)
    }
}

impl Load {
    fn of(samples: &[Sample]) -> Option<Self> {
        samples.iter().find_map(|sample| sample.load)?;
        let whole = samples.last().map_or(0.0, |sample| sample.t.seconds());
        let least = whole / count(RATES as u64);
        let mut load = Self::default();
        let mut sum = LoadSample::default();
        let mut before = 0.0;
        for (index, sample) in samples.iter().enumerate() {
            let now = sample.t.seconds();
            let new = sample.load.unwrap_or_default();
            sum.arriving += new.arriving;
            sum.served += new.served;
            sum.lost += new.lost;
            let passed = now - before;
            let is_last = index + 1 == samples.len();
            if passed <= 0.0 || (passed < least && !is_last) {
                continue;
            }
            load.seconds.push(now);
            load.arriving.push(count(sum.arriving) / passed);
            load.served.push(count(sum.served) / passed);
            load.lost.push(count(sum.lost) / passed);
            sum = LoadSample::default();
            before = now;
        }
        Some(load)
    }

    /// The highest rate there is.
    pub(crate) fn highest(&self) -> f64 {
        let answered = self.served.iter().zip(&self.lost);
        let answered = answered.map(|(served, lost)| served + lost);
        answered.chain(self.arriving.iter().copied()).fold(0.0, f64::max)
    }
}

/// Of too many samples those with the most and the fewest pods in each stretch, so that no peak is lost.
fn telling(samples: &[Sample]) -> Vec<&Sample> {
    if samples.len() <= MOMENTS {
        return samples.iter().collect();
    }
    let total = |sample: &&Sample| -> u64 { sample.subsets.values().map(|counts| counts.total()).sum() };
    let stretch = samples.len().div_ceil(MOMENTS / 4);
    let mut kept: Vec<&Sample> = Vec::new();
    for stretch in samples.chunks(stretch) {
        let mut chosen: Vec<&Sample> = [
            stretch.first(),
            stretch.iter().min_by_key(total),
            stretch.iter().max_by_key(total),
            stretch.last(),
        ]
        .into_iter()
        .flatten()
        .collect();
        chosen.sort_by_key(|sample| sample.t);
        chosen.dedup_by_key(|sample| sample.t);
        kept.extend(chosen);
    }
    kept
}

/// A count as a number to draw with.
#[expect(
    clippy::cast_precision_loss,
    reason = "pods and requests are far fewer than 2^53"
)]
pub(crate) fn count(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use simulator::{Counts, Millis};

    use super::*;

    fn sample(t: u64, pods: u64, load: Option<LoadSample>) -> Sample {
        let counts = Counts {
            running: pods,
            ..Counts::default()
        };
        Sample {
            t: Millis(t),
            desired: pods,
            subsets: BTreeMap::from([("a".to_owned(), counts)]),
            load,
        }
    }

    #[test]
    fn a_peak_of_one_sample_in_a_day_is_kept() {
        let samples: Vec<Sample> = (0..86_400)
            .map(|second| sample(second * 1000, if second == 40_001 { 99 } else { 5 }, None))
            .collect();
        let kept = telling(&samples);
        assert!(kept.len() <= MOMENTS, "{}", kept.len());
        assert!(kept.iter().any(|sample| sample.desired == 99));
        assert!(kept.is_sorted_by(|a, b| a.t < b.t));
        assert_eq!(kept.last().map(|sample| sample.t), Some(Millis(86_399_000)));
    }

    #[test]
    fn rates_are_per_second_and_lose_no_request() {
        let load = |arriving, served, lost| {
            Some(LoadSample {
                arriving,
                served,
                lost,
                queued: 0,
            })
        };
        let samples = [
            sample(0, 1, load(0, 0, 0)),
            sample(500, 1, load(10, 8, 0)),
            sample(2500, 1, load(40, 20, 4)),
        ];
        let load = Load::of(&samples).unwrap();
        assert_eq!(load.seconds, [0.5, 2.5]);
        assert_eq!(load.arriving, [20.0, 20.0]);
        assert_eq!(load.served, [16.0, 10.0]);
        assert_eq!(load.lost, [0.0, 2.0]);
        assert!((load.highest() - 20.0).abs() < 1e-9);
        assert_eq!(Load::of(&[sample(0, 1, None)]), None);
    }
}
