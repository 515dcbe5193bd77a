use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::random::Random;

fn node(name: &str, labels: &Value, cpu: &str) -> Node {
    let mut node = json!({"metadata": {"name": name, "labels": labels}, "status": {"allocatable": {"cpu": cpu, "memory": "8Gi", "pods": "10"}}});
    node["metadata"]["labels"]["kubernetes.io/hostname"] = json!(name);
    Node::read(&node).unwrap()
}

fn needs(labels: &Value, spec: &Value) -> Arc<Needs> {
    Arc::new(
        Needs::read(&json!({"metadata": {"namespace": "shop", "labels": labels}, "spec": spec})).unwrap(),
    )
}

fn cpu(amount: &str) -> Value {
    json!([{"resources": {"requests": {"cpu": amount}}}])
}

/// Nodes a1, a2 in zone a and b1 in zone b, with 4 cores each.
fn three() -> Nodes {
    let mut nodes = Nodes::default();
    for (name, zone) in [("a1", "a"), ("a2", "a"), ("b1", "b")] {
        nodes.put(node(name, &json!({"topology.kubernetes.io/zone": zone}), "4"));
    }
    nodes
}

fn taking(nodes: &mut Nodes, needs: &Needs) -> Vec<String> {
    let scores = nodes.scores(needs).unwrap_or_default();
    let name = |choice: &Choice| nodes.get(choice.node).unwrap().node().name.clone();
    scores.iter().map(name).collect()
}

fn best(nodes: &mut Nodes, needs: &Needs) -> String {
    let choice = nodes.choose(needs, &mut Random::new(1, "test")).unwrap();
    nodes.get(choice.node).unwrap().node().name.clone()
}

fn assume(nodes: &mut Nodes, key: u64, needs: &Arc<Needs>, name: &str) {
    let id = nodes.id(name).unwrap();
    nodes.assume(key, Arc::clone(needs), id);
}

fn message(nodes: &mut Nodes, needs: &Needs) -> String {
    nodes.scores(needs).unwrap_err().to_string()
}

#[test]
fn a_pod_takes_room_until_it_is_forgotten() {
    let mut nodes = Nodes::default();
    nodes.put(node("a", &json!({}), "2"));
    let pod = needs(&json!({}), &json!({"containers": cpu("1500m")}));
    assume(&mut nodes, 1, &pod, "a");
    assert_eq!(
        message(&mut nodes, &pod),
        "0/1 nodes are available: 1 Insufficient cpu."
    );
    assert!(nodes.forget(1));
    assert!(!nodes.forget(1));
    assert_eq!(taking(&mut nodes, &pod), ["a"]);
}

#[test]
fn the_emptiest_node_is_best() {
    let mut nodes = three();
    let pod = needs(&json!({}), &json!({"containers": cpu("1")}));
    assume(&mut nodes, 1, &pod, "a1");
    assume(&mut nodes, 2, &pod, "b1");
    assert_eq!(best(&mut nodes, &pod), "a2");
}

#[test]
fn a_full_and_mixed_cluster_says_why_node_by_node() {
    let mut nodes = three();
    let mut tainted = node("v", &json!({}), "100");
    tainted.taints =
        vec![kube_rules::nodes::Taint::read(&json!({"key": "k", "effect": "NoSchedule"})).unwrap()];
    nodes.put(tainted);
    nodes.cordon("b1", true);
    let big = needs(
        &json!({}),
        &json!({"containers": [{"resources": {"requests": {"cpu": "5", "memory": "9Gi"}}}]}),
    );
    assert_eq!(
        message(&mut nodes, &big),
        "0/4 nodes are available: 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable, 2 Insufficient cpu, 2 Insufficient memory."
    );
    nodes.cordon("b1", false);
    let pinned = needs(
        &json!({}),
        &json!({"nodeSelector": {"topology.kubernetes.io/zone": "c"}}),
    );
    assert_eq!(
        message(&mut nodes, &pinned),
        "0/4 nodes are available: 1 node(s) had untolerated taint(s), 3 node(s) didn't match Pod's node affinity/selector."
    );
    assert_eq!(
        message(&mut Nodes::default(), &pinned),
        "no nodes available to schedule pods"
    );
}

#[test]
fn a_gated_pod_is_not_scheduled() {
    let pod = needs(&json!({}), &json!({"schedulingGates": [{"name": "a/b"}]}));
    assert_eq!(message(&mut three(), &pod), "waiting for scheduling gates: [a/b]");
}

#[test]
fn a_node_takes_so_many_pods() {
    let mut nodes = Nodes::default();
    nodes.put(Node {
        pods: 1,
        ..Node::roomy("a")
    });
    let pod = needs(&json!({}), &json!({}));
    assume(&mut nodes, 1, &pod, "a");
    assert_eq!(
        message(&mut nodes, &pod),
        "0/1 nodes are available: 1 Too many pods."
    );
}

