//! Worked examples; `oracle/run.sh` compares the rest with Kubernetes' own code.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::time::Millis;

fn manifest(spec: &Value) -> Value {
    let mut manifest = json!({
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "kato", "namespace": "shop"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "kato"},
            "maxReplicas": 10,
        },
    });
    for (name, value) in spec.as_object().unwrap() {
        manifest["spec"][name] = value.clone();
    }
    manifest
}

fn cpu(percent: u32) -> Value {
    let target = json!({"type": "Utilization", "averageUtilization": percent});
    json!({"type": "Resource", "resource": {"name": "cpu", "target": target}})
}

fn controller(spec: &Value) -> Controller {
    let gates = Gates::default();
    let hpa = Hpa::read(&manifest(spec), gates).unwrap();
    Controller::new(hpa, Flags::default(), gates)
}

fn faults(spec: &Value) -> Vec<String> {
    let faults = Hpa::read(&manifest(spec), Gates::default()).unwrap_err();
    faults.iter().map(ToString::to_string).collect()
}

/// Pods that have long been ready and request one core each.
fn pods(count: u32) -> Vec<PodSample> {
    let spec = json!({"containers": [{"name": "main", "resources": {"requests": {"cpu": "1"}}}]});
    let pod = |number| PodSample {
        name: format!("kato-{number}"),
        phase: PodPhase::Running,
        deleting: false,
        ready: Some(Ready {
            status: true,
            since: Millis::ZERO,
        }),
        started: Some(Millis::ZERO),
        requests: PodRequests::of(&spec),
    };
    (0..count).map(pod).collect()
}

/// Each pod uses so many millicores.
fn using(pods: &[PodSample], milli: i64, now: Millis) -> Readings {
    let usage = |pod: &PodSample| PodUsage {
        pod: pod.name.clone(),
        at: now,
        window: Millis(15_000),
        containers: vec![ContainerUsage {
            name: "main".to_owned(),
            usage: BTreeMap::from([("cpu".to_owned(), milli)]),
        }],
    };
    Readings {
        resources: Ok(pods.iter().map(usage).collect()),
        ..Readings::default()
    }
}

fn scale(replicas: u32) -> Scale<'static> {
    Scale {
        spec: replicas,
        status: replicas,
        selector: "app=kato",
        claimed_by: &[],
    }
}

/// Looks every 15 s, from ten minutes on, while all pods together use what `load` says, in percent of one core.
fn replicas_under(controller: &mut Controller, loads: &[i64]) -> Vec<u32> {
    let mut replicas = 1;
    let mut seen = vec![replicas];
    for (look, load) in (0_u64..).zip(loads) {
        let now = Millis(600_000 + look * 15_000);
        let pods = pods(replicas);
        let readings = using(&pods, load * 10 / i64::from(replicas), now);
        let outcome = controller.reconcile(now, scale(replicas), &readings, &pods);
        if let Some(desired) = outcome.desired {
            replicas = desired;
            seen.push(replicas);
        }
    }
    seen
}

#[test]
fn kato_goes_from_one_to_four_to_six_and_back_to_one() {
    let mut controller = controller(&json!({"metrics": [cpu(50)], "minReplicas": 1}));
    // 270 % at 50 % are six pods; without a behaviour the first step ends at 4. Then five minutes of nothing.
    let mut loads = vec![270; 4];
    loads.extend([0; 25]);
    assert_eq!(replicas_under(&mut controller, &loads), [1, 4, 6, 1]);
    let above = "cpu resource utilization (percentage of request) above target";
    let scaled = |at, reason: &str, from, to| Record::Scaled {
        at: Millis(at),
        reason: reason.to_owned(),
        from,
        to,
    };
    assert_eq!(
        controller.records(),
        [
            scaled(600_000, above, 1, 4),
            scaled(615_000, above, 4, 6),
            // The last recommendation of 6 was at 645 s; it counts while it is no older than 300 s.
            scaled(960_000, "All metrics below target", 6, 1),
        ]
    );
}

#[test]
fn the_first_reads_before_metrics_exist_are_one_record() {
    let mut controller = controller(&json!({"metrics": [cpu(40)]}));
    let mut events = Vec::new();
    for look in 0..3 {
        let readings = Readings {
            resources: Ok(Vec::new()),
            ..Readings::default()
        };
        let outcome = controller.reconcile(Millis(look * 15_000), scale(1), &readings, &pods(1));
        assert_eq!(outcome.desired, None);
        events = outcome.events;
    }
    let message = "failed to get cpu utilization: unable to get metrics for resource cpu: no metrics returned from \
                   resource metrics API";
    assert_eq!(
        controller.records(),
        [Record::Failed {
            at: Millis(0),
            last: Millis(30_000),
            count: 3,
            reason: "FailedGetResourceMetric",
            message: message.to_owned(),
        }]
    );
    assert_eq!(events[0].message, message);
    assert_eq!(
        events[1].message,
        format!(
            "invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric value: {message}"
        )
    );
}

