//! What people, clocks and other clients do to what the sidecar relies on.

use std::collections::BTreeMap;
use std::path::Path;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::runtime::watcher;
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use spillway_e2e::metrics::Metrics;
use spillway_e2e::{
    ControlPlane, Folder, Identity, Options, PolicyHost, Process, Seen, Sidecar, Witness, install, places,
    wait, workloads,
};

use crate::exact::exact;
use crate::ground::{
    Ground, PATIENCE, SHOP, SYSTEM, assert_exact, bound, holder, settled, term, until_counted, until_logged,
    without_spreads,
};
use crate::support::until_published;

async fn gated(witness: &Witness, pods: usize) -> Seen {
    let what = format!("{pods} gated pods");
    witness
        .until(&what, PATIENCE, |seen| seen.gated() == pods)
        .await
        .unwrap()
}

/// Kills the only sidecar of a ground whose ledger is published, and lets so many pods wait for nobody.
async fn abandoned(maximum: usize, pods: usize) -> (Ground, PolicyHost, Witness) {
    let ground = Ground::exact(maximum).await;
    let mut sidecar = ground.sidecar("sidecar", &[]).await;
    let (policy, witness) = ground.open().await;
    sidecar.process().kill().unwrap();
    ground.scale(pods.try_into().unwrap()).await;
    gated(&witness, pods).await;
    (ground, policy, witness)
}

/// What the sidecar has to say in a ledger.
fn content(ledger: &DynamicObject) -> Value {
    json!({"labels": ledger.metadata.labels, "spec": ledger.data["spec"], "status": ledger.data["status"]})
}

/// A sidecar, and the full ledger of twenty pods.
struct Published {
    ground: Ground,
    sidecar: Sidecar,
    _policy: PolicyHost,
    witness: Witness,
    right: Value,
}

impl Published {
    async fn new() -> Self {
        let mut settings = exact(SHOP, 10);
        // By its default: settings that say nothing must mean something, whatever others write.
        settings["spreads"][0].as_object_mut().unwrap().remove("capacity");
        let ground = Ground::new(settings).await;
        let sidecar = ground.sidecar("sidecar", &[]).await;
        let (_policy, witness) = ground.open().await;
        ground.scale(20).await;
        settled(&witness, 20).await;
        let is_full = |ledger: &DynamicObject| {
            let status = &ledger.data["status"];
            (&status["taken"], &status["gated"], &status["active"])
                == (&json!([10, 10]), &json!(0), &json!(20))
        };
        let right = content(&until_ledger(&ground, "a full ledger", is_full).await);
        Self {
            ground,
            sidecar,
            _policy,
            witness,
            right,
        }
    }

    /// Somebody writes into the ledger.
    async fn merge(&self, patch: &Value) -> DynamicObject {
        let somebody = PatchParams::apply("somebody");
        let ledgers = self.ground.ledgers();
        ledgers
            .patch("web", &somebody, &Patch::Merge(patch))
            .await
            .unwrap()
    }

    async fn until_restored_from(&self, what: &str, patch: &Value) {
        assert_ne!(content(&self.merge(patch).await), self.right, "{what}");
        let restored = format!("the ledger to be as before `{what}`");
        until_ledger(&self.ground, &restored, |ledger| content(ledger) == self.right).await;
    }

    async fn publishes(&self) -> f64 {
        let metrics = self.sidecar.metrics().await.unwrap();
        metrics.sum("spillway_writes_total", &[("action", "publish")])
    }
}

async fn until_ledger(
    ground: &Ground,
    what: &str,
    mut done: impl FnMut(&DynamicObject) -> bool,
) -> DynamicObject {
    let only = watcher::Config::default().fields("metadata.name=web");
    let ledgers = ground.ledgers();
    let seen = wait::until(&ledgers, only, what, PATIENCE, |ledgers| {
        ledgers.values().any(&mut done)
    });
    seen.await.unwrap().into_values().next().unwrap()
}

