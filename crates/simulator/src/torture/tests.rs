//! The judge finds what is broken on purpose, and nothing in what is not.

use serde_json::{Value, json};

use super::*;
use crate::admission::{Admission, AdmissionCall, AdmissionFailure, Answer, Change, Verdict};

pub(super) fn core(case: &Case) -> Box<dyn Admission> {
    Box::new(NativeAdmission::of(case))
}

pub(super) fn rules_broken(
    case: &Case,
    sabotage: Sabotage,
    policies: &mut Policies<'_>,
) -> Option<&'static str> {
    let played = run(case, policies, None, sabotage).unwrap();
    played.violation.map(|violation| violation.rule)
}

/// One burst over the maximum, in a cluster where everything takes a while.
pub(super) fn burst(replicas: u32) -> Case {
    let text = json!({
        "seed": 1,
        "spread": {
            "name": "web", "namespace": "shop", "capacity": "Exact",
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "subsets": [{"name": "fixed", "maxReplicas": 10}, {"name": "elastic"}],
        },
        "workload": {"kind": "Deployment", "replicas": 0, "maxSurge": "25%", "maxUnavailable": "25%"},
        "pools": [{"name": "fixed", "nodes": 2, "pods": 100}],
        "cluster": {
            "controllers": {"millis": 10}, "scheduler": {"millis": 5}, "writesPerSecond": 350, "admission": {"millis": 5},
            "startup": {"millis": 1000}, "termination": {"millis": 1000}, "leaseMillis": 15_000, "requestTimeoutMillis": 10_000,
        },
        "policies": [{"ledgers": {"millis": 50}, "leases": {"millis": 50}}],
        "sidecars": [{
            "pods": {"millis": 30}, "workloads": {"millis": 40}, "others": {"millis": 20}, "requests": {"millis": 5},
            "writesAtOnce": 64, "thinkMillis": 10,
        }],
        "events": [{"at": 3000, "do": "Scale", "replicas": replicas}],
    });
    Case::read(&text.to_string()).unwrap()
}

pub(super) fn played(case: &Case) -> Played {
    play(case, &mut |case| core(case)).unwrap()
}

#[test]
fn a_burst_fills_the_first_subset_exactly_with_one_write_for_each_waiting_pod() {
    let played = played(&burst(40));
    assert_eq!(played.violation, None);
    assert_eq!((played.tally.pods, played.tolerated.empty), (40, 0));
    assert_eq!(played.tally.bound, played.tally.gated);
    assert!(played.tally.gated >= 10, "{:?}", played.tally);
    assert_eq!((played.tally.costs, played.tally.refused), (0, 0));
}

#[test]
fn a_case_is_what_was_saved() {
    for seed in 0..50 {
        let case = Case::draw(seed);
        assert_eq!(Case::read(&case.text()).as_ref(), Ok(&case));
    }
}

#[test]
fn the_same_case_is_played_the_same_way() {
    let hear = |case: &Case| {
        let mut lines = Vec::new();
        let mut trace = |at: u64, text: &str| lines.push(format!("{at} {text}"));
        let mut policies = |case: &Case| core(case);
        let played = play_aloud(case, &mut policies, &mut trace).unwrap();
        (played, lines)
    };
    for seed in 0..10 {
        let case = Case::draw(seed);
        assert_eq!(hear(&case), hear(&case), "seed {seed}");
    }
}

#[test]
fn every_saved_case_is_clean() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut played_some = false;
    for entry in std::fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path();
        let case = Case::read(&std::fs::read_to_string(&file).unwrap()).unwrap();
        assert_eq!(played(&case).violation, None, "{}", file.display());
        played_some = true;
    }
    assert!(played_some);
}

#[test]
fn random_cases_are_clean() {
    for seed in 0..60 {
        let played = played(&Case::draw(seed));
        assert_eq!(played.violation, None, "seed {seed}");
    }
}

#[test]
fn a_sidecar_that_binds_above_the_maximum_is_found_out() {
    assert_eq!(
        rules_broken(&burst(40), Sabotage::BindsToTheFirst, &mut |case| core(case)),
        Some("maximum")
    );
}

