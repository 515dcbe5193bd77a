//! Requests per second over virtual time.

use std::fmt;

use crate::time::Millis;

/// Millionths in one: rates are millionths of a request per second, amounts millionths of a request.
pub const MICRO: u64 = 1_000_000;
/// The highest rate, in requests per second: the millionths of a year of it can still be counted.
pub const MOST_PER_SECOND: u64 = 500_000;
const DAY: Millis = Millis(86_400_000);

/// The rate at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// When.
    pub at: Millis,
    /// Millionths of a request per second.
    pub rate: u64,
}

/// What the rate is between two points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A straight line from one to the next.
    Linear,
    /// That of the earlier one.
    Steps,
}

/// A rate over time. Before its first point it is the first point's, after the last the last one's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traffic {
    points: Vec<Point>,
    shape: Shape,
    daily: bool,
    /// What arrived from the beginning to each point.
    sums: Vec<u64>,
}

/// Points that are no traffic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrafficFault {
    /// No point at all.
    #[error("there is no point; write at least one")]
    Empty,
    /// A point is earlier than the one before it.
    #[error("point {0} is earlier than the one before it; write the points in the order of time")]
    Order(usize),
    /// A daily traffic is longer than a day.
    #[error("the last point is at {0}; traffic that repeats daily ends within 86400s")]
    LongDay(Millis),
}

/// Something wrong in a CSV file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvFault {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong and what to write.
    pub message: String,
}

impl fmt::Display for CsvFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl Traffic {
    /// Traffic through points in the order of time; two at the same time are a jump.
    ///
    /// # Errors
    /// No point, or a wrong order.
    pub fn new(points: Vec<Point>, shape: Shape) -> Result<Self, TrafficFault> {
        let mut sums: Vec<u64> = Vec::with_capacity(points.len());
        let mut last: Option<Point> = None;
        let mut sum = 0_u64;
        for (index, point) in points.iter().enumerate() {
            match last {
                Some(last) if point.at < last.at => return Err(TrafficFault::Order(index + 1)),
                Some(last) => sum += within(last, *point, shape, point.at),
                None => sum += flat(point.rate, point.at),
            }
            sums.push(sum);
            last = Some(*point);
        }
        if points.is_empty() {
            return Err(TrafficFault::Empty);
        }
        Ok(Self {
            points,
            shape,
            daily: false,
            sums,
        })
    }

    /// The same every day.
    ///
    /// # Errors
    /// It is longer than a day.
    pub fn daily(mut self) -> Result<Self, TrafficFault> {
        let last = self.points.last().map_or(Millis::ZERO, |point| point.at);
        if last > DAY {
            return Err(TrafficFault::LongDay(last));
        }
        self.daily = true;
        Ok(self)
    }