#[tokio::test]
async fn a_ledger_with_nonsense_is_written_over() {
    let mut published = Published::new().await;
    let mut subsets = published.right["spec"]["subsets"].clone();
    subsets[0]["maxReplicas"] = 1000.into();
    let nonsense = [
        (
            "counts",
            json!({"status": {"taken": [4_000_000_000_u32, 0], "active": 7, "gated": 7, "replicas": 1}}),
        ),
        (
            "rows",
            json!({"status": {"revisions": [{"revision": "x", "active": 1, "gated": 1, "taken": [9, 9]}]}}),
        ),
        (
            "a binder",
            json!({"status": {"binder": {"epoch": 999, "rule": "none"}}}),
        ),
        ("no binder", json!({"status": {"binder": null}})),
        ("no counts", json!({"status": null})),
        ("another maximum", json!({"spec": {"subsets": subsets}})),
        (
            "another shard",
            json!({"metadata": {"labels": {"spillway.dev/shard": "1"}}}),
        ),
    ];
    for (what, patch) in &nonsense {
        published.until_restored_from(what, patch).await;
    }

    // What others add beside it is theirs, and nothing to write for ever about.
    let theirs = json!({"metadata": {"labels": {"team": "shop"}, "annotations": {"note": "ours"}}});
    published.merge(&theirs).await;
    let before = published.publishes().await;
    for pods in [30, 20] {
        published.ground.scale(pods).await;
        let seen = settled(&published.witness, pods.try_into().unwrap()).await;
        assert_eq!((seen.placed("fixed"), seen.most_placed("fixed")), (10, 10));
    }
    let after = published.publishes().await;
    assert!(after - before < 200.0, "{before} publishes, then {after}");

    let ledgers = published.ground.ledgers();
    ledgers.delete("web", &DeleteParams::default()).await.unwrap();
    until_published(&published.ground.admin, SHOP, "web").await;
    published.sidecar.process().check().unwrap();
}

#[tokio::test]
async fn what_somebody_adds_to_a_rule_or_its_counts_is_taken_away() {
    let published = Published::new().await;
    // Fields that the sidecar does not write for these settings, and that admissions read.
    let additions = [
        ("a closed subset", json!({"status": {"closed": ["fixed"]}})),
        ("an ordinal", json!({"status": {"firstOrdinal": 5}})),
        ("a capacity", json!({"spec": {"capacity": "BestEffort"}})),
        ("a binding", json!({"spec": {"binding": "Admission"}})),
        ("a time-out", json!({"spec": {"gateTimeoutSeconds": 1}})),
    ];
    for (what, patch) in &additions {
        published.until_restored_from(what, patch).await;
    }
}

fn minutes_from_now(minutes: i64) -> String {
    let at = Timestamp::now() + SignedDuration::from_mins(minutes);
    // As the type of the field has it.
    at.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

#[tokio::test]
async fn clocks_that_differ_by_minutes_do_not_break_binding() {
    for minutes in [10, -10] {
        let ground = Ground::exact(10).await;
        // Of a sidecar whose clock is wrong, and which ended without giving its Lease up.
        let lease = json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": "spillway-sidecar", "namespace": SYSTEM},
            "spec": {"holderIdentity": "elsewhere_0", "leaseDurationSeconds": 5, "leaseTransitions": 7,
                "acquireTime": minutes_from_now(minutes), "renewTime": minutes_from_now(minutes)},
        });
        spillway_e2e::apply::apply(&ground.admin, lease).await.unwrap();
        let mut sidecar = ground.sidecar("sidecar", &["--lease-duration", "5"]).await;
        let (_policy, witness) = ground.open().await;
        ground.scale(20).await;
        let seen = settled(&witness, 20).await;
        assert_exact(&seen, 20, 10);
        let lease = ground.until_held_by("sidecar").await;
        assert_eq!(term(&lease), 8, "{minutes} minutes");

        // Nor does it where the Lease of a living one says so.
        for minutes in [10, -10] {
            ground
                .patch_lease(json!({"spec": {"renewTime": minutes_from_now(minutes)}}))
                .await;
            ground.scale(60).await;
            let seen = settled(&witness, 60).await;
            assert_exact(&seen, 60, 10);
            ground.scale(20).await;
            settled(&witness, 20).await;
        }
        assert_eq!(term(&ground.until_held_by("sidecar").await), 8);
        sidecar.process().check().unwrap();
    }
}

/// Adds a toleration, a label and an annotation, as another client does.
async fn edit(client: &Client, pod: &Pod) {
    let patch = json!([
        {"op": "add", "path": "/metadata/labels/edited", "value": "yes"},
        {"op": "add", "path": "/metadata/annotations/edited", "value": "yes"},
        {"op": "add", "path": "/spec/tolerations/-", "value": {"key": "edited", "operator": "Exists"}},
    ]);
    let path = format!("/api/v1/namespaces/{SHOP}/pods/{}", pod.name_any());
    let request = http::Request::patch(path)
        .header("content-type", "application/json-patch+json")
        .body(patch.to_string().into_bytes())
        .unwrap();
    client.request_text(request).await.unwrap();
}