#[test]
fn avoided_nodes_come_last_and_preferred_ones_first() {
    let mut nodes = three();
    let mut avoided = node("a1", &json!({"pool": "paid"}), "4");
    avoided.taints =
        vec![kube_rules::nodes::Taint::read(&json!({"key": "k", "effect": "PreferNoSchedule"})).unwrap()];
    nodes.put(avoided);
    let plain = needs(&json!({}), &json!({"containers": cpu("1")}));
    assert_ne!(best(&mut nodes, &plain), "a1");
    let preference =
        json!([{"weight": 1, "preference": {"matchExpressions": [{"key": "pool", "operator": "Exists"}]}}]);
    let spec = json!({
        "tolerations": [{"operator": "Exists"}],
        "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preference}},
    });
    assert_eq!(best(&mut nodes, &needs(&json!({}), &spec)), "a1");
}

fn spread(key: &str, unsatisfiable: &str, more: &Value) -> Value {
    let mut constraint = json!({"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": unsatisfiable, "labelSelector": {"matchLabels": {"app": "a"}}});
    for (field, value) in more.as_object().unwrap() {
        constraint[field] = value.clone();
    }
    json!({"topologySpreadConstraints": [constraint]})
}

const ZONE: &str = "topology.kubernetes.io/zone";

#[test]
fn the_skew_between_zones_is_kept() {
    let app = json!({"app": "a"});
    let mut nodes = three();
    nodes.put(node("x", &json!({}), "4"));
    let pod = needs(&app, &spread(ZONE, "DoNotSchedule", &json!({})));
    assert_eq!(taking(&mut nodes, &pod), ["a1", "a2", "b1"]);
    assume(&mut nodes, 1, &pod, "a1");
    assert_eq!(taking(&mut nodes, &pod), ["b1"]);
    nodes.cordon("b1", true);
    assert_eq!(
        message(&mut nodes, &pod),
        "0/4 nodes are available: 1 node(s) didn't match pod topology spread constraints (missing required label), \
         1 node(s) were unschedulable, 2 node(s) didn't match pod topology spread constraints."
    );
    // A pod that is being deleted does not count.
    nodes.terminating(1);
    assert_eq!(taking(&mut nodes, &pod), ["a1", "a2"]);
    nodes.forget(1);
    assert_eq!(taking(&mut nodes, &pod), ["a1", "a2"]);
}

#[test]
fn too_few_domains_make_the_least_zero() {
    let app = json!({"app": "a"});
    let mut nodes = three();
    let pod = needs(&app, &spread(ZONE, "DoNotSchedule", &json!({"minDomains": 3})));
    assume(&mut nodes, 1, &pod, "a1");
    assume(&mut nodes, 2, &pod, "b1");
    assert_eq!(taking(&mut nodes, &pod), Vec::<String>::new());
    let other = needs(&app, &spread(ZONE, "DoNotSchedule", &json!({})));
    assert_eq!(taking(&mut nodes, &other).len(), 3);
}

#[test]
fn nodes_that_the_pod_cannot_use_do_not_count_unless_it_says_so() {
    let app = json!({"app": "a"});
    let mut nodes = three();
    let mut spec = spread(ZONE, "DoNotSchedule", &json!({}));
    spec["nodeSelector"] = json!({ZONE: "a"});
    let pod = needs(&app, &spec);
    assume(&mut nodes, 1, &pod, "a1");
    // Zone b is out of reach, so zone a is the only one.
    assert_eq!(taking(&mut nodes, &pod), ["a1", "a2"]);
    spec["topologySpreadConstraints"][0]["nodeAffinityPolicy"] = json!("Ignore");
    assert_eq!(taking(&mut nodes, &needs(&app, &spec)), Vec::<String>::new());
}

#[test]
fn revisions_are_spread_apart_by_match_label_keys() {
    let mut nodes = three();
    let constraint = spread(ZONE, "DoNotSchedule", &json!({"matchLabelKeys": ["hash"]}));
    let old = needs(&json!({"app": "a", "hash": "1"}), &constraint);
    let new = needs(&json!({"app": "a", "hash": "2"}), &constraint);
    assume(&mut nodes, 1, &old, "a1");
    assert_eq!(taking(&mut nodes, &new), ["a1", "a2", "b1"]);
    assert_eq!(taking(&mut nodes, &old), ["b1"]);
}

#[test]
fn a_preference_to_spread_is_only_a_preference() {
    let app = json!({"app": "a"});
    let mut nodes = three();
    let pod = needs(&app, &spread(ZONE, "ScheduleAnyway", &json!({})));
    assume(&mut nodes, 1, &pod, "a1");
    assert_eq!(taking(&mut nodes, &pod).len(), 3);
    assert_eq!(best(&mut nodes, &pod), "b1");
    nodes.cordon("b1", true);
    assert_eq!(taking(&mut nodes, &pod), ["a1", "a2"]);
}

