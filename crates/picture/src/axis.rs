//! Scales: where a value lies, which round numbers stand at an axis, and how times are written.

use crate::stacks::count;

/// More marks than this are too close together to be read.
const MOST_TICKS: u64 = 12;

/// The unit that times are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Seconds,
    Minutes,
    Hours,
}

impl Unit {
    /// The unit in which an end has few digits.
    pub(super) fn of(end: f64) -> Self {
        match end {
            _ if end <= 180.0 => Self::Seconds,
            _ if end <= 10_800.0 => Self::Minutes,
            _ => Self::Hours,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Minutes => "min",
            Self::Hours => "h",
        }
    }

    fn seconds(self) -> f64 {
        match self {
            Self::Seconds => 1.0,
            Self::Minutes => 60.0,
            Self::Hours => 3600.0,
        }
    }

    /// Round distances, in the unit.
    fn distances(self) -> &'static [f64] {
        match self {
            Self::Seconds => &[0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 20.0],
            Self::Minutes => &[0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 20.0],
            Self::Hours => &[0.5, 1.0, 2.0, 3.0, 6.0, 12.0, 24.0, 48.0, 168.0],
        }
    }
}

/// A tick: where it is, and what is written there.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub(super) at: f64,
    pub(super) label: String,
}

/// Ticks of a time axis from 0 to `end`, in seconds.
pub(super) fn time_ticks(end: f64) -> Vec<Tick> {
    let unit = Unit::of(end);
    let whole = end / unit.seconds();
    let fits = |distance: &&f64| whole / **distance <= count(MOST_TICKS);
    let distances = unit.distances();
    let distance = distances.iter().find(fits).or(distances.last());
    ticks(whole, distance.copied().unwrap_or(whole))
        .into_iter()
        .map(|Tick { at, label }| Tick {
            at: at * unit.seconds(),
            label,
        })
        .collect()
}

/// Ticks of an axis of amounts; the last one lies at `highest` or above it, and ends the axis.
pub(super) fn amount_ticks(highest: f64, most: u64, whole: bool) -> Vec<Tick> {
    let least = if whole { 1.0 } else { 0.01 };
    let mut distance = least;
    let mut factors = [2.0, 2.5, 2.0].iter().cycle();
    while highest / distance > count(most) {
        distance *= factors.next().copied().unwrap_or(2.0);
    }
    let end = (highest / distance).ceil().max(1.0) * distance;
    ticks(end, distance)
}

fn ticks(end: f64, distance: f64) -> Vec<Tick> {
    let mut found = Vec::new();
    let mut number = 0_u64;
    loop {
        let at = count(number) * distance;
        if at > end * (1.0 + 1e-9) {
            return found;
        }
        found.push(Tick { at, label: plain(at) });
        number += 1;
    }
}

/// A number without needless zeros, its thousands apart.
pub(super) fn plain(value: f64) -> String {
    let text = format!("{value:.2}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction = fraction.trim_end_matches('0');
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if fraction.is_empty() {
        grouped
    } else {
        format!("{grouped}.{fraction}")
    }
}

/// A moment in words, such as `5.5 s`, `2 min 5 s` or `3 h 10 min`.
pub(super) fn moment(seconds: f64, unit: Unit) -> String {
    let parts = |large: f64, small: f64, names: (&str, &str)| {
        let (whole, rest) = ((seconds / large).floor(), (seconds % large) / small);
        match (whole > 0.0, rest >= 0.05) {
            (false, _) => format!("{} {}", plain(rest), names.1),
            (true, false) => format!("{} {}", plain(whole), names.0),
            (true, true) => format!("{} {} {} {}", plain(whole), names.0, plain(rest.floor()), names.1),
        }
    };
    match unit {
        Unit::Seconds => format!("{} s", plain(seconds)),
        Unit::Minutes => parts(60.0, 1.0, ("min", "s")),
        Unit::Hours => parts(3600.0, 60.0, ("h", "min")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    #[test]
    fn times_have_round_ticks_in_a_fitting_unit() {
        for (end, unit, first, second, last) in [
            (2.0, "s", "0", "0.2", "2"),
            (60.0, "s", "0", "5", "60"),
            (120.0, "s", "0", "10", "120"),
            (600.0, "min", "0", "1", "10"),
            (7200.0, "min", "0", "10", "120"),
            (86_400.0, "h", "0", "2", "24"),
        ] {
            let ticks = time_ticks(end);
            let labels = labels(&ticks);
            assert_eq!(Unit::of(end).name(), unit);
            assert_eq!((labels[0], labels[1]), (first, second), "{end}");
            assert_eq!(labels.last(), Some(&last), "{end}");
            assert!((ticks.last().unwrap().at - end).abs() < 1e-6);
        }
    }

    #[test]
    fn amounts_end_at_a_round_number_above_the_highest() {
        assert_eq!(labels(&amount_ticks(1.0, 6, true)), ["0", "1"]);
        assert_eq!(
            labels(&amount_ticks(31.0, 6, true)),
            ["0", "10", "20", "30", "40"]
        );
        assert_eq!(
            labels(&amount_ticks(3000.0, 6, true)),
            ["0", "500", "1,000", "1,500", "2,000", "2,500", "3,000"]
        );
        assert_eq!(labels(&amount_ticks(0.3, 4, false)), ["0", "0.1", "0.2", "0.3"]);
    }

    #[test]
    fn moments_are_written_as_people_say_them() {
        assert_eq!(moment(5.5, Unit::Seconds), "5.5 s");
        assert_eq!(moment(125.0, Unit::Minutes), "2 min 5 s");
        assert_eq!(moment(120.0, Unit::Minutes), "2 min");
        assert_eq!(moment(30.0, Unit::Minutes), "30 s");
        assert_eq!(moment(11_400.0, Unit::Hours), "3 h 10 min");
    }
}
