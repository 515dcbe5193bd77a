//! The pods over time, drawn with the letters of a terminal.

use crate::palette::{LOST, Look, SERVED, look};
use crate::stacks::{Load, Stacks, count};

const COLUMNS: usize = 72;
const ROWS: usize = 14;
const WISH: char = '─';

/// Rows of the requests' chart.
const LOAD_ROWS: usize = 7;

/// What one column shows: layers from the ground up, each with its upper end, and the height of the line.
struct Column {
    layers: Vec<(u64, Look)>,
    line: u64,
}

/// A chart of columns; heights in any whole unit.
struct Plot {
    rows: usize,
    top: u64,
    /// The labels of the highest row and of the middle one, and what they count.
    labels: [String; 2],
    columns: Vec<Column>,
}

/// Stacked columns, the first subset at the bottom, the desired number as a line, and a legend; below, the requests in the
/// same way where there are any.
pub fn draw(stacks: &Stacks, coloured: bool) -> String {
    let mut plots = vec![(pods(stacks), legend(stacks, coloured))];
    plots.extend(
        stacks
            .load
            .as_ref()
            .map(|load| (requests(load, stacks.end()), load_legend(coloured))),
    );
    let labels = plots.iter().flat_map(|(plot, _)| &plot.labels);
    let label_width = labels
        .map(|label| label.chars().count())
        .max()
        .unwrap_or_default();
    let end = stacks.seconds.last().copied().unwrap_or_default();
    let drawn = plots.iter().map(|(plot, legend)| {
        let mut lines = plot.draw(label_width, coloured);
        let last = format!("{end} s");
        lines.push(format!(
            "{:>label_width$}  0 s{last:>width$}",
            "",
            width = COLUMNS - 3
        ));
        lines.push(legend.clone());
        lines.join("\n") + "\n"
    });
    drawn.collect::<Vec<String>>().join("\n")
}

fn pods(stacks: &Stacks) -> Plot {
    let top = stacks.highest();
    let columns = (0..COLUMNS).map(|column| {
        let sample = moment(column, &stacks.seconds, stacks.end());
        let at = |values: &[u64]| values.get(sample).copied().unwrap_or_default();
        let mut height = 0;
        let layers = stacks.layers.iter().enumerate().map(|(index, layer)| {
            height += at(&layer.running) + at(&layer.pending);
            (height, look(index, &layer.subset))
        });
        Column {
            layers: layers.collect(),
            line: at(&stacks.desired),
        }
    });
    Plot {
        rows: ROWS,
        top,
        labels: [
            top.to_string(),
            (top * (ROWS as u64 / 2) / ROWS as u64).to_string(),
        ],
        columns: columns.collect(),
    }
}

/// Rates in thousandths, so that the heights are whole.
fn requests(load: &Load, end: f64) -> Plot {
    let top = thousandths(load.highest()).max(1);
    let columns = (0..COLUMNS).map(|column| {
        let sample = moment(column, &load.seconds, end);
        let at = |values: &[f64]| thousandths(values.get(sample).copied().unwrap_or_default());
        let served = at(&load.served);
        Column {
            layers: vec![(served, SERVED), (served + at(&load.lost), LOST)],
            line: at(&load.arriving),
        }
    });
    let label = |rate: u64| {
        if top >= 10_000 {
            (rate / 1000).to_string()
        } else {
            format!("{}.{}", rate / 1000, rate % 1000 / 100)
        }
    };
    Plot {
        rows: LOAD_ROWS,
        top,
        labels: [label(top), label(top * (LOAD_ROWS as u64 / 2) / LOAD_ROWS as u64)],
        columns: columns.collect(),
    }
}

/// The last moment that is not after a column's.
fn moment(column: usize, seconds: &[f64], end: f64) -> usize {
    let at = end * count(column as u64) / count(COLUMNS as u64 - 1);
    let passed = seconds.partition_point(|second| *second <= at * (1.0 + 1e-12));
    passed.saturating_sub(1)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is neither negative nor near 2^53"
)]
fn thousandths(rate: f64) -> u64 {
    (rate * 1000.0).round() as u64
}

impl Plot {
    fn draw(&self, label_width: usize, coloured: bool) -> Vec<String> {
        let [highest, middle] = &self.labels;
        let mut lines = Vec::new();
        for row in (0..self.rows).rev() {
            let label = match row {
                _ if row == self.rows - 1 => highest,
                _ if row == self.rows / 2 => middle,
                0 => "0",
                _ => "",
            };
            let cells = self.columns.iter().map(|column| self.cell(column, row, coloured));
            let cells: String = cells.collect();
            lines.push(format!("{label:>label_width$} │{}", cells.trim_end()));
        }
        lines.push(format!("{:>label_width$} └{}", "", "─".repeat(COLUMNS)));
        lines
    }

