//! What must hold of every ladder, whoever laid it. Each check says what it found.

use crate::ladder::{Fill, Rung};
use crate::shares::{exact_share, largest_distance};

/// How many of the rungs each subset has.
#[must_use]
pub fn split(rungs: &[Rung], subsets: usize) -> Vec<u32> {
    let of = |subset| rungs.iter().filter(|rung| rung.subset == subset).count();
    (0..subsets)
        .map(|subset| u32::try_from(of(subset)).unwrap_or(u32::MAX))
        .collect()
}

/// No subset has more rungs than its maximum, and a closed one has none.
///
/// # Errors
/// The first subset that has more.
pub fn bounded(fill: &Fill, replicas: u32, closed: &[usize], split: &[u32]) -> Result<(), String> {
    for (subset, count) in split.iter().enumerate() {
        if closed.contains(&subset) && *count > 0 {
            return Err(format!("subset {subset} is closed and has {count} rungs"));
        }
        if fill.maximum(subset, replicas).is_some_and(|max| *count > max) {
            return Err(format!(
                "subset {subset} has {count} rungs, more than its maximum"
            ));
        }
    }
    Ok(())
}

/// The rungs are as many as were asked for, or all that the maximums leave.
///
/// # Errors
/// When they are more or fewer.
pub fn complete(
    fill: &Fill,
    replicas: u32,
    closed: &[usize],
    rungs: usize,
    asked: usize,
) -> Result<(), String> {
    let mut places = 0usize;
    for subset in (0..fill.subsets()).filter(|subset| !closed.contains(subset)) {
        let max = fill
            .maximum(subset, replicas)
            .and_then(|max| usize::try_from(max).ok());
        places = places.saturating_add(max.unwrap_or(usize::MAX));
    }
    let expected = places.min(asked);
    if rungs == expected {
        Ok(())
    } else {
        Err(format!("{rungs} rungs, expected {expected}"))
    }
}

/// No subset gets a rung beyond its minimum while another lacks one of its own.
///
/// # Errors
/// The size at which a subset was passed over.
pub fn minimums_first(fill: &Fill, replicas: u32, closed: &[usize], rungs: &[Rung]) -> Result<(), String> {
    let Fill::InOrder(bounds) = fill else {
        return Ok(());
    };
    let minimum = |subset: usize| {
        let bounds = bounds.get(subset).copied().unwrap_or_default();
        let min = bounds.min.map_or(0, |min| min.of(replicas));
        bounds.max.map_or(min, |max| min.min(max.of(replicas)))
    };
    for size in 1..=rungs.len() {
        let split = split(rungs.get(..size).unwrap_or_default(), bounds.len());
        let beyond = split
            .iter()
            .enumerate()
            .any(|(subset, count)| *count > minimum(subset));
        let lacking = split
            .iter()
            .enumerate()
            .any(|(subset, count)| !closed.contains(&subset) && *count < minimum(subset));
        if beyond && lacking {
            return Err(format!(
                "at {size} rungs a minimum is open while another subset goes beyond its own"
            ));
        }
    }
    Ok(())
}

/// At every size, each open subset is within `1 - 1/(2k-2)` of its exact share.
///
/// # Errors
/// The first size and subset that stray.
pub fn shares_kept(weights: &[u64], closed: &[usize], rungs: &[Rung]) -> Result<(), String> {
    let open: Vec<usize> = (0..weights.len())
        .filter(|subset| !closed.contains(subset))
        .collect();
    let bound = largest_distance(open.len());
    let mut counts = vec![0i128; weights.len()];
    for (place, rung) in rungs.iter().enumerate() {
        if let Some(count) = counts.get_mut(rung.subset) {
            *count += 1;
        }
        for subset in &open {
            let count = counts.get(*subset).copied().unwrap_or(0);
            let exact = exact_share(weights, &open, *subset, place + 1);
            let distance = (crate::Fraction::whole(count) - exact).absolute();
            if distance > bound {
                return Err(format!("subset {subset} has {count} of {} rungs", place + 1));
            }
        }
    }
    Ok(())
}

/// The shorter ladder is the beginning of the longer one, so that growing moves no pod.
///
/// # Errors
/// The first rung that differs.
pub fn prefix(shorter: &[Rung], longer: &[Rung]) -> Result<(), String> {
    match shorter.iter().zip(longer).position(|(a, b)| a != b) {
        Some(place) => Err(format!("rung {place} changes as the workload grows")),
        None if shorter.len() > longer.len() => Err("the ladder shrinks as the workload grows".to_owned()),
        None => Ok(()),
    }
}

/// Costs fall wherever the subset or the part of the ladder changes, and are the same inside it.
///
/// # Errors
/// The first rung whose cost is out of order.
pub fn costs_fall(rungs: &[(Rung, i32)]) -> Result<(), String> {
    for (place, pair) in rungs.windows(2).enumerate() {
        let [(lower, cost), (upper, next)] = pair else {
            continue;
        };
        let right = if lower == upper { cost == next } else { cost > next };
        if !right {
            return Err(format!("rung {place} costs {cost} and the next one {next}"));
        }
    }
    Ok(())
}
