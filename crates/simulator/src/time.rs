//! Virtual time: milliseconds since the scenario began, and how it is written and read.

use core::time::Duration;
use std::fmt;
use std::ops::{Add, Sub};

use serde::{Serialize, Serializer};
use sidecar_core::Moment;

/// 2026-01-01T00:00:00Z, the wall clock time at which every simulation begins.
const BEGIN_UNIX_SECONDS: u64 = 1_767_225_600;

/// A point in virtual time or a span of it, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Millis(pub u64);

impl Millis {
    /// No time at all, and the moment a scenario begins.
    pub const ZERO: Self = Self(0);

    /// A year: nobody may write a longer span, in a scenario as in the policy's settings.
    pub const LONGEST: Self = Self(31_536_000_000);

    /// Seconds, rounded down.
    pub fn whole_seconds(self) -> u64 {
        self.0 / 1000
    }

    /// The time as the API server stores it: to the second.
    pub(crate) fn to_the_second(self) -> Self {
        Self(self.0 - self.0 % 1000)
    }

    /// Seconds as a number to draw with.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a scenario is far shorter than 2^53 milliseconds"
    )]
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// The time as Kubernetes writes it, to the second.
    pub fn timestamp(self) -> String {
        let unix = BEGIN_UNIX_SECONDS + self.whole_seconds();
        let (year, month, day) = civil_from_days(unix / 86_400);
        let second = unix % 86_400;
        format!(
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
            second / 3600,
            second / 60 % 60,
            second % 60
        )
    }

    /// Milliseconds since 1970, as a clock that is right shows them.
    pub(crate) fn unix(self) -> i64 {
        i64::try_from(BEGIN_UNIX_SECONDS * 1000 + self.0).unwrap_or(i64::MAX)
    }

    /// As the sidecars' loop counts it.
    pub(crate) fn moment(self) -> Moment {
        Moment::after_start(Duration::from_millis(self.0))
    }

    /// The first millisecond that is not before a moment.
    pub(crate) fn at_or_after(moment: Moment) -> Self {
        Self::of(moment.from_start())
    }

    /// A span, rounded up.
    pub(crate) fn of(span: Duration) -> Self {
        Self(u64::try_from(span.as_micros().div_ceil(1000)).unwrap_or(u64::MAX))
    }

    /// Reads `250ms`, `10s`, `1.5s`, `2m` or `1h`.
    pub fn parse(text: &str) -> Option<Self> {
        let (number, unit) = match text {
            _ if text.ends_with("ms") => (text.strip_suffix("ms")?, 1),
            _ if text.ends_with('s') => (text.strip_suffix('s')?, 1000),
            _ if text.ends_with('m') => (text.strip_suffix('m')?, 60_000),
            _ if text.ends_with('h') => (text.strip_suffix('h')?, 3_600_000),
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || (number.contains('.') && (!digits(fraction) || fraction.len() > 3)) {
            return None;
        }
        let mut millis = whole.parse::<u64>().ok()?.checked_mul(unit)?;
        let mut worth = unit;
        for digit in fraction.bytes() {
            if worth % 10 != 0 {
                return None;
            }
            worth /= 10;
            millis = millis.checked_add(u64::from(digit - b'0') * worth)?;
        }
        Some(Self(millis))
    }
}

impl Add for Millis {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Millis {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(1000) {
            write!(f, "{}s", self.0 / 1000)
        } else if self.0 < 1000 {
            write!(f, "{}ms", self.0)
        } else {
            write!(f, "{}s", self.seconds())
        }
    }
}

/// In seconds: a whole number where it is one.
impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_multiple_of(1000) {
            serializer.serialize_u64(self.0 / 1000)
        } else {
            serializer.serialize_f64(self.seconds())
        }
    }
}

/// Days since 1970-01-01 to a date of the Gregorian calendar, counting years from March so that the leap day is last.
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_with_their_unit() {
        for (text, millis) in [
            ("0s", 0),
            ("250ms", 250),
            ("10s", 10_000),
            ("1.5s", 1500),
            ("2m", 120_000),
            ("1h", 3_600_000),
            ("0.25s", 250),
        ] {
            assert_eq!(Millis::parse(text), Some(Millis(millis)), "{text}");
        }
        for text in [
            "",
            "s",
            "10",
            "-1s",
            "1.s",
            ".5s",
            "1.2345s",
            "1.5ms",
            "ten",
            "1 s",
            "99999999999999999999s",
        ] {
            assert_eq!(Millis::parse(text), None, "{text}");
        }
    }

    #[test]
    fn timestamps_are_written_as_kubernetes_writes_them() {
        assert_eq!(Millis(0).timestamp(), "2026-01-01T00:00:00Z");
        assert_eq!(Millis(61_999).timestamp(), "2026-01-01T00:01:01Z");
        assert_eq!(Millis(1000 * 86_400 * 790).timestamp(), "2028-03-01T00:00:00Z");
    }

    #[test]
    fn a_report_counts_in_seconds() {
        assert_eq!(
            serde_json::to_string(&[Millis(2000), Millis(2250)]).unwrap(),
            "[2,2.25]"
        );
    }
}
