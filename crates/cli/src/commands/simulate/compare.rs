//! Plays one scenario under several settings, and puts what they came to side by side.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use picture::{Panel, Stacks};
use serde_json::{Value, json};
use simulator::{LoadSample, Outcome, Report};

use super::{Common, Output, Source, one, play};
use crate::exit::Exit;
use crate::{output, table};

pub(super) fn run(source: &Source, settings: &[PathBuf], common: Common) -> Result<(), Exit> {
    let read = settings.iter().map(|file| source.read(Some(file)));
    let scenarios = read.collect::<Result<Vec<_>, _>>()?;
    let Some(first) = scenarios.first() else {
        return Ok(());
    };
    let module = play::module(common.module)?;
    let seed = common.seed.unwrap_or(first.script.seed);
    for note in &first.notes {
        output::tell(format_args!("note: {note}"));
    }
    let mut played: Vec<(String, Outcome)> = Vec::new();
    for (file, scenario) in settings.iter().zip(&scenarios) {
        let name = file.display().to_string();
        let outcome = play::play(scenario, seed, &module, &name)?;
        for (warning, times) in &outcome.warnings {
            output::tell(format_args!("warning with {name}, {times} times: {warning}"));
        }
        played.push((name, outcome));
    }
    let panels: Vec<Panel> = played
        .iter()
        .map(|(name, outcome)| Panel {
            heading: name.clone(),
            stacks: Stacks::of(outcome),
        })
        .collect();
    for file in &common.pictures {
        file.write(&panels, &one::caption(first, seed))?;
    }
    match common.output {
        Output::Json => output::print_line(played.iter().map(json).collect::<Value>())?,
        Output::Table => output::print(compared(&played))?,
    }
    let violations = played.iter().flat_map(|(name, outcome)| {
        let violations = outcome.violations.iter();
        violations.map(move |violation| format!("{name}: {violation}"))
    });
    let violations: Vec<String> = violations.collect();
    if violations.is_empty() {
        Ok(())
    } else {
        Err(Exit::Violations(violations))
    }
}

fn json((name, outcome): &(String, Outcome)) -> Value {
    let report = &outcome.report;
    let load = requests(report);
    json!({
        "settings": Path::new(name),
        "podHours": report.pod_hours.iter().map(|(subset, hours)| (subset.clone(), json!(hours))).collect::<serde_json::Map<_, _>>(),
        "pendingMillis": report.pending_millis,
        "served": load.map(|load| load.served),
        "lost": load.map(|load| load.lost),
        "writes": report.writes,
        "admissions": report.admissions,
        "maxOver": report.max_over,
        "violations": outcome.violations,
    })
}

/// A line for each figure, a column for each settings file.
fn compared(played: &[(String, Outcome)]) -> String {
    let mut header = vec![String::new()];
    header.extend(played.iter().map(|(name, _)| name.clone()));
    let reports: Vec<&Report> = played.iter().map(|(_, outcome)| &outcome.report).collect();
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut row = |name: String, value: &dyn Fn(&Report) -> String| {
        let mut cells = vec![name];
        cells.extend(reports.iter().map(|report| value(report)));
        rows.push(cells);
    };
    for subset in subsets(played) {
        row(format!("pod-hours, {subset}"), &|report| {
            cell(&report.pod_hours, &subset, thousandths)
        });
    }
    row("time pending, all pods".to_owned(), &|report| {
        format!("{} s", thousandths(report.pending_millis))
    });
    if reports.iter().any(|report| requests(report).is_some()) {
        let figure = |report: &Report, figure: fn(LoadSample) -> u64| {
            requests(report).map_or("-".to_owned(), |load| figure(load).to_string())
        };
        row("requests served".to_owned(), &|report| {
            figure(report, |load| load.served)
        });
        row("requests lost".to_owned(), &|report| {
            figure(report, |load| load.lost)
        });
    }
    row("pods admitted".to_owned(), &|report| {
        report.admissions.to_string()
    });
    row("writes to the API".to_owned(), &|report| {
        report.writes.values().sum::<u64>().to_string()
    });
    for subset in subsets(played) {
        if reports.iter().any(|report| report.max_over.contains_key(&subset)) {
            row(format!("most above the maximum, {subset}"), &|report| {
                cell(&report.max_over, &subset, |pods| pods.to_string())
            });
        }
    }
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let numbers: Vec<usize> = (1..header.len()).collect();
    table::of(&header, rows.into_iter(), &numbers)
}

/// All of them, in the order in which they come.
fn subsets(played: &[(String, Outcome)]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for subset in played.iter().flat_map(|(_, outcome)| &outcome.subset_order) {
        if !found.contains(subset) {
            found.push(subset.clone());
        }
    }
    found
}

fn cell(values: &BTreeMap<String, u64>, subset: &str, shown: impl Fn(u64) -> String) -> String {
    values.get(subset).map_or("-".to_owned(), |value| shown(*value))
}

fn thousandths(number: u64) -> String {
    format!("{}.{:03}", number / 1000, number % 1000)
}

/// All requests of a run, if there were any to be made.
fn requests(report: &Report) -> Option<LoadSample> {
    let mut all: Option<LoadSample> = None;
    for load in report.samples.iter().filter_map(|sample| sample.load) {
        let sum = all.get_or_insert_default();
        sum.arriving += load.arriving;
        sum.served += load.served;
        sum.lost += load.lost;
    }
    all
}
