//! What is drawn into the frames: stacked pods with the desired number, and requests.

use svg::node::element::Group;

use super::frame::Frame;
use super::pen::{INK, Point, area, hex, line, outlined};
use crate::palette::{SERVED, look};
use crate::stacks::{Load, Stacks, count};

/// The pods of each subset one above the other, and the desired number as a line. `order` gives every subset its look.
pub(super) fn pods(frame: &Frame, stacks: &Stacks, order: &[&str]) -> Group {
    let mut group = Group::new();
    let mut seams = Group::new()
        .set("stroke", INK)
        .set("stroke-width", "0.8")
        .set("stroke-opacity", "0.7");
    let mut floor = vec![0.0; stacks.seconds.len()];
    for layer in &stacks.layers {
        let place = order.iter().position(|subset| *subset == layer.subset);
        let place = place.unwrap_or_default();
        let solid = hex(look(place, &layer.subset).rgb);
        let hatched = format!("url(#{})", hatching_of(place));
        for (pods, fill) in [(&layer.running, solid), (&layer.pending, hatched)] {
            let ceiling: Vec<f64> = floor
                .iter()
                .zip(pods)
                .map(|(floor, pods)| floor + count(*pods))
                .collect();
            for stretch in stretches(pods) {
                let cut = |heights: &[f64]| -> Vec<Point> {
                    let seconds = stacks.seconds.get(stretch.clone()).unwrap_or_default();
                    frame.points(seconds, heights.get(stretch.clone()).unwrap_or_default())
                };
                group = group.add(area(&cut(&ceiling), &cut(&floor)).set("fill", fill.as_str()));
                seams = seams.add(line(&cut(&ceiling)));
            }
            floor = ceiling;
        }
    }
    let desired: Vec<f64> = stacks.desired.iter().map(|pods| count(*pods)).collect();
    let desired = steps(&frame.points(&stacks.seconds, &desired));
    group.add(seams).add(outlined(&desired, 2.2))
}

/// What was served as an area, what was lost above it, what arrived as a line.
pub(super) fn load(frame: &Frame, load: &Load) -> Group {
    let floor: Vec<f64> = vec![0.0; load.seconds.len()];
    let answered: Vec<f64> = load
        .served
        .iter()
        .zip(&load.lost)
        .map(|(served, lost)| served + lost)
        .collect();
    let points = |values: &[f64]| frame.points(&load.seconds, values);
    let served = area(&points(&load.served), &points(&floor)).set("fill", hex(SERVED.rgb));
    let mut group = Group::new().add(served);
    if load.lost.iter().any(|lost| *lost > 0.0) {
        let lost = area(&points(&answered), &points(&load.served));
        group = group.add(lost.set("fill", format!("url(#{LOST_HATCHING})")));
    }
    group.add(outlined(&points(&load.arriving), 1.6))
}

/// The name of a subset's hatching in the drawing.
pub(super) fn hatching_of(place: usize) -> String {
    format!("pending-{place}")
}

/// The name of the hatching of lost requests.
pub(super) const LOST_HATCHING: &str = "lost";

/// Where there are pods, with one moment without them on each side: an area of nothing would draw its edge along others.
fn stretches(pods: &[u64]) -> Vec<std::ops::Range<usize>> {
    let mut found: Vec<std::ops::Range<usize>> = Vec::new();
    for (index, _) in pods.iter().enumerate().filter(|(_, pods)| **pods > 0) {
        let (begin, end) = (index.saturating_sub(1), (index + 2).min(pods.len()));
        match found.last_mut() {
            Some(last) if last.end > begin => last.end = end,
            _ => found.push(begin..end),
        }
    }
    found
}

/// The desired number jumps; it does not slope.
fn steps(points: &[Point]) -> Vec<Point> {
    let mut found: Vec<Point> = Vec::new();
    for point in points {
        if let Some(before) = found.last().copied() {
            found.push((point.0, before.1));
        }
        found.push(*point);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_desired_number_jumps() {
        assert_eq!(
            steps(&[(0.0, 9.0), (1.0, 5.0)]),
            [(0.0, 9.0), (1.0, 9.0), (1.0, 5.0)]
        );
    }

    #[test]
    fn an_area_begins_and_ends_on_the_ground() {
        assert_eq!(stretches(&[0, 0, 3, 4, 0, 0, 0, 1]), [1..5, 6..8]);
        assert_eq!(stretches(&[2, 0]), core::iter::once(0..2).collect::<Vec<_>>());
        assert_eq!(stretches(&[1, 0, 1]), core::iter::once(0..3).collect::<Vec<_>>());
        assert!(stretches(&[0, 0]).is_empty());
    }
}
