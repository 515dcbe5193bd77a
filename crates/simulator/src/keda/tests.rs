use serde_json::{Value, json};

use super::*;
use crate::hpa::{Metric, PolicyAmount, SelectPolicy, ValueTarget};
use crate::time::Millis;

fn hello_web() -> Value {
    json!({
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "hello-web", "namespace": "ingress-nginx"},
        "spec": {
            "scaleTargetRef": {"name": "hello-web"},
            "pollingInterval": 10,
            "cooldownPeriod": 2,
            "minReplicaCount": 1,
            "maxReplicaCount": 10,
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": {
                "scaleDown": {"stabilizationWindowSeconds": 10},
            }}},
            "triggers": [{"type": "prometheus", "metadata": {
                "serverAddress": "http://prometheus",
                "query": "sum(rate(requests_total{service=\"hello-web\"}[12s]))",
                "threshold": "100",
            }}],
        },
    })
}

fn read(change: impl FnOnce(&mut Value)) -> ScaledObject {
    let mut manifest = hello_web();
    change(&mut manifest);
    ScaledObject::read(&manifest).unwrap()
}

fn faults(change: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut manifest = hello_web();
    change(&mut manifest);
    let faults = ScaledObject::read(&manifest).unwrap_err();
    faults.iter().map(ToString::to_string).collect()
}

fn seconds(seconds: u64) -> Millis {
    Millis(seconds * 1000)
}

#[test]
fn the_hpa_is_the_one_keda_creates() {
    let object = read(|_| {});
    let hpa = object.hpa().unwrap();
    assert_eq!(
        (hpa.name.as_str(), hpa.min_replicas, hpa.max_replicas),
        ("keda-hpa-hello-web", 1, 10)
    );
    let behavior = hpa.behavior.unwrap();
    assert_eq!(behavior.scale_down.window_seconds, Some(10));
    assert_eq!(behavior.scale_up.policies[0].amount, PolicyAmount::Pods(4));
    let [Metric::External { metric, target }] = hpa.metrics.as_slice() else {
        panic!("{:?}", hpa.metrics)
    };
    assert_eq!(metric.name, "s0-prometheus");
    assert_eq!(
        metric.selector.as_ref().unwrap().match_labels["scaledobject.keda.sh/name"],
        "hello-web"
    );
    assert_eq!(*target, ValueTarget::AverageValue(100_000));
}

#[test]
fn pausing_takes_the_hpa_away_or_one_of_its_directions() {
    let with = |word: &str, text: &str| {
        let (word, text) = (format!("autoscaling.keda.sh/{word}"), text.to_owned());
        read(move |manifest| manifest["metadata"]["annotations"] = json!({ word: text }))
    };
    assert_eq!(with("paused", "true").hpa(), None);
    assert_eq!(with("paused-replicas", "3").hpa(), None);
    let behavior = with("paused-scale-in", "true").hpa().unwrap().behavior.unwrap();
    assert_eq!(behavior.scale_down.select, SelectPolicy::Disabled);
    assert_eq!(behavior.scale_up.select, SelectPolicy::Max);
}

#[test]
fn faults_name_path_value_and_what_to_write() {
    assert_eq!(
        faults(|manifest| {
            manifest["spec"]["pollingInterval"] = json!("10s");
            manifest["spec"]["triggers"][0]["metadata"]["query"] = json!("up");
            manifest["spec"]["triggers"][0]["metadata"]["treshold"] = json!("1");
            manifest["spec"]["colldownPeriod"] = json!(2);
        }),
        [
            "spec.pollingInterval: found `\"10s\"`; write a whole number from 0 to 31536000",
            "spec.triggers[0].metadata: `treshold`: unknown; known are serverAddress, query, threshold, \
             activationThreshold, metricName, namespace, ignoreNullValues, queryParameters, customHeaders, unsafeSsl, \
             timeout, authModes",
            "spec.triggers[0].metadata: `query`: found `up` where `rate(`, or `sum(rate(` should be; understood is \
             `sum(rate(<metric>{<matchers>}[<window>]))`, with or without `sum`, and `* N` or `/ N` after it",
            "spec.colldownPeriod: unknown field `colldownPeriod`; the fields here are `scaleTargetRef`, \
             `pollingInterval`, `cooldownPeriod`, `initialCooldownPeriod`, `minReplicaCount`, `maxReplicaCount`, \
             `idleReplicaCount`, `fallback`, `advanced`, `triggers`",
        ]
    );
    assert_eq!(
        faults(|manifest| manifest["spec"]["triggers"][0]["type"] = json!("kafka")),
        ["spec.triggers[0].type: found `\"kafka\"`; write one of `prometheus`, `cron`"]
    );
}

