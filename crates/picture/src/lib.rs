//! Charts of runs, as pictures and in the terminal.
//!
//! A picture, [`svg()`] or [`png`], shows the pods over time stacked by subset, the desired number as a line, requests below
//! where there are any, and what happened as numbered marks. Several runs stand one below the other on the same scales. The
//! [`chart()`] shows one run without the marks, with the letters of a terminal.
//!
//! The same outcome gives the same bytes on every machine: the font is linked in, none of the system's is used.

mod axis;
mod chart;
mod frame;
mod legend;
mod marks;
mod palette;
mod pen;
mod plot;
mod stacks;

use std::sync::Arc;

use resvg::{tiny_skia, usvg};
use svg::Document;
use svg::node::element::{Definitions, Description, Group, Title};

pub use chart::draw as chart;
pub use stacks::Stacks;

use axis::{Unit, amount_ticks, moment, plain};
use frame::Frame;
use legend::Legend;
use marks::Marks;
use palette::{LOST, Look, look};
use pen::{Anchor, FONT, PALE_INK, hatching, rectangle, short, text, wrapped};

const WIDTH: f64 = 1000.0;
/// Where the plots begin, and with them every line of text above them.
const LEFT: f64 = 84.0;
const RIGHT: f64 = 24.0;
/// Pixels of a PNG for each unit of the drawing.
const SCALE: f32 = 2.0;
const SUBTITLE: f64 = 14.0;
const HEADING: f64 = 15.0;
/// Under the lowest frame of a panel: the times and their unit.
const TIMES: f64 = 48.0;
/// Between the pods and the requests of a panel.
const BETWEEN: f64 = 16.0;

/// What stands above the picture.
#[derive(Debug, Clone)]
pub struct Caption {
    /// One line, in bold; also what the picture is called.
    pub title: String,
    /// Below the title, on as many lines as it needs.
    pub subtitle: String,
}

/// One run of the picture.
#[derive(Debug, Clone)]
pub struct Panel {
    /// Above it, where there are several.
    pub heading: String,
    /// What is drawn.
    pub stacks: Stacks,
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
#[error("cannot turn the picture into pixels: {0}")]
pub struct PictureError(String);

/// Draws as SVG, one panel below the other.
pub fn svg(panels: &[Panel], caption: &Caption) -> String {
    let room = WIDTH - LEFT - RIGHT;
    let order = subsets(panels);
    let legend = Legend::of(panels, &order, room);
    let mut body = Group::new()
        .set("font-family", FONT)
        .add(text((LEFT, 34.0), 22.0, Anchor::Start, &caption.title).set("font-weight", "bold"));
    let mut y = 44.0;
    for line in wrapped(&caption.subtitle, SUBTITLE, room) {
        y += 18.0;
        body = body.add(text((LEFT, y - 4.0), SUBTITLE, Anchor::Start, &line).set("fill", PALE_INK));
    }
    y += 12.0;
    body = body.add(legend.draw(LEFT, y));
    y += legend.height() + 6.0;
    let shared = Shared::of(panels, &order);
    for panel in panels {
        let (group, bottom) = shared.panel(panel, y);
        body = body.add(group);
        y = bottom + 8.0;
    }
    let height = y + 6.0;
    let document = Document::new()
        .set("viewBox", format!("0 0 {} {}", short(WIDTH), short(height)))
        .set("width", short(WIDTH))
        .set("height", short(height))
        .set("role", "img")
        .set("aria-labelledby", "title description")
        .add(Title::new(caption.title.as_str()).set("id", "title"))
        .add(
            Description::new()
                .set("id", "description")
                .add(svg::node::Text::new(described(panels, caption))),
        )
        .add(hatchings(&order))
        .add(rectangle((0.0, 0.0), (WIDTH, height)).set("fill", "#ffffff"))
        .add(body);
    let mut drawn = document.to_string() + "\n";
    drawn.retain(is_of_xml);
    drawn
}

/// Whether XML 1.0 knows the character (`Char` in its grammar): a name of a folder or file may have others, and a picture
/// with one is none.
fn is_of_xml(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

/// Draws as PNG, two pixels for each unit of the SVG.
///
/// # Errors
/// When the drawing cannot be turned into pixels, or there is no memory for them.
pub fn png(panels: &[Panel], caption: &Caption) -> Result<Vec<u8>, PictureError> {
    let svg = svg(panels, caption);
    let mut fonts = usvg::fontdb::Database::new();
    fonts.load_font_data(notosans::REGULAR_TTF.to_vec());
    fonts.load_font_data(notosans::BOLD_TTF.to_vec());
    fonts.set_sans_serif_family("Noto Sans");
    let options = usvg::Options {
        fontdb: Arc::new(fonts),
        ..usvg::Options::default()
    };
    let failed = |error: &dyn std::fmt::Display| PictureError(error.to_string());
    let tree = usvg::Tree::from_str(&svg, &options).map_err(|error| failed(&error))?;
    let size = tree.size().to_int_size().scale_by(SCALE);
    let size = size.ok_or_else(|| failed(&"the picture has no size"))?;
    let mut pixmap =
        tiny_skia::Pixmap::new(size.width(), size.height()).ok_or_else(|| failed(&"no memory"))?;
    resvg::render(
        &tree,
        tiny_skia::Transform::from_scale(SCALE, SCALE),
        &mut pixmap.as_mut(),
    );
    pixmap.encode_png().map_err(|error| failed(&error))
}

/// What all panels have in common, so that they can be compared.
struct Shared<'a> {
    order: &'a [&'a str],
    end: f64,
    highest: f64,
    /// The highest rate, where there is load.
    rate: Option<f64>,
    /// How high the pods' frame is.
    height: f64,
}