    /// Reads lines of `seconds,rps`, with or without that header. Empty lines and lines that begin with `#` are skipped.
    ///
    /// # Errors
    /// Every line that is wrong.
    pub fn from_csv(text: &str, shape: Shape) -> Result<Self, Vec<CsvFault>> {
        let mut points: Vec<Point> = Vec::new();
        let mut faults = Vec::new();
        let mut first = true;
        let lines = text.trim_start_matches('\u{feff}').lines();
        for (line, row) in (1..).zip(lines) {
            let row = row.trim();
            if row.is_empty() || row.starts_with('#') {
                continue;
            }
            let header = first && row.starts_with(|c: char| c.is_ascii_alphabetic());
            first = false;
            if header {
                continue;
            }
            let earliest = points.last().map_or(Millis::ZERO, |point| point.at);
            match csv_row(row, earliest) {
                Ok(point) => points.push(point),
                Err(message) => faults.push(CsvFault { line, message }),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        Self::new(points, shape).map_err(|fault| {
            let message = fault.to_string();
            vec![CsvFault { line: 1, message }]
        })
    }

    /// Millionths of a request per second at a moment.
    pub fn rate(&self, now: Millis) -> u64 {
        let now = if self.daily { Millis(now.0 % DAY.0) } else { now };
        let next = self.points.partition_point(|point| point.at <= now);
        let before = next.checked_sub(1).and_then(|index| self.points.get(index));
        match (before, self.points.get(next)) {
            (None, Some(first)) => first.rate,
            (Some(from), Some(to)) if self.shape == Shape::Linear => {
                let (span, passed) = ((to.at - from.at).0, (now - from.at).0);
                let part = |change: u64| mul_div(change, passed, span);
                if to.rate >= from.rate {
                    from.rate + part(to.rate - from.rate)
                } else {
                    from.rate - part(from.rate - to.rate)
                }
            }
            (Some(point), _) => point.rate,
            (None, None) => 0,
        }
    }

    /// Millionths of a request that arrive from one moment to before another. Neighbouring spans add up exactly.
    pub fn arrived(&self, from: Millis, to: Millis) -> u64 {
        self.until(to).saturating_sub(self.until(from))
    }

    /// What arrived since the beginning.
    fn until(&self, now: Millis) -> u64 {
        if self.daily {
            let (days, rest) = (now.0 / DAY.0, Millis(now.0 % DAY.0));
            return days * self.first_until(DAY) + self.first_until(rest);
        }
        self.first_until(now)
    }

    fn first_until(&self, now: Millis) -> u64 {
        let next = self.points.partition_point(|point| point.at <= now);
        let Some(index) = next.checked_sub(1) else {
            return self.points.first().map_or(0, |first| flat(first.rate, now));
        };
        let (Some(&from), Some(&sum)) = (self.points.get(index), self.sums.get(index)) else {
            return 0;
        };
        sum + match self.points.get(next) {
            Some(&to) => within(from, to, self.shape, now),
            None => flat(from.rate, now - from.at),
        }
    }
}

/// Reads requests per second, such as `120` or `0.25`, to the millionth; at most 500,000.
pub fn parse_rate(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > 6 {
        return None;
    }
    let fraction = format!("{fraction:0<6}").parse::<u64>().ok()?;
    let rate = whole
        .parse::<u64>()
        .ok()?
        .checked_mul(MICRO)?
        .checked_add(fraction)?;
    (rate <= MOST_PER_SECOND * MICRO).then_some(rate)
}

fn csv_row(row: &str, earliest: Millis) -> Result<Point, String> {
    let Some((at, rate)) = row.split_once([',', ';']) else {
        return Err(format!("found `{row}`; write `seconds,rps`, such as `60,250`"));
    };
    let (at, rate) = (at.trim(), rate.trim());
    let at_millis = Millis::parse(&format!("{at}s"))
        .ok_or_else(|| format!("found `{at}`; write seconds since the beginning, such as `60` or `0.5`"))?;
    if at_millis > Millis::LONGEST {
        let most = Millis::LONGEST.whole_seconds();
        return Err(format!("found `{at}`; write at most {most} seconds, a year"));
    }
    let rate = parse_rate(rate).ok_or_else(|| {
        format!(
            "found `{rate}`; write requests per second from 0 to {MOST_PER_SECOND}, with at most six decimals"
        )
    })?;
    if at_millis < earliest {
        return Err(format!(
            "`{at}` is earlier than the line before it; write the lines in the order of time"
        ));
    }
    Ok(Point { at: at_millis, rate })
}

fn flat(rate: u64, span: Millis) -> u64 {
    mul_div(rate, span.0, 1000)
}

/// What arrives from one point to `now`, which is not after the next.
fn within(from: Point, to: Point, shape: Shape, now: Millis) -> u64 {
    let passed = now - from.at;
    if shape == Shape::Steps {
        return flat(from.rate, passed);
    }
    let span = i128::from((to.at - from.at).0);
    if span == 0 {
        return 0;
    }
    let passed = i128::from(passed.0);
    let change = i128::from(to.rate) - i128::from(from.rate);
    // The area of a trapezium, twice, in millionths times milliseconds times the span.
    let twice = 2 * span * i128::from(from.rate) * passed + change * passed * passed;
    u64::try_from(twice / (2 * span * 1000)).unwrap_or(0)
}

/// `number * by / over`, rounded down.
pub(crate) fn mul_div(number: u64, by: u64, over: u64) -> u64 {
    let product = u128::from(number) * u128::from(by);
    u64::try_from(product / u128::from(over.max(1))).unwrap_or(u64::MAX)
}
