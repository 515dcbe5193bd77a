//! What each component may do, and what it does when it may not.

use std::collections::BTreeSet;
use std::path::Path;

use k8s_openapi::api::authorization::v1::{SelfSubjectAccessReview, SelfSubjectRulesReview};
use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, RoleBinding};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, PostParams};
use kube::{Api, Client};
use serde_json::json;
use spillway_e2e::{
    ControlPlane, Identity, PolicyHost, PolicyHostOptions, Sidecar, Witness, apply, places, workloads,
};

use crate::ground::{Ground, PATIENCE, SHOP, SYSTEM, assert_exact, until_counted, until_logged};
use crate::support::until_published;

/// Everything that somebody may do in a namespace, as `VERB GROUP/RESOURCE` or `VERB GROUP/RESOURCE NAME`. Left out is what
/// everybody may: to ask about themselves.
async fn rights(plane: &ControlPlane, who: Identity, namespace: &str) -> BTreeSet<String> {
    let client = plane.client(who).await.unwrap();
    let reviews: Api<SelfSubjectRulesReview> = Api::all(client);
    let review = json!({"spec": {"namespace": namespace}});
    let review: SelfSubjectRulesReview = workloads::read("a review", review).unwrap();
    let answer = reviews.create(&PostParams::default(), &review).await.unwrap();
    let status = answer.status.unwrap();
    assert!(!status.incomplete);
    let mut rights = BTreeSet::new();
    for rule in status.resource_rules {
        for verb in &rule.verbs {
            for group in rule.api_groups.iter().flatten() {
                for resource in rule.resources.iter().flatten() {
                    if resource.starts_with("selfsubject") {
                        continue;
                    }
                    let right = format!("{verb} {group}/{resource}");
                    match rule.resource_names.as_deref().unwrap_or_default() {
                        [] => _ = rights.insert(right),
                        names => rights.extend(names.iter().map(|name| format!("{right} {name}"))),
                    }
                }
            }
        }
    }
    rights
}

fn set(verbs: &[&str], resources: &[&str]) -> BTreeSet<String> {
    let of = |resource: &&str| {
        let resource = (*resource).to_owned();
        verbs.iter().map(move |verb| format!("{verb} {resource}"))
    };
    resources.iter().flat_map(of).collect()
}

fn all(sets: &[BTreeSet<String>]) -> BTreeSet<String> {
    sets.iter().flatten().cloned().collect()
}

