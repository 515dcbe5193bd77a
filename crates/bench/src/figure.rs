//! What was measured, and how it is shown.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use serde::Serialize;

/// One thing that was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Figure {
    pub(crate) what: &'static str,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    /// The aim, and whether it is met.
    pub(crate) aim: Option<(&'static str, bool)>,
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
