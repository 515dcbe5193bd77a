//! Exact fractions, compared by cross multiplication.

use core::cmp::Ordering;
use core::ops::{Add, Div, Mul, Sub};

/// A fraction with a positive denominator; never reduced, so that nothing clever can go wrong.
#[derive(Clone, Copy, Debug)]
pub struct Fraction {
    numerator: i128,
    denominator: i128,
}

impl Fraction {
    /// `numerator / denominator`; the denominator is above 0.
    #[must_use]
    pub fn new(numerator: i128, denominator: i128) -> Self {
        Self {
            numerator,
            denominator,
        }
    }

    /// A whole number.
    #[must_use]
    pub fn whole(number: i128) -> Self {
        Self::new(number, 1)
    }

    /// Without its sign.
    #[must_use]
    pub fn absolute(self) -> Self {
        Self::new(self.numerator.abs(), self.denominator)
    }
}

impl Add for Fraction {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self::new(
            self.numerator * other.denominator + other.numerator * self.denominator,
            self.denominator * other.denominator,
        )
    }
}

impl Sub for Fraction {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + Self::new(-other.numerator, other.denominator)
    }
}

impl Mul for Fraction {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        Self::new(
            self.numerator * other.numerator,
            self.denominator * other.denominator,
        )
    }
}

impl Div for Fraction {
    type Output = Self;

    /// By a fraction above 0.
    fn div(self, other: Self) -> Self {
        Self::new(
            self.numerator * other.denominator,
            self.denominator * other.numerator,
        )
    }
}

impl PartialEq for Fraction {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Fraction {}

impl PartialOrd for Fraction {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Fraction {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.numerator * other.denominator).cmp(&(other.numerator * self.denominator))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_exact() {
        let third = Fraction::new(1, 3);
        assert_eq!(third + third + third, Fraction::whole(1));
        assert_eq!(third - Fraction::new(1, 2), Fraction::new(-1, 6));
        assert_eq!(third * Fraction::new(3, 4), Fraction::new(1, 4));
        assert_eq!(third / Fraction::new(2, 3), Fraction::new(1, 2));
        assert!(Fraction::new(-1, 2) < third);
        assert_eq!(Fraction::new(-1, 2).absolute(), Fraction::new(2, 4));
    }
}
