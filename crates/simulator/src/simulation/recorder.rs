//! Writes a run down: samples, what scale-in did, how far a maximum was passed, and what was not as expected.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::Moment;
use super::accounts::Accounts;
use super::board::Board;
use crate::checks::{Stretch, Watches};
use crate::load::Step;
use crate::plane::objects::Pod;
use crate::plane::observer::{By, Observer};
use crate::plane::store::Store;
use crate::plane::tally::Tally;
use crate::report::{Counts, Evictions, MarkKind, Outcome, Report, Sample, ScaleIn};
use crate::scenario::{Expectation, Scenario, Split};
use crate::time::Millis;

/// The books of one run.
pub(super) struct Recorder<'a> {
    scenario: &'a Scenario,
    /// When the scenario begins, in the time of the plane.
    begin: Millis,
    progress: &'a mut dyn FnMut(Moment),
    board: Board,
    samples: Vec<Sample>,
    next_sample: Option<Millis>,
    /// Expected splits that are still to come, the next one last.
    splits: Vec<&'a Split>,
    checks: Watches<'a>,
    admissions: u64,
    max_over: BTreeMap<String, u64>,
    scale_in: ScaleIn,
    evictions: Evictions,
    host_calls: BTreeMap<String, u64>,
    warnings: BTreeMap<String, u64>,
    accounts: Accounts,
    violations: Vec<String>,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(scenario: &'a Scenario, begin: Millis, progress: &'a mut dyn FnMut(Moment)) -> Self {
        let mut splits: Vec<&Split> = scenario
            .script
            .expectations
            .iter()
            .filter_map(|expectation| {
                if let Expectation::Split(split) = expectation {
                    Some(split)
                } else {
                    None
                }
            })
            .collect();
        splits.sort_by_key(|split| core::cmp::Reverse(split.at));
        let board = Board::new(scenario);
        let bounded = board.rows().iter().filter(|row| {
            let rule = scenario.subsets_of(row.workload).find(|rule| row.is(&rule.name));
            rule.is_some_and(|rule| rule.maximum.is_some())
        });
        Self {
            max_over: bounded.map(|row| (row.label.clone(), 0)).collect(),
            board,
            begin,
            progress,
            samples: Vec::new(),
            next_sample: Some(Millis::ZERO),
            splits,
            checks: Watches::new(&scenario.script.checks, scenario.script.duration),
            admissions: 0,
            scale_in: ScaleIn::default(),
            evictions: Evictions::default(),
            host_calls: BTreeMap::new(),
            warnings: BTreeMap::new(),
            accounts: Accounts::new(scenario),
            violations: Vec::new(),
            scenario,
        }
    }

    fn sample(&mut self, t: Millis) {
        self.samples.push(Sample {
            t,
            desired: self.board.desired.iter().sum(),
            subsets: self.counts(),
            load: self.accounts.sample(&self.board),
        });
        let script = &self.scenario.script;
        self.next_sample = (t < script.duration).then(|| (t + script.sample_every).min(script.duration));
        (self.progress)(Moment {
            now: t,
            end: script.duration,
            admissions: self.admissions,
        });
    }

    /// Compares with what the scenario expects at this moment.
    fn compare(&mut self, split: &Split) {
        let found = self.counts();
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

    /// Pods in no subset are shown where there are any.
    fn counts(&self) -> BTreeMap<String, Counts> {
        let rows = self.board.rows().iter();
        rows.filter(|row| !row.is_unplaced() || row.counts.total() > 0)
            .map(|row| (row.label.clone(), row.counts))
            .collect()
    }

    pub(super) fn close(mut self, seed: u64, tally: &Tally) -> Outcome {
        let final_split: BTreeMap<String, u64> = self
            .counts()
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
        let (checks, failed) = self.checks.close(seed, &self.board);
        self.violations.extend(failed);
        let mut subset_order: Vec<String> = Vec::new();
        for row in self.board.rows() {
            let is_shown = !row.is_unplaced()
                || self
                    .samples
                    .iter()
                    .any(|sample| sample.subsets.contains_key(&row.label));
            if is_shown {
                subset_order.push(row.label.clone());
            }
        }
        Outcome {
            subset_order,
            report: Report {
                scenario: self.scenario.name.clone(),
                seed,
                admissions: self.admissions,
                samples: self.samples,
                max_over: self.max_over,
                final_split,
                scale_in: self.scale_in,
                evictions: self.evictions,
                host_calls: self.host_calls,
                writes: writes(tally),
                pod_hours: self.accounts.pod_hours(),
                pending_millis: self.accounts.pending_millis,
                marks: self.accounts.marks(),
            },
            warnings: self.warnings,
            checks,
            violations: self.violations,
        }
    }
}