#[test]
fn a_sidecar_that_deletes_what_it_should_bind_is_found_out() {
    let mut case = burst(2);
    case.events.truncate(1);
    assert_eq!(
        rules_broken(&case, Sabotage::DeletesWhatWaits, &mut |case| core(case)),
        Some("rest")
    );
}

#[test]
fn a_leader_that_does_not_look_at_its_lease_is_found_out() {
    let frozen = |seed: u64| {
        let mut case = burst(60);
        case.seed = seed;
        case.sidecars.push(case.sidecars[0]);
        case.sidecars[0].writes_at_once = 1;
        case.cluster.writes_per_second = 20;
        for sidecar in 0..2 {
            case.events.push(EventCase {
                at: 3300,
                happening: Happening::Freeze {
                    sidecar,
                    back_after: 60_000 * u64::from(sidecar + 1),
                },
            });
        }
        case.events.push(EventCase {
            at: 3600,
            happening: Happening::Scale { replicas: 90 },
        });
        case
    };
    let mut found = Vec::new();
    for seed in 0..30 {
        let case = frozen(seed);
        assert_eq!(
            rules_broken(&case, Sabotage::Nothing, &mut |case| core(case)),
            None,
            "seed {seed}"
        );
        found.extend(rules_broken(&case, Sabotage::NoFence, &mut |case| core(case)));
    }
    assert!(found.contains(&"fencing"), "{found:?}");
}

/// A pool with two places, two with many, and a spread that moves on whoever finds no node; `in_place`: as they stand.
fn full_pool(in_place: bool, events: &Value) -> Case {
    let pool =
        |name: &str| json!({"matchExpressions": [{"key": "pool", "operator": "In", "values": [name]}]});
    let mut value: Value = serde_json::from_str(&burst(1).text()).unwrap();
    let mut elastic =
        json!({"name": "elastic", "maxReplicas": 50, "requiredNodeSelectorTerm": pool("elastic")});
    if in_place {
        elastic["tolerations"] = json!([{"key": "only-elastic", "operator": "Exists"}]);
    }
    let fixed = json!({"name": "fixed", "maxReplicas": 100, "requiredNodeSelectorTerm": pool("fixed")});
    let spot = json!({"name": "spot", "requiredNodeSelectorTerm": pool("spot")});
    value["spread"]["subsets"] = json!([fixed, elastic, spot]);
    value["spread"]["scheduleStrategy"] = json!({
        "type": "Adaptive", "adaptive": {"rescheduleCriticalSeconds": 2, "unschedulableLastSeconds": 30},
    });
    value["requestMillis"] = json!(100);
    value["pools"] = json!([
        {"name": "fixed", "nodes": 1, "pods": 100, "cpuMillis": 250},
        {"name": "elastic", "nodes": 1, "pods": 1000, "taint": "only-elastic"},
        {"name": "spot", "nodes": 1, "pods": 1000},
    ]);
    if !in_place {
        value["pools"][1].as_object_mut().unwrap().remove("taint");
    }
    value["events"] = events.clone();
    Case::read(&value.to_string()).unwrap()
}

#[test]
fn pods_of_a_full_pool_move_on_and_one_tries_it_again() {
    let events = json!([
        {"at": 3000, "do": "Scale", "replicas": 6},
        {"at": 100_000, "do": "Scale", "replicas": 9},
    ]);
    // Four of the burst, and the one that tries.
    for (in_place, moves) in [(true, (5, 0)), (false, (0, 5))] {
        let played = played(&full_pool(in_place, &events));
        assert_eq!(played.violation, None);
        assert_eq!(
            (played.tally.moved, played.tally.recreated),
            moves,
            "{:?}",
            played.tally
        );
    }
}

#[test]
fn a_sidecar_that_binds_to_what_is_closed_is_found_out() {
    let events = json!([{"at": 3000, "do": "Scale", "replicas": 6}]);
    let case = full_pool(false, &events);
    let found = rules_broken(&case, Sabotage::BindsToTheFirst, &mut |case| core(case));
    assert_eq!(found, Some("closed"));
}

