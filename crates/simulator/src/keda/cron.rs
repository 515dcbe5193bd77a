//! Schedules of five fields, read as robfig/cron reads them, which KEDA uses: a day matches when the day of the month and
//! the day of the week do, or one of them where both are restricted.

use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan};

use crate::time::Millis;

/// Minute, hour, day of the month, month and day of the week, each a set of bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    text: String,
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    any_day: bool,
    any_weekday: bool,
}

/// A schedule that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("found `{found}`; write {wanted}")]
pub struct CronFault {
    /// What is wrong.
    pub found: String,
    /// What should be there.
    pub wanted: &'static str,
}

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/// As far ahead as robfig/cron looks.
const YEARS: i16 = 5;

impl Schedule {
    /// Reads `0 8 * * 1-5` and the like, or `@daily`.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub fn parse(text: &str) -> Result<Self, CronFault> {
        let expanded = match text.trim() {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            other => other,
        };
        let fields: Vec<&str> = expanded.split_whitespace().collect();
        let &[minutes, hours, days, months, weekdays] = fields.as_slice() else {
            return Err(CronFault {
                found: text.to_owned(),
                wanted: "five fields: minute, hour, day of the month, month, day of the week",
            });
        };
        let any = |field: &str| {
            field
                .split(',')
                .any(|part| matches!(part.split('/').next(), Some("*" | "?")))
        };
        Ok(Self {
            text: text.to_owned(),
            minutes: bits(minutes, 0, 59, &[], "minutes from 0 to 59")?,
            hours: bits(hours, 0, 23, &[], "hours from 0 to 23")?,
            days: bits(days, 1, 31, &[], "days from 1 to 31")?,
            months: bits(months, 1, 12, &MONTHS, "months from 1 to 12, or names")?,
            weekdays: bits(
                weekdays,
                0,
                6,
                &WEEKDAYS,
                "days of the week from 0 (Sunday) to 6, or names",
            )?,
            any_day: any(days),
            any_weekday: any(weekdays),
        })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The first match after `now`, if there is one within five years.
    pub fn next(&self, now: Millis, zone: &TimeZone) -> Option<Millis> {
        let begin = Timestamp::from_millisecond(now.unix()).ok()?;
        let mut date = begin.to_zoned(zone.clone()).date();
        let last = date.checked_add(YEARS.years()).ok()?;
        while date <= last {
            if self.matches(date)
                && let Some(found) = self.first_on(date, begin, zone)
            {
                let unix = found.as_millisecond();
                return u64::try_from(unix - Millis::ZERO.unix()).ok().map(Millis);
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    fn first_on(&self, date: Date, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let hours = (0..24_i8).filter(|hour| has(self.hours, *hour));
        let times = hours.flat_map(|hour| {
            let minutes = (0..60_i8).filter(|minute| has(self.minutes, *minute));
            minutes.map(move |minute| date.at(hour, minute, 0, 0))
        });
        times
            .filter_map(|time| {
                let zoned = zone.to_ambiguous_zoned(time).compatible().ok()?;
                // A time that the clock jumps over does not happen.
                (zoned.datetime() == time).then(|| zoned.timestamp())
            })
            .find(|found| *found > after)
    }

    fn matches(&self, date: Date) -> bool {
        let day = has(self.days, date.day());
        let weekday = has(self.weekdays, date.weekday().to_sunday_zero_offset());
        let either = if self.any_day || self.any_weekday {
            day && weekday
        } else {
            day || weekday
        };
        has(self.months, date.month()) && either
    }
}

/// A time zone by its name, from the data that is built in, or a fixed offset such as `+08:00` or `UTC-3`.
pub(crate) fn zone(name: &str) -> Option<TimeZone> {
    let offset = name
        .strip_prefix("UTC")
        .or_else(|| name.strip_prefix("GMT"))
        .unwrap_or(name);
    if name.is_empty() || name == "UTC" || name == "GMT" {
        return Some(TimeZone::UTC);
    }
    if let Some(unsigned) = offset.strip_prefix(['+', '-']) {
        let (hours, minutes) = unsigned.split_once(':').unwrap_or((unsigned, "0"));
        let (hours, minutes) = (hours.parse::<i32>().ok()?, minutes.parse::<i32>().ok()?);
        let seconds = (hours.checked_mul(60)?.checked_add(minutes)?).checked_mul(60)?;
        let signed = if offset.starts_with('-') {
            -seconds
        } else {
            seconds
        };
        return jiff::tz::Offset::from_seconds(signed).ok().map(TimeZone::fixed);
    }
    TimeZoneDatabase::bundled().get(name).ok()
}

fn has(bits: u64, number: i8) -> bool {
    bits >> number & 1 == 1
}

fn bits(field: &str, least: u32, most: u32, names: &[&str], wanted: &'static str) -> Result<u64, CronFault> {
    let fault = || CronFault {
        found: field.to_owned(),
        wanted,
    };
    let number = |text: &str| {
        let named = names.iter().position(|name| text.eq_ignore_ascii_case(name));
        named
            .and_then(|index| u32::try_from(index).ok())
            .map(|index| index + least)
            .or_else(|| text.parse().ok())
    };
    let mut bits = 0_u64;
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step.parse::<u32>().map_err(|_| fault())?)),
            None => (part, None),
        };
        let (from, to) = match range.split_once('-') {
            _ if matches!(range, "*" | "?") => (least, most),
            Some((from, to)) => (number(from).ok_or_else(fault)?, number(to).ok_or_else(fault)?),
            None => {
                let from = number(range).ok_or_else(fault)?;
                (from, if step.is_some() { most } else { from })
            }
        };
        if from < least || to > most || from > to || step == Some(0) {
            return Err(fault());
        }
        let step = usize::try_from(step.unwrap_or(1)).map_err(|_| fault())?;
        bits |= (from..=to)
            .step_by(step)
            .fold(0, |bits, number| bits | 1 << number);
    }
    Ok(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400_000;
    const HOUR: u64 = 3_600_000;
    const MINUTE: u64 = 60_000;

    /// The clock begins on Thursday, 2026-01-01, 00:00 UTC.
    fn next(text: &str, now: u64, zone_name: &str) -> Option<u64> {
        let found = Schedule::parse(text)
            .unwrap()
            .next(Millis(now), &zone(zone_name).unwrap());
        found.map(|at| at.0)
    }

    #[test]
    fn the_next_match_is_found() {
        for (text, now, zone, at) in [
            ("0 8 * * *", 0, "UTC", 8 * HOUR),
            ("0 8 * * *", 8 * HOUR, "UTC", DAY + 8 * HOUR),
            ("30 8 * * *", 0, "Asia/Shanghai", 30 * MINUTE),
            ("30 8 * * *", 0, "+08:00", 30 * MINUTE),
            ("*/15 * * * *", 14 * MINUTE, "UTC", 15 * MINUTE),
            ("5-59/20 * * * *", 6 * MINUTE, "UTC", 25 * MINUTE),
            ("0 9 * * 1-5", DAY + 9 * HOUR, "UTC", 4 * DAY + 9 * HOUR),
            ("0 0 * * sat,SUN", 0, "UTC", 2 * DAY),
            ("0 0 31 * *", 31 * DAY, "UTC", (31 + 28 + 30) * DAY),
            ("0 0 29 feb *", 0, "UTC", (365 + 365 + 31 + 28) * DAY),
            // Both restricted: one is enough.
            ("0 0 13 * 5", 0, "UTC", DAY),
            ("@monthly", 1, "UTC", 31 * DAY),
            // 02:30 does not happen in Berlin on 2026-03-29.
            (
                "30 2 29 3 *",
                0,
                "Europe/Berlin",
                (365 + 31 + 28 + 28) * DAY + 30 * MINUTE,
            ),
        ] {
            assert_eq!(next(text, now, zone), Some(at), "{text} {zone}");
        }
        assert_eq!(next("0 0 31 2 *", 0, "UTC"), None);
    }

    #[test]
    fn wrong_fields_are_named() {
        for (text, found) in [
            ("60 * * * *", "60"),
            ("* 24 * * *", "24"),
            ("* * 0 * *", "0"),
            ("* * * 13 *", "13"),
            ("* * * * 7", "7"),
            ("5-1 * * * *", "5-1"),
            ("*/0 * * * *", "*/0"),
            ("x * * * *", "x"),
            ("* * * *", "* * * *"),
        ] {
            assert_eq!(Schedule::parse(text).unwrap_err().found, found, "{text}");
        }
        assert!(zone("Mars/Olympus").is_none());
    }
}
