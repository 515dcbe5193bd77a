//! The pods over time as a picture: stacked areas, one for each subset, and the desired number as a line.
//!
//! The same outcome gives the same bytes on every machine: the font is linked in, none of the system's is used.

use std::sync::Arc;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use resvg::{tiny_skia, usvg};

use crate::palette::look;
use crate::stacks::{Layer, Stacks};

const WIDTH: u32 = 1280;
const HEIGHT: u32 = 720;
/// Where the plot begins, and with it every line of text above it.
const LEFT: i32 = 96;
/// Pixels of a PNG for each unit of the drawing.
const SCALE: f32 = 1.5;
/// Noto Sans where it is at hand, as it is for PNG; a viewer of the SVG without it takes the next.
const FONT: &str = "Noto Sans, Helvetica, Arial, sans-serif";
const INK: RGBColor = RGBColor(30, 30, 30);
const PALE_INK: RGBColor = RGBColor(90, 90, 90);
const GRID: RGBColor = RGBColor(222, 222, 222);

/// What stands above the picture.
#[derive(Debug, Clone)]
pub(crate) struct Caption {
    pub(crate) title: String,
    pub(crate) subtitle: String,
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PictureError {
    #[error("cannot draw the picture: {0}")]
    Draw(String),
    #[error("cannot turn the picture into pixels: {0}")]
    Pixels(String),
}

/// Draws as SVG.
pub(crate) fn svg(stacks: &Stacks, caption: &Caption) -> Result<String, PictureError> {
    let mut text = String::new();
    draw(
        SVGBackend::with_string(&mut text, (WIDTH, HEIGHT)).into_drawing_area(),
        stacks,
        caption,
    )
    .map_err(|error| PictureError::Draw(error.to_string()))?;
    Ok(text)
}

/// Draws as PNG.
pub(crate) fn png(stacks: &Stacks, caption: &Caption) -> Result<Vec<u8>, PictureError> {
    let svg = svg(stacks, caption)?;
    let mut fonts = usvg::fontdb::Database::new();
    fonts.load_font_data(notosans::REGULAR_TTF.to_vec());
    fonts.load_font_data(notosans::BOLD_TTF.to_vec());
    fonts.set_sans_serif_family("Noto Sans");
    let options = usvg::Options {
        fontdb: Arc::new(fonts),
        ..usvg::Options::default()
    };
    let pixels = |error: &dyn std::fmt::Display| PictureError::Pixels(error.to_string());
    let tree = usvg::Tree::from_str(&svg, &options).map_err(|error| pixels(&error))?;
    let size = tree.size().to_int_size().scale_by(SCALE);
    let size = size.ok_or_else(|| pixels(&"the picture has no size"))?;
    let mut pixmap =
        tiny_skia::Pixmap::new(size.width(), size.height()).ok_or_else(|| pixels(&"no memory"))?;
    resvg::render(
        &tree,
        tiny_skia::Transform::from_scale(SCALE, SCALE),
        &mut pixmap.as_mut(),
    );
    pixmap.encode_png().map_err(|error| pixels(&error))
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

fn draw(area: Area<'_>, stacks: &Stacks, caption: &Caption) -> Drawn {
    area.fill(&WHITE)?;
    area.draw(&Text::new(
        caption.title.clone(),
        (LEFT, 20),
        bold(font(26.0, INK)),
    ))?;
    area.draw(&Text::new(
        caption.subtitle.clone(),
        (LEFT, 56),
        font(18.0, PALE_INK),
    ))?;
    legend(&area, stacks)?;
    let end = stacks
        .seconds
        .last()
        .copied()
        .unwrap_or(1.0)
        .max(f64::MIN_POSITIVE);
    let top = headroom(stacks.highest());
    let mut chart = ChartBuilder::on(&area)
        .margin_top(126)
        .margin_right(36)
        .margin_bottom(12)
        .margin_left(8)
        .x_label_area_size(58)
        .y_label_area_size(88)
        .build_cartesian_2d(0.0..end, 0.0..top)?;
    chart
        .configure_mesh()
        .x_desc("time (seconds)")
        .y_desc("pods")
        .x_labels(13)
        .y_labels(8)
        .x_label_formatter(&|seconds| plain(*seconds))
        .y_label_formatter(&|pods| plain(*pods))
        .axis_desc_style(font(18.0, INK))
        .label_style(font(16.0, INK))
        .axis_style(INK)
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .disable_x_mesh()
        .draw()?;
    let mut floor = vec![0_u64; stacks.seconds.len()];
    for (index, layer) in stacks.layers.iter().enumerate() {
        let (red, green, blue) = look(index, &layer.subset).rgb;
        let colour = RGBColor(red, green, blue);
        for (pods, colour) in [(&layer.running, colour), (&layer.pending, paler(colour))] {
            let ceiling: Vec<u64> = floor.iter().zip(pods).map(|(floor, pods)| floor + pods).collect();
            if pods.iter().any(|pods| *pods > 0) {
                chart.draw_series([Polygon::new(
                    band(&stacks.seconds, &floor, &ceiling),
                    colour.filled(),
                )])?;
            }
            floor = ceiling;
        }
        // A white seam keeps neighbours apart where colours do not.
        chart.draw_series([PathElement::new(
            line(&stacks.seconds, &floor),
            WHITE.stroke_width(1),
        )])?;
    }
    let desired = steps(&stacks.seconds, &stacks.desired);
    chart.draw_series([PathElement::new(desired.clone(), WHITE.stroke_width(6))])?;
    chart.draw_series([PathElement::new(desired, INK.stroke_width(3))])?;
    area.present()
}

/// One row under the title, in the order of the stack.
fn legend(area: &Area<'_>, stacks: &Stacks) -> Drawn {
    let mut left = LEFT;
    let any_pending = |layer: &Layer| layer.pending.iter().any(|pods| *pods > 0);
    let mut entry = |label: &str, swatches: &[RGBColor]| -> Drawn {
        for colour in swatches {
            area.draw(&Rectangle::new([(left, 92), (left + 22, 112)], colour.filled()))?;
            left += 22;
        }
        area.draw(&Text::new(
            label.to_owned(),
            (left + 8, 102),
            font(17.0, INK).pos(Pos::new(HPos::Left, VPos::Center)),
        ))?;
        let letters = i32::try_from(label.chars().count()).unwrap_or(0);
        left += 8 + letters * 9 + 32;
        Ok(())
    };
    for (index, layer) in stacks.layers.iter().enumerate() {
        let (red, green, blue) = look(index, &layer.subset).rgb;
        let colour = RGBColor(red, green, blue);
        if any_pending(layer) {
            entry(
                &format!("{} (pale: pending)", layer.subset),
                &[colour, paler(colour)],
            )?;
        } else {
            entry(&layer.subset, &[colour])?;
        }
    }
    area.draw(&PathElement::new(
        [(left, 102), (left + 34, 102)],
        INK.stroke_width(3),
    ))?;
    area.draw(&Text::new(
        "desired",
        (left + 42, 102),
        font(17.0, INK).pos(Pos::new(HPos::Left, VPos::Center)),
    ))
}

fn font(size: f64, colour: RGBColor) -> TextStyle<'static> {
    // The drawing library writes a size 1.24 times smaller than it is asked for.
    let font = (FONT, size * 1.24).into_font();
    TextStyle {
        font,
        color: colour.to_backend_color(),
        pos: Pos::default(),
    }
}

fn bold(mut style: TextStyle<'static>) -> TextStyle<'static> {
    style.font = style.font.style(FontStyle::Bold);
    style
}

/// Towards white, for pods that do not run yet.
fn paler(RGBColor(red, green, blue): RGBColor) -> RGBColor {
    let half = |channel: u8| u8::midpoint(channel, 255);
    RGBColor(half(red), half(green), half(blue))
}

fn line(seconds: &[f64], pods: &[u64]) -> Vec<(f64, f64)> {
    seconds
        .iter()
        .copied()
        .zip(pods.iter().map(|pods| number(*pods)))
        .collect()
}

/// The outline between two lines.
fn band(seconds: &[f64], floor: &[u64], ceiling: &[u64]) -> Vec<(f64, f64)> {
    let mut outline = line(seconds, ceiling);
    outline.extend(line(seconds, floor).into_iter().rev());
    outline
}

/// The desired number jumps; it does not slope.
fn steps(seconds: &[f64], pods: &[u64]) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = Vec::new();
    for (at, height) in line(seconds, pods) {
        if let Some(&(_, before)) = points.last() {
            points.push((at, before));
        }
        points.push((at, height));
    }
    points
}

/// A little more than the highest point, so that the line is not at the edge.
fn headroom(highest: u64) -> f64 {
    number(highest) * 1.08
}

#[expect(clippy::cast_precision_loss, reason = "pods are far fewer than 2^53")]
fn number(pods: u64) -> f64 {
    pods as f64
}

/// Without a fraction where there is none.
fn plain(value: f64) -> String {
    if value.fract().abs() < 1e-9 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
                layer("elastic", [0, 7, 0], [0, 0, 0]),
            ],
        }
    }

    fn caption() -> Caption {
        Caption {
            title: "demo <1>".into(),
            subtitle: "seed 1".into(),
        }
    }

    #[test]
    fn a_drawing_names_its_axes_subsets_and_title() {
        let text = svg(&stacks(), &caption()).unwrap();
        for label in [
            "demo &lt;1&gt;",
            "seed 1",
            "time (seconds)",
            "pods",
            "fixed (pale: pending)",
            "elastic",
            "desired",
        ] {
            assert!(text.contains(label), "no `{label}` in {text}");
        }
        usvg::Tree::from_str(&text, &usvg::Options::default()).unwrap();
    }

    #[test]
    fn the_same_outcome_gives_the_same_bytes() {
        let png = png(&stacks(), &caption()).unwrap();
        assert_eq!(&png[1..4], b"PNG");
        assert_eq!(png, super::png(&stacks(), &caption()).unwrap());
    }

    #[test]
    fn the_desired_number_jumps() {
        assert_eq!(steps(&[0.0, 1.0], &[0, 5]), [(0.0, 0.0), (1.0, 0.0), (1.0, 5.0)]);
    }
}
