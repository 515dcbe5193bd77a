//! Tijdeman's chairman assignment, by its definition.
//!
//! R. Tijdeman, "The chairman assignment problem", Discrete Mathematics 32 (1980): rung n goes to
//! the subset i with `w_i n - x_i >= 1/(2k-2)` that minimises `(1 - 1/(2k-2) - (w_i n - x_i)) / w_i`.

use crate::fraction::Fraction;

/// The subsets of the first `length` rungs, in order. Closed subsets take no part.
#[must_use]
pub fn chairmen(weights: &[u64], closed: &[usize], length: usize) -> Vec<usize> {
    let open: Vec<usize> = (0..weights.len())
        .filter(|subset| !closed.contains(subset))
        .collect();
    let mut laid: Vec<usize> = Vec::new();
    let mut given = vec![0usize; weights.len()];
    while laid.len() < length {
        let Some(subset) = next(weights, &open, &given, laid.len() + 1) else {
            break;
        };
        laid.push(subset);
        if let Some(given) = given.get_mut(subset) {
            *given += 1;
        }
    }
    laid
}

/// The largest distance from an exact share that the assignment allows among `open` subsets.
#[must_use]
pub fn largest_distance(open: usize) -> Fraction {
    match open {
        0 | 1 => Fraction::whole(0),
        _ => Fraction::whole(1) - smallest_lead(open),
    }
}

/// The exact share of a subset of so many rungs.
#[must_use]
pub fn exact_share(weights: &[u64], open: &[usize], subset: usize, rungs: usize) -> Fraction {
    let weight = |subset: usize| weights.get(subset).map_or(0, |weight| i128::from(*weight));
    let all: i128 = open.iter().map(|subset| weight(*subset)).sum();
    Fraction::new(weight(subset), all) * whole(rungs)
}

fn next(weights: &[u64], open: &[usize], given: &[usize], size: usize) -> Option<usize> {
    if let [only] = open {
        return Some(*only);
    }
    let lead = |subset: usize| {
        let given = given.get(subset).copied().unwrap_or(0);
        exact_share(weights, open, subset, size) - whole(given)
    };
    let urgency = |subset: usize, lead: Fraction| {
        (largest_distance(open.len()) - lead) / exact_share(weights, open, subset, 1)
    };
    open.iter()
        .map(|subset| (*subset, lead(*subset)))
        .filter(|(_, lead)| *lead >= smallest_lead(open.len()))
        // Of equals, `min_by` keeps the first: the order of the subsets decides.
        .min_by(|(a, lead_a), (b, lead_b)| urgency(*a, *lead_a).cmp(&urgency(*b, *lead_b)))
        .map(|(subset, _)| subset)
}

/// `1/(2k-2)`.
fn smallest_lead(open: usize) -> Fraction {
    Fraction::whole(1) / (whole(2) * whole(open) - whole(2))
}

fn whole(number: usize) -> Fraction {
    Fraction::whole(i128::try_from(number).unwrap_or(i128::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rungs_by_hand() {
        // k = 2: a lead of at least 1/2 is needed, and (1/2 - lead) / w is smallest.
        assert_eq!(chairmen(&[1, 1], &[], 4), [0, 1, 0, 1]);
        // 3/4 at 1, then 1/2 against 1/2 at 2 (ties of the lead: 0/w on both sides, first wins).
        assert_eq!(chairmen(&[3, 1], &[], 4), [0, 0, 1, 0]);
        assert_eq!(chairmen(&[5], &[], 3), [0, 0, 0]);
        assert_eq!(chairmen(&[1, 1, 1], &[1], 4), [0, 2, 0, 2]);
        assert!(chairmen(&[1, 1], &[0, 1], 4).is_empty());
    }

    #[test]
    fn one_subset_strays_by_nothing_and_two_by_a_half() {
        assert_eq!(largest_distance(1), Fraction::whole(0));
        assert_eq!(largest_distance(2), Fraction::new(1, 2));
        assert_eq!(largest_distance(3), Fraction::new(3, 4));
    }
}
