//! Takes the counts from the ledger that a sidecar publishes, so that an admission costs the same at any number of pods.
//! The rule is that of the settings: whoever can write a ledger can give pods nothing.
//!
//! It lists ledgers, and the sidecars' Lease where a pod would be held back for them; no other kind.

use placement_core::Binder;
use placement_core::decide::Order;
use placement_core::facts::{PodHead, items, ordinal};
use placement_core::ledger::{BinderRow, LeaseFacts, LedgerCounts, LedgerFacts};
use placement_core::shard::Shard;
use rules::{Capacity, Spread};
use serde_json::value::RawValue;

use crate::case::{Case, Counted};
use crate::cluster::{EverywhereQuery, ListQuery, LogLine, shard_selector};
use crate::owners::Owners;
use crate::response::Trouble;

/// What the ledger of the spread tells; `None`: nobody has counted its pods yet.
pub(crate) fn count(case: &Case<'_>, owners: &Owners<'_>) -> Result<Option<Counted>, Trouble> {
    let spread = case.spread();
    let selector = shard_selector(Shard::of(spread));
    let answer = case.cluster.list_everywhere(&EverywhereQuery::ledgers(&selector));
    let answer = answer.map_err(|error| Trouble::Host { asked: ASKED, error })?;
    let Some(ledger) = ledger_of(spread, &answer)? else {
        return Ok(None);
    };
    let counts = ledger.counts().map_err(unreadable)?;
    let mut observation = counts.observation(spread, case.pod.revision(), &ledger.subset_names());
    // The sidecar has another version of the rule: what would be beyond the end by one of them may have a place by the other.
    observation.is_vacated |= !ledger
        .spec()
        .is_some_and(|rule| case.settings.is_written_as(case.matched.index, rule));
    let binder = counts.binder().copied();
    // What never waits asks only where it matters whether the counts are a moment old, or nobody's any more.
    let is_counted_soon =
        spread.capacity() != Capacity::BestEffort || !observation.behind || is_served(case, binder);
    observation.binder = match is_counted_soon {
        true => Binder::Serving,
        false => Binder::Absent,
    };
    Ok(Some(Counted {
        observation,
        order: match case.is_by_ordinal(owners) {
            true => order(case.pod, &counts),
            false => Order::None,
        },
        binder,
    }))
}

/// Whether a binder of this term, or of a later one, is there. A Lease that cannot be read is none: rather exceed than wait.
pub(crate) fn is_served(case: &Case<'_>, row: Option<BinderRow>) -> bool {
    let Some(row) = row else {
        return false;
    };
    let namespace = case.settings.lease_namespace();
    let answer = match case.cluster.list(&ListQuery::lease(&namespace)) {
        Ok(answer) => answer,
        Err(error) => {
            case.cluster.log(&LogLine {
                level: "warn",
                message: &format!(
                    "spillway: the Lease of the sidecars cannot be read, nothing is held back: {error}"
                ),
                namespace: case.request.namespace(),
                request_uid: case.request.uid(),
            });
            return false;
        }
    };
    let serves = |item: &RawValue| LeaseFacts::of(item).is_ok_and(|lease| lease.serves(&row, case.now));
    items(&answer).is_ok_and(|leases| leases.into_iter().any(serves))
}

fn order(pod: &PodHead<'_>, counts: &LedgerCounts<'_>) -> Order {
    let Some(ordinal) = pod.name().and_then(ordinal) else {
        return Order::Ordinal(None);
    };
    let number = ordinal.checked_sub(counts.first_ordinal());
    let is_seen = number
        .zip(counts.replicas())
        .is_some_and(|(number, replicas)| number < replicas);
    match is_seen {
        true => Order::Ordinal(number),
        false => Order::Late(number),
    }
}

/// The ledger of a spread among those of its shard: one of the pods' own namespace, which says so itself.
fn ledger_of<'a>(spread: &Spread, answer: &'a [u8]) -> Result<Option<LedgerFacts<'a>>, Trouble> {
    for item in items(answer).map_err(unreadable)? {
        let ledger = LedgerFacts::of(item).map_err(unreadable)?;
        if ledger.is_of(spread) {
            return Ok(Some(ledger));
        }
    }
    Ok(None)
}

const ASKED: &str = "the ledgers";

fn unreadable(error: impl core::fmt::Display) -> Trouble {
    Trouble::Answer {
        asked: ASKED,
        error: error.to_string(),
    }
}
