//! What is there twice, or names what is not there.

use super::{DEPLOYMENT, SCRIPT, SETTINGS, Scenario, files, read, read_with};

const HPA: &str = "\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: by-cpu, namespace: shop}
spec:
  maxReplicas: 5
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
";

const SCALED_OBJECT: &str = "\
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: by-requests, namespace: shop}
spec:
  scaleTargetRef: {name: web}
  triggers:
  - {type: prometheus, metadata: {serverAddress: 'http://p', query: 'sum(rate(r[1m]))', threshold: '10'}}
";

const BUDGET: &str = "\
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web, namespace: shop}
spec: {maxUnavailable: 1, selector: {matchLabels: {app: web}}}
";

#[test]
fn a_workload_has_one_scaler() {
    assert_eq!(read_with(&[("a.yaml", HPA)]).unwrap().autoscalers.len(), 1);
    let other = HPA.replace("by-cpu", "by-memory");
    for (second, named) in [
        (HPA, "HorizontalPodAutoscaler `by-cpu`"),
        (other.as_str(), "HorizontalPodAutoscaler `by-memory`"),
        (SCALED_OBJECT, "ScaledObject `by-requests`"),
    ] {
        let line = second
            .lines()
            .position(|line| line.contains("scaleTargetRef"))
            .unwrap()
            + 1;
        assert_eq!(
            read_with(&[("a.yaml", HPA), ("b.yaml", second)]).unwrap_err(),
            [format!(
                "b.yaml:{line}: spec.scaleTargetRef: the {named} is a second scaler of the Deployment `web`, \
                 beside the HorizontalPodAutoscaler `by-cpu` in a.yaml; leave one of them out"
            )]
        );
    }
}

#[test]
fn budgets_have_names_of_their_own() {
    let elsewhere = BUDGET.replace("namespace: shop", "namespace: other");
    let several = read_with(&[("a.yaml", BUDGET), ("b.yaml", &elsewhere)]);
    assert_eq!(several.unwrap().budgets.len(), 2);
    let twice = format!("{BUDGET}---\n{BUDGET}");
    assert_eq!(
        read_with(&[("a.yaml", &twice)]).unwrap_err(),
        ["a.yaml:6: a second PodDisruptionBudget `shop/web`; write another name"]
    );
}

#[test]
fn groups_and_webhooks_have_names_of_their_own() {
    let script = SCRIPT.replace(
        "nodes:\n",
        "nodes:\n- {name: spot, pods: 5, autoscale: {max: 3}}\n- {name: spot, pods: 9, autoscale: {max: 2}}\n",
    );
    let found = read(DEPLOYMENT, SETTINGS, &script).unwrap_err();
    assert_eq!(
        found,
        ["scenario.yaml:4: nodes[1]: a second group `spot`; write another name"]
    );
    // The third machine of the group would have the name of a node that is there.
    let script = SCRIPT.replace(
        "nodes:\n",
        "nodes:\n- {name: spot-3, pods: 5}\n- {name: spot, pods: 5, autoscale: {max: 3}}\n",
    );
    assert_eq!(
        read(DEPLOYMENT, SETTINGS, &script).unwrap_err(),
        [
            "scenario.yaml:4: nodes[1]: a node of the group `spot` would be a second `spot-3`; write another name"
        ]
    );
    let webhook = "{name: a, inject: {labels: {x: z}}}";
    let script = SCRIPT.replace("expect:", &format!("injectors: [{webhook}, {webhook}]\nexpect:"));
    assert_eq!(
        read(DEPLOYMENT, SETTINGS, &script).unwrap_err(),
        ["scenario.yaml:8: injectors[1]: a second webhook `a`; write another name"]
    );
}

#[test]
fn the_requests_of_a_workload_come_from_one_entry() {
    let entry = "{points: [{at: 0s, rps: 10}], requestsPerSecond: 1}";
    let script = SCRIPT.replace("expect:", &format!("traffic: [{entry}, {entry}]\nexpect:"));
    assert_eq!(
        read(DEPLOYMENT, SETTINGS, &script).unwrap_err(),
        ["scenario.yaml:8: traffic[1]: a second entry for `web`; write all its points into one"]
    );
}

#[test]
fn rates_by_subset_name_subsets_of_the_workload() {
    let traffic = |subset: &str| {
        let entry =
            format!("{{points: [{{at: 0s, rps: 10}}], requestsPerSecond: 1, bySubset: {{{subset}: 5}}}}");
        SCRIPT.replace("expect:", &format!("traffic: [{entry}]\nexpect:"))
    };
    read(DEPLOYMENT, SETTINGS, &traffic("elastic")).unwrap();
    assert_eq!(
        read(DEPLOYMENT, SETTINGS, &traffic("nope")).unwrap_err(),
        [
            "scenario.yaml:8: traffic[0].bySubset.nope: no subset `nope` of `web` in the settings; write one of `fixed`, `elastic`"
        ]
    );
    // Under other settings than the folder's own nobody can tell.
    let files = files(
        DEPLOYMENT,
        &SETTINGS.replace("elastic", "spill"),
        &traffic("elastic"),
    );
    Scenario::read_under_others("test", &files).unwrap();
}
