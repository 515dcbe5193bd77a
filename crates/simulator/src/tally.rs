//! Counts what a run does, and judges it.

use std::collections::BTreeMap;

use crate::admission::Answer;
use crate::pod::Pod;
use crate::ranking::Phase;
use crate::report::{Counts, Outcome, Report, Sample, ScaleIn, UNPLACED};
use crate::scenario::{Expectation, Scenario, Split};
use crate::time::Millis;

/// The books of one run.
#[derive(Debug)]
pub(crate) struct Tally<'a> {
    scenario: &'a Scenario,
    admissions: u64,
    samples: Vec<Sample>,
    /// Pods per subset that take up room, those that are being deleted too.
    present: BTreeMap<String, u64>,
    max_over: BTreeMap<String, u64>,
    scale_in: ScaleIn,
    host_calls: BTreeMap<String, u64>,
    warnings: BTreeMap<String, u64>,
    violations: Vec<String>,
}

impl<'a> Tally<'a> {
    pub(crate) fn new(scenario: &'a Scenario) -> Self {
        let bounded = scenario.subsets.iter().filter(|rule| rule.maximum.is_some());
        Self {
            scenario,
            admissions: 0,
            samples: Vec::new(),
            present: BTreeMap::new(),
            max_over: bounded.map(|rule| (rule.name.clone(), 0)).collect(),
            scale_in: ScaleIn::default(),
            host_calls: BTreeMap::new(),
            warnings: BTreeMap::new(),
            violations: Vec::new(),
        }
    }

    pub(crate) fn admissions(&self) -> u64 {
        self.admissions
    }

    pub(crate) fn called(&mut self) {
        self.admissions += 1;
    }

    pub(crate) fn answered(&mut self, answer: &Answer) {
        for (operation, calls) in &answer.host_calls {
            *self.host_calls.entry(operation.clone()).or_default() += calls;
        }
        for warning in &answer.warnings {
            self.warn(warning.clone());
        }
    }

    pub(crate) fn warn(&mut self, warning: String) {
        *self.warnings.entry(warning).or_default() += 1;
    }

    /// A pod was stored while the workload wanted `desired`. Only this can exceed a maximum.
    pub(crate) fn stored(&mut self, pod: &Pod, desired: u64) {
        let Some(subset) = &pod.subset else { return };
        let present = self.present.entry(subset.clone()).or_default();
        *present += 1;
        let rule = self.scenario.subsets.iter().find(|rule| rule.name == *subset);
        if let Some(maximum) = rule.and_then(|rule| rule.maximum) {
            let over =
                present.saturating_sub(u64::from(maximum.of(u32::try_from(desired).unwrap_or(u32::MAX))));
            let worst = self.max_over.entry(subset.clone()).or_default();
            *worst = over.max(*worst);
        }
    }

    /// A pod is gone.
    pub(crate) fn gone(&mut self, pod: &Pod) {
        if let Some(present) = pod
            .subset
            .as_ref()
            .and_then(|subset| self.present.get_mut(subset))
        {
            *present = present.saturating_sub(1);
        }
    }

    /// The controller decided to remove some pods and to keep the others.
    pub(crate) fn scaled_in(&mut self, removed: &[&Pod], kept: &[&Pod]) {
        self.scale_in.removed += removed.len() as u64;
        let ready = |pod: &&&Pod| pod.phase() == Phase::Running;
        let lowest_kept = kept.iter().filter(ready).map(|pod| pod.cost).min();
        let wrong = removed
            .iter()
            .filter(ready)
            .filter(|pod| lowest_kept.is_some_and(|lowest| lowest < pod.cost));
        self.scale_in.out_of_order += wrong.count() as u64;
    }

    pub(crate) fn sample<'p>(&mut self, t: Millis, desired: u64, pods: impl Iterator<Item = &'p Pod>) {
        let subsets = self.count(pods);
        self.samples.push(Sample { t, desired, subsets });
    }

    /// Compares with what the scenario expects at this moment.
    pub(crate) fn compare<'p>(&mut self, split: &Split, pods: impl Iterator<Item = &'p Pod>) {
        let found = self.count(pods);
        for (subset, wanted) in &split.subsets {
            let found = found.get(subset).copied().unwrap_or_default().total();
            if found.abs_diff(*wanted) > split.within {
                let near = if split.within == 0 {
                    String::new()
                } else {
                    format!(" (within {})", split.within)
                };
                let at = split.at;
                self.violations.push(format!(
                    "at {at}, subset `{subset}` has {found} pods, expected {wanted}{near}"
                ));
            }
        }
    }

    pub(crate) fn close<'p>(mut self, seed: u64, pods: impl Iterator<Item = &'p Pod>) -> Outcome {
        let final_split: BTreeMap<String, u64> = self
            .count(pods)
            .into_iter()
            .map(|(subset, counts)| (subset, counts.total()))
            .collect();
        if self.scale_in.out_of_order > 0 {
            let ScaleIn {
                removed,
                out_of_order,
            } = self.scale_in;
            self.violations.push(format!(
                "scale-in removed {out_of_order} of {removed} pods while a ready pod of lower deletion cost stayed"
            ));
        }
        for expectation in &self.scenario.script.expectations {
            if let Expectation::MaxOver(bound) = expectation {
                let over = self.max_over.get(&bound.subset).copied().unwrap_or_default();
                if over > bound.most {
                    let (subset, most) = (&bound.subset, bound.most);
                    self.violations.push(format!(
                        "subset `{subset}` was {over} pods above its maximum, expected at most {most}"
                    ));
                }
            }
        }
        Outcome {
            subset_order: self.subset_order(),
            report: Report {
                scenario: self.scenario.name.clone(),
                seed,
                admissions: self.admissions,
                samples: self.samples,
                max_over: self.max_over,
                final_split,
                scale_in: self.scale_in,
                host_calls: self.host_calls,
            },
            warnings: self.warnings,
            violations: self.violations,
        }
    }

    fn count<'p>(&self, pods: impl Iterator<Item = &'p Pod>) -> BTreeMap<String, Counts> {
        let named = self
            .scenario
            .subsets
            .iter()
            .map(|rule| (rule.name.clone(), Counts::default()));
        let mut subsets: BTreeMap<String, Counts> = named.collect();
        for pod in pods.filter(|pod| !pod.deleted) {
            let counts = subsets
                .entry(pod.subset.clone().unwrap_or_else(|| UNPLACED.to_owned()))
                .or_default();
            match pod.phase() {
                Phase::Running => counts.running += 1,
                Phase::Pending | Phase::Unknown => counts.pending += 1,
            }
        }
        subsets
    }

    fn subset_order(&self) -> Vec<String> {
        let mut order: Vec<String> = self
            .scenario
            .subsets
            .iter()
            .map(|rule| rule.name.clone())
            .collect();
        for name in self.samples.iter().flat_map(|sample| sample.subsets.keys()) {
            if !order.contains(name) {
                order.push(name.clone());
            }
        }
        order
    }
}
