//! Lines, areas and texts as SVG, and how wide a text is.

use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider as _};
use svg::node::element::{Group, Line, Path, Pattern, Rectangle, Text};

use crate::palette::Look;

/// Noto Sans where it is at hand, as it is for PNG; a viewer of the SVG without it takes the next.
pub(super) const FONT: &str = "Noto Sans, Helvetica, Arial, sans-serif";
pub(super) const INK: &str = "#1e1e1e";
pub(super) const PALE_INK: &str = "#5a5a5a";
pub(super) const GRID: &str = "#dedede";

/// Where a text stands relative to its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A point of the drawing, from its upper left corner.
pub(super) type Point = (f64, f64);

/// A plain text; `at` is on its base line.
pub(super) fn text(at: Point, size: f64, anchor: Anchor, content: &str) -> Text {
    let anchor = match anchor {
        Anchor::Start => "start",
        Anchor::Middle => "middle",
        Anchor::End => "end",
    };
    Text::new(content)
        .set("x", short(at.0))
        .set("y", short(at.1))
        .set("font-size", short(size))
        .set("text-anchor", anchor)
        .set("fill", INK)
}

/// How wide a text is, drawn in Noto Sans; bold ones are a tenth wider.
pub(super) fn width(content: &str, size: f64) -> f64 {
    /// Of a letter that the font does not have, in parts of the size.
    const UNKNOWN: f32 = 0.6;
    let Ok(font) = FontRef::new(notosans::REGULAR_TTF) else {
        return f64::from(UNKNOWN) * size * crate::stacks::count(content.len() as u64);
    };
    let letters = font.charmap();
    // Measured at one size, so that sizes in between cannot round differently.
    let metrics = font.glyph_metrics(Size::new(1.0), LocationRef::default());
    let advance = |letter: char| {
        letters
            .map(letter)
            .and_then(|glyph| metrics.advance_width(glyph))
            .unwrap_or(UNKNOWN)
    };
    let sum: f64 = content.chars().map(|letter| f64::from(advance(letter))).sum();
    sum * size
}

/// Broken into lines that are no wider than `most`; a word that is wider has a line of its own.
pub(super) fn wrapped(content: &str, size: f64, most: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in content.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(&format!("{line} {word}"), size) <= most => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

pub(super) fn rectangle(corner: Point, size: Point) -> Rectangle {
    Rectangle::new()
        .set("x", short(corner.0))
        .set("y", short(corner.1))
        .set("width", short(size.0))
        .set("height", short(size.1))
}

pub(super) fn straight(from: Point, to: Point) -> Line {
    Line::new()
        .set("x1", short(from.0))
        .set("y1", short(from.1))
        .set("x2", short(to.0))
        .set("y2", short(to.1))
}

/// An open line through points.
pub(super) fn line(points: &[Point]) -> Path {
    Path::new()
        .set("d", path(&without_idle(points)))
        .set("fill", "none")
        .set("stroke-linejoin", "round")
}

/// A line that stands out from what lies under it.
pub(super) fn outlined(points: &[Point], thick: f64) -> Group {
    Group::new()
        .add(
            line(points)
                .set("stroke", "#ffffff")
                .set("stroke-width", short(thick + 2.4)),
        )
        .add(line(points).set("stroke", INK).set("stroke-width", short(thick)))
}

/// What lies between two lines.
pub(super) fn area(ceiling: &[Point], floor: &[Point]) -> Path {
    let mut outline = without_idle(ceiling);
    let mut back = without_idle(floor);
    back.reverse();
    outline.extend(back);
    Path::new().set("d", path(&outline) + "Z")
}

/// Slanted lines in a colour on a pale ground of it.
pub(super) fn hatching(id: &str, look: Look) -> Pattern {
    const STEP: f64 = 6.0;
    let (red, green, blue) = look.rgb;
    let pale = |channel: u8| 255 - (255 - channel) / 5;
    Pattern::new()
        .set("id", id)
        .set("width", short(STEP))
        .set("height", short(STEP))
        .set("patternUnits", "userSpaceOnUse")
        .set("patternTransform", format!("rotate({})", look.lean))
        .add(rectangle((0.0, 0.0), (STEP, STEP)).set("fill", hex((pale(red), pale(green), pale(blue)))))
        .add(rectangle((0.0, 0.0), (2.2, STEP)).set("fill", hex(look.rgb)))
}

pub(super) fn hex((red, green, blue): (u8, u8, u8)) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// A tenth of a unit is finer than any eye.
pub(super) fn short(value: f64) -> String {
    let text = format!("{value:.1}");
    match text.strip_suffix(".0") {
        Some("-0") => "0".to_owned(),
        Some(whole) => whole.to_owned(),
        None => text,
    }
}

fn path(points: &[Point]) -> String {
    let mut text = String::new();
    for (index, (x, y)) in points.iter().enumerate() {
        text.push(if index == 0 { 'M' } else { 'L' });
        text.push_str(&short(*x));
        text.push(' ');
        text.push_str(&short(*y));
    }
    text
}

/// Points inside a level stretch say nothing.
fn without_idle(points: &[Point]) -> Vec<Point> {
    let is_level = |a: &Point, b: &Point| (a.1 - b.1).abs() < 0.05;
    let mut kept: Vec<Point> = Vec::new();
    for point in points {
        if let [.., before, last] = kept.as_slice()
            && is_level(before, last)
            && is_level(last, point)
        {
            kept.pop();
        }
        kept.push(*point);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_as_wide_as_its_letters() {
        assert!(width("iii", 10.0) < width("mmm", 10.0));
        let sum = width("pods", 12.0) + width(" 30", 12.0);
        assert!((width("pods 30", 12.0) - sum).abs() < 1e-9);
        assert!((width("pods", 24.0) - 2.0 * width("pods", 12.0)).abs() < 1e-9);
    }

    #[test]
    fn lines_are_broken_between_words() {
        let most = width("one two", 12.0);
        assert_eq!(wrapped("one two three", 12.0, most), ["one two", "three"]);
    }

    #[test]
    fn level_stretches_keep_their_ends_alone() {
        let points = [(0.0, 5.0), (1.0, 5.0), (2.0, 5.0), (3.0, 4.0)];
        assert_eq!(without_idle(&points), [(0.0, 5.0), (2.0, 5.0), (3.0, 4.0)]);
    }
}