    fn cell(&self, column: &Column, row: usize, coloured: bool) -> String {
        if column.line > 0 && self.row_of(column.line) == row {
            return paint(WISH, None, coloured);
        }
        // A cell shows what lies at its middle.
        let middle = (2 * row as u64 + 1) * self.top;
        let scaled = |height: u64| height * 2 * self.rows as u64;
        let found = column.layers.iter().find(|(height, _)| scaled(*height) > middle);
        found.map_or(" ".to_owned(), |(_, look)| {
            paint(look.glyph, Some(look.rgb), coloured)
        })
    }

    /// The row in which a height ends.
    fn row_of(&self, height: u64) -> usize {
        let row = (height * self.rows as u64)
            .div_ceil(self.top.max(1))
            .saturating_sub(1);
        usize::try_from(row).unwrap_or(self.rows).min(self.rows - 1)
    }
}

fn legend(stacks: &Stacks, coloured: bool) -> String {
    let mut entries: Vec<String> = stacks
        .layers
        .iter()
        .enumerate()
        .map(|(index, layer)| {
            let look = look(index, &layer.subset);
            format!("{} {}", paint(look.glyph, Some(look.rgb), coloured), layer.subset)
        })
        .collect();
    entries.push(format!("{WISH} desired"));
    format!("  pods: {}", entries.join("   "))
}

fn load_legend(coloured: bool) -> String {
    let sign = |look: Look| paint(look.glyph, Some(look.rgb), coloured);
    format!(
        "  requests/s: {} served   {} lost   {WISH} arriving",
        sign(SERVED),
        sign(LOST)
    )
}

fn paint(glyph: char, rgb: Option<(u8, u8, u8)>, coloured: bool) -> String {
    match rgb {
        Some((red, green, blue)) if coloured => format!("\u{1b}[38;2;{red};{green};{blue}m{glyph}\u{1b}[0m"),
        _ => glyph.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stacks::Layer;

    fn stacks() -> Stacks {
        let layer = |subset: &str, running: [u64; 3], pending: [u64; 3]| Layer {
            subset: subset.to_owned(),
            running: running.to_vec(),
            pending: pending.to_vec(),
        };
        Stacks {
            seconds: vec![0.0, 1.0, 2.0],
            desired: vec![0, 14, 7],
            layers: vec![
                layer("fixed", [0, 4, 7], [0, 3, 0]),
                layer("elastic", [0, 0, 0], [0, 7, 0]),
            ],
            load: None,
            marks: Vec::new(),
        }
    }

    #[test]
    fn layers_are_stacked_under_the_wish() {
        let chart = draw(&stacks(), false);
        let lines: Vec<&str> = chart.lines().collect();
        let column = |at: usize| -> String {
            lines[..ROWS]
                .iter()
                .map(|line| line.chars().nth(at + 4).unwrap_or(' '))
                .collect()
        };
        assert_eq!(column(0), " ".repeat(14));
        assert_eq!(column(40), "─▒▒▒▒▒▒███████");
        assert_eq!(column(71), "       ─██████");
        assert_eq!(lines[ROWS + 2], "  pods: █ fixed   ▒ elastic   ─ desired");
        assert!(lines[ROWS + 1].ends_with("2 s"), "{chart}");
    }

    #[test]
    fn there_are_no_colours_unless_asked_for() {
        assert!(!draw(&stacks(), false).contains('\u{1b}'));
        assert!(draw(&stacks(), true).contains("\u{1b}[38;2;0;114;178m█"));
    }

    #[test]
    fn requests_have_a_chart_of_their_own_where_there_are_any() {
        let mut stacks = stacks();
        stacks.load = Some(Load {
            seconds: vec![1.0, 2.0],
            arriving: vec![70.0, 140.0],
            served: vec![70.0, 60.0],
            lost: vec![0.0, 40.0],
        });
        let chart = draw(&stacks, false);
        let lines: Vec<&str> = chart.lines().collect();
        let below = &lines[ROWS + 4..];
        let column = |at: usize| -> String {
            below[..LOAD_ROWS]
                .iter()
                .map(|line| line.chars().nth(at + 5).unwrap_or(' '))
                .collect()
        };
        assert_eq!(column(71), "─ xx▒▒▒");
        assert_eq!(column(40), "   ─▒▒▒");
        assert!(below[0].starts_with("140 │"), "{chart}");
        assert_eq!(
            lines.last(),
            Some(&"  requests/s: ▒ served   x lost   ─ arriving")
        );
    }
}
