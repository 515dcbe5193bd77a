//! A thousand hostile reviews: each is answered, and each pod accepted.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use policy_host::Capabilities;
use serde_json::{Value, json};

use crate::guest::{listing, run};
use crate::kinds::{Attack, attacks};
use crate::support::MODULE;

const SEED: u64 = 2026;

/// What no review may exceed: a second is ten billion of them or more.
const MOST_FUEL: u64 = 3_000_000_000;

/// A cluster with one ledger, which takes every pod.
fn host() -> Arc<dyn Capabilities> {
    listing(&[json!({
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "name": "web", "namespace": "shop",
            "selector": {"matchExpressions": [{"key": "none", "operator": "DoesNotExist"}]},
            "subsets": [{"name": "only", "patch": {"metadata": {"labels": {"pool": "a"}}}}],
        },
        "status": {},
    })])
}

#[test]
fn no_hostile_review_traps_is_refused_or_costs_too_much() {
    let mut failed = Vec::new();
    let mut count = 0;
    let mut placed = BTreeMap::new();
    for (number, Attack { kind, payload }) in attacks(SEED).enumerate() {
        count += 1;
        let metered = run(&payload, host());
        let fault = match &metered.answer {
            Err(trap) => Some(trap.clone()),
            Ok(answer) => match serde_json::from_slice::<Value>(answer) {
                Err(error) => Some(format!("no JSON: {error}")),
                Ok(answer) if answer["accepted"] != true => Some(format!("refused: {answer}")),
                Ok(answer) => {
                    *placed.entry(kind).or_insert(0) += usize::from(answer["mutated_object"].is_object());
                    None
                }
            },
        };
        let fault = fault.or_else(|| (metered.fuel > MOST_FUEL).then(|| format!("fuel {}", metered.fuel)));
        failed.extend(fault.map(|fault| format!("{number}, {kind}: {fault}")));
    }
    assert!(failed.is_empty(), "{failed:#?}");
    assert_eq!(count, 1_000);
    // Reviews that all ended at the first field would show nothing.
    for kind in ["another type in the pod", "long lists", "marks of ours"] {
        assert!(
            placed[kind] > 0,
            "no pod was placed of those with {kind}: {placed:?}"
        );
    }
}

/// How long this thread has run: others on the machine count for nothing.
fn on_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(stat.split(' ').next().unwrap().parse().unwrap())
}

#[test]
#[ignore = "a report of times; run it with --ignored --nocapture"]
fn report_of_the_times_of_hostile_reviews() {
    let mut all = Vec::new();
    let mut by_kind: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    LazyLock::force(&MODULE);
    for Attack { kind, payload } in attacks(SEED) {
        let begin = on_cpu();
        let answer = MODULE.instance(host(), None).unwrap().call("validate", &payload);
        let millis = (on_cpu() - begin).as_secs_f64() * 1e3;
        assert!(answer.is_ok(), "{kind}: {answer:?}");
        all.push(millis);
        by_kind.entry(kind).or_default().push(millis);
    }
    let line = |what: &str, times: &mut Vec<f64>| {
        times.sort_unstable_by(f64::total_cmp);
        let at = |percent: usize| times[(times.len() * percent).div_ceil(100) - 1];
        format!(
            "{what}: {} reviews, p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms\n",
            times.len(),
            at(50),
            at(99),
            at(100)
        )
    };
    let mut report = line("all", &mut all);
    for (kind, times) in &mut by_kind {
        report.push_str(&line(kind, times));
    }
    std::io::Write::write_all(&mut std::io::stdout(), report.as_bytes()).unwrap();
}
