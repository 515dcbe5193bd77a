//! What is so long, so much or so strange that no run of it would end, or be shown.

use super::{DEPLOYMENT, SCRIPT, SETTINGS, read, read_with};

const A_YEAR: &str = "write a time span of at most a year, `8760h`";

fn faults(script: &str) -> Vec<String> {
    read(DEPLOYMENT, SETTINGS, script).unwrap_err()
}

#[test]
fn no_span_is_longer_than_a_year() {
    for (from, to, fault) in [
        (
            "duration: 1m",
            "duration: 5000000000h",
            "1: duration: found `\"5000000000h\"`",
        ),
        (
            "duration: 1m",
            "duration: 8761h\nsampleEvery: 1h",
            "1: duration: found `\"8761h\"`",
        ),
        (
            "nodes:",
            "cluster: {watchJitter: 18446744073709551615ms}\nnodes:",
            "2: cluster.watchJitter: found `\"18446744073709551615ms\"`",
        ),
        (
            "nodes:",
            "cluster: {startup: 18446744073709551615ms}\nnodes:",
            "2: cluster.startup: found `\"18446744073709551615ms\"`",
        ),
        (
            "nodes:",
            "cluster: {admissionTime: 18446744073709551615ms}\nnodes:",
            "2: cluster.admissionTime: found `\"18446744073709551615ms\"`",
        ),
        (
            "every: 5s",
            "every: 18446744073709551615ms",
            "7: events[1].ramp.every: found `\"18446744073709551615ms\"`",
        ),
        (
            "expect:",
            "traffic: [{points: [{at: 5000000000h, rps: 400000}], requestsPerSecond: 1}]\nexpect:",
            "8: traffic[0].points[0].at: found `\"5000000000h\"`",
        ),
    ] {
        let found = faults(&SCRIPT.replace(from, to));
        assert_eq!(found, [format!("scenario.yaml:{fault}; {A_YEAR}")]);
    }
    let longest = SCRIPT.replace("duration: 1m", "duration: 8760h\nsampleEvery: 1m");
    read(DEPLOYMENT, SETTINGS, &longest).unwrap();
}

#[test]
fn a_run_has_a_million_samples_at_most() {
    let script = |times: &str| SCRIPT.replace("duration: 1m", times);
    read(DEPLOYMENT, SETTINGS, &script("duration: 1000s\nsampleEvery: 1ms")).unwrap();
    assert_eq!(
        faults(&script("duration: 24h\nsampleEvery: 1ms")),
        [
            "scenario.yaml:2: sampleEvery: found `1ms`, which makes 86400000 samples in 86400s; write at least `87ms`, for at most 1000000 of them"
        ]
    );
    assert_eq!(
        faults(&script("duration: 8760h")),
        [
            "scenario.yaml:1: duration: found no `sampleEvery`, so `1s`, which makes 31536000 samples in 31536000s; write at least `31.536s`, for at most 1000000 of them"
        ]
    );
}

/// The sums of a year of it can be counted.
#[test]
fn requests_are_as_many_as_can_be_counted() {
    let script = |rps: &str| {
        let traffic =
            format!("traffic: [{{points: [{{at: 8760h, rps: {rps}}}], requestsPerSecond: 1}}]\nexpect:");
        SCRIPT.replace("expect:", &traffic)
    };
    let demands = read(DEPLOYMENT, SETTINGS, &script("500000"))
        .unwrap()
        .script
        .demands;
    let year = crate::time::Millis::LONGEST;
    assert_eq!(
        demands[0].traffic.arrived(crate::time::Millis::ZERO, year),
        500_000 * crate::load::MICRO * 31_536_000
    );
    assert_eq!(
        faults(&script("1000000000")),
        [
            "scenario.yaml:8: traffic[0].points[0].rps: found `1000000000`; write requests per second such as `120` or `0.5`, at most 500000"
        ]
    );
}

#[test]
fn a_text_has_no_control_characters() {
    for text in ["\\x1b[31mred", "\\x00", "\\x08", "a\\nb"] {
        let found = faults(&format!("description: \"{text}\"\n{SCRIPT}"));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("scenario.yaml:1: description: found `"),
            "{found:?}"
        );
        assert!(
            found[0].ends_with("write a line of text, without control characters"),
            "{found:?}"
        );
    }
    let block = format!("description: |\n  One line.\n{SCRIPT}");
    let scenario = read(DEPLOYMENT, SETTINGS, &block).unwrap();
    assert_eq!(scenario.script.description, "One line.");
}

#[test]
fn autoscalers_ask_for_as_many_replicas_as_events() {
    let hpa = "\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: shop}
spec:
  maxReplicas: 2147483647
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
";
    let scaled_object = "\
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: web, namespace: shop, annotations: {autoscaling.keda.sh/paused-replicas: \"1000001\"}}
spec:
  maxReplicaCount: 1000001
  scaleTargetRef: {name: web}
  triggers:
  - {type: prometheus, metadata: {serverAddress: 'http://p', query: 'sum(rate(r[1m]))', threshold: '10'}}
";
    let with = |scaler| read_with(&[("scaler.yaml", scaler)]).unwrap_err();
    assert_eq!(
        with(hpa),
        ["scaler.yaml:5: spec.maxReplicas: found `2147483647`; write a whole number from 1 to 1000000"]
    );
    assert_eq!(
        with(scaled_object),
        [
            "scaler.yaml:3: metadata.annotations: `autoscaling.keda.sh/paused-replicas`: found `1000001`; write a whole number in quotes, at most 1000000",
            "scaler.yaml:5: spec.maxReplicaCount: found `1000001`; write a whole number from 1 to 1000000",
        ]
    );
}
