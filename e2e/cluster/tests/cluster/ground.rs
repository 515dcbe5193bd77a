//! A control plane of a test's own: sidecars with different settings remove each other's ledgers, and some tests break what
//! others need. One namespace, one Deployment.

use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::runtime::watcher;
use kube::{Api, Client};
use serde_json::{Value, json};
use spillway_e2e::{
    ControlPlane, Identity, Options, PolicyHost, PolicyHostOptions, Process, Seen, Sidecar, SidecarOptions,
    Witness, places, wait, workloads,
};

use crate::exact::exact;
use crate::support::{start, until_published};

/// The machine may be busy, and a lease that was not given up has to run out.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

/// The namespace.
pub(crate) const SHOP: &str = "shop";

/// Where the sidecars keep their Lease.
pub(crate) const SYSTEM: &str = "spillway-system";

/// What has no event is asked again after this.
const PAUSE: Duration = Duration::from_millis(50);

/// The plane, and what is told to policy and sidecars.
pub(crate) struct Ground {
    pub(crate) plane: ControlPlane,
    pub(crate) admin: Client,
    pub(crate) settings: Value,
}

impl Ground {
    /// With a spread for the Deployment `web` that must be exact: `fixed` up to a maximum, then `elastic`.
    pub(crate) async fn exact(maximum: usize) -> Self {
        Self::new(exact(SHOP, maximum)).await
    }

    pub(crate) async fn new(settings: Value) -> Self {
        let options = Options {
            controller_qps: 2000,
            ..Options::default()
        };
        let plane = start(options).await;
        let admin = plane.client(Identity::Admin).await.unwrap();
        workloads::namespace(&admin, SHOP).await.unwrap();
        Self {
            plane,
            admin,
            settings,
        }
    }

    /// A sidecar whose caches are filled.
    pub(crate) async fn sidecar(&self, name: &str, arguments: &[&str]) -> Sidecar {
        let mut sidecar = self.spawn_sidecar(name, Identity::Sidecar, arguments);
        sidecar.until_ready().await.unwrap();
        sidecar
    }

    /// A sidecar that may never be ready.
    pub(crate) fn spawn_sidecar(&self, name: &str, identity: Identity, arguments: &[&str]) -> Sidecar {
        let options = SidecarOptions {
            name: name.to_owned(),
            identity,
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
        };
        Sidecar::spawn(&self.plane, &self.settings, &options).unwrap()
    }

    pub(crate) async fn policy(&self) -> PolicyHost {
        PolicyHost::start(
            &self.plane,
            &self.settings,
            PolicyHostOptions::for_namespace(SHOP),
        )
        .await
        .unwrap()
    }

    /// The policy, a Deployment `web` without replicas whose ledger is published, and a witness of the pods. A sidecar
    /// must run.
    pub(crate) async fn open(&self) -> (PolicyHost, Witness) {
        let policy = self.policy().await;
        let witness = Witness::start(&self.admin, SHOP, "").await.unwrap();
        let web = workloads::deployment("web", 0).unwrap();
        workloads::create(&self.admin, SHOP, &web).await.unwrap();
        until_published(&self.admin, SHOP, "web").await;
        (policy, witness)
    }

    /// The same with a sidecar that leads.
    pub(crate) async fn served(&self) -> (Sidecar, PolicyHost, Witness) {
        let sidecar = self.sidecar("sidecar", &[]).await;
        self.until_held_by("sidecar").await;
        let (policy, witness) = self.open().await;
        (sidecar, policy, witness)
    }

    pub(crate) async fn scale(&self, replicas: i32) {
        workloads::scale(&self.admin, SHOP, "web", replicas)
            .await
            .unwrap();
    }

    /// The Lease, once it is as asked for.
    pub(crate) async fn until_lease(&self, what: &str, mut done: impl FnMut(&Lease) -> bool) -> Lease {
        let leases: Api<Lease> = Api::namespaced(self.admin.clone(), SYSTEM);
        let only = watcher::Config::default().fields("metadata.name=spillway-sidecar");
        let seen = wait::until(&leases, only, what, PATIENCE, |leases| {
            leases.values().any(&mut done)
        })
        .await
        .unwrap();
        seen.into_values().next().unwrap()
    }

    /// The Lease, once a sidecar of this name holds it.
    pub(crate) async fn until_held_by(&self, name: &str) -> Lease {
        let what = format!("`{name}` to hold the Lease");
        self.until_lease(&what, |lease| holder(lease).starts_with(&format!("{name}_")))
            .await
    }

