//! What a run costs and brings: requests, hours of pods, time spent pending, and what is worth a mark in a picture.

use std::collections::BTreeMap;

use super::board::Board;
use crate::report::{LoadSample, Mark, MarkKind};
use crate::scenario::{EventKind, Scenario, ScriptEvent};
use crate::time::Millis;

/// The accounts of one run.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    marks: Vec<Mark>,
    /// Milliseconds that pods of each subset had a node.
    pod_millis: BTreeMap<String, u64>,
    pub(super) pending_millis: u64,
    /// Whole requests that samples told of.
    told: LoadSample,
    is_unschedulable: bool,
}

impl Accounts {
    /// With a mark for every event of the scenario that no line of the picture shows.
    pub(super) fn new(scenario: &Scenario) -> Self {
        let mark = |event: &ScriptEvent| {
            let text = match event.kind {
                EventKind::Scale { .. } => return None,
                EventKind::Rollout { workload, .. } => format!("{} rolled out", name(scenario, workload)),
                EventKind::Pause { workload, is_paused } => {
                    let what = if is_paused { "held" } else { "goes on" };
                    format!("the rollout of {} {what}", name(scenario, workload))
                }
                EventKind::LoseNode { node, .. } => format!("{} lost", node_name(scenario, node)),
                EventKind::FailNode { node, .. } => format!("{} fails", node_name(scenario, node)),
                EventKind::ReclaimNode { node, .. } => format!("{} reclaimed", node_name(scenario, node)),
                EventKind::DrainNode { node, .. } => format!("{} drained", node_name(scenario, node)),
                EventKind::DeletePods { pods, .. } => format!("{pods} pods deleted"),
                EventKind::Crash { .. } => "sidecar killed".to_owned(),
                EventKind::PolicyDown { .. } => "policy down".to_owned(),
                EventKind::RestartApi { .. } => "API server restarted".to_owned(),
            };
            Some(Mark {
                t: event.at,
                kind: MarkKind::Event,
                text,
            })
        };
        Self {
            marks: scenario.script.events.iter().filter_map(mark).collect(),
            ..Self::default()
        }
    }

    /// The marks in order of time.
    pub(super) fn marks(&self) -> Vec<Mark> {
        let mut marks = self.marks.clone();
        marks.sort_by_key(|mark| mark.t);
        marks
    }

    /// Nothing changes for a while.
    pub(super) fn passes(&mut self, span: Millis, board: &Board) {
        if span == Millis::ZERO {
            return;
        }
        for row in board.rows() {
            let waiting = (row.counts.gated + row.counts.unschedulable).min(row.counts.pending);
            let on_nodes = row.counts.total() - waiting + row.terminating;
            if on_nodes > 0 {
                match self.pod_millis.get_mut(&row.label) {
                    Some(millis) => *millis += on_nodes * span.0,
                    None => drop(self.pod_millis.insert(row.label.clone(), on_nodes * span.0)),
                }
            }
            self.pending_millis += row.counts.pending * span.0;
        }
    }

    /// The requests since the sample before.
    pub(super) fn sample(&mut self, board: &Board) -> Option<LoadSample> {
        let (told, total) = (self.told, board.load_total()?);
        self.told = total;
        Some(LoadSample {
            arriving: total.arriving - told.arriving,
            served: total.served - told.served,
            lost: total.lost - told.lost,
            queued: total.queued,
        })
    }

    pub(super) fn mark(&mut self, t: Millis, kind: MarkKind, text: String) {
        self.marks.push(Mark { t, kind, text });
    }

    /// Marks the moment at which the scheduler begins to find no node.
    pub(super) fn look(&mut self, t: Millis, board: &Board) {
        let row = board.rows().iter().find(|row| row.counts.unschedulable > 0);
        if let Some(row) = row.filter(|_| !self.is_unschedulable) {
            self.mark(t, MarkKind::Unschedulable, format!("{}: no node", row.label));
        }
        self.is_unschedulable = row.is_some();
    }

    /// Thousandths of an hour, by subset.
    pub(super) fn pod_hours(&self) -> BTreeMap<String, u64> {
        let hours = self.pod_millis.iter();
        hours
            .map(|(label, millis)| (label.clone(), millis / 3600))
            .collect()
    }
}

fn node_name(scenario: &Scenario, node: usize) -> &str {
    scenario.script.nodes.get(node).map_or("node", |node| &node.name)
}

fn name(scenario: &Scenario, workload: usize) -> &str {
    scenario.workloads.get(workload).map_or("", |spec| &spec.name)
}