#[test]
fn more_than_one_that_tries_a_subset_is_found_out() {
    // Whoever is stuck goes before another is made in its place.
    let events = json!([
        {"at": 3000, "do": "Scale", "replicas": 6},
        {"at": 5500, "do": "Scale", "replicas": 2},
        {"at": 100_000, "do": "Scale", "replicas": 5},
    ]);
    let case = full_pool(false, &events);
    let found = rules_broken(&case, Sabotage::BindsToTheFirst, &mut |case| core(case));
    assert_eq!(found, Some("probe"));
}

#[test]
fn a_delete_that_names_no_version_is_found_out() {
    // Places come free just when stuck pods are deleted.
    let late = |at: u64| {
        let events = json!([
            {"at": 10_000, "do": "Scale", "replicas": 6},
            {"at": at, "do": "DeletePods", "count": 2},
        ]);
        let mut case = full_pool(false, &events);
        case.seed = at;
        case.cluster.startup.millis = 0;
        case.cluster.termination.millis = 0;
        case.sidecars[0].requests.millis = 400;
        case.sidecars[0].pods.millis = 400;
        case
    };
    let mut found = Vec::new();
    for at in (12_500..14_500).step_by(50) {
        let case = late(at);
        assert_eq!(
            rules_broken(&case, Sabotage::Nothing, &mut |case| core(case)),
            None,
            "{at}"
        );
        let f = rules_broken(&case, Sabotage::NoPrecondition, &mut |case| core(case));
        if f.is_some() {
            println!("AT {at} {f:?}");
        }
        found.extend(f);
    }
    assert!(
        found
            .iter()
            .all(|rule| ["deletion", "precondition"].contains(rule)),
        "{found:?}"
    );
    assert!(!found.is_empty());
}

#[test]
fn an_hpa_drains_and_a_budget_are_played() {
    let mut case = burst(4);
    case.min_available = Some("2".to_owned());
    case.load = Some(LoadCase {
        min_replicas: 2,
        max_replicas: 30,
        calm_seconds: 0,
        rates: vec![(0, 40), (60_000, 250)],
    });
    case.pools[0].nodes = 2;
    let drain = |at, node| EventCase {
        at,
        happening: Happening::DrainNode {
            node,
            back_after: 60_000,
        },
    };
    case.events.extend([drain(40_000, 0), drain(40_500, 1)]);
    let mut lines = Vec::new();
    let mut trace = |_: u64, text: &str| lines.push(text.to_owned());
    let played = play_aloud(&case, &mut |case| core(case), &mut trace).unwrap();
    assert_eq!(played.violation, None);
    let told = |word: &str| lines.iter().filter(|line| line.starts_with(word)).count();
    assert!(told("evicted") > 0 && told("not evicted") > 0);
    // 250 requests a second are 25 pods at the target.
    assert!(played.tally.pods >= 20, "{:?}", played.tally);
}

/// Places every pod in the first subset, whatever anybody tells it.
struct AllFirst;

impl Admission for AllFirst {
    fn watch(&mut self, _: Change) {}

    fn admit(&mut self, call: &AdmissionCall<'_>) -> Result<Answer, AdmissionFailure> {
        let mut pod: Value = call.review["request"]["object"].clone();
        pod["metadata"]["labels"]["spillway.dev/spread"] = json!("web");
        pod["metadata"]["labels"]["spillway.dev/subset"] = json!("fixed");
        Ok(Answer {
            verdict: Verdict::Changed(pod),
            ..Answer::default()
        })
    }
}

#[test]
fn a_policy_that_places_what_must_wait_is_found_out() {
    let found = rules_broken(&burst(40), Sabotage::Nothing, &mut |_| Box::new(AllFirst));
    assert_eq!(found, Some("ungated"));
}

#[test]
fn a_case_that_cannot_be_played_says_what_to_write() {
    let error = |text: &str| Case::read(text).unwrap_err().to_string();
    assert!(error("{").starts_with("not a case: "));
    let mut case = burst(1);
    case.policies.clear();
    assert_eq!(error(&case.text()), "`policies`: write at least one replica");
    case = burst(1);
    case.min_available = Some("most".to_owned());
    assert_eq!(
        error(&case.text()),
        "`minAvailable`: write a number or a percentage"
    );
    case.spread = json!({"name": "web"});
    assert!(error(&case.text()).starts_with("`spread`: "));
}
