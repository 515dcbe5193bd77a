//! Amounts of a resource as Kubernetes writes them: `100m`, `1.5`, `512Mi`, `2e3` (k8s.io/apimachinery/pkg/api/resource).
//!
//! Exact integers throughout. The crate for it, `kube_quantity`, brings another version of k8s-openapi and a decimal library.

/// An amount that is not negative, read but not yet rounded: `digits * 10^ten * 2^two`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantity {
    digits: u128,
    ten: i32,
    two: u32,
}

/// More digits than any amount needs; the product with the largest suffix still fits 128 bits.
const MOST_DIGITS: usize = 18;

impl Quantity {
    /// Reads an amount. `None` where it is none, is negative, or has more than 18 digits.
    pub fn parse(text: &str) -> Option<Self> {
        let unsigned = text.strip_prefix('+').unwrap_or(text);
        let end = unsigned
            .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
            .unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at_checked(end)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let fraction = fraction.trim_end_matches('0');
        let digits = format!("{whole}{fraction}");
        let is_number = number.bytes().any(|byte| byte.is_ascii_digit()) && !fraction.contains('.');
        if !is_number || digits.trim_start_matches('0').len() > MOST_DIGITS {
            return None;
        }
        let (ten, two) = scale(suffix)?;
        Some(Self {
            digits: if digits.is_empty() {
                0
            } else {
                digits.parse().ok()?
            },
            ten: ten - i32::try_from(fraction.len()).ok()?,
            two,
        })
    }

    /// In whole units, rounded up; the largest number where it is beyond all.
    pub fn units(self) -> i64 {
        self.scaled(0)
    }

    /// In thousandths, rounded up.
    pub fn milli(self) -> i64 {
        self.scaled(3)
    }

    fn scaled(self, more: i32) -> i64 {
        let ten = self.ten + more;
        let power = 10_u128.checked_pow(ten.unsigned_abs());
        let scaled = self
            .digits
            .checked_mul(1 << self.two)
            .and_then(|number| match (power, ten < 0) {
                (Some(power), true) => Some(number.div_ceil(power)),
                (Some(power), false) => number.checked_mul(power),
                (None, true) => Some(u128::from(number > 0)),
                (None, false) => (number == 0).then_some(0),
            });
        scaled
            .and_then(|number| i64::try_from(number).ok())
            .unwrap_or(i64::MAX)
    }
}

/// The powers of ten and of two that a suffix stands for.
fn scale(suffix: &str) -> Option<(i32, u32)> {
    Some(match suffix {
        "n" => (-9, 0),
        "u" => (-6, 0),
        "m" => (-3, 0),
        "" => (0, 0),
        "k" => (3, 0),
        "M" => (6, 0),
        "G" => (9, 0),
        "T" => (12, 0),
        "P" => (15, 0),
        "E" => (18, 0),
        "Ki" => (0, 10),
        "Mi" => (0, 20),
        "Gi" => (0, 30),
        "Ti" => (0, 40),
        "Pi" => (0, 50),
        "Ei" => (0, 60),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E'])?;
            let ten: i32 = exponent.parse().ok()?;
            (-100..=100).contains(&ten).then_some((ten, 0))?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_exactly() {
        for (text, units, milli) in [
            ("0", 0, 0),
            ("1", 1, 1000),
            ("100m", 1, 100),
            ("1500m", 2, 1500),
            ("0.1", 1, 100),
            ("1.5", 2, 1500),
            (".5", 1, 500),
            ("5.", 5, 5000),
            ("+2", 2, 2000),
            ("512Mi", 536_870_912, 536_870_912_000),
            ("0.5Gi", 536_870_912, 536_870_912_000),
            ("1k", 1000, 1_000_000),
            ("1.25G", 1_250_000_000, 1_250_000_000_000),
            ("2e3", 2000, 2_000_000),
            ("2E-3", 1, 2),
            ("1n", 1, 1),
            ("1000001u", 2, 1001),
            ("1e-100", 1, 1),
            ("0e100", 0, 0),
            ("7Ei", 8_070_450_532_247_928_832, i64::MAX),
            ("9E", 9_000_000_000_000_000_000, i64::MAX),
            ("8Ei", i64::MAX, i64::MAX),
            ("1.10", 2, 1100),
            ("000000000000000000001", 1, 1000),
        ] {
            let quantity = Quantity::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((quantity.units(), quantity.milli()), (units, milli), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in [
            "",
            ".",
            "-1",
            "1 Gi",
            "Gi",
            "1gi",
            "1.2.3",
            "1e",
            "1K",
            "one",
            "1e1000",
            "1234567890123456789",
        ] {
            assert_eq!(Quantity::parse(text), None, "{text}");
        }
    }
}
