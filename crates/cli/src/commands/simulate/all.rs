//! Plays every scenario of a folder, and says which came out as expected.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use simulator::SCRIPT_FILE;

use super::{Common, Output, play};
use crate::exit::Exit;
use crate::{folder, output, table};

/// What became of one scenario.
struct Row {
    scenario: String,
    admissions: u64,
    violations: Vec<String>,
}

pub(super) fn run(parent: &Path, common: Common) -> Result<(), Exit> {
    let folders = scenarios(parent)?;
    let module = play::module(common.module)?;
    // Everything is read before anything is played: a fault is told at once.
    let scenarios = folders
        .iter()
        .map(|folder| folder::read(folder, None))
        .collect::<Vec<_>>();
    let faults: Vec<String> = scenarios
        .iter()
        .filter_map(|read| read.as_ref().err())
        .flat_map(Exit::told)
        .collect();
    if !faults.is_empty() {
        return Err(Exit::BadInput(faults));
    }
    let mut rows = Vec::new();
    for (index, scenario) in scenarios.iter().flatten().enumerate() {
        let what = format!("{} ({} of {})", scenario.name, index + 1, folders.len());
        output::tell(format_args!("playing {what}"));
        let seed = common.seed.unwrap_or(scenario.script.seed);
        let outcome = play::play(scenario, seed, &module, &what)?;
        rows.push(Row {
            scenario: scenario.name.clone(),
            admissions: outcome.report.admissions,
            violations: outcome.violations,
        });
    }
    match common.output {
        Output::Json => output::print_line(rows.iter().map(Row::json).collect::<Value>())?,
        Output::Table => output::print(shown(&rows))?,
    }
    let failed: Vec<String> = rows.iter().flat_map(Row::told).collect();
    if failed.is_empty() {
        Ok(())
    } else {
        Err(Exit::Violations(failed))
    }
}

impl Row {
    fn json(&self) -> Value {
        json!({
            "scenario": self.scenario,
            "admissions": self.admissions,
            "passed": self.violations.is_empty(),
            "violations": self.violations,
        })
    }

    fn told(&self) -> Vec<String> {
        let violations = self.violations.iter();
        violations
            .map(|violation| format!("{}: {violation}", self.scenario))
            .collect()
    }
}

fn shown(rows: &[Row]) -> String {
    let header = ["scenario", "admissions", "expectations", "first violation"];
    let cells = rows.iter().map(|row| {
        let result = match row.violations.len() {
            0 => "met".to_owned(),
            number => format!("{number} missed"),
        };
        let first = row.violations.first().cloned().unwrap_or_default();
        vec![row.scenario.clone(), row.admissions.to_string(), result, first]
    });
    table::of(&header, cells, &[1])
}

/// The folders with a scenario, in the order of their names.
fn scenarios(parent: &Path) -> Result<Vec<PathBuf>, Exit> {
    let bad =
        |error: std::io::Error| Exit::BadInput(vec![format!("cannot read `{}`: {error}", parent.display())]);
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(parent).map_err(bad)? {
        let path = entry.map_err(bad)?.path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    folders.sort();
    let (found, others): (Vec<PathBuf>, Vec<PathBuf>) = folders
        .into_iter()
        .partition(|folder| folder.join(SCRIPT_FILE).is_file());
    for other in others {
        let other = other.display();
        output::tell(format_args!(
            "note: `{other}` has no {SCRIPT_FILE} and is left out"
        ));
    }
    if found.is_empty() {
        return Err(Exit::BadInput(vec![format!(
            "`{}` has no folder with a {SCRIPT_FILE}; name the folder that holds the scenarios' folders",
            parent.display()
        )]));
    }
    Ok(found)
}
