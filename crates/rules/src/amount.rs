//! A number of pods, absolute or as a part of the workload.

use core::fmt;

use serde_json::Value;

/// A number of pods: `5`, or `"50%"` of the workload's replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// So many pods.
    Count(u32),
    /// So many of a hundred; 0 to 100, rounded up to whole pods as in WorkloadSpread.
    Percent(u8),
}

/// Why a text is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AmountError {
    /// Not digits, or not digits and a percent sign.
    NotAnAmount,
    /// A percentage above 100.
    AboveHundred,
}

impl Amount {
    /// Reads `"50%"`. Whole numbers are JSON numbers, so that a text without `%` is refused.
    ///
    /// # Errors
    /// When the text is no percentage, or one above 100.
    pub fn parse_percent(text: &str) -> Result<Self, AmountError> {
        let digits = text.strip_suffix('%').ok_or(AmountError::NotAnAmount)?;
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(AmountError::NotAnAmount);
        }
        match digits.parse::<u8>() {
            Ok(percent) if percent <= 100 => Ok(Self::Percent(percent)),
            _ => Err(AmountError::AboveHundred),
        }
    }

    /// The pods that this is of a workload with `replicas`.
    #[must_use]
    pub fn of(self, replicas: u32) -> u32 {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => {
                let pods = (u64::from(replicas) * u64::from(percent)).div_ceil(100);
                u32::try_from(pods).unwrap_or(u32::MAX)
            }
        }
    }

    /// Whether it moves with the workload's replicas.
    #[must_use]
    pub fn is_percent(self) -> bool {
        matches!(self, Self::Percent(_))
    }

    /// As it is written in a rule.
    pub(crate) fn as_written(self) -> Value {
        match self {
            Self::Count(count) => Value::from(count),
            Self::Percent(_) => Value::from(self.to_string()),
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_rounded_up() {
        assert_eq!(Amount::Percent(33).of(4), 2);
        assert_eq!(Amount::Percent(50).of(5), 3);
        assert_eq!(Amount::Percent(0).of(1_000), 0);
        assert_eq!(Amount::Percent(100).of(u32::MAX), u32::MAX);
    }

    #[test]
    fn only_digits_and_a_percent_sign_are_read() {
        assert_eq!(Amount::parse_percent("50%"), Ok(Amount::Percent(50)));
        for text in ["", "%", "50", "+5%", "5 %", "5%%", "5.5%", "-1%"] {
            assert_eq!(
                Amount::parse_percent(text),
                Err(AmountError::NotAnAmount),
                "{text}"
            );
        }
        assert_eq!(Amount::parse_percent("101%"), Err(AmountError::AboveHundred));
        assert_eq!(
            Amount::parse_percent("99999999999%"),
            Err(AmountError::AboveHundred)
        );
    }
}