    pub(crate) async fn patch_lease(&self, patch: Value) {
        let leases: Api<Lease> = Api::namespaced(self.admin.clone(), SYSTEM);
        leases
            .patch("spillway-sidecar", &PatchParams::default(), &Patch::Merge(patch))
            .await
            .unwrap();
    }

    pub(crate) fn ledgers(&self) -> Api<DynamicObject> {
        let kind = GroupVersionKind::gvk("spillway.dev", "v1alpha1", "SpreadLedger");
        Api::namespaced_with(self.admin.clone(), SHOP, &ApiResource::from_gvk(&kind))
    }

    /// Runs the sidecar's program to its end: how it ended, and all that it said.
    pub(crate) async fn run(&self, name: &str, arguments: &[&str]) -> (Option<i32>, String) {
        let log = self.plane.folder().join(format!("{name}.log"));
        let mut command = std::process::Command::new(places::own_program("spillway-sidecar").unwrap());
        command.args(arguments);
        let mut process = Process::start(name, &mut command, &log).unwrap();
        let ended = tokio::task::spawn_blocking(move || process.wait().unwrap());
        let status = tokio::time::timeout(PATIENCE, ended).await.unwrap().unwrap();
        (status.code(), std::fs::read_to_string(log).unwrap())
    }

    /// Where a file with these settings lies.
    pub(crate) fn settings_file(&self, settings: &Value) -> String {
        let path = self.plane.folder().join("settings.json");
        std::fs::write(&path, settings.to_string()).unwrap();
        path.display().to_string()
    }
}

/// Waits until there are exactly so many pods, all ready.
pub(crate) async fn settled(witness: &Witness, pods: usize) -> Seen {
    let what = format!("{pods} ready pods");
    witness
        .until(&what, PATIENCE, |seen| seen.settled_at(pods))
        .await
        .unwrap()
}

/// Who holds a Lease.
pub(crate) fn holder(lease: &Lease) -> &str {
    let spec = lease.spec.as_ref();
    spec.and_then(|spec| spec.holder_identity.as_deref())
        .unwrap_or_default()
}

/// `leaseTransitions`.
pub(crate) fn term(lease: &Lease) -> i32 {
    lease
        .spec
        .as_ref()
        .and_then(|spec| spec.lease_transitions)
        .unwrap_or_default()
}

/// The end of a burst: everybody has a place on a node of their own subset, and nothing ever was above the maximum.
pub(crate) fn assert_exact(seen: &Seen, pods: usize, maximum: usize) {
    assert_eq!((seen.unplaced(), seen.gated()), (0, 0));
    assert_eq!(
        (seen.placed("fixed"), seen.placed("elastic")),
        (maximum, pods - maximum)
    );
    assert_eq!(seen.most_placed("fixed"), maximum, "at any moment");
    for pod in seen.pods.values() {
        let node = pod.node.as_deref().unwrap_or_default();
        assert!(node.starts_with(pod.subset.as_deref().unwrap_or("?")), "{pod:?}");
    }
}

/// Pods that have their subset and do not wait.
pub(crate) fn bound(seen: &Seen) -> usize {
    seen.placed("fixed") + seen.placed("elastic")
}

/// A log once it has this text in it. There is no event for that.
pub(crate) async fn until_logged(log: &Path, text: &str) -> String {
    let seen = async {
        loop {
            let seen = std::fs::read_to_string(log).unwrap_or_default();
            if seen.contains(text) {
                return seen;
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    match tokio::time::timeout(PATIENCE, seen).await {
        Ok(seen) => seen,
        Err(_) => panic!(
            "`{text}` was not logged:\n{}",
            std::fs::read_to_string(log).unwrap_or_default()
        ),
    }
}

/// Waits until a counter of a sidecar is at least so high. There is no event for that.
pub(crate) async fn until_counted(sidecar: &Sidecar, name: &str, labels: &[(&str, &str)], at_least: f64) {
    let counted = async {
        loop {
            let metrics = sidecar.metrics().await;
            if metrics.is_ok_and(|metrics| metrics.sum(name, labels) >= at_least) {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    let counted = tokio::time::timeout(PATIENCE, counted).await;
    assert!(counted.is_ok(), "`{name}` {labels:?} is not {at_least}");
}

/// How many pods a sidecar has bound.
pub(crate) const BINDS: (&str, [(&str, &str); 2]) =
    ("spillway_writes_total", [("action", "bind"), ("outcome", "done")]);

/// The settings without their only spread.
pub(crate) fn without_spreads(settings: &Value) -> Value {
    let mut settings = settings.clone();
    settings["spreads"] = json!([]);
    settings
}
