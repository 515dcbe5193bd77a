//! Measures how fast the simulator decides and plays, and what it needs.
//!
//! ```text
//!   decisions  ── the core alone, and the compiled policy in its host, in this process
//!   runs       ── the CLI as users start it, on scenarios that are written for the purpose
//! ```

mod decisions;
mod runs;

use std::path::Path;

use anyhow::Result;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use serde::Serialize;

/// One thing that was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Figure {
    what: &'static str,
    value: f64,
    unit: &'static str,
    /// The aim, and whether it is met.
    aim: Option<(&'static str, bool)>,
}

/// How much to measure.
pub(crate) struct Effort {
    /// Admissions by the compiled policy.
    pub(crate) admissions: u32,
    /// Pods of the largest burst.
    pub(crate) pods: u32,
}

/// Measures everything; `cli` is the program `spillway`.
pub(crate) fn run(
    policy: &Path,
    cli: &Path,
    examples: &Path,
    effort: &Effort,
    progress: &dyn Fn(&str),
) -> Result<Vec<Figure>> {
    progress("decisions of the core");
    let mut figures = decisions::native()?;
    progress(&format!(
        "{} admissions by the compiled policy",
        effort.admissions
    ));
    figures.extend(decisions::wasm(policy, effort.admissions)?);
    progress("a day of hello-web");
    figures.extend(runs::day(cli, policy, examples)?);
    progress(&format!("a burst of {} pods", effort.pods));
    figures.extend(runs::burst(cli, policy, examples, effort.pods)?);
    Ok(figures)
}

/// The figures as a table.
pub(crate) fn table(figures: &[Figure]) -> String {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_header(["what", "value", "unit", "aim"]);
    for figure in figures {
        let aim = figure.aim.map_or_else(String::new, |(aim, met)| {
            format!("{aim}, {}", if met { "met" } else { "missed" })
        });
        table.add_row([
            figure.what.to_owned(),
            shown(figure.value),
            figure.unit.to_owned(),
            aim,
        ]);
    }
    if let Some(values) = table.column_mut(1) {
        values.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

fn shown(value: f64) -> String {
    if value < 100.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}