/// What the sidecars wrote, by kind; those that were never made are left out.
fn writes(tally: &Tally) -> BTreeMap<String, u64> {
    let kinds = [
        ("bind", tally.bound),
        ("release", tally.released),
        ("adopt", tally.adopted),
        ("cost", tally.costs),
        ("move", tally.moved),
        ("delete", tally.surplus),
        ("recreate", tally.recreated),
        ("publish", tally.published),
    ];
    kinds
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(kind, count)| (kind.to_owned(), count))
        .collect()
}

impl Observer for Recorder<'_> {
    fn passes(&mut self, now: Millis, next: Millis) {
        let end = self.begin + self.scenario.script.duration;
        self.accounts
            .passes(next.min(end) - now.max(self.begin), &self.board);
        if next > now.max(self.begin) {
            let from = now - self.begin;
            let to = (next - self.begin - Millis(1)).min(self.scenario.script.duration);
            self.checks.look(Stretch { from, to }, &self.board);
        }
        while let Some(due) = self.next_sample {
            let split = self.splits.last().filter(|split| split.at <= due).copied();
            let look = split.map_or(due, |split| split.at);
            if self.begin + look >= next {
                return;
            }
            if let Some(split) = split {
                self.splits.pop();
                self.compare(split);
            } else {
                self.sample(due);
            }
        }
    }

    fn replicas(&mut self, workload: usize, _version: u64, _now: Millis, replicas: u32) {
        if let Some(desired) = self.board.desired.get_mut(workload) {
            *desired = u64::from(replicas);
        }
    }

    fn admitted(&mut self) {
        self.admissions += 1;
    }

    fn autoscaled(&mut self, now: Millis, workload: usize, from: u32, to: u32, _reason: &str) {
        let name = self
            .scenario
            .workloads
            .get(workload)
            .map_or("", |spec| &spec.name);
        let text = format!("{name} {from} → {to}");
        self.accounts.mark(now - self.begin, MarkKind::Scaled, text);
    }

    fn node_changed(&mut self, now: Millis, node: &str, what: &str) {
        let text = format!("{node} {what}");
        self.accounts.mark(now - self.begin, MarkKind::Event, text);
    }

    fn served(&mut self, workload: usize, step: &Step) {
        self.board.serve(workload, step);
    }

    fn pod(&mut self, now: Millis, _store: &Store, old: Option<&Pod>, new: Option<&Pod>, _by: &By) {
        let place = self.board.take(old, new);
        self.accounts.look(now - self.begin, &self.board);
        let Some(row) = place.and_then(|place| self.board.rows().get(place)) else {
            return;
        };
        let was_there = old.is_some_and(Pod::is_placed);
        if was_there || !new.is_some_and(Pod::is_placed) {
            return;
        }
        let rule = self
            .scenario
            .subsets_of(row.workload)
            .find(|rule| row.is(&rule.name));
        if let Some(maximum) = rule.and_then(|rule| rule.maximum) {
            let desired = self.board.desired.get(row.workload).copied().unwrap_or_default();
            let maximum = maximum.of(u32::try_from(desired).unwrap_or(u32::MAX));
            let over = row.present.saturating_sub(u64::from(maximum));
            let worst = self.max_over.entry(row.label.clone()).or_default();
            *worst = over.max(*worst);
        }
    }

    fn scaled_in(&mut self, _now: Millis, removed: &[Rc<Pod>], kept: &[Rc<Pod>]) {
        self.scale_in.removed += removed.len() as u64;
        let is_ready = |pod: &&Rc<Pod>| pod.ready_since.is_some();
        let lowest_kept = kept.iter().filter(is_ready).map(|pod| pod.cost).min();
        let wrong = removed
            .iter()
            .filter(is_ready)
            .filter(|pod| lowest_kept.is_some_and(|lowest| lowest < pod.cost));
        self.scale_in.out_of_order += wrong.count() as u64;
    }

    fn evicted(&mut self, _now: Millis, _pod: &Pod, is_allowed: bool) {
        *if is_allowed {
            &mut self.evictions.allowed
        } else {
            &mut self.evictions.refused
        } += 1;
    }

    fn refused(&mut self, _now: Millis, reason: &str) {
        self.warned(reason);
    }

    fn warned(&mut self, warning: &str) {
        *self.warnings.entry(warning.to_owned()).or_default() += 1;
    }

    fn host_called(&mut self, operation: &str, calls: u64) {
        *self.host_calls.entry(operation.to_owned()).or_default() += calls;
    }
}