#[tokio::test]
async fn each_component_may_do_what_it_needs_and_nothing_else() {
    let ground = Ground::exact(10).await;
    let watch = ["list", "watch"];
    let sidecar = all(&[
        set(&["list", "watch", "get", "patch", "delete"], &["/pods"]),
        set(&["create"], &["/pods/eviction"]),
        set(&watch, &["/nodes", "batch/jobs"]),
        set(
            &watch,
            &["apps/deployments", "apps/replicasets", "apps/statefulsets"],
        ),
        set(
            &watch,
            &["apps.kruise.io/clonesets", "apps.kruise.io/statefulsets"],
        ),
        set(
            &["list", "watch", "create", "patch", "delete"],
            &["spillway.dev/spreadledgers"],
        ),
        set(&["create"], &["events.k8s.io/events"]),
        set(
            &["get", "list", "watch"],
            &["policies.kubewarden.io/clusteradmissionpolicies spillway"],
        ),
    ]);
    let plane = &ground.plane;
    // Roles count a moment after they were applied.
    let client = plane.client(Identity::PolicyHost).await.unwrap();
    while !may(
        &client,
        SYSTEM,
        "list",
        "coordination.k8s.io",
        "leases",
        "spillway-sidecar",
    )
    .await
    {
        tokio::task::yield_now().await;
    }
    assert_eq!(rights(plane, Identity::Sidecar, SHOP).await, sidecar);
    let lease = all(&[
        set(&["create"], &["coordination.k8s.io/leases"]),
        set(
            &["get", "update"],
            &["coordination.k8s.io/leases spillway-sidecar"],
        ),
    ]);
    assert_eq!(
        rights(plane, Identity::Sidecar, SYSTEM).await,
        all(&[sidecar, lease])
    );

    let policy = all(&[
        set(&watch, &["spillway.dev/spreadledgers", "/pods"]),
        set(
            &["get", "list", "watch"],
            &[
                "apps/replicasets",
                "apps/statefulsets",
                "batch/jobs",
                "apps.kruise.io/clonesets",
                "apps.kruise.io/statefulsets",
            ],
        ),
    ]);
    assert_eq!(rights(plane, Identity::PolicyHost, SHOP).await, policy);
    let lease = set(&watch, &["coordination.k8s.io/leases spillway-sidecar"]);
    assert_eq!(
        rights(plane, Identity::PolicyHost, SYSTEM).await,
        all(&[policy, lease])
    );
    let release = set(&["list", "get", "patch"], &["/pods"]);
    assert_eq!(rights(plane, Identity::Release, SHOP).await, release);
    let lease = set(&["get"], &["coordination.k8s.io/leases spillway-sidecar"]);
    assert_eq!(
        rights(plane, Identity::Release, SYSTEM).await,
        all(&[release, lease])
    );
    assert_eq!(rights(plane, Identity::Nobody, SHOP).await, BTreeSet::new());

    // The same, as the API server decides it.
    let sidecar = plane.client(Identity::Sidecar).await.unwrap();
    let asked = [
        (true, SHOP, "patch", "", "pods", ""),
        (
            true,
            "",
            "get",
            "policies.kubewarden.io",
            "clusteradmissionpolicies",
            "spillway",
        ),
        (
            false,
            "",
            "list",
            "policies.kubewarden.io",
            "clusteradmissionpolicies",
            "",
        ),
        (false, SHOP, "create", "", "pods", ""),
        (false, SHOP, "update", "", "pods", ""),
        (false, SHOP, "create", "", "pods/exec", ""),
        (false, SHOP, "create", "", "pods/binding", ""),
        (true, SHOP, "create", "", "pods/eviction", ""),
        (false, SHOP, "get", "", "secrets", ""),
        (false, SHOP, "list", "", "configmaps", ""),
        (false, SHOP, "patch", "apps", "deployments", ""),
        (false, SHOP, "update", "apps", "deployments/scale", ""),
        (false, "", "patch", "", "nodes", ""),
        (
            true,
            SYSTEM,
            "update",
            "coordination.k8s.io",
            "leases",
            "spillway-sidecar",
        ),
        (
            false,
            SYSTEM,
            "update",
            "coordination.k8s.io",
            "leases",
            "another",
        ),
        (
            false,
            SHOP,
            "update",
            "coordination.k8s.io",
            "leases",
            "spillway-sidecar",
        ),
        (
            false,
            SYSTEM,
            "delete",
            "coordination.k8s.io",
            "leases",
            "spillway-sidecar",
        ),
    ];
    for (allowed, namespace, verb, group, resource, name) in asked {
        let is_allowed = may(&sidecar, namespace, verb, group, resource, name).await;
        assert_eq!(
            is_allowed, allowed,
            "{verb} {group}/{resource} {name} in `{namespace}`"
        );
    }
}

async fn may(client: &Client, namespace: &str, verb: &str, group: &str, resource: &str, name: &str) -> bool {
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let review = json!({"spec": {"resourceAttributes": {
        "namespace": namespace, "verb": verb, "group": group,
        "resource": resource, "subresource": subresource, "name": name,
    }}});
    let review: SelfSubjectAccessReview = workloads::read("a review", review).unwrap();
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let answer = reviews.create(&PostParams::default(), &review).await.unwrap();
    answer.status.unwrap().allowed
}

/// The code of a probe: the sidecar says where they are served.
async fn probe(log: &Path, path: &str) -> u16 {
    let said = until_logged(log, "probes and metrics are served").await;
    let (_, address) = said.split_once("address=").unwrap();
    let address = address.split_whitespace().next().unwrap();
    let config = kube::Config::new(format!("http://{address}").parse().unwrap());
    let client = Client::try_from(config).unwrap();
    let request = http::Request::get(path).body(Vec::new()).unwrap();
    match client.request_text(request).await {
        Ok(_) => 200,
        Err(kube::Error::Api(status)) => status.code,
        Err(error) => panic!("{path}: {error}"),
    }
}

async fn leads(sidecar: &Sidecar) -> bool {
    sidecar.metrics().await.unwrap().sum("spillway_leader", &[]) > 0.5
}