#[tokio::test]
async fn a_pod_that_is_edited_while_it_waits_is_bound_with_what_was_added() {
    let (pods_wanted, maximum) = (40, 20);
    let ground = Ground::exact(maximum).await;
    let mut sidecar = ground.sidecar("sidecar", &["--lease-duration", "60"]).await;
    let (_policy, witness) = ground.open().await;
    sidecar.process().freeze().unwrap();
    ground.scale(pods_wanted.try_into().unwrap()).await;
    gated(&witness, pods_wanted).await;
    let pods: Api<Pod> = Api::namespaced(ground.admin.clone(), SHOP);
    let waiting = pods.list(&ListParams::default()).await.unwrap().items;
    let (before, meanwhile) = waiting.split_at(pods_wanted / 2);
    for pod in before {
        edit(&ground.admin, pod).await;
    }
    // The rest while they are being bound; what is bound already still takes a toleration.
    sidecar.process().thaw().unwrap();
    for pod in meanwhile {
        edit(&ground.admin, pod).await;
    }
    let seen = settled(&witness, pods_wanted).await;
    assert_exact(&seen, pods_wanted, maximum);
    for pod in pods.list(&ListParams::default()).await.unwrap().items {
        let name = pod.name_any();
        assert_eq!(
            (
                pod.labels().contains_key("edited"),
                pod.annotations().contains_key("edited")
            ),
            (true, true),
            "{name}"
        );
        let tolerations = pod.spec.unwrap().tolerations.unwrap();
        let of = |key: &str| {
            tolerations
                .iter()
                .filter(|one| one.key.as_deref() == Some(key))
                .count()
        };
        assert_eq!(of("edited"), 1, "{name}: {tolerations:?}");
        assert!(of("virtual-kubelet.io/provider") <= 1, "{name}: {tolerations:?}");
    }
}

#[tokio::test]
async fn what_fits_nowhere_is_released_after_a_while_and_told() {
    let mut settings = exact(SHOP, 5);
    let spread = &mut settings["spreads"][0];
    spread["subsets"].as_array_mut().unwrap().truncate(1);
    spread["gateTimeoutSeconds"] = 2.into();
    let ground = Ground::new(settings).await;
    let _sidecar = ground.sidecar("sidecar", &[]).await;
    let (_policy, witness) = ground.open().await;
    ground.scale(8).await;
    let seen = settled(&witness, 8).await;
    assert_eq!(
        (seen.placed("fixed"), seen.unplaced(), seen.most_placed("fixed")),
        (5, 3, 5)
    );
    let events: Api<Event> = Api::namespaced(ground.admin.clone(), SHOP);
    let is_told = |event: &Event| {
        let regarding = event.regarding.clone().unwrap_or_default();
        event.reason.as_deref() == Some("PodReleased")
            && (regarding.kind.as_deref(), regarding.name.as_deref()) == (Some("Deployment"), Some("web"))
            && regarding.uid.is_some()
    };
    let told = wait::until(
        &events,
        watcher::Config::default(),
        "an Event",
        PATIENCE,
        |events| events.values().any(is_told),
    );
    let told = told.await.unwrap();
    let note = told
        .values()
        .find(|event| is_told(event))
        .and_then(|event| event.note.clone());
    assert!(
        note.as_ref().is_some_and(|note| note.contains("web-")),
        "{note:?}"
    );
}

