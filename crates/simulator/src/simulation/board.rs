//! How many pods are where at this moment, kept up to date write by write.

use crate::checks::{LoadCount, PodCount, Readings};
use crate::load::{MICRO, Step};
use crate::plane::objects::Pod;
use crate::ranking::Phase;
use crate::report::{Counts, LoadSample, UNPLACED};
use crate::scenario::Scenario;

/// The counts of every subset.
#[derive(Clone, Debug)]
pub(crate) struct Board {
    rows: Vec<Row>,
    /// What each workload asks for.
    pub(crate) desired: Vec<u64>,
    /// The requests of each workload; `None` where nobody sends any.
    loads: Vec<Option<Load>>,
}

/// The requests of one workload, in whole requests unless it says otherwise.
#[derive(Clone, Copy, Debug, Default)]
struct Load {
    /// In the last second.
    last: LoadSample,
    /// Since the beginning.
    total: LoadSample,
    /// The same in millionths of a request.
    micro: LoadSample,
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
    /// Those that are not being deleted and that a webhook other than the policy changed.
    injected: u64,
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
                injected: 0,
            };
            rows.extend(scenario.subsets_of(workload).map(|rule| row(Some(&rule.name))));
            rows.push(row(None));
        }
        Self {
            rows,
            desired: vec![0; scenario.workloads.len()],
            loads: vec![None; scenario.workloads.len()],
        }
    }

    /// Takes a second of the traffic of a workload.
    pub(crate) fn serve(&mut self, workload: usize, step: &Step) {
        let Some(load) = self.loads.get_mut(workload) else {
            return;
        };
        let Load { last, total, micro } = load.get_or_insert_default();
        let before = *total;
        micro.arriving += step.arriving;
        micro.served += step.served;
        micro.lost += step.lost;
        *total = LoadSample {
            arriving: micro.arriving / MICRO,
            served: micro.served / MICRO,
            lost: micro.lost / MICRO,
            queued: step.queued / MICRO,
        };
        *last = LoadSample {
            arriving: total.arriving - before.arriving,
            served: total.served - before.served,
            lost: total.lost - before.lost,
            queued: total.queued,
        };
    }

    /// The requests of all workloads since the beginning; `None` where nobody sends any.
    pub(crate) fn load_total(&self) -> Option<LoadSample> {
        let loads = self.loads.iter().flatten().map(|load| load.total);
        loads.reduce(|sum, load| LoadSample {
            arriving: sum.arriving + load.arriving,
            served: sum.served + load.served,
            lost: sum.lost + load.lost,
            queued: sum.queued + load.queued,
        })
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

impl Readings for Board {
    fn pods(&self, row: usize, count: PodCount) -> u64 {
        let Some(Row {
            counts,
            terminating,
            injected,
            ..
        }) = self.rows.get(row)
        else {
            return 0;
        };
        match count {
            PodCount::Running => counts.running,
            PodCount::Pending => counts.pending,
            PodCount::Gated => counts.gated,
            PodCount::Unschedulable => counts.unschedulable,
            PodCount::Total => counts.total(),
            PodCount::Terminating => *terminating,
            PodCount::Injected => *injected,
        }
    }

    fn desired(&self, workload: usize) -> u64 {
        self.desired.get(workload).copied().unwrap_or_default()
    }

    fn load(&self, workload: usize, count: LoadCount) -> Option<u64> {
        let Load { last, total, .. } = self.loads.get(workload).copied()??;
        Some(match count {
            LoadCount::Arriving => last.arriving,
            LoadCount::Served => last.served,
            LoadCount::Lost => last.lost,
            LoadCount::Queued => last.queued,
            LoadCount::ServedTotal => total.served,
            LoadCount::LostTotal => total.lost,
        })
    }

    fn describe(&self) -> String {
        let rows = self.rows.iter();
        let shown = rows.filter(|row| !row.is_unplaced() || row.counts.total() + row.terminating > 0);
        let mut parts: Vec<String> = shown.map(Row::describe).collect();
        for row in self.rows.iter().filter(|row| row.is_unplaced()) {
            let workload = row.label.strip_suffix(UNPLACED).unwrap_or_default();
            parts.push(format!(
                "{workload}desired {}",
                Readings::desired(self, row.workload)
            ));
            if let Some(Load { last, .. }) = self.loads.get(row.workload).copied().flatten() {
                let LoadSample {
                    arriving,
                    served,
                    lost,
                    queued,
                } = last;
                parts.push(format!(
                    "{workload}arriving {arriving}, served {served}, lost {lost}, queued {queued}"
                ));
            }
        }
        parts.join("; ")
    }
}

impl Row {
    /// Such as `fixed 9 running, 1 pending`.
    fn describe(&self) -> String {
        let Counts {
            running,
            pending,
            gated,
            unschedulable,
        } = self.counts;
        let some = |(count, name): &(u64, &str)| (*count > 0).then(|| format!("{count} {name}"));
        let parts = |counts: &[(u64, &str)]| counts.iter().filter_map(some).collect::<Vec<_>>().join(", ");
        let of_these = parts(&[(gated, "gated"), (unschedulable, "unschedulable")]);
        let waiting = if of_these.is_empty() {
            "pending".to_owned()
        } else {
            format!("pending ({of_these})")
        };
        let all = parts(&[
            (running, "running"),
            (pending, &waiting),
            (self.terminating, "terminating"),
        ]);
        if all.is_empty() {
            format!("{} 0", self.label)
        } else {
            format!("{} {all}", self.label)
        }
    }

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
            (&mut self.injected, is_active && pod.origin.injected),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Names;
    use crate::scenario::SourceFile;

    /// Checks name a row by its place.
    #[test]
    fn the_rows_are_those_of_the_checks() {
        let workload = |name: &str| {
            format!(
                "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: shop}}\nspec:\n  \
                 replicas: 0\n  selector: {{matchLabels: {{app: {name}}}}}\n  template: {{metadata: {{labels: {{app: {name}}}}}, spec: {{}}}}\n"
            )
        };
        let spread = |name: &str| {
            format!(
                "- {{name: {name}, namespace: shop, targetRef: {{apiVersion: apps/v1, kind: Deployment, name: {name}}}, \
                 subsets: [{{name: fixed, maxReplicas: 2}}, {{name: elastic}}]}}\n"
            )
        };
        for workloads in [&["web"][..], &["web", "api"]] {
            let all =
                |text: &dyn Fn(&str) -> String| workloads.iter().map(|name| text(name)).collect::<String>();
            let file = |name: &str, text: String| SourceFile {
                name: name.to_owned(),
                text,
            };
            let files = [
                file("workloads.yaml", all(&workload)),
                file("settings.yaml", format!("spreads:\n{}", all(&spread))),
                file(
                    "scenario.yaml",
                    "duration: 1s\nnodes: []\nevents: []\n".to_owned(),
                ),
            ];
            let scenario = Scenario::read("test", &files).unwrap();
            let board = Board::new(&scenario);
            let subsets = || vec!["fixed".to_owned(), "elastic".to_owned()];
            let names = Names::new(
                workloads
                    .iter()
                    .map(|name| ((*name).to_owned(), subsets()))
                    .collect(),
            );
            let rows: Vec<&str> = board.rows().iter().map(|row| row.label.as_str()).collect();
            assert_eq!(rows, names.labels().collect::<Vec<_>>());
        }
    }
}