impl<'a> Shared<'a> {
    fn of(panels: &[Panel], order: &'a [&'a str]) -> Self {
        let stacks = || panels.iter().map(|panel| &panel.stacks);
        let rates = stacks().filter_map(|stacks| stacks.load.as_ref());
        let highest = stacks().map(Stacks::highest).max().unwrap_or(1);
        Self {
            order,
            end: stacks().map(Stacks::end).fold(0.001, f64::max),
            highest: stacks::count(highest),
            rate: rates.map(stacks::Load::highest).reduce(f64::max),
            height: if panels.len() > 1 { 190.0 } else { 300.0 },
        }
    }

    /// Draws a panel from `top` down, and says where it ends.
    fn panel(&self, panel: &Panel, top: f64) -> (Group, f64) {
        let room = WIDTH - LEFT - RIGHT;
        let stacks = &panel.stacks;
        let marks = Marks::of(&stacks.marks, LEFT, room, self.end);
        let mut group = Group::new();
        let mut y = top;
        if !panel.heading.is_empty() {
            y += 24.0;
            let heading = text((LEFT, y - 6.0), HEADING, Anchor::Start, &panel.heading);
            group = group.add(heading.set("font-weight", "bold"));
        }
        y += marks.above() + 4.0;
        let frame = |top: f64, height: f64, ticks| Frame {
            left: LEFT,
            top,
            width: room,
            height,
            end: self.end,
            ticks,
        };
        // A little more than the highest point, so that the line is not at the edge.
        let pods = frame(y, self.height, amount_ticks(self.highest * 1.03, 6, true));
        let requests = self.rate.zip(stacks.load.as_ref()).map(|(rate, load)| {
            let top = pods.bottom() + BETWEEN;
            let ticks = amount_ticks(rate * 1.03, 4, rate >= 4.0);
            (frame(top, self.height * 0.5, ticks), load)
        });
        group = group.add(pods.grid()).add(plot::pods(&pods, stacks, self.order));
        let mut lowest = &pods;
        if let Some((frame, load)) = &requests {
            group = group.add(frame.grid()).add(plot::load(frame, load));
            lowest = frame;
        }
        group = group.add(marks.lines(&pods, lowest));
        group = group.add(pods.axes("pods", requests.is_none()));
        if let Some((frame, _)) = &requests {
            group = group.add(frame.axes("requests/s", true));
        }
        group = group.add(marks.numbers(&pods));
        y = lowest.bottom() + TIMES;
        let words = marks.words(y, WIDTH - RIGHT);
        (group.add(words), y + marks.below())
    }
}

/// Every subset of every panel, in the order in which they come.
fn subsets(panels: &[Panel]) -> Vec<&str> {
    let mut order: Vec<&str> = Vec::new();
    for layer in panels.iter().flat_map(|panel| &panel.stacks.layers) {
        if !order.contains(&layer.subset.as_str()) {
            order.push(&layer.subset);
        }
    }
    order
}

fn hatchings(order: &[&str]) -> Definitions {
    const ANY: Look = Look {
        rgb: (90, 90, 90),
        glyph: ' ',
        lean: 45,
    };
    let subsets = order.iter().enumerate();
    subsets
        .fold(Definitions::new(), |all, (place, subset)| {
            all.add(hatching(&plot::hatching_of(place), look(place, subset)))
        })
        .add(hatching(legend::PENDING, ANY))
        .add(hatching(plot::LOST_HATCHING, LOST))
}

/// The picture in words, for who cannot see it.
fn described(panels: &[Panel], caption: &Caption) -> String {
    let mut sentences = vec![caption.subtitle.clone()];
    for Panel { heading, stacks } in panels {
        let most = |values: &[u64]| values.iter().copied().max().unwrap_or_default();
        let layers: Vec<String> = stacks
            .layers
            .iter()
            .map(|layer| {
                format!(
                    "{}: at most {} running and {} pending",
                    layer.subset,
                    most(&layer.running),
                    most(&layer.pending)
                )
            })
            .collect();
        let before = if heading.is_empty() {
            String::new()
        } else {
            format!("{heading}: ")
        };
        let end = moment(stacks.end(), Unit::of(stacks.end()));
        sentences.push(format!(
            "{before}pods over {end}, at most {} desired. {}.",
            most(&stacks.desired),
            layers.join("; ")
        ));
        if let Some(load) = &stacks.load {
            sentences.push(format!("At most {} requests per second.", plain(load.highest())));
        }
    }
    sentences.join(" ")
}

#[cfg(test)]
mod tests;