#[tokio::test]
async fn release_opens_all_gates_when_nobody_binds() {
    let (ground, _policy, witness) = abandoned(10, 20).await;
    let kubeconfig = ground.plane.kubeconfig(Identity::Sidecar).display().to_string();
    let release = ["release", "--kubeconfig", &kubeconfig];
    let with = |more: &[&'static str]| [&release[..], more].concat();

    let said = ground.run("dry", &with(&["--dry-run"])).await;
    assert_eq!(said.0, Some(0), "{}", said.1);
    assert!(said.1.contains("20 gates would be opened"), "{}", said.1);
    let said = ground.run("old", &with(&["--older-than", "1h"])).await;
    assert!(
        said.1.contains("0 gates opened") && said.1.contains("20 too young"),
        "{}",
        said.1
    );
    let said = ground.run("elsewhere", &with(&["--namespace", "default"])).await;
    assert!(said.1.contains("0 gates opened"), "{}", said.1);
    assert_eq!(witness.seen().gated(), 20);

    let said = ground.run("release", &with(&[])).await;
    assert_eq!(said.0, Some(0), "{}", said.1);
    assert!(
        said.1.contains("20 gates opened") && said.1.contains("0 failed"),
        "{}",
        said.1
    );
    let seen = settled(&witness, 20).await;
    assert_eq!((seen.gated(), seen.unplaced()), (0, 20));
}

fn versions(objects: impl IntoIterator<Item = impl ResourceExt>) -> BTreeMap<String, Option<String>> {
    let objects = objects.into_iter();
    objects
        .map(|object| (object.name_any(), object.resource_version()))
        .collect()
}

#[tokio::test]
async fn a_dry_run_prints_its_plan_and_writes_nothing() {
    let (ground, _policy, witness) = abandoned(5, 12).await;
    let pods: Api<Pod> = Api::namespaced(ground.admin.clone(), SHOP);
    let leases: Api<Lease> = Api::namespaced(ground.admin.clone(), SYSTEM);
    let state = async || {
        [
            versions(pods.list(&ListParams::default()).await.unwrap()),
            versions(ground.ledgers().list(&ListParams::default()).await.unwrap()),
            versions(leases.list(&ListParams::default()).await.unwrap()),
        ]
    };
    let (before, requests) = (state().await, Metrics::read(&ground.admin).await.unwrap());
    // Its own rights are enough to read; that it writes nothing is not for want of rights.
    let mut dry = ground.spawn_sidecar("dry", Identity::Admin, &["--dry-run"]);
    let log = dry.process().log().to_owned();
    for pod in before[0].keys() {
        until_logged(&log, &format!("bind {SHOP}/{pod}")).await;
    }
    let said = until_logged(&log, "publish").await;
    let of = |subset: &str| {
        let binds = said.lines().filter(|line| line.contains(" bind "));
        binds
            .filter(|line| line.contains(&format!("subset {subset}")))
            .count()
    };
    assert_eq!((of("fixed"), of("elastic")), (5, 7), "{said}");
    assert!(dry.process().terminate().unwrap().success());

    assert_eq!(state().await, before);
    assert_eq!(witness.seen().gated(), 12);
    let written = Metrics::read(&ground.admin)
        .await
        .unwrap()
        .requests_since(&requests);
    for request in [
        "PATCH pods",
        "APPLY spreadledgers",
        "PATCH spreadledgers",
        "DELETE pods",
    ] {
        assert_eq!(written.get(request), None, "{written:?}");
    }
}

#[tokio::test]
async fn doctor_says_what_is_missing_and_then_that_all_is_well() {
    let folder = Folder::temporary(&places::repository().join("target/e2e")).unwrap();
    let plane = ControlPlane::start(folder, Options::default()).await.unwrap();
    let admin = plane.client(Identity::Admin).await.unwrap();
    workloads::namespace(&admin, SHOP).await.unwrap();
    let ground = Ground {
        plane,
        admin,
        settings: exact(SHOP, 10),
    };
    let kubeconfig = ground.plane.kubeconfig(Identity::Admin).display().to_string();
    let settings = ground.settings_file(&ground.settings);
    let doctor = [
        "doctor",
        "--kubeconfig",
        &kubeconfig,
        "--settings",
        settings.as_str(),
    ];

    let (code, said) = ground.run("bare", &doctor).await;
    assert_eq!(code, Some(1), "{said}");
    for missing in [
        "BAD  CustomResourceDefinition spreadledgers: it is not served",
        "it may not patch `pods`",
        "it may not list `spreadledgers.spillway.dev`",
        "permissions of the policy-server",
        "BAD  Lease spillway-system/spillway-sidecar",
        "apply deploy/",
        "observe: Ledger must not be switched on",
    ] {
        assert!(said.contains(missing), "`{missing}` is not in\n{said}");
    }

    install(&ground.admin).await.unwrap();
    let (code, said) = ground.run("installed", &doctor).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(
        !said.contains("it may not") && !said.contains("not served"),
        "{said}"
    );
    assert!(
        said.contains("there is none: start the sidecar") && said.contains("BAD  SpreadLedger shop/web"),
        "{said}"
    );

    let mut sidecar = ground.sidecar("sidecar", &[]).await;
    until_published(&ground.admin, SHOP, "web").await;
    let (code, said) = ground.run("running", &doctor).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("observe: Ledger may be switched on") && !said.contains("BAD"),
        "{said}"
    );

    assert!(sidecar.process().terminate().unwrap().success());
    let (code, said) = ground.run("ended", &doctor).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("nobody holds it"), "{said}");

    let mut faulty = ground.settings.clone();
    faulty["spreads"][0]["subsets"][0]["maxReplicas"] = "many".into();
    ground.settings_file(&faulty);
    let (code, said) = ground.run("faulty", &doctor).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("maxReplicas") && said.contains("many"), "{said}");
}

