//! What checks may name.

use std::fmt;

use super::CheckFault;
use crate::report::UNPLACED;

/// All subsets, and the pods in none.
const TOTAL: &str = "total";
const DESIRED: &str = "desired";

/// A metric as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Name {
    /// Such as `fixed.running` or `desired`; `at`: the byte of the text that it begins with.
    Word { text: String, at: usize },
    /// A subset in quotes, such as `"lost".total`: never one of the words that mean something else.
    Quoted { label: String, count: String, at: usize },
}

/// A metric that there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Metric {
    name: Name,
    pub(crate) reading: Reading,
}

/// Where a metric is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reading {
    /// The sum over some rows of pods.
    Pods { rows: Vec<usize>, count: PodCount },
    /// The sum over some workloads.
    Desired { workloads: Vec<usize> },
    /// The sum over some workloads.
    Load { workloads: Vec<usize>, count: LoadCount },
}

/// Which pods are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PodCount {
    Running,
    Pending,
    Gated,
    Unschedulable,
    Total,
    Terminating,
    Injected,
}

/// Which requests are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoadCount {
    Arriving,
    Served,
    Lost,
    Queued,
    ServedTotal,
    LostTotal,
}

const POD_COUNTS: [(&str, PodCount); 7] = [
    ("running", PodCount::Running),
    ("pending", PodCount::Pending),
    ("gated", PodCount::Gated),
    ("unschedulable", PodCount::Unschedulable),
    ("total", PodCount::Total),
    ("terminating", PodCount::Terminating),
    ("injected", PodCount::Injected),
];

const LOAD_COUNTS: [(&str, LoadCount); 6] = [
    ("arriving", LoadCount::Arriving),
    ("served", LoadCount::Served),
    ("lost", LoadCount::Lost),
    ("queued", LoadCount::Queued),
    ("served.total", LoadCount::ServedTotal),
    ("lost.total", LoadCount::LostTotal),
];

/// The workloads and their subsets, as reports name them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names {
    workloads: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    workload: usize,
    /// Without its workload.
    subset: String,
    label: String,
    is_unplaced: bool,
}

impl Names {
    /// Of each workload its name and its subsets. A row is the place of a subset when the subsets of all workloads are
    /// counted through, behind those of each workload the pods that are in none.
    pub(crate) fn new(workloads: Vec<(String, Vec<String>)>) -> Self {
        let several = workloads.len() > 1;
        let mut rows = Vec::new();
        for (workload, (name, subsets)) in workloads.iter().enumerate() {
            let subsets = subsets.iter().map(|subset| (subset.as_str(), false));
            for (subset, is_unplaced) in subsets.chain([(UNPLACED, true)]) {
                let label = if several {
                    format!("{name}/{subset}")
                } else {
                    subset.to_owned()
                };
                rows.push(Row {
                    workload,
                    subset: subset.to_owned(),
                    label,
                    is_unplaced,
                });
            }
        }
        Self {
            workloads: workloads.into_iter().map(|(name, _)| name).collect(),
            rows,
        }
    }

    /// The subsets of a workload, in their order.
    pub(crate) fn subsets_of(&self, workload: usize) -> impl Iterator<Item = &str> {
        let rows = self.rows.iter();
        rows.filter(move |row| row.workload == workload && !row.is_unplaced)
            .map(|row| row.subset.as_str())
    }

    /// The labels of the rows, in order.
    #[cfg(test)]
    pub(crate) fn labels(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().map(|row| row.label.as_str())
    }

    /// Finds a metric; `text`: the whole check, for the fault.
    pub(crate) fn resolve(&self, name: &Name, text: &str) -> Result<Metric, CheckFault> {
        let reading = match name {
            Name::Word { text: word, at } => self
                .named(word)
                .map_err(|write| CheckFault::new(text, *at, format!("`{word}`"), write))?,
            Name::Quoted { label, count, at } => {
                let rows = self.rows_where(|row| !row.is_unplaced && row.label == *label);
                if rows.is_empty() {
                    let write = format!("one of {} in the quotes", ticked(self.subsets()));
                    return Err(CheckFault::new(text, *at, format!("`{name}`"), write));
                }
                let count = pod_count(count)
                    .map_err(|write| CheckFault::new(text, *at, format!("`{name}`"), write))?;
                Reading::Pods { rows, count }
            }
        };
        Ok(Metric {
            name: name.clone(),
            reading,
        })
    }

