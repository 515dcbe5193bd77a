//! Draws spreads that move pods home.

use serde_json::json;

use super::super::case::Case;
use super::{one_in, pick};
use crate::json;
use crate::random::Random;

/// Lets every second case say when pods are moved home. Drawn by itself, so that the other cases stay what they are.
pub(super) fn add(case: &mut Case) {
    let random = &mut Random::new(case.seed, "home");
    if !one_in(random, 2) {
        return;
    }
    let when = pick(
        random,
        &["Continuous", "Continuous", "OnScaleIn", "Never"],
        "Continuous",
    );
    let moves = pick(random, &[1, 6, 60, 600], 6);
    let rebalance = json!({"when": when, "maxMovesPerMinute": moves});
    json::put(&mut case.spread, &["rebalance"], rebalance);
}
