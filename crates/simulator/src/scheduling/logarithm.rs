//! The natural logarithm of a whole number, in integers: the same bits on every machine, which no `ln` promises.

/// How many bits stand after the point.
pub(super) const POINT: u32 = 32;
/// ln 2, with 64 bits after the point.
const LN_2: u128 = 0xb172_17f7_d1cf_79ab;

/// ln(number), with [`POINT`] bits after the point, to about the last of them; 0 for 0.
pub(super) fn ln(number: u64) -> i64 {
    let Some(whole) = number.checked_ilog2() else {
        return 0;
    };
    // The mantissa, from 1 to 2, with 63 bits after the point. Each squaring yields a bit of its logarithm.
    let mut mantissa = u128::from(number) << (63 - whole);
    let mut log2 = u128::from(whole);
    // A few bits more than are kept.
    const BITS: u32 = POINT + 8;
    for _ in 0..BITS {
        mantissa = (mantissa * mantissa) >> 63;
        log2 <<= 1;
        if mantissa >> 64 != 0 {
            mantissa >>= 1;
            log2 |= 1;
        }
    }
    i64::try_from((log2 * LN_2) >> (BITS + 64 - POINT)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_logarithm_to_nine_digits() {
        for number in [1, 2, 3, 5, 7, 10, 100, 1002, 5002, 123_456_789, u64::MAX] {
            let expected = (number as f64).ln();
            let found = ln(number) as f64 / f64::from(2_u32).powi(32);
            assert!((found - expected).abs() < 1e-9, "{number}: {found} {expected}");
        }
        assert_eq!(ln(0), 0);
    }
}