#[tokio::test]
async fn a_sidecar_without_rights_says_so_and_waits_for_them() {
    let ground = Ground::exact(10).await;
    let mut sidecar = ground.spawn_sidecar("sidecar", Identity::Nobody, &[]);
    let log = sidecar.process().log().to_owned();
    for kind in [
        "Pod (placed)",
        "Pod (others)",
        "Node",
        "Deployment",
        "ReplicaSet",
        "SpreadLedger",
    ] {
        until_counted(&sidecar, "spillway_watch_errors_total", &[("kind", kind)], 2.0).await;
    }
    let said = until_logged(&log, "not allowed to watch; tried again").await;
    assert!(
        said.contains("User \\\"nobody\\\" cannot list resource")
            || said.contains("User \"nobody\" cannot list resource"),
        "{said}"
    );
    assert!(!said.contains("the caches are filled") && !said.contains("the Lease was taken"));
    // A refusal is told once for each watch, not at each attempt.
    assert_eq!(
        said.matches("not allowed to watch; tried again").count(),
        6,
        "{said}"
    );
    assert_eq!(
        (probe(&log, "/readyz").await, probe(&log, "/livez").await),
        (503, 200)
    );
    assert!(!leads(&sidecar).await);
    sidecar.process().check().unwrap();

    // It needs no restart.
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "nobody"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "nobody"}],
    });
    apply::apply(&ground.admin, binding).await.unwrap();
    ground.until_held_by("sidecar").await;
    assert_eq!(probe(&log, "/readyz").await, 200);
    assert!(sidecar.process().terminate().unwrap().success());
}

#[tokio::test]
async fn with_writes_in_the_namespace_of_its_rule_alone_a_burst_is_exact_and_nothing_else_may_be_written() {
    let ground = Ground::exact(10).await;
    let file = places::repository().join("deploy/writes-by-namespace.yaml");
    apply::apply_path(&ground.admin, &file).await.unwrap();
    let bindings: Api<ClusterRoleBinding> = Api::all(ground.admin.clone());
    bindings
        .delete("spillway-sidecar-writes", &DeleteParams::default())
        .await
        .unwrap();
    // Roles count, and cease to, a moment later.
    let client = ground.plane.client(Identity::Sidecar).await.unwrap();
    while may(&client, "default", "patch", "", "pods", "").await
        || !may(&client, SHOP, "patch", "", "pods", "").await
    {
        tokio::task::yield_now().await;
    }
    let elsewhere = rights(&ground.plane, Identity::Sidecar, "kube-public").await;
    let writes = |right: &&String| {
        !["get ", "list ", "watch "]
            .iter()
            .any(|verb| right.starts_with(verb))
    };
    assert_eq!(elsewhere.iter().filter(writes).count(), 0, "{elsewhere:?}");

    let sidecar = ground.sidecar("sidecar", &[]).await;
    ground.until_held_by("sidecar").await;
    let (policy, witness) = ground.open().await;
    ground.scale(20).await;
    let seen = witness
        .until("20 ready pods", PATIENCE, |seen| seen.settled_at(20))
        .await
        .unwrap();
    assert_exact(&seen, 20, 10);
    let refused = sidecar.metrics().await.unwrap();
    assert!(refused.sum("spillway_writes_total", &[("outcome", "unknown")]) < 0.5);
    policy.remove(&ground.admin).await.unwrap();
}

/// Pods as the policy makes them wait, of which there can be some without a policy and without ledgers.
fn gated_deployment(replicas: i32) -> k8s_openapi::api::apps::v1::Deployment {
    let mut web = workloads::deployment("web", replicas).unwrap();
    let mut template = workloads::template("web");
    template["spec"]["schedulingGates"] = json!([{"name": "spillway.dev/placement"}]);
    template["metadata"]["labels"]["spillway.dev/spread"] = "web".into();
    web.spec.as_mut().unwrap().template = workloads::read("a template", template).unwrap();
    web
}

#[tokio::test]
async fn without_the_kind_of_the_ledgers_gates_are_opened_all_the_same() {
    let ground = Ground::exact(10).await;
    let name = "spreadledgers.spillway.dev";
    let kinds: Api<CustomResourceDefinition> = Api::all(ground.admin.clone());
    kinds.delete(name, &DeleteParams::default()).await.unwrap();
    spillway_e2e::wait::until(
        &kinds,
        kube::runtime::watcher::Config::default(),
        "the kind to go",
        PATIENCE,
        |kinds| !kinds.contains_key(name),
    )
    .await
    .unwrap();
    let mut sidecar = ground.spawn_sidecar("sidecar", Identity::Sidecar, &[]);
    let log = sidecar.process().log().to_owned();
    let ledgers = [("kind", "SpreadLedger")];
    until_counted(&sidecar, "spillway_watch_errors_total", &ledgers, 2.0).await;
    let said = until_logged(&log, "the kind is not served; tried again").await;
    // Told once for each listing, not at each attempt; whoever begins to lead lists anew.
    let told = said.matches("the kind is not served; tried again").count();
    assert!(told <= 2, "{said}");

    let witness = Witness::start(&ground.admin, SHOP, "").await.unwrap();
    workloads::create(&ground.admin, SHOP, &gated_deployment(20))
        .await
        .unwrap();
    let seen = witness
        .until("every pod ready", PATIENCE, |seen| seen.settled_at(20))
        .await
        .unwrap();
    assert_exact(&seen, 20, 10);
    sidecar.process().check().unwrap();

    // It needs no restart.
    let file = places::repository().join("deploy/crd-spreadledger.yaml");
    apply::apply_path(&ground.admin, &file).await.unwrap();
    until_published(&ground.admin, SHOP, "web").await;
    assert_eq!(probe(&log, "/readyz").await, 200);
}

