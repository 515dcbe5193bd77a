//! From percentages to exact whole weights.

use core::num::NonZeroU32;

use crate::amount::Amount;
use crate::draft::{Field, SubsetDraft};
use crate::fault::{FaultCode, Faults, Place};
use crate::spread::Fill;

/// Checks the shares of a spread and lays them down as weights.
pub(crate) fn check_shares(subsets: &[SubsetDraft], at: &Place<'_>, faults: &mut Faults) -> Option<Fill> {
    let mut sum: u32 = 0;
    let mut open: u32 = 0;
    let mut readable = true;
    for (ix, subset) in subsets.iter().enumerate() {
        match subset.share {
            Field::Set(Amount::Percent(percent @ 1..=100)) => sum = sum.saturating_add(u32::from(percent)),
            Field::Set(amount) => {
                let fix = match amount {
                    Amount::Count(count) => format!("write a percentage, or `maxReplicas: {count}`"),
                    Amount::Percent(_) => "write 1% to 100%, or remove the subset".to_owned(),
                };
                let at = at.item(ix);
                faults.wrong(
                    FaultCode::InvalidShare,
                    &at.field("replicas"),
                    &amount.as_written(),
                    &fix,
                );
                readable = false;
            }
            Field::Absent => open = open.saturating_add(1),
            Field::Faulty => readable = false,
        }
    }
    if !readable {
        return None;
    }
    let fix = match (sum, open) {
        (101.., _) => Some(format!("they make {sum}%: lower them to 100% together")),
        (100, 1..) => Some("they make 100%: nothing is left for the subsets without `replicas`".to_owned()),
        (..100, 0) => Some(format!(
            "they make {sum}%: raise them to 100%, or leave one without `replicas`"
        )),
        _ => None,
    };
    if let Some(fix) = fix {
        faults.lacks(FaultCode::SharesDoNotAddUp, at, &fix);
        return None;
    }
    weights(subsets, sum, open).map(Fill::Shares)
}

/// Exact whole weights: percentages times the number of open subsets, which each get the
/// remainder; brought down by the greatest common divisor.
fn weights(subsets: &[SubsetDraft], sum: u32, open: u32) -> Option<Vec<NonZeroU32>> {
    let scale = open.max(1);
    let weight = |subset: &SubsetDraft| match subset.share {
        Field::Set(Amount::Percent(percent)) => u32::from(percent).checked_mul(scale),
        _ => 100u32.checked_sub(sum),
    };
    let weights = subsets.iter().map(weight).collect::<Option<Vec<u32>>>()?;
    let divisor = weights
        .iter()
        .fold(0, |left, right| greatest_common_divisor(left, i128::from(*right)));
    let divisor = u32::try_from(divisor).ok()?;
    weights
        .into_iter()
        .map(|weight| weight.checked_div(divisor).and_then(NonZeroU32::new))
        .collect()
}

/// The largest number that divides both; 0 for two zeros.
#[must_use]
pub fn greatest_common_divisor(a: i128, b: i128) -> i128 {
    if b == 0 {
        a
    } else {
        greatest_common_divisor(b, a % b)
    }
}