#[test]
fn pods_of_a_controller_are_spread_over_nodes_by_default() {
    let app = json!({"app": "a"});
    let mut faults = rules::Faults::default();
    let root = rules::Place::Root("x");
    let selector = json!({"matchLabels": {"app": "a"}});
    let owner = rules::read_label_selector(&selector, &root, &mut faults).unwrap();
    let plain = needs(&app, &json!({}));
    let spread = Arc::new(Needs::clone(&plain).spread_by_default(&owner));
    let mut nodes = three();
    // Unevenly, so that the pods' own requests do not decide.
    let heavy = needs(&json!({}), &json!({"containers": cpu("3")}));
    assume(&mut nodes, 1, &heavy, "b1");
    assume(&mut nodes, 2, &plain, "a1");
    assume(&mut nodes, 3, &plain, "a2");
    assert_ne!(best(&mut nodes, &plain), "b1");
    assert_eq!(best(&mut nodes, &spread), "b1");
}

fn company(kind: &str, key: &str) -> Value {
    let term = json!({"topologyKey": key, "labelSelector": {"matchLabels": {"app": "a"}}});
    json!({"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}})
}

#[test]
fn pods_that_must_be_together_follow_the_first() {
    let mut nodes = three();
    let member = needs(&json!({"app": "a"}), &company("podAffinity", ZONE));
    let guest = needs(&json!({"app": "b"}), &company("podAffinity", ZONE));
    assert_eq!(taking(&mut nodes, &member).len(), 3);
    assert_eq!(
        message(&mut nodes, &guest),
        "0/3 nodes are available: 3 node(s) didn't match pod affinity rules."
    );
    assume(&mut nodes, 1, &member, "a1");
    assert_eq!(taking(&mut nodes, &member), ["a1", "a2"]);
    assert_eq!(taking(&mut nodes, &guest), ["a1", "a2"]);
}

#[test]
fn pods_that_must_be_apart_keep_others_away_too() {
    let mut nodes = three();
    let apart = needs(
        &json!({"app": "a"}),
        &company("podAntiAffinity", "kubernetes.io/hostname"),
    );
    let plain = needs(&json!({"app": "a"}), &json!({}));
    let other = needs(&json!({"app": "b"}), &json!({}));
    assume(&mut nodes, 1, &apart, "a1");
    assert_eq!(taking(&mut nodes, &apart), ["a2", "b1"]);
    assert_eq!(taking(&mut nodes, &plain), ["a2", "b1"]);
    assert_eq!(taking(&mut nodes, &other).len(), 3);
    assume(&mut nodes, 2, &apart, "a2");
    nodes.cordon("b1", true);
    assert_eq!(
        message(&mut nodes, &plain),
        "0/3 nodes are available: 1 node(s) were unschedulable, 2 node(s) didn't satisfy existing pods anti-affinity rules."
    );
    nodes.forget(1);
    assert_eq!(taking(&mut nodes, &plain), ["a1"]);
}

#[test]
fn preferred_company_draws_pods_and_unwanted_company_repels_them() {
    let term = json!({"weight": 10, "podAffinityTerm": {"topologyKey": ZONE, "labelSelector": {"matchLabels": {"app": "a"}}}});
    let liking = |kind: &str| {
        needs(
            &json!({"app": "b"}),
            &json!({"affinity": {kind: {"preferredDuringSchedulingIgnoredDuringExecution": [term]}}}),
        )
    };
    let host = needs(&json!({"app": "a"}), &json!({}));
    let mut nodes = three();
    assume(&mut nodes, 1, &host, "b1");
    assert_eq!(best(&mut nodes, &liking("podAffinity")), "b1");
    assert_ne!(best(&mut nodes, &liking("podAntiAffinity")), "b1");
    // What those that run prefer counts as well.
    let mut nodes = three();
    assume(&mut nodes, 1, &liking("podAffinity"), "b1");
    assert_eq!(best(&mut nodes, &host), "b1");
}

#[test]
fn a_node_that_goes_gives_its_pods_back_and_its_place_to_another() {
    let mut nodes = three();
    let pod = needs(&json!({"app": "a"}), &company("podAntiAffinity", ZONE));
    assume(&mut nodes, 7, &pod, "a1");
    assert_eq!(taking(&mut nodes, &pod), ["b1"]);
    assert_eq!(nodes.remove("a1"), [7]);
    assert_eq!((nodes.len(), nodes.node_of(7)), (2, None));
    assert_eq!(taking(&mut nodes, &pod), ["a2", "b1"]);
    nodes.put(node("new", &json!({ZONE: "c"}), "4"));
    assert_eq!(taking(&mut nodes, &pod), ["new", "a2", "b1"]);
}

#[test]
fn a_node_that_changes_is_judged_anew() {
    let mut nodes = three();
    let pod = needs(&json!({}), &json!({"nodeSelector": {ZONE: "b"}}));
    assert_eq!(taking(&mut nodes, &pod), ["b1"]);
    nodes.put(node("a2", &json!({ZONE: "b"}), "4"));
    assert_eq!(taking(&mut nodes, &pod), ["a2", "b1"]);
}

#[test]
fn equals_are_drawn_from() {
    let mut nodes = three();
    let pod = needs(&json!({}), &json!({}));
    let mut random = Random::new(5, "test");
    let mut seen = [0; 3];
    for _ in 0..300 {
        seen[nodes.choose(&pod, &mut random).unwrap().node.0] += 1;
    }
    assert!(seen.iter().all(|count| (70..130).contains(count)), "{seen:?}");
}
