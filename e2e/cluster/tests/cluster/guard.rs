//! `deploy/guard.yaml`: whoever may do everything in a namespace writes no ledger and no mark of a pod there, and who must
//! write them is not kept from it.

use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::{Pod, ServiceAccount};
use kube::api::{
    ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams,
};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, ResourceExt};
use serde_json::{Value, json};
use spillway_e2e::{Identity, Witness, apply, places, workloads};

use crate::ground::{Ground, PATIENCE, SHOP, assert_exact, settled};

/// A service account with every right in the shop and none elsewhere, by a token of its own.
async fn tenant(ground: &Ground) -> Client {
    let account: ServiceAccount =
        workloads::read("an account", json!({"metadata": {"name": "tenant"}})).unwrap();
    workloads::create(&ground.admin, SHOP, &account).await.unwrap();
    let group = "rbac.authorization.k8s.io";
    let role = json!({
        "apiVersion": format!("{group}/v1"), "kind": "Role", "metadata": {"name": "tenant", "namespace": SHOP},
        "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
    });
    apply::apply(&ground.admin, role).await.unwrap();
    let binding = json!({
        "apiVersion": format!("{group}/v1"), "kind": "RoleBinding", "metadata": {"name": "tenant", "namespace": SHOP},
        "roleRef": {"apiGroup": group, "kind": "Role", "name": "tenant"},
        "subjects": [{"kind": "ServiceAccount", "namespace": SHOP, "name": "tenant"}],
    });
    apply::apply(&ground.admin, binding).await.unwrap();
    let accounts: Api<ServiceAccount> = Api::namespaced(ground.admin.clone(), SHOP);
    let request = json!({"spec": {"audiences": [], "expirationSeconds": 3600}});
    let request: TokenRequest = workloads::read("a request", request).unwrap();
    let answer = accounts
        .create_token_request("tenant", &PostParams::default(), &request)
        .await
        .unwrap();
    let mut config = config(ground, Identity::Nobody).await;
    config.auth_info.token = Some(answer.status.unwrap().token.unwrap().into());
    Client::try_from(config).unwrap()
}

/// The administrator as somebody else.
async fn impersonated(ground: &Ground, user: &str) -> Client {
    let mut config = config(ground, Identity::Admin).await;
    config.auth_info.impersonate = Some(user.to_owned());
    Client::try_from(config).unwrap()
}

async fn config(ground: &Ground, identity: Identity) -> Config {
    let file = Kubeconfig::read_from(ground.plane.kubeconfig(identity)).unwrap();
    let mut config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
        .await
        .unwrap();
    config.default_retry = false;
    config
}

fn pods(client: &Client) -> Api<Pod> {
    Api::namespaced(client.clone(), SHOP)
}

fn ledgers(client: &Client) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("spillway.dev", "v1alpha1", "SpreadLedger");
    Api::namespaced_with(client.clone(), SHOP, &ApiResource::from_gvk(&kind))
}

/// What the guard, and nobody else, refused.
#[track_caller]
fn assert_kept_off<T: std::fmt::Debug>(what: &str, by: &str, answer: Result<T, kube::Error>) {
    match answer {
        Err(kube::Error::Api(status)) if status.code == 403 => {
            let said = format!("ValidatingAdmissionPolicy '{by}'");
            assert!(status.message.contains(&said), "{what}: {}", status.message);
        }
        other => panic!("{what}: {other:?}"),
    }
}

async fn patch(pods: &Api<Pod>, name: &str, patch: Value) -> Result<Pod, kube::Error> {
    pods.patch(name, &PatchParams::default(), &Patch::Merge(patch))
        .await
}

