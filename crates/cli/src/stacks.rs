//! The samples as layers to be stacked: what chart and picture draw.

use simulator::{Outcome, Sample};

/// The pods of one subset over time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layer {
    pub(crate) subset: String,
    /// One value per sample.
    pub(crate) running: Vec<u64>,
    pub(crate) pending: Vec<u64>,
}

/// All of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stacks {
    pub(crate) seconds: Vec<f64>,
    pub(crate) desired: Vec<u64>,
    /// In the order of the subsets, the first at the bottom.
    pub(crate) layers: Vec<Layer>,
}

impl Stacks {
    pub(crate) fn of(outcome: &Outcome) -> Self {
        let samples = &outcome.report.samples;
        let layer = |subset: &String| {
            let counts = |sample: &Sample| sample.subsets.get(subset).copied().unwrap_or_default();
            Layer {
                subset: subset.clone(),
                running: samples.iter().map(|sample| counts(sample).running).collect(),
                pending: samples.iter().map(|sample| counts(sample).pending).collect(),
            }
        };
        Self {
            seconds: samples.iter().map(|sample| sample.t.seconds()).collect(),
            desired: samples.iter().map(|sample| sample.desired).collect(),
            layers: outcome.subset_order.iter().map(layer).collect(),
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
}