#[tokio::test]
async fn without_a_living_binder_auto_exceeds_rather_than_waits_and_exact_waits() {
    let mut settings = exact(SHOP, 10);
    let mut auto = settings["spreads"][0].clone();
    auto["name"] = "auto".into();
    auto["targetRef"]["name"] = "auto".into();
    auto["capacity"] = "Auto".into();
    settings["spreads"].as_array_mut().unwrap().push(auto);
    let ground = Ground::new(settings).await;
    let mut sidecar = ground.sidecar("sidecar", &["--lease-duration", "5"]).await;
    let (_policy, web) = ground.open().await;
    workloads::create(&ground.admin, SHOP, &workloads::deployment("auto", 0).unwrap())
        .await
        .unwrap();
    until_published(&ground.admin, SHOP, "auto").await;
    let of = |app: &'static str| Witness::start(&ground.admin, SHOP, app);
    let auto = of("app=auto").await.unwrap();
    sidecar.process().kill().unwrap();
    drop(web);
    let web = of("app=web").await.unwrap();

    // The policy has not asked for the Lease so far: the first that it sees of it is this.
    ground
        .patch_lease(json!({"spec": {"renewTime": minutes_from_now(-3)}}))
        .await;
    for name in ["auto", "web"] {
        workloads::scale(&ground.admin, SHOP, name, 20).await.unwrap();
    }
    let seen = settled(&auto, 20).await;
    assert_eq!((seen.most_gated(), seen.unplaced()), (0, 0));
    assert_eq!(seen.placed("fixed") + seen.placed("elastic"), 20);
    let seen = gated(&web, 20).await;
    assert_eq!((seen.most_placed("fixed"), seen.unplaced()), (0, 0));

    // Another comes, as soon as the Lease was unchanged for long enough.
    let _next = ground.sidecar("next", &["--lease-duration", "5"]).await;
    let seen = settled(&web, 20).await;
    assert_exact(&seen, 20, 10);
    let exceeding = auto.seen().placed("fixed").max(10);
    workloads::scale(&ground.admin, SHOP, "auto", 60).await.unwrap();
    let seen = settled(&auto, 60).await;
    assert_eq!(seen.unplaced(), 0);
    assert!(seen.most_placed("fixed") <= exceeding, "{:?}", seen.split());
}

fn write_settings(folder: &Path, name: &str, settings: &Value) {
    std::fs::write(folder.join(format!("{name}.json")), settings.to_string()).unwrap();
}

fn hang_up(process: &Process) {
    let id = rustix::process::Pid::from_raw(process.id().try_into().unwrap()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::HUP).unwrap();
}

#[tokio::test]
async fn settings_are_read_again_and_a_spread_that_is_no_more_loses_its_ledger() {
    let ground = Ground::exact(10).await;
    let mut sidecar = ground.sidecar("sidecar", &[]).await;
    let (_policy, witness) = ground.open().await;
    ground.scale(15).await;
    settled(&witness, 15).await;
    let folder = ground.plane.folder();

    // Faults are told, and the settings before stay.
    let mut faulty = ground.settings.clone();
    faulty["spreads"][0]["subsets"][0]["maxReplicas"] = "many".into();
    write_settings(folder, "sidecar", &faulty);
    hang_up(sidecar.process());
    let said = until_logged(sidecar.process().log(), "the new settings are not taken").await;
    assert!(said.contains("maxReplicas"), "{said}");
    until_counted(&sidecar, "spillway_settings_faults", &[], 1.0).await;
    ground.scale(30).await;
    assert_exact(&settled(&witness, 30).await, 30, 10);

    // A larger pool, of which the policy does not know yet: pods wait for the sidecar, which does.
    let mut larger = ground.settings.clone();
    larger["spreads"][0]["subsets"][0]["maxReplicas"] = 25.into();
    write_settings(folder, "sidecar", &larger);
    hang_up(sidecar.process());
    let is_larger = |ledger: &DynamicObject| ledger.data["spec"]["subsets"][0]["maxReplicas"] == 25;
    until_ledger(&ground, "a larger maximum", is_larger).await;
    ground.scale(60).await;
    let seen = settled(&witness, 60).await;
    assert_exact(&seen, 60, 25);

    write_settings(folder, "sidecar", &without_spreads(&ground.settings));
    hang_up(sidecar.process());
    wait::until(
        &ground.ledgers(),
        watcher::Config::default(),
        "the ledger to go",
        PATIENCE,
        |ledgers| ledgers.is_empty(),
    )
    .await
    .unwrap();
    let seen = witness.seen();
    assert_eq!((bound(&seen), seen.gated()), (60, 0), "pods stay where they are");
    sidecar.process().check().unwrap();
    let lease = ground
        .until_lease("a holder", |lease| !holder(lease).is_empty())
        .await;
    assert_eq!(term(&lease), 1);
}
