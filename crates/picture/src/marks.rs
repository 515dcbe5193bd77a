//! What happened: a thin line and a number in the plot, and the words below it.

use std::collections::BTreeSet;

use simulator::{Mark, MarkKind};
use svg::node::element::Group;

use super::axis::{Unit, moment};
use super::frame::Frame;
use super::pen::{Anchor, INK, PALE_INK, rectangle, straight, text, width, wrapped};

/// More than this and nobody reads them.
const MOST: usize = 24;
/// Numbers that would overlap go one row up, at most so often.
const ROWS: usize = 3;
const ROW_HEIGHT: f64 = 18.0;
const LINE_HEIGHT: f64 = 18.0;
const NUMBER_SIZE: f64 = 12.0;
const WORDS_SIZE: f64 = 13.0;

/// One number of the picture, with what happened there.
#[derive(Debug, Clone, PartialEq)]
struct Numbered {
    seconds: f64,
    x: f64,
    row: usize,
    texts: Vec<String>,
}

/// Everything that is marked in one panel.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Marks {
    numbered: Vec<Numbered>,
    /// What was left out, in words.
    left_out: Option<String>,
    /// The words below, line by line, in columns.
    columns: Vec<Vec<String>>,
}

impl Marks {
    /// Puts marks where a frame of this breadth has them.
    pub(super) fn of(marks: &[Mark], left: f64, width: f64, end: f64) -> Self {
        let mut dropped = BTreeSet::new();
        // The desired number shows what the last ones did, so that they go first.
        let mut order = [
            MarkKind::Scaled,
            MarkKind::Event,
            MarkKind::Unschedulable,
            MarkKind::Subset,
        ]
        .into_iter();
        let numbered = loop {
            let kept = marks.iter().filter(|mark| !dropped.contains(&mark.kind));
            let numbered = placed(kept, |seconds| left + width * (seconds / end).min(1.0));
            if numbered.len() <= MOST {
                break numbered;
            }
            let Some(kind) = order.next() else { break numbered };
            dropped.insert(kind);
        };
        let left_out = words_for(marks, &dropped);
        let mut found = Self {
            numbered,
            left_out,
            columns: Vec::new(),
        };
        found.columns = found.in_columns(left + width - MARGIN, Unit::of(end));
        found
    }

    /// How much room the numbers need above the plot.
    pub(super) fn above(&self) -> f64 {
        let rows = self.numbered.iter().map(|numbered| numbered.row + 1).max();
        ROW_HEIGHT * crate::stacks::count(rows.unwrap_or_default() as u64)
    }

    /// How much room the words need below it.
    pub(super) fn below(&self) -> f64 {
        let lines = self.columns.iter().map(Vec::len).max().unwrap_or_default();
        let note = usize::from(self.left_out.is_some());
        LINE_HEIGHT * crate::stacks::count((lines + note) as u64)
    }

    /// Lines from the numbers, which stand above `frames`, down through all of them.
    pub(super) fn lines(&self, upper: &Frame, lower: &Frame) -> Group {
        let mut lines = Group::new()
            .set("stroke", INK)
            .set("stroke-width", "0.8")
            .set("stroke-dasharray", "3 3");
        for numbered in &self.numbered {
            let top = upper.top - ROW_HEIGHT * crate::stacks::count(numbered.row as u64) - 2.0;
            lines = lines.add(straight((numbered.x, top), (numbered.x, lower.bottom())));
        }
        lines
    }

    /// The numbers themselves.
    pub(super) fn numbers(&self, upper: &Frame) -> Group {
        let mut group = Group::new();
        for (index, numbered) in self.numbered.iter().enumerate() {
            let label = (index + 1).to_string();
            let wide = pill(&label);
            let row = crate::stacks::count(numbered.row as u64);
            let top = upper.top - ROW_HEIGHT * (row + 1.0);
            let shape = rectangle((numbered.x - wide / 2.0, top), (wide, 16.0))
                .set("rx", "8")
                .set("fill", "#ffffff")
                .set("stroke", INK)
                .set("stroke-width", "0.8");
            let at = (numbered.x, top + 12.3);
            group = group
                .add(shape)
                .add(text(at, NUMBER_SIZE, Anchor::Middle, &label));
        }
        group
    }

    /// The words, below `top`.
    pub(super) fn words(&self, top: f64, breadth: f64) -> Group {
        let mut group = Group::new();
        let across = crate::stacks::count(self.columns.len().max(1) as u64);
        let mut lines = 0;
        for (column, content) in self.columns.iter().enumerate() {
            let x = MARGIN + crate::stacks::count(column as u64) * (breadth - MARGIN) / across;
            for (line, words) in content.iter().enumerate() {
                let y = top + LINE_HEIGHT * (crate::stacks::count(line as u64) + 0.75);
                group = group.add(text((x, y), WORDS_SIZE, Anchor::Start, words));
            }
            lines = lines.max(content.len());
        }
        if let Some(left_out) = &self.left_out {
            let y = top + LINE_HEIGHT * (crate::stacks::count(lines as u64) + 0.75);
            let note = text((MARGIN, y), WORDS_SIZE, Anchor::Start, left_out);
            group = group.add(note.set("fill", PALE_INK));
        }
        group
    }

