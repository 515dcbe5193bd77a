//! Plays one scenario and shows all that it came to.

use picture::{Caption, Panel, Stacks};
use simulator::{Outcome, Scenario};

use super::{Common, Output, Source, colours, play};
use crate::exit::Exit;
use crate::{output, table};

pub(super) fn run(source: &Source, common: Common) -> Result<(), Exit> {
    let scenario = source.read(None)?;
    let module = play::module(common.module)?;
    let seed = common.seed.unwrap_or(scenario.script.seed);
    for note in &scenario.notes {
        output::tell(format_args!("note: {note}"));
    }
    let outcome = play::play(&scenario, seed, &module, &scenario.name)?;
    let caption = caption(&scenario, seed);
    for file in &common.pictures {
        let panel = Panel {
            heading: String::new(),
            stacks: Stacks::of(&outcome),
        };
        file.write(&[panel], &caption)?;
    }
    for (warning, times) in &outcome.warnings {
        output::tell(format_args!("warning, {times} times: {warning}"));
    }
    match common.output {
        Output::Json => {
            let report = serde_json::to_string(&outcome.report);
            output::print_line(report.map_err(|error| Exit::bad(&error))?)?;
        }
        Output::Table => output::print(tables(&scenario, seed, &outcome, colours()))?,
    }
    if outcome.violations.is_empty() {
        Ok(())
    } else {
        Err(Exit::Violations(outcome.violations))
    }
}

/// What stands above the picture of a scenario.
pub(super) fn caption(scenario: &Scenario, seed: u64) -> Caption {
    Caption {
        title: scenario.name.clone(),
        subtitle: format!("{} Seed {seed}.", scenario.script.description)
            .trim()
            .to_owned(),
    }
}

fn tables(scenario: &Scenario, seed: u64, outcome: &Outcome, coloured: bool) -> String {
    let heading = format!(
        "{}: {}\nseed {seed}\n",
        scenario.name, scenario.script.description
    );
    let chart = picture::chart(&Stacks::of(outcome), coloured);
    let checks = table::checks(outcome);
    let gap = if checks.is_empty() { "" } else { "\n" };
    format!(
        "{heading}\n{}\n{chart}\n{}{gap}{checks}",
        table::over_time(outcome),
        table::summary(outcome)
    )
}