#[tokio::test]
async fn without_the_right_to_the_lease_nobody_leads_and_nothing_breaks() {
    let ground = Ground::exact(10).await;
    let bindings: Api<RoleBinding> = Api::namespaced(ground.admin.clone(), SYSTEM);
    let binding = bindings.get("spillway-sidecar").await.unwrap();
    bindings
        .delete("spillway-sidecar", &DeleteParams::default())
        .await
        .unwrap();
    let mut sidecar = ground.sidecar("sidecar", &[]).await;
    let witness = Witness::start(&ground.admin, SHOP, "").await.unwrap();
    workloads::create(&ground.admin, SHOP, &gated_deployment(20))
        .await
        .unwrap();
    witness
        .until("20 gated pods", PATIENCE, |seen| seen.gated() == 20)
        .await
        .unwrap();
    until_counted(&sidecar, "spillway_lease_errors_total", &[], 3.0).await;
    let said = until_logged(
        sidecar.process().log(),
        "the Lease cannot be taken, renewed or read",
    )
    .await;
    assert_eq!(said.matches("the Lease cannot be taken").count(), 1, "{said}");
    assert!(said.contains("leases"), "it says what it may not: {said}");
    assert!(!leads(&sidecar).await);
    assert_eq!(witness.seen().gated(), 20);
    sidecar.process().check().unwrap();

    let binding = json!({
        "metadata": {"name": "spillway-sidecar", "namespace": SYSTEM},
        "roleRef": binding.role_ref, "subjects": binding.subjects,
    });
    let binding: RoleBinding = workloads::read("a role binding", binding).unwrap();
    bindings.create(&PostParams::default(), &binding).await.unwrap();
    let seen = witness
        .until("every pod ready", PATIENCE, |seen| seen.settled_at(20))
        .await
        .unwrap();
    assert_exact(&seen, 20, 10);
}

#[tokio::test]
async fn a_policy_that_may_not_list_ledgers_delays_pods_and_loses_none() {
    let ground = Ground::exact(10).await;
    let options = PolicyHostOptions {
        // Each call that hangs keeps a worker for ever, as in policy-server.
        workers: 4,
        ..PolicyHostOptions::for_namespace(SHOP)
    };
    // Registered while it still may: pods without an owner are looked for in another shard than those that come.
    let policy = PolicyHost::start(&ground.plane, &ground.settings, options)
        .await
        .unwrap();
    let bindings: Api<ClusterRoleBinding> = Api::all(ground.admin.clone());
    bindings
        .delete("spillway-policy-ledger", &DeleteParams::default())
        .await
        .unwrap();
    let client = ground.plane.client(Identity::PolicyHost).await.unwrap();
    while may(&client, "", "list", "spillway.dev", "spreadledgers", "").await {
        tokio::task::yield_now().await;
    }
    let witness = Witness::start(&ground.admin, SHOP, "").await.unwrap();
    workloads::create(&ground.admin, SHOP, &workloads::deployment("web", 3).unwrap())
        .await
        .unwrap();
    let seen = witness
        .until("3 ready pods", PATIENCE, |seen| seen.settled_at(3))
        .await
        .unwrap();
    assert_eq!((seen.unplaced(), seen.most_gated()), (3, 0));

    // What they are is found out later, by whoever may.
    let _sidecar = ground.sidecar("sidecar", &[]).await;
    let seen = witness
        .until("3 adopted pods", PATIENCE, |seen| seen.unplaced() == 0)
        .await
        .unwrap();
    assert_eq!(seen.placed("fixed"), 3);
    policy.remove(&ground.admin).await.unwrap();
}
