//! What each colour, hatching and line means: rows under the title.

use svg::node::element::Group;

use super::Panel;
use super::pen::{Anchor, INK, hex, outlined, rectangle, text, width};
use super::plot::LOST_HATCHING;
use crate::palette::{SERVED, look};

const SIZE: f64 = 14.0;
pub(super) const ROW_HEIGHT: f64 = 24.0;

/// What stands before a name.
#[derive(Debug, Clone, PartialEq)]
enum Sign {
    Filled(String),
    Line(f64),
}

/// The rows, each no wider than there is room.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Legend {
    rows: Vec<Vec<(Sign, String)>>,
}

impl Legend {
    pub(super) fn of(panels: &[Panel], order: &[&str], room: f64) -> Self {
        let layers = || panels.iter().flat_map(|panel| &panel.stacks.layers);
        let loads = || panels.iter().filter_map(|panel| panel.stacks.load.as_ref());
        let mut pods: Vec<(Sign, String)> = order
            .iter()
            .enumerate()
            .map(|(place, subset)| {
                let colour = hex(look(place, subset).rgb);
                (Sign::Filled(colour), (*subset).to_owned())
            })
            .collect();
        if layers().any(|layer| layer.pending.iter().any(|pods| *pods > 0)) {
            pods.push((Sign::Filled(format!("url(#{PENDING})")), "pending".to_owned()));
        }
        pods.push((Sign::Line(2.2), "desired".to_owned()));
        let mut rows = in_rows(pods, room);
        if loads().next().is_some() {
            let mut requests = vec![
                (Sign::Line(1.6), "requests arriving".to_owned()),
                (Sign::Filled(hex(SERVED.rgb)), "served".to_owned()),
            ];
            if loads().any(|load| load.lost.iter().any(|lost| *lost > 0.0)) {
                requests.push((Sign::Filled(format!("url(#{LOST_HATCHING})")), "lost".to_owned()));
            }
            rows.extend(in_rows(requests, room));
        }
        Self { rows }
    }

    pub(super) fn height(&self) -> f64 {
        ROW_HEIGHT * crate::stacks::count(self.rows.len() as u64)
    }

    pub(super) fn draw(&self, left: f64, top: f64) -> Group {
        let mut group = Group::new();
        for (index, row) in self.rows.iter().enumerate() {
            let top = top + ROW_HEIGHT * crate::stacks::count(index as u64);
            let mut x = left;
            for (sign, name) in row {
                group = match sign {
                    Sign::Filled(fill) => group.add(
                        rectangle((x, top), (SIGN, 16.0))
                            .set("fill", fill.as_str())
                            .set("stroke", INK)
                            .set("stroke-width", "0.8"),
                    ),
                    Sign::Line(thick) => {
                        group.add(outlined(&[(x, top + 8.0), (x + SIGN, top + 8.0)], *thick))
                    }
                };
                let at = (x + SIGN + GAP, top + 13.0);
                group = group.add(text(at, SIZE, Anchor::Start, name));
                x += breadth(name);
            }
        }
        group
    }
}

/// The hatching that stands for those of all subsets.
pub(super) const PENDING: &str = "pending";
const SIGN: f64 = 26.0;
const GAP: f64 = 7.0;

fn breadth(name: &str) -> f64 {
    SIGN + GAP + width(name, SIZE) + 22.0
}

fn in_rows(entries: Vec<(Sign, String)>, room: f64) -> Vec<Vec<(Sign, String)>> {
    let mut rows: Vec<Vec<(Sign, String)>> = Vec::new();
    let mut used = f64::INFINITY;
    for entry in entries {
        let wide = breadth(&entry.1);
        if used + wide > room {
            rows.push(Vec::new());
            used = 0.0;
        }
        used += wide;
        if let Some(row) = rows.last_mut() {
            row.push(entry);
        }
    }
    rows
}
