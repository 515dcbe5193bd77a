//! The pods over time, drawn with the letters of a terminal.

use crate::palette::look;
use crate::stacks::Stacks;

const COLUMNS: usize = 72;
const ROWS: usize = 14;
const WISH: char = '─';

/// Stacked columns, the first subset at the bottom, the desired number as a line, and a legend.
pub(crate) fn draw(stacks: &Stacks, coloured: bool) -> String {
    let top = stacks.highest();
    let label_width = top.to_string().len();
    let mut lines = Vec::new();
    for row in (0..ROWS).rev() {
        let label = match row {
            _ if row == ROWS - 1 => top.to_string(),
            _ if row == ROWS / 2 => (top * (ROWS as u64 / 2) / ROWS as u64).to_string(),
            0 => "0".to_owned(),
            _ => String::new(),
        };
        let cells: String = (0..COLUMNS)
            .map(|column| cell(stacks, column, row, top, coloured))
            .collect();
        lines.push(format!("{label:>label_width$} │{}", cells.trim_end()));
    }
    let end = stacks.seconds.last().copied().unwrap_or_default();
    lines.push(format!("{:>label_width$} └{}", "", "─".repeat(COLUMNS)));
    let last = format!("{end} s");
    lines.push(format!(
        "{:>label_width$}  0 s{last:>width$}",
        "",
        width = COLUMNS - 3
    ));
    lines.push(legend(stacks, coloured));
    lines.join("\n") + "\n"
}

fn cell(stacks: &Stacks, column: usize, row: usize, top: u64, coloured: bool) -> String {
    let samples = stacks.seconds.len();
    let sample = column * samples.saturating_sub(1) / (COLUMNS - 1).max(1);
    // A cell shows what lies at its middle.
    let middle = |row: usize| (2 * row as u64 + 1) * top;
    let scaled = |pods: u64| pods * 2 * ROWS as u64;
    let wish = stacks.desired.get(sample).copied().unwrap_or_default();
    if wish > 0 && wish_row(wish, top) == row {
        return paint(WISH, None, coloured);
    }
    let mut height = 0;
    for (index, layer) in stacks.layers.iter().enumerate() {
        let at = |values: &[u64]| values.get(sample).copied().unwrap_or_default();
        height += at(&layer.running) + at(&layer.pending);
        if scaled(height) > middle(row) {
            let look = look(index, &layer.subset);
            return paint(look.glyph, Some(look.rgb), coloured);
        }
    }
    " ".to_owned()
}

/// The row in which a number of pods ends.
fn wish_row(pods: u64, top: u64) -> usize {
    let row = (pods * ROWS as u64).div_ceil(top.max(1)).saturating_sub(1);
    usize::try_from(row).unwrap_or(ROWS).min(ROWS - 1)
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
        assert!(draw(&stacks(), true).contains("\u{1b}[38;2;24;78;140m█"));
    }
}
