//! A pod that no spread concerns costs no host call, whichever way the policy observes.

use std::sync::Arc;

use policy_host::{Counted, HostCalls};
use serde_json::{Value, json};

use crate::guest::{answer, listing, payload, pod, run};

fn settings(observe: &str, targets: &[Value]) -> Value {
    let spreads: Vec<Value> = targets
        .iter()
        .enumerate()
        .map(|(ix, target)| {
            let mut spread = target.clone();
            spread["name"] = format!("s{ix}").into();
            spread["subsets"] = json!([{"name": "fixed", "maxReplicas": 3}, {"name": "elastic"}]);
            spread
        })
        .collect();
    json!({"observe": observe, "spreads": spreads})
}

fn deployment(namespace: &str, name: &str) -> Value {
    json!({"namespace": namespace, "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}})
}

fn calls(settings: &Value) -> HostCalls {
    let host = Arc::new(Counted::new(listing(&[])));
    let answer = answer(&run(&payload(settings, &pod()), host.clone()));
    assert_eq!(answer["accepted"], true);
    host.calls()
}

#[test]
fn a_pod_that_no_spread_of_the_settings_concerns_costs_no_host_call() {
    for observe in ["Pods", "Ledger"] {
        let selector = json!({"namespace": "other", "selector": {"matchLabels": {"app": "web"}}});
        let job = json!({"namespace": "shop", "targetRef": {"apiVersion": "batch/v1", "kind": "Job", "name": "web"}});
        let elsewhere = [
            deployment("other", "web"),
            selector,
            deployment("shop", "blog"),
            job,
        ];
        assert_eq!(calls(&settings(observe, &elsewhere)).total(), 0, "{observe}");
    }
}

#[test]
fn a_pod_that_a_spread_concerns_is_asked_for_as_before() {
    let lists = |settings: &Value| calls(settings).of("kubernetes/list_resources_all");
    assert_eq!(lists(&settings("Ledger", &[deployment("shop", "web")])), 1);
    let selecting = |app: &str| json!({"namespace": "shop", "selector": {"matchLabels": {"app": app}}});
    assert_eq!(lists(&settings("Ledger", &[selecting("web")])), 1);
    assert_eq!(lists(&settings("Ledger", &[selecting("other")])), 0);
}