/// Applies the guard and waits until the API server goes by it, which no event tells.
async fn guarded(ground: &Ground, tenant: &Client) {
    let file = places::repository().join("deploy/guard.yaml");
    apply::apply_path(&ground.admin, &file).await.unwrap();
    let dry_run = PatchParams {
        dry_run: true,
        ..PatchParams::default()
    };
    let mark = Patch::Merge(json!({"metadata": {"labels": {"spillway.dev/subset": "guarded"}}}));
    let binding = json!({
        "metadata": {"name": "probe", "annotations": {"spillway.dev/decision": "mine"}},
        "target": {"apiVersion": "v1", "kind": "Node", "name": "fixed-0"},
    });
    let is_active = async {
        let forged = forged_ledger();
        loop {
            let dry_create = PostParams {
                dry_run: true,
                ..PostParams::default()
            };
            let said = [
                refusal(ledgers(tenant).create(&dry_create, &forged).await),
                refusal(pods(tenant).patch("probe", &dry_run, &mark).await),
                refusal(
                    pods(tenant)
                        .create_subresource::<_, Value>("binding", "probe", &dry_create, &binding)
                        .await,
                ),
            ];
            if said.iter().all(|said| said.contains("ValidatingAdmissionPolicy")) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, is_active).await.unwrap();
}

fn refusal<T>(answer: Result<T, kube::Error>) -> String {
    answer.err().map_or_else(String::new, |error| error.to_string())
}

/// A rule of a tenant's own for the pods of another namespace, or of this one.
fn forged_ledger() -> DynamicObject {
    let ledger = json!({
        "apiVersion": "spillway.dev/v1alpha1", "kind": "SpreadLedger",
        "metadata": {"name": "forged", "labels": {"spillway.dev/shard": "selector"}},
        "spec": {
            "name": "forged", "namespace": "kube-system", "selector": {"matchLabels": {"k8s-app": "kube-dns"}},
            "subsets": [{"name": "mine", "patch": {"spec": {"hostPID": true}}}],
        },
    });
    workloads::read("a ledger", ledger).unwrap()
}

/// A pod that no spread means, gated as the policy would.
async fn stray(client: &Client, name: &str) {
    let mut pod = json!({"metadata": {"name": name}});
    pod["spec"] = workloads::template(name)["spec"].clone();
    pod["spec"]["schedulingGates"] = json!([{"name": "spillway.dev/placement"}]);
    let pod: Pod = workloads::read("a pod", pod).unwrap();
    workloads::create(client, SHOP, &pod).await.unwrap();
}

async fn is_gated(client: &Client, name: &str) -> bool {
    let pod = pods(client).get(name).await.unwrap();
    pod.spec
        .unwrap()
        .scheduling_gates
        .is_some_and(|gates| !gates.is_empty())
}

async fn a_placed_pod(ground: &Ground) -> Pod {
    let placed = ListParams::default().labels("spillway.dev/subset=fixed");
    pods(&ground.admin)
        .list(&placed)
        .await
        .unwrap()
        .items
        .swap_remove(0)
}

/// A shop that stands, guarded: 20 pods placed by a sidecar that came after the guard.
async fn stand(ground: &Ground, tenant: &Client) -> Witness {
    stray(&ground.admin, "probe").await;
    guarded(ground, tenant).await;
    pods(&ground.admin)
        .delete("probe", &DeleteParams::default().grace_period(0))
        .await
        .unwrap();
    let witness = Witness::start(&ground.admin, SHOP, "app=web").await.unwrap();
    let web = workloads::deployment("web", 0).unwrap();
    workloads::create(&ground.admin, SHOP, &web).await.unwrap();
    witness
}

/// Changes of a pod's metadata that are not a tenant's to make.
fn marks() -> [Value; 9] {
    [
        json!({"labels": {"spillway.dev/subset": "elastic"}}),
        json!({"labels": {"spillway.dev/subset": null}}),
        json!({"labels": {"spillway.dev/spread": null, "team": "a"}}),
        json!({"labels": {"spillway.dev/new": ""}}),
        json!({"labels": null}),
        json!({"annotations": {"spillway.dev/decision": "mine"}}),
        json!({"annotations": {"spillway.dev/bound-at": null}}),
        json!({"annotations": {"spillway.dev/new": ""}}),
        json!({"annotations": null}),
    ]
}

/// Which nobody may keep from him: other labels and annotations, images, and pods that have neither.
async fn change_what_is_the_tenants_own(tenant: &Client, name: &str) {
    let mine = pods(tenant);
    let own = json!({"metadata": {
        "labels": {"team": "a"}, "annotations": {"controller.kubernetes.io/pod-deletion-cost": "7"},
    }});
    assert_eq!(patch(&mine, name, own).await.unwrap().labels()["team"], "a");
    let mut bare = json!({"metadata": {"name": "bare"}});
    bare["spec"] = workloads::template("bare")["spec"].clone();
    let bare: Pod = workloads::read("a pod", bare).unwrap();
    workloads::create(tenant, SHOP, &bare).await.unwrap();
    let image = json!({"spec": {"containers": [{"name": "main", "image": "registry.example.org/app:2"}]}});
    let strategic = Patch::Strategic(image);
    mine.patch("bare", &PatchParams::default(), &strategic)
        .await
        .unwrap();
    mine.delete("bare", &DeleteParams::default()).await.unwrap();
}

#[tokio::test]
async fn a_tenant_writes_no_mark_of_a_pod_and_the_sidecar_goes_on() {
    let ground = Ground::exact(10).await;
    let tenant = tenant(&ground).await;
    let witness = stand(&ground, &tenant).await;
    let _sidecar = ground.sidecar("sidecar", &[]).await;
    crate::support::until_published(&ground.admin, SHOP, "web").await;
    let policy = ground.policy().await;
    ground.scale(20).await;
    let seen = settled(&witness, 20).await;
    assert_exact(&seen, 20, 10);

    let before = a_placed_pod(&ground).await;
    let name = before.name_any();
    let mine = pods(&tenant);
    for mark in marks() {
        let change = json!({"metadata": mark});
        let what = change.to_string();
        assert_kept_off(&what, "spillway-pods", patch(&mine, &name, change.clone()).await);
        let status = mine
            .patch_status(&name, &PatchParams::default(), &Patch::Merge(change))
            .await;
        assert_kept_off(&format!("{what} by the status"), "spillway-pods", status);
    }
    let whole = {
        let mut pod = before.clone();
        pod.labels_mut()
            .insert("spillway.dev/subset".to_owned(), "elastic".to_owned());
        mine.replace(&name, &PostParams::default(), &pod).await
    };
    assert_kept_off("an update", "spillway-pods", whole);
    let binding = json!({
        "metadata": {"name": name, "labels": {"spillway.dev/subset": "elastic"}},
        "target": {"apiVersion": "v1", "kind": "Node", "name": "fixed-0"},
    });
    let bound = mine
        .create_subresource::<_, Value>("binding", &name, &PostParams::default(), &binding)
        .await;
    assert_kept_off("a binding", "spillway-bindings", bound);
    let after = pods(&ground.admin).get(&name).await.unwrap();
    assert_eq!(
        (after.labels(), after.annotations()),
        (before.labels(), before.annotations())
    );

    change_what_is_the_tenants_own(&tenant, &name).await;

    ground.scale(30).await;
    let seen = settled(&witness, 30).await;
    assert_exact(&seen, 30, 10);
    policy.remove(&ground.admin).await.unwrap();
}

#[tokio::test]
async fn a_gate_is_opened_by_the_accounts_of_spillway_and_by_administrators_alone() {
    let ground = Ground::exact(10).await;
    let tenant = tenant(&ground).await;
    let _witness = stand(&ground, &tenant).await;
    let open = || json!({"spec": {"schedulingGates": null}});
    for name in ["by-release", "by-uninstall", "by-hand"] {
        stray(&tenant, name).await;
        let opened = patch(&pods(&tenant), name, open()).await;
        assert_kept_off("a gate", "spillway-pods", opened);
        assert!(is_gated(&ground.admin, name).await);
    }

    let release = ground.plane.client(Identity::Release).await.unwrap();
    let relabelled = json!({"metadata": {"labels": {"spillway.dev/subset": "fixed"}}});
    assert_kept_off(
        "a label",
        "spillway-pods",
        patch(&pods(&release), "by-release", relabelled).await,
    );
    // As the program does it: annotations in the same write.
    let opened = json!({
        "metadata": {"annotations": {"spillway.dev/decision": "released: no sidecar leads"}},
        "spec": {"schedulingGates": null},
    });
    patch(&pods(&release), "by-release", opened.clone())
        .await
        .unwrap();
    assert!(!is_gated(&ground.admin, "by-release").await);

    let file = places::repository().join("deploy/uninstall.yaml");
    apply::apply_path(&ground.admin, &file).await.unwrap();
    let uninstall = impersonated(
        &ground,
        "system:serviceaccount:spillway-system:spillway-uninstall",
    )
    .await;
    // Its role counts a moment after it was applied.
    let opened = async {
        while patch(&pods(&uninstall), "by-uninstall", opened.clone())
            .await
            .is_err()
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, opened).await.unwrap();
    assert!(!is_gated(&ground.admin, "by-uninstall").await);

    let kubeconfig = ground.plane.kubeconfig(Identity::Admin).display().to_string();
    let said = ground
        .run("release", &["release", "--kubeconfig", &kubeconfig])
        .await;
    assert!(
        said.0 == Some(0) && said.1.contains("1 gates opened"),
        "{}",
        said.1
    );
    assert!(!is_gated(&ground.admin, "by-hand").await);
}

#[tokio::test]
async fn a_tenant_writes_no_ledger_and_collectors_may_take_them_away() {
    let ground = Ground::exact(10).await;
    let tenant = tenant(&ground).await;
    let _witness = stand(&ground, &tenant).await;
    let mut sidecar = ground.sidecar("sidecar", &[]).await;
    crate::support::until_published(&ground.admin, SHOP, "web").await;
    let by = "spillway-ledgers";
    let mine = ledgers(&tenant);
    let before = ground.ledgers().get("web").await.unwrap();
    let none = PatchParams::default();

    let forged = forged_ledger();
    let post = PostParams::default();
    assert_kept_off("a new ledger", by, mine.create(&post, &forged).await);
    let apply = PatchParams::apply("tenant").force();
    let applied = mine.patch("forged", &apply, &Patch::Apply(&forged)).await;
    assert_kept_off("an applied ledger", by, applied);
    let rule = Patch::Merge(json!({"spec": {"subsets": [{"name": "fixed"}, {"name": "mine"}]}}));
    assert_kept_off("a rule", by, mine.patch("web", &none, &rule).await);
    let counts = Patch::Merge(json!({"status": {"taken": [0, 0]}}));
    assert_kept_off("counts", by, mine.patch("web", &none, &counts).await);
    let label = Patch::Merge(json!({"metadata": {"labels": {"spillway.dev/shard": "selector"}}}));
    assert_kept_off("a shard", by, mine.patch("web", &none, &label).await);
    let gone = mine.delete("web", &DeleteParams::default()).await;
    assert_kept_off("a deletion", by, gone);
    let all = mine
        .delete_collection(&DeleteParams::default(), &ListParams::default())
        .await;
    assert_kept_off("a deletion of all", by, all);
    let after = ground.ledgers().get("web").await.unwrap();
    assert_eq!(
        (after.uid(), &after.data["spec"]),
        (before.uid(), &before.data["spec"])
    );

    sidecar.process().kill().unwrap();
    let collector = "system:serviceaccount:kube-system:generic-garbage-collector";
    let collector = ledgers(&impersonated(&ground, collector).await);
    let finalizer = Patch::Merge(json!({"metadata": {"finalizers": ["example.org/kept"]}}));
    collector.patch("web", &none, &finalizer).await.unwrap();
    let freed = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    collector.patch("web", &none, &freed).await.unwrap();
    assert_kept_off(
        "a rule by a collector",
        by,
        collector.patch("web", &none, &rule).await,
    );
    let namespaces = "system:serviceaccount:kube-system:namespace-controller";
    let namespaces = ledgers(&impersonated(&ground, namespaces).await);
    namespaces.delete("web", &DeleteParams::default()).await.unwrap();

    // Who administers the cluster may still mend it by hand.
    ledgers(&ground.admin).create(&post, &forged).await.unwrap();
    ledgers(&ground.admin)
        .delete("forged", &DeleteParams::default())
        .await
        .unwrap();
}

#[tokio::test]
async fn very_many_labels_are_no_way_round_the_guard_and_no_burden_to_the_kubelet() {
    let ground = Ground::exact(10).await;
    let tenant = tenant(&ground).await;
    let _witness = stand(&ground, &tenant).await;
    let mine = pods(&tenant);
    let labels: serde_json::Map<String, Value> = (0..30_000).map(|n| (format!("l{n}"), "".into())).collect();
    let mut big = json!({"metadata": {"name": "big", "labels": labels}});
    big["spec"] = workloads::template("big")["spec"].clone();
    let big: Pod = workloads::read("a pod", big).unwrap();
    workloads::create(&tenant, SHOP, &big).await.unwrap();

    let mark = json!({"metadata": {"labels": {"spillway.dev/subset": "fixed"}}});
    assert_kept_off("a mark", "spillway-pods", patch(&mine, "big", mark.clone()).await);
    let status = mine
        .patch_status("big", &PatchParams::default(), &Patch::Merge(mark))
        .await;
    assert_kept_off("a mark by the status", "spillway-pods", status);
    let own = json!({"metadata": {"labels": {"l7": "changed"}}});
    assert_eq!(patch(&mine, "big", own).await.unwrap().labels()["l7"], "changed");
    let condition = json!({"status": {"conditions": [{"type": "example.org/seen", "status": "True"}]}});
    mine.patch_status("big", &PatchParams::default(), &Patch::Strategic(condition))
        .await
        .unwrap();
}