#[test]
fn an_event_says_the_new_size_and_why() {
    let mut controller = controller(&json!({"metrics": [cpu(50)]}));
    let pods = pods(2);
    let now = Millis(600_000);
    let outcome = controller.reconcile(now, scale(2), &using(&pods, 1000, now), &pods);
    assert_eq!(outcome.desired, Some(4));
    assert_eq!(outcome.events[0].reason, "SuccessfulRescale");
    assert_eq!(
        outcome.events[0].message,
        "New size: 4; reason: cpu resource utilization (percentage of request) above target"
    );
    assert_eq!(outcome.current[0].unwrap().average_utilization, Some(100));
}

#[test]
fn pods_claimed_by_two_are_left_alone() {
    let mut controller = controller(&json!({"metrics": [cpu(50)]}));
    let claimed_by = ["shop/kato".to_owned(), "shop/other".to_owned()];
    let scale = Scale {
        claimed_by: &claimed_by,
        ..scale(2)
    };
    let pods = pods(2);
    let readings = using(&pods, 1000, Millis(600_000));
    let outcome = controller.reconcile(Millis(600_000), scale, &readings, &pods);
    assert_eq!(outcome.desired, None);
    assert_eq!(outcome.events[0].reason, "AmbiguousSelector");
    let active = &outcome.conditions[1];
    assert_eq!(
        (active.kind, active.status),
        (ConditionType::ScalingActive, false)
    );
}

#[test]
fn a_manifest_gets_the_defaults_of_the_api_server() {
    let hpa = Hpa::read(&manifest(&json!({"behavior": {}})), Gates::default()).unwrap();
    assert_eq!((hpa.min_replicas, hpa.max_replicas), (1, 10));
    assert_eq!(hpa.behavior, Some(Behavior::of_defaults()));
    let expected = Metric::Resource {
        resource: "cpu".to_owned(),
        container: None,
        target: ResourceTarget::Utilization(80),
    };
    assert_eq!(hpa.metrics, [expected]);
}

#[test]
fn faults_name_path_value_and_what_to_write() {
    let policy = json!({"type": "Pods", "value": 1, "periodSeconds": 1801});
    assert_eq!(
        faults(&json!({
            "minReplicas": 0,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization"}}}],
            "behavior": {"scaleUp": {"policies": [policy]}},
        })),
        [
            "spec.minReplicas: found `0`; write a whole number from 1 to 1000000",
            "spec.metrics[0].resource.target: `averageUtilization` is missing; write percent of the request",
            "spec.behavior.scaleUp.policies[0].periodSeconds: found `1801`; write a whole number from 1 to 1800",
        ]
    );
    assert_eq!(
        faults(&json!({"minReplicas": 11})),
        ["spec: `maxReplicas` is 10 and `minReplicas` is 11; write a maximum that is not below the minimum"]
    );
}

proptest! {
    #[test]
    fn the_count_stays_between_minimum_and_maximum(
        loads in prop::collection::vec(0_i64..2000, 1..30),
        min in 1_u32..4,
        behave in any::<bool>(),
    ) {
        let mut spec = json!({"metrics": [cpu(50)], "minReplicas": min});
        if behave {
            spec["behavior"] = json!({"scaleDown": {"stabilizationWindowSeconds": 30}});
        }
        let mut controller = controller(&spec);
        let seen = replicas_under(&mut controller, &loads);
        prop_assert!(seen.iter().skip(1).all(|replicas| (min..=10).contains(replicas)));
        // One record for each step, and each begins where the last ended.
        let mut at = 1;
        for record in controller.records() {
            if let Record::Scaled { from, to, .. } = record {
                prop_assert_eq!(*from, at);
                at = *to;
            }
        }
        prop_assert_eq!(Some(&at), seen.last());
    }

    #[test]
    fn a_disabled_direction_is_never_taken(loads in prop::collection::vec(0_i64..2000, 1..30), up in any::<bool>()) {
        let name = if up { "scaleUp" } else { "scaleDown" };
        let behavior = json!({ name: {"selectPolicy": "Disabled"} });
        let mut controller = controller(&json!({"metrics": [cpu(50)], "behavior": behavior}));
        let seen = replicas_under(&mut controller, &loads);
        let against = |pair: &[u32]| if up { pair[1] > pair[0] } else { pair[1] < pair[0] };
        prop_assert!(!seen.windows(2).any(against));
    }
}