    /// Where a word is read, or else what to write.
    fn named(&self, word: &str) -> Result<Reading, String> {
        for (name, count) in LOAD_COUNTS {
            if let Some(workloads) = self.asking(word, name) {
                return Ok(Reading::Load { workloads, count });
            }
        }
        if let Some(workloads) = self.asking(word, DESIRED) {
            return Ok(Reading::Desired { workloads });
        }
        let Some((label, count)) = word.rsplit_once('.') else {
            return Err(self.known());
        };
        let rows = self.rows_of(label);
        if rows.is_empty() {
            let others = [TOTAL, UNPLACED].into_iter();
            let labels = self
                .subsets()
                .chain(others)
                .map(|label| format!("{label}.{count}"));
            return Err(match pod_count(count) {
                Ok(_) => format!("one of {}", ticked(labels)),
                Err(_) => self.known(),
            });
        }
        let count = pod_count(count)?;
        Ok(Reading::Pods { rows, count })
    }

    /// The workloads of a name such as `desired` or, where there are several, of one such as `web/desired`.
    fn asking(&self, word: &str, name: &str) -> Option<Vec<usize>> {
        if word == name {
            return Some((0..self.workloads.len()).collect());
        }
        let workload = self.workload(word.strip_suffix(name)?)?;
        Some(vec![workload])
    }

    /// The workload of a prefix such as `web/`.
    fn workload(&self, prefix: &str) -> Option<usize> {
        let name = prefix.strip_suffix('/')?;
        let several = self.workloads.len() > 1;
        self.workloads.iter().position(|other| several && other == name)
    }

    fn rows_of(&self, label: &str) -> Vec<usize> {
        if label == TOTAL {
            return self.rows_where(|_| true);
        }
        if label == UNPLACED {
            return self.rows_where(|row| row.is_unplaced);
        }
        let all_of = label.strip_suffix(TOTAL).and_then(|prefix| self.workload(prefix));
        if let Some(workload) = all_of {
            return self.rows_where(|row| row.workload == workload);
        }
        self.rows_where(|row| row.label == label)
    }

    fn rows_where(&self, is_it: impl Fn(&Row) -> bool) -> Vec<usize> {
        let rows = self.rows.iter().enumerate();
        rows.filter(|(_, row)| is_it(row)).map(|(ix, _)| ix).collect()
    }

    fn subsets(&self) -> impl Iterator<Item = &str> {
        let rows = self.rows.iter().filter(|row| !row.is_unplaced);
        rows.map(|row| row.label.as_str())
    }

    fn known(&self) -> String {
        let labels = ticked(self.subsets().chain([TOTAL, UNPLACED]));
        let counts = ticked(POD_COUNTS.map(|(name, _)| format!(".{name}")));
        let desired: Vec<String> = if self.workloads.len() > 1 {
            let each = self.workloads.iter().map(|name| format!("{name}/{DESIRED}"));
            each.chain([DESIRED.to_owned()]).collect()
        } else {
            vec![DESIRED.to_owned()]
        };
        let others = ticked(
            desired
                .into_iter()
                .chain(LOAD_COUNTS.map(|(name, _)| name.to_owned())),
        );
        format!("one of {labels} with one of {counts}; or one of {others}")
    }
}

fn pod_count(name: &str) -> Result<PodCount, String> {
    let found = POD_COUNTS.iter().find(|(known, _)| *known == name);
    found.map(|(_, count)| *count).ok_or_else(|| {
        let known = ticked(POD_COUNTS.map(|(name, _)| name));
        format!("one of {known} behind the last dot")
    })
}

fn ticked<T: fmt::Display>(names: impl IntoIterator<Item = T>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word { text, .. } => f.write_str(text),
            Self::Quoted { label, count, .. } => write!(f, "\"{label}\".{count}"),
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}
