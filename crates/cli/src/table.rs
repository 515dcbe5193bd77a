//! The report as tables for people.

use comfy_table::{Cell, CellAlignment, LineStyle, Table, TableStyle};
use simulator::{CheckResult, Counts, Evictions, Outcome, Sample};

/// More rows than this are thinned out.
const ROWS: usize = 20;

/// The workload at the end of every time that it wanted the same number.
pub(crate) fn over_time(outcome: &Outcome) -> String {
    let mut table = plain();
    let mut header = vec!["until".to_owned(), "desired".to_owned()];
    header.extend(outcome.subset_order.iter().cloned());
    table.set_header(header.into_iter().map(right));
    for sample in thinned(&last_of_each_wish(&outcome.report.samples)) {
        let mut row = vec![sample.t.to_string(), sample.desired.to_string()];
        let counts = |subset| sample.subsets.get(subset).copied().unwrap_or_default();
        row.extend(outcome.subset_order.iter().map(|subset| pods(counts(subset))));
        table.add_row(row.into_iter().map(right));
    }
    format!("{table}\n")
}

/// A table of texts; the columns named in `numbers` stand to the right.
pub(crate) fn of(header: &[&str], rows: impl Iterator<Item = Vec<String>>, numbers: &[usize]) -> String {
    let mut table = plain();
    let cells = |row: Vec<String>| {
        let cells = row.into_iter().enumerate();
        cells.map(|(column, text)| {
            if numbers.contains(&column) {
                right(text)
            } else {
                Cell::new(text)
            }
        })
    };
    table.set_header(cells(header.iter().map(|&name| name.to_owned()).collect()));
    for row in rows {
        table.add_row(cells(row));
    }
    let lines: Vec<String> = table
        .to_string()
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    lines.join("\n") + "\n"
}

/// What the whole run comes to.
pub(crate) fn summary(outcome: &Outcome) -> String {
    let report = &outcome.report;
    let joined = |entries: Vec<String>| {
        if entries.is_empty() {
            "none".to_owned()
        } else {
            entries.join(", ")
        }
    };
    let split: Vec<String> = outcome
        .subset_order
        .iter()
        .map(|subset| {
            format!(
                "{subset} {}",
                report.final_split.get(subset).copied().unwrap_or_default()
            )
        })
        .collect();
    let over: Vec<String> = report
        .max_over
        .iter()
        .map(|(subset, pods)| format!("{subset} {pods}"))
        .collect();
    let calls: Vec<String> = report
        .host_calls
        .iter()
        .map(|(operation, calls)| format!("{operation} {calls}"))
        .collect();
    let lines = [
        ("pods admitted", report.admissions.to_string()),
        ("most above a maximum", joined(over)),
        ("split at the end", joined(split)),
        (
            "scale-in",
            format!(
                "{} removed, {} out of order",
                report.scale_in.removed, report.scale_in.out_of_order
            ),
        ),
        ("host calls", joined(calls)),
    ];
    let evictions = (report.evictions != Evictions::default()).then(|| {
        let Evictions { allowed, refused } = report.evictions;
        ("evictions", format!("{allowed} done, {refused} refused"))
    });
    let lines = lines.into_iter().chain(evictions);
    lines
        .map(|(name, value)| format!("{name:>20}  {value}\n"))
        .collect()
}

/// What came of each check of the scenario; empty where it has none.
pub(crate) fn checks(outcome: &Outcome) -> String {
    if outcome.checks.is_empty() {
        return String::new();
    }
    let rows = rows_of(&outcome.checks).into_iter();
    of(&["check", "result", "decided at"], rows.map(Vec::from), &[2])
}

/// Where no single moment decided, none is named.
fn rows_of(checks: &[CheckResult]) -> Vec<[String; 3]> {
    let row = |check: &CheckResult| {
        let result = if check.held { "passed" } else { "failed" };
        let moment = check.at.map_or("-".to_owned(), |at| at.to_string());
        [check.text.clone(), result.to_owned(), moment]
    };
    checks.iter().map(row).collect()
}

fn plain() -> Table {
    let mut table = Table::new();
    table.load_style(TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─')));
    table
}

fn right(text: String) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

fn pods(counts: Counts) -> String {
    match counts {
        Counts {
            running, pending: 0, ..
        } => running.to_string(),
        Counts { running, pending, .. } => format!("{running} + {pending} pending"),
    }
}

fn last_of_each_wish(samples: &[Sample]) -> Vec<&Sample> {
    let mut kept: Vec<&Sample> = Vec::new();
    for sample in samples {
        if kept.last().is_some_and(|last| last.desired == sample.desired) {
            kept.pop();
        }
        kept.push(sample);
    }
    kept
}

/// At most [`ROWS`], evenly spread, the last one among them.
fn thinned<'a>(samples: &[&'a Sample]) -> Vec<&'a Sample> {
    let step = samples.len().div_ceil(ROWS).max(1);
    let mut kept: Vec<&Sample> = samples.iter().rev().step_by(step).copied().collect();
    kept.reverse();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use simulator::Millis;

    fn sample(t: u64, desired: u64) -> Sample {
        Sample {
            t: Millis(t * 1000),
            desired,
            subsets: [(
                "a".to_owned(),
                Counts {
                    running: desired,
                    ..Counts::default()
                },
            )]
            .into(),
            load: None,
        }
    }

    #[test]
    fn only_the_end_of_each_wish_is_shown() {
        let samples = [
            sample(0, 0),
            sample(1, 5),
            sample(2, 5),
            sample(3, 2),
            sample(4, 5),
        ];
        let shown: Vec<u64> = last_of_each_wish(&samples)
            .iter()
            .map(|sample| sample.t.whole_seconds())
            .collect();
        assert_eq!(shown, [0, 2, 3, 4]);
    }

    #[test]
    fn many_rows_are_thinned_but_the_last_stays() {
        let samples: Vec<Sample> = (0..95).map(|t| sample(t, t)).collect();
        let shown = thinned(&samples.iter().collect::<Vec<_>>());
        assert_eq!(shown.len(), 19);
        assert_eq!(shown.last().unwrap().t, Millis(94_000));
    }

    #[test]
    fn each_check_has_a_row() {
        let check = |text: &str, held, at: Option<u64>| CheckResult {
            text: text.to_owned(),
            held,
            at: at.map(Millis),
            state: String::new(),
        };
        let checks = [
            check("always: a.total <= 3", true, None),
            check("finally: a.running == 2", false, Some(9500)),
        ];
        assert_eq!(
            rows_of(&checks),
            [
                ["always: a.total <= 3", "passed", "-"],
                ["finally: a.running == 2", "failed", "9.5s"],
            ]
        );
    }

    #[test]
    fn pending_pods_are_named() {
        assert_eq!(
            pods(Counts {
                running: 3,
                pending: 0,
                ..Counts::default()
            }),
            "3"
        );
        assert_eq!(
            pods(Counts {
                running: 3,
                pending: 2,
                ..Counts::default()
            }),
            "3 + 2 pending"
        );
    }
}
