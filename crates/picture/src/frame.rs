//! The frame of a plot: its place in the drawing, its axes, and where a value lies in it.

use svg::node::element::{Group, Text};

use super::axis::{self, Tick, Unit};
use super::pen::{Anchor, GRID, INK, PALE_INK, Point, rectangle, short, straight, text};

/// A plot's place and scales.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    /// The time at its right edge, in seconds.
    pub(super) end: f64,
    pub(super) ticks: Vec<Tick>,
}

impl Frame {
    pub(super) fn x(&self, seconds: f64) -> f64 {
        self.left + self.width * (seconds / self.end).min(1.0)
    }

    pub(super) fn y(&self, value: f64) -> f64 {
        let top = self.ticks.last().map_or(1.0, |tick| tick.at);
        self.bottom() - self.height * value / top
    }

    pub(super) fn bottom(&self) -> f64 {
        self.top + self.height
    }

    pub(super) fn right(&self) -> f64 {
        self.left + self.width
    }

    pub(super) fn points(&self, seconds: &[f64], values: &[f64]) -> Vec<Point> {
        let pairs = seconds.iter().zip(values);
        pairs.map(|(at, value)| (self.x(*at), self.y(*value))).collect()
    }

    /// The grid, which lies under everything.
    pub(super) fn grid(&self) -> Group {
        let mut group = Group::new().set("stroke", GRID).set("stroke-width", "1");
        for tick in &self.ticks {
            let y = self.y(tick.at);
            group = group.add(straight((self.left, y), (self.right(), y)));
        }
        group
    }

    /// The axes, which lie over everything; the time is written at the lowest frame alone.
    pub(super) fn axes(&self, what: &str, is_lowest: bool) -> Group {
        let mut group = Group::new().add(
            rectangle((self.left, self.top), (self.width, self.height))
                .set("fill", "none")
                .set("stroke", INK)
                .set("stroke-width", "1"),
        );
        for tick in &self.ticks {
            let at = (self.left - 8.0, self.y(tick.at) + 4.5);
            group = group.add(text(at, 13.0, Anchor::End, &tick.label));
        }
        for tick in axis::time_ticks(self.end) {
            let x = self.x(tick.at);
            let below = straight((x, self.bottom()), (x, self.bottom() + 5.0)).set("stroke", INK);
            group = group.add(below);
            if is_lowest {
                let at = (x, self.bottom() + 19.0);
                group = group.add(text(at, 13.0, Anchor::Middle, &tick.label));
            }
        }
        if is_lowest {
            let name = format!("time ({})", Unit::of(self.end).name());
            let at = (self.left + self.width / 2.0, self.bottom() + 38.0);
            group = group.add(text(at, 14.0, Anchor::Middle, &name));
        }
        group.add(self.name(what))
    }

    /// What the upright axis counts, along it.
    fn name(&self, what: &str) -> Text {
        let (x, y) = (22.0, self.top + self.height / 2.0);
        let turned = format!("rotate(-90 {} {})", short(x), short(y));
        text((x, y), 14.0, Anchor::Middle, what)
            .set("transform", turned)
            .set("fill", PALE_INK)
    }
}
