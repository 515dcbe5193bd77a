//! How many pods a second are decided, by the core alone and by the compiled policy.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use placement_core::decide::Order;
use placement_core::ledger::LedgerFacts;
use placement_core::{Arrival, decide, inject};
use policy_host::{Grants, Kubernetes, Module, Policy, Resource, Store};
use serde_json::Value;
use serde_json::value::to_raw_value;

use crate::figure::Figure;
use crate::fixtures;

/// Enough for a second or two.
const DECISIONS: u32 = 1_000_000;
const INJECTIONS: u32 = 100_000;
/// Pods in the workload that a pod is added to.
const PODS: usize = 3000;

/// The core: what is decided, and what is written into the pod.
pub(super) fn native() -> Result<Vec<Figure>> {
    let ledger = fixtures::ledger(PODS);
    let text = to_raw_value(&ledger)?;
    let facts = LedgerFacts::of(&text)?;
    let spread = policy_settings::read_spread_again(&facts.rule()?, "spec", &[])
        .map_err(|faults| anyhow::anyhow!("the rule is refused: {faults:?}"))?;
    let revision = ledger
        .pointer("/status/revisions/0/revision")
        .and_then(Value::as_str);
    let observation = facts
        .counts()?
        .observation(&spread, revision, &facts.subset_names());
    let uids: Vec<String> = (0..1024)
        .map(|number| format!("b1d1a3f4-54b2-4a3c-8f0e-{number:012}"))
        .collect();
    let decided = |uid| {
        let arrival = Arrival {
            uid,
            order: Order::None,
            ranked: true,
            replaceable: true,
            may_wait: true,
        };
        decide(&spread, &observation, arrival)
    };
    let start = Instant::now();
    for uid in uids.iter().cycle().take(DECISIONS as usize) {
        black_box(decided(black_box(uid)));
    }
    let decisions = per_second(DECISIONS, start);

    let review: Value = serde_json::from_slice(&fixtures::review("web"))?;
    let pod = review
        .pointer("/request/object")
        .context("the review has no pod")?;
    let start = Instant::now();
    for uid in uids.iter().cycle().take(INJECTIONS as usize) {
        black_box(inject(pod.clone(), &spread, &decided(uid))?);
    }
    Ok(vec![
        Figure {
            what: "decisions of the core",
            value: decisions,
            unit: "pods/s",
            aim: Some((">= 300000", decisions >= 300_000.0)),
        },
        Figure {
            what: "decisions of the core, written into the pod",
            value: per_second(INJECTIONS, start),
            unit: "pods/s",
            aim: None,
        },
    ])
}

/// The compiled policy, from the review's bytes to the answer, one after the other.
pub(super) fn wasm(policy: &Path, admissions: u32) -> Result<Vec<Figure>> {
    let store = Store::new();
    store.put(0, fixtures::ledger(PODS))?;
    let grants = Grants::controller([Resource::new("spillway.dev/v1alpha1", "SpreadLedger")]);
    let host = Arc::new(Kubernetes::new(Arc::new(store), Arc::new(grants)));
    let settings = fixtures::settings(1, true).to_string();
    let policy = Policy::new("policy", Module::from_file(policy)?, &settings)?.allowed_to_mutate(true);
    let review = fixtures::review("web");
    let first = policy.admit(&review, host.clone())?;
    ensure!(
        first.patch.is_some(),
        "the policy changes nothing; the pod should be placed"
    );
    let start = Instant::now();
    for _ in 0..admissions {
        black_box(policy.admit(&review, host.clone())?);
    }
    let rate = per_second(admissions, start);
    let million = 1e6 / rate / 60.0;
    Ok(vec![
        Figure {
            what: "admissions by the compiled policy",
            value: rate,
            unit: "pods/s",
            aim: None,
        },
        Figure {
            what: "a million admissions at that rate",
            value: million,
            unit: "min",
            aim: Some(("<= 10", million <= 10.0)),
        },
    ])
}

fn per_second(count: u32, since: Instant) -> f64 {
    f64::from(count) / since.elapsed().as_secs_f64()
}
