//! How many pods are where at this moment, kept up to date write by write.

use crate::plane::objects::Pod;
use crate::ranking::Phase;
use crate::report::{Counts, UNPLACED};
use crate::scenario::Scenario;

/// The counts of every subset.
#[derive(Clone, Debug)]
pub(crate) struct Board {
    rows: Vec<Row>,
    /// What each workload asks for.
    pub(crate) desired: Vec<u64>,
}

/// The pods of one subset, or those of a workload that are in none.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) workload: usize,
    /// `None`: in none.
    subset: Option<String>,
    /// As reports and checks name it.
    pub(crate) label: String,
    /// The pods that are not being deleted.
    pub(crate) counts: Counts,
    /// Pods that take up room, those that are being deleted too; a pod behind the gate takes none.
    pub(crate) present: u64,
    /// Those that are being deleted.
    pub(crate) terminating: u64,
}

impl Board {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let mut rows = Vec::new();
        for workload in 0..scenario.workloads.len() {
            let row = |subset: Option<&str>| Row {
                workload,
                subset: subset.map(ToOwned::to_owned),
                label: scenario.label(workload, subset.unwrap_or(UNPLACED)),
                counts: Counts::default(),
                present: 0,
                terminating: 0,
            };
            rows.extend(scenario.subsets_of(workload).map(|rule| row(Some(&rule.name))));
            rows.push(row(None));
        }
        Self {
            rows,
            desired: vec![0; scenario.workloads.len()],
        }
    }

    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Takes what became of a pod; the place of the row that it is in now.
    pub(crate) fn take(&mut self, old: Option<&Pod>, new: Option<&Pod>) -> Option<usize> {
        if let Some(place) = old.and_then(|old| self.place(old))
            && let (Some(row), Some(old)) = (self.rows.get_mut(place), old)
        {
            row.count(old, false);
        }
        let new = new?;
        let place = self.place(new)?;
        self.rows.get_mut(place)?.count(new, true);
        Some(place)
    }

    /// The row of a pod; that of the pods in no subset where it names one that is not known.
    fn place(&self, pod: &Pod) -> Option<usize> {
        if pod.finished {
            return None;
        }
        let workload = pod.origin.maker.workload();
        let is_it = |row: &Row| row.workload == workload && row.subset == pod.subset;
        let exact = self.rows.iter().position(is_it);
        exact.or_else(|| {
            self.rows
                .iter()
                .position(|row| row.workload == workload && row.subset.is_none())
        })
    }
}

impl Row {
    /// Whether it counts this subset.
    pub(crate) fn is(&self, subset: &str) -> bool {
        self.subset.as_deref() == Some(subset)
    }

    /// Whether it counts the pods in no subset.
    pub(crate) fn is_unplaced(&self) -> bool {
        self.subset.is_none()
    }

    fn count(&mut self, pod: &Pod, is_here: bool) {
        let is_running = pod.phase == Phase::Running && pod.ready_since.is_some();
        let is_active = !pod.terminating;
        let is_unschedulable = pod.record.unschedulable_since.is_some() && pod.node.is_none();
        for (count, holds) in [
            (&mut self.counts.running, is_active && is_running),
            (&mut self.counts.pending, is_active && !is_running),
            (&mut self.counts.gated, is_active && pod.gated),
            (&mut self.counts.unschedulable, is_active && is_unschedulable),
            (&mut self.present, !pod.gated),
            (&mut self.terminating, pod.terminating),
        ] {
            if holds {
                *count = if is_here {
                    *count + 1
                } else {
                    count.saturating_sub(1)
                };
            }
        }
    }
}