    /// As many columns, at most three, as every entry has room in; one of broken lines where nothing else fits.
    fn in_columns(&self, breadth: f64, unit: Unit) -> Vec<Vec<String>> {
        let entries: Vec<String> = self
            .numbered
            .iter()
            .enumerate()
            .map(|(index, numbered)| {
                let at = moment(numbered.seconds, unit);
                format!("{}. {at}: {}", index + 1, numbered.texts.join("; "))
            })
            .collect();
        let widest = entries
            .iter()
            .map(|entry| width(entry, WORDS_SIZE))
            .fold(0.0, f64::max);
        for columns in [3_usize, 2] {
            if widest + 16.0 <= breadth / crate::stacks::count(columns as u64) {
                let each = entries.len().div_ceil(columns).max(1);
                return entries.chunks(each).map(<[String]>::to_vec).collect();
            }
        }
        let lines = entries
            .iter()
            .flat_map(|entry| wrapped(entry, WORDS_SIZE, breadth));
        vec![lines.collect()]
    }
}

/// Where the words begin.
const MARGIN: f64 = super::LEFT;

/// How wide a number is with what surrounds it.
fn pill(label: &str) -> f64 {
    width(label, NUMBER_SIZE).max(7.0) + 9.0
}

/// Marks at the same place share a number; numbers that would touch stand in different rows, and share one where all
/// rows are taken.
fn placed<'a>(marks: impl Iterator<Item = &'a Mark>, x: impl Fn(f64) -> f64) -> Vec<Numbered> {
    let mut found: Vec<Numbered> = Vec::new();
    let mut taken = [f64::NEG_INFINITY; ROWS];
    for mark in marks {
        let here = x(mark.t.seconds());
        let wide = pill(&(found.len() + 1).to_string());
        let text = mark.text.clone();
        let is_here = |last: &Numbered| (here - last.x).abs() < 1.0;
        let mut rows = taken.iter_mut().enumerate();
        let free = rows.find(|(_, right)| here - wide / 2.0 > **right + 1.0);
        match (found.last_mut(), free) {
            (Some(last), _) if is_here(last) => add(&mut last.texts, text),
            (Some(last), None) => add(&mut last.texts, text),
            (None, None) => {}
            (_, Some((row, right))) => {
                *right = here + wide / 2.0;
                found.push(Numbered {
                    seconds: mark.t.seconds(),
                    x: here,
                    row,
                    texts: vec![text],
                });
            }
        }
    }
    found
}

/// What is said twice is said once.
fn add(texts: &mut Vec<String>, text: String) {
    if !texts.contains(&text) {
        texts.push(text);
    }
}

fn words_for(marks: &[Mark], dropped: &BTreeSet<MarkKind>) -> Option<String> {
    let counted: Vec<String> = dropped
        .iter()
        .filter_map(|kind| {
            let number = marks.iter().filter(|mark| mark.kind == *kind).count();
            let words = match kind {
                MarkKind::Event => "events of the scenario",
                MarkKind::Scaled => "changes by an autoscaler",
                MarkKind::Unschedulable => "first pods without a node",
                MarkKind::Subset => "changes of a subset",
            };
            (number > 0).then(|| format!("{number} {words}"))
        })
        .collect();
    (!counted.is_empty()).then(|| format!("too many to be marked: {}", counted.join(", ")))
}

#[cfg(test)]
mod tests {
    use simulator::Millis;

    use super::*;

    fn mark(seconds: u64, kind: MarkKind, text: &str) -> Mark {
        Mark {
            t: Millis(seconds * 1000),
            kind,
            text: text.to_owned(),
        }
    }

    #[test]
    fn numbers_never_overlap() {
        let marks: Vec<Mark> = (0..20)
            .map(|at| mark(at, MarkKind::Event, &format!("event {at}")))
            .collect();
        let found = Marks::of(&marks, 0.0, 900.0, 600.0);
        for (index, a) in found.numbered.iter().enumerate() {
            for (other, b) in found.numbered.iter().enumerate().skip(index + 1) {
                let room = f64::midpoint(pill(&(index + 1).to_string()), pill(&(other + 1).to_string()));
                assert!(a.row != b.row || (a.x - b.x).abs() > room, "{a:?} {b:?}");
            }
        }
        let told: Vec<&String> = found
            .numbered
            .iter()
            .flat_map(|numbered| &numbered.texts)
            .collect();
        assert_eq!(told.len(), 20, "every event is told");
    }

    #[test]
    fn too_many_of_a_kind_are_counted_instead() {
        let mut marks: Vec<Mark> = (0..200)
            .map(|at| mark(at * 5, MarkKind::Scaled, &format!("{at}")))
            .collect();
        marks.insert(0, mark(0, MarkKind::Subset, "fixed closed"));
        let found = Marks::of(&marks, 0.0, 900.0, 1000.0);
        assert_eq!(found.numbered.len(), 1);
        assert_eq!(
            found.left_out.as_deref(),
            Some("too many to be marked: 200 changes by an autoscaler")
        );
    }

    #[test]
    fn what_happens_at_once_shares_a_number() {
        let marks = [
            mark(5, MarkKind::Event, "a"),
            mark(5, MarkKind::Subset, "b"),
            mark(5, MarkKind::Subset, "b"),
        ];
        let found = Marks::of(&marks, 0.0, 900.0, 100.0);
        assert_eq!(found.columns, [["1. 5 s: a; b"]]);
    }
}