/// Polls with these rates, ten seconds apart, following what the operator writes.
fn switches(object: ScaledObject, mut current: u32, rates: &[f64]) -> Vec<(u64, u32)> {
    let mut operator = Operator::new(object, Millis::ZERO);
    let mut seen = Vec::new();
    for (index, rate) in (1_u64..).zip(rates) {
        let now = seconds(index * 10);
        let activity = operator.object().ask(now, |metric, window| {
            assert_eq!((metric, window), ("requests_total", seconds(12)));
            Ok(*rate)
        });
        if let Some(switch) = operator.poll(now, current, &activity) {
            assert_eq!(switch.from, current);
            current = switch.to;
            seen.push((index * 10, current));
        }
    }
    seen
}

#[test]
fn none_becomes_one_at_the_first_request_and_none_after_the_cooldown() {
    let from_zero = |cooldown: u64| {
        read(move |manifest| {
            manifest["spec"]["minReplicaCount"] = json!(0);
            manifest["spec"]["cooldownPeriod"] = json!(cooldown);
        })
    };
    let rates = [0.0, 0.1, 5.0, 0.0, 0.0, 0.0, 0.0];
    assert_eq!(switches(from_zero(2), 0, &rates), [(20, 1), (40, 0)]);
    // More than 20 s after 30 s: at 60 s.
    assert_eq!(switches(from_zero(20), 0, &rates), [(20, 1), (60, 0)]);
    // Nobody was active: the cooldown does not count.
    assert_eq!(switches(from_zero(300), 3, &[0.0]), [(10, 0)]);
}

#[test]
fn a_minimum_is_kept_and_idle_is_below_it() {
    assert_eq!(switches(read(|_| {}), 1, &[0.0, 9.0, 0.0, 0.0]), []);
    assert_eq!(switches(read(|_| {}), 0, &[0.0]), [(10, 1)]);
    let idle = read(|manifest| {
        manifest["spec"]["minReplicaCount"] = json!(2);
        manifest["spec"]["idleReplicaCount"] = json!(0);
    });
    assert_eq!(switches(idle, 0, &[0.0, 9.0, 0.0, 0.0]), [(20, 2), (30, 0)]);
}

#[test]
fn activation_has_a_threshold_of_its_own() {
    let object = read(|manifest| {
        manifest["spec"]["minReplicaCount"] = json!(0);
        manifest["spec"]["triggers"][0]["metadata"]["activationThreshold"] = json!("5");
    });
    assert_eq!(switches(object, 0, &[4.0, 5.0, 5.5]), [(30, 1)]);
}

#[test]
fn a_cron_trigger_is_active_from_start_to_end() {
    let object = read(|manifest| {
        manifest["spec"]["triggers"] = json!([{"type": "cron", "metadata": {
            "timezone": "Asia/Shanghai", "start": "0 9 * * *", "end": "30 18 * * *", "desiredReplicas": "6",
        }}]);
    });
    assert_eq!(object.triggers[0].metric, "s0-cron-Asia-Shanghai-09xxx-3018xxx");
    let at = |hour: u64, minute: u64| {
        let activity = object.ask(seconds(hour * 3600 + minute * 60), |_, _| Ok(0.0));
        (activity.active, activity.served[0].value.clone())
    };
    // Nine in Shanghai is one o'clock in UTC.
    assert_eq!(at(0, 59), (false, Ok(1000)));
    assert_eq!(at(1, 0), (true, Ok(6000)));
    assert_eq!(at(10, 29), (true, Ok(6000)));
    assert_eq!(at(10, 30), (false, Ok(1000)));
    assert_eq!(at(25, 0), (true, Ok(6000)));
}

#[test]
fn a_fallback_takes_over_after_too_many_failures() {
    let object = read(|manifest| {
        manifest["spec"]["fallback"] = json!({"failureThreshold": 2, "replicas": 4});
    });
    let mut operator = Operator::new(object, Millis::ZERO);
    let mut answers = Vec::new();
    for ok in [false, false, false, true, false] {
        let activity = operator.object().ask(Millis::ZERO, |_, _| {
            if ok { Ok(250.0) } else { Err("no route".to_owned()) }
        });
        answers.extend(operator.serve(&activity, 1).into_values());
    }
    let failure = || Err("no route".to_owned());
    assert_eq!(
        answers,
        [
            failure(),
            failure(),
            Ok(vec![400_000]),
            Ok(vec![250_000]),
            failure()
        ]
    );
}
