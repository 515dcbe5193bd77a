//! Kubernetes' quantities: `500m`, `1.5`, `2Gi`, `12e3`.

use serde_json::Value;

/// Billionths: the finest Kubernetes keeps.
const NANO: i128 = 1_000_000_000;

/// A quantity, exact to the billionth; finer parts are rounded away from zero, as Kubernetes rounds them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Quantity {
    nano: i128,
}

impl Quantity {
    /// So many thousandths.
    #[must_use]
    pub fn from_milli(milli: i64) -> Self {
        Self {
            nano: i128::from(milli) * (NANO / 1000),
        }
    }

    /// Reads what a manifest may hold: a text or a number.
    #[must_use]
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Self::parse(text.trim()),
            Value::Number(number) => Self::parse(&number.to_string()),
            _ => None,
        }
    }

    /// Reads the text of a quantity (apimachinery, `pkg/api/resource/quantity.go`).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (sign, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text.strip_prefix('+').unwrap_or(text)),
        };
        let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.');
        let (number, suffix) = unsigned.split_at(end.unwrap_or(unsigned.len()));
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = format!("{whole}{fraction}");
        if digits.is_empty() || digits.contains('.') {
            return None;
        }
        let mantissa = digits.parse::<i128>().ok()?;
        let (binary, decimal) = factor(suffix)?;
        let exponent = decimal - i32::try_from(fraction.len()).ok()? + 9;
        let shifted = mantissa.checked_mul(binary)?;
        let power = 10_i128.checked_pow(exponent.unsigned_abs());
        let nano = match power {
            Some(power) if exponent >= 0 => shifted.saturating_mul(power),
            Some(power) => div_up(shifted, power),
            None if exponent >= 0 && shifted > 0 => i128::MAX,
            None => i128::from(shifted > 0),
        };
        Some(Self { nano: sign * nano })
    }

    /// Whole units, rounded up (`Quantity.Value`).
    #[must_use]
    pub fn units(self) -> i64 {
        self.per(NANO)
    }

    /// Thousandths, rounded up (`Quantity.MilliValue`).
    #[must_use]
    pub fn milli(self) -> i64 {
        self.per(NANO / 1000)
    }

    /// The last number where it is beyond all.
    fn per(self, nano: i128) -> i64 {
        let number = self.nano.div_euclid(nano) + i128::from(self.nano.rem_euclid(nano) != 0);
        i64::try_from(number).unwrap_or(if number < 0 { i64::MIN } else { i64::MAX })
    }

    /// Greater than nothing.
    #[must_use]
    pub fn is_positive(self) -> bool {
        self.nano > 0
    }

    /// Less than nothing.
    #[must_use]
    pub fn is_negative(self) -> bool {
        self.nano < 0
    }

    /// The number Kubernetes computes with (`Quantity.AsApproximateFloat64`), of the canonical form that the API server
    /// stores: a mantissa and a power of a thousand. It is not always the nearest: 0.07 is stored as `70m`.
    #[must_use]
    pub fn approximate(self) -> f64 {
        if self.nano == 0 {
            return 0.0;
        }
        let mut mantissa = self.nano;
        let mut exponent = -9_i32;
        while mantissa % 1000 == 0 {
            mantissa /= 1000;
            exponent += 3;
        }
        #[expect(clippy::cast_precision_loss, reason = "Kubernetes loses the same precision")]
        let base = mantissa as f64;
        match exponent {
            0 => base,
            -9 => base * 1e-9,
            -6 => base * 1e-6,
            -3 => base * 1e-3,
            _ => base * 10_f64.powi(exponent),
        }
    }
}

/// What a suffix multiplies by: a whole number, and a power of ten.
fn factor(suffix: &str) -> Option<(i128, i32)> {
    let binary = |power: u32| Some((1_i128 << (10 * power), 0));
    let decimal = |power: i32| Some((1, power));
    match suffix {
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        "n" => decimal(-9),
        "u" => decimal(-6),
        "m" => decimal(-3),
        "" => decimal(0),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        _ => {
            let power = suffix.strip_prefix(['e', 'E'])?;
            decimal(power.parse().ok().filter(|power| (-100..=100).contains(power))?)
        }
    }
}

fn div_up(number: i128, by: i128) -> i128 {
    number / by + i128::from(number % by != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suffixes_of_kubernetes_are_read() {
        for (text, milli) in [
            ("0", 0),
            ("1", 1000),
            ("500m", 500),
            ("1.5", 1500),
            (".5", 500),
            ("5.", 5000),
            ("2Ki", 2_048_000),
            ("1.5Gi", 1_610_612_736_000),
            ("3k", 3_000_000),
            ("2e3", 2_000_000),
            ("2E-1", 200),
            ("1u", 1),
            ("1001n", 1),
            ("-1500m", -1500),
            ("1E", 1_000_000_000_000_000_000_000_i128),
            ("0.1", 100),
            ("+2", 2000),
            ("0.5Gi", 536_870_912_000),
            ("1000001u", 1001),
            ("1e-100", 1),
            ("0e100", 0),
            ("1e100", i128::MAX),
            ("000000000000000000001", 1000),
        ] {
            let milli = i64::try_from(milli).unwrap_or(i64::MAX);
            assert_eq!(Quantity::parse(text).map(Quantity::milli), Some(milli), "{text}");
        }
        for text in [
            "", ".", "m", "1 m", "1.5.0", "1K", "ten", "1e", "--1", "1mi", "1K", "1e1000", "Gi",
        ] {
            assert_eq!(Quantity::parse(text), None, "{text}");
        }
    }

    #[test]
    fn units_are_rounded_up() {
        for (text, units) in [
            ("100m", 1),
            ("1500m", 2),
            ("1.10", 2),
            ("2E-3", 1),
            ("512Mi", 536_870_912),
            ("1.25G", 1_250_000_000),
            ("7Ei", 8_070_450_532_247_928_832),
            ("8Ei", i64::MAX),
            ("-1500m", -1),
        ] {
            assert_eq!(Quantity::parse(text).map(Quantity::units), Some(units), "{text}");
        }
    }

    #[test]
    fn the_number_is_that_of_the_stored_form() {
        for (text, number) in [
            ("0.1", 100.0 * 0.001),
            ("0.07", 70.0 * 0.001),
            ("2", 2.0),
            ("3k", 3000.0),
            ("0", 0.0),
        ] {
            let read = Quantity::parse(text).unwrap().approximate();
            assert_eq!(read.to_bits(), f64::to_bits(number), "{text}");
        }
    }
}
