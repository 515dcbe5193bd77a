//! One burst from nothing to so many ready pods.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use k8s_openapi::api::apps::v1::Deployment;
use serde::Serialize;
use serde_json::{Value, json};
use spillway_e2e::metrics::Metrics;
use spillway_e2e::{
    ControlPlane, Folder, Identity, NodePool, Options, PodPace, PolicyHost, PolicyHostOptions, Sidecar,
    SidecarOptions, Witness, install, places, wait, workloads,
};

const PATIENCE: Duration = Duration::from_secs(600);
pub(crate) const SHOP: &str = "shop";

/// What stands between the controller and the pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    NoWebhook,
    EmptyPolicy,
    Spillway,
}

/// What one burst took, in seconds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Burst {
    pub(crate) created: f64,
    pub(crate) ready: f64,
    /// The mean of the API server's own measure of the webhook.
    pub(crate) admission: f64,
    pub(crate) split: BTreeMap<String, usize>,
    pub(crate) most_in_fixed: usize,
    pub(crate) most_gated: usize,
    /// Writes to pods for each pod, from the API server's counters.
    pub(crate) writes_per_pod: BTreeMap<String, f64>,
}

impl Side {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::NoWebhook => "no webhook",
            Self::EmptyPolicy => "empty policy",
            Self::Spillway => "spillway",
        }
    }
}

/// A control plane with both pools and the shipped rights.
pub(crate) async fn plane(pods: PodPace) -> Result<ControlPlane> {
    let folder = Folder::temporary(&places::repository().join("target/e2e"))?;
    let options = Options {
        controller_qps: 2000,
        pods,
        ..Options::default()
    };
    let plane = ControlPlane::start(folder, options).await?;
    plane.add_nodes(&NodePool::new("fixed", 20, 600)).await?;
    let elastic =
        NodePool::new("elastic", 4, 3000).taint("virtual-kubelet.io/provider", "example", "NoSchedule");
    plane.add_nodes(&elastic).await?;
    install(&plane.client(Identity::Admin).await?).await?;
    Ok(plane)
}

/// One spread for each name: half of `pods` in `fixed`, the others in `elastic`.
pub(crate) fn settings(names: &[String], pods: usize) -> Value {
    let spreads = names
        .iter()
        .map(|name| spread(name, pods / 2, ("capacity", "Exact")));
    json!({"observe": "Ledger", "spreads": spreads.collect::<Vec<Value>>()})
}

/// The spread of a Deployment: `fixed` up to a maximum, then `elastic`.
pub(crate) fn spread(name: &str, maximum: usize, (field, value): (&str, &str)) -> Value {
    let pool =
        |pool: &str| json!({"matchExpressions": [{"key": "pool", "operator": "In", "values": [pool]}]});
    json!({
        "name": name,
        "namespace": SHOP,
        field: value,
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
        "subsets": [
            {"name": "fixed", "maxReplicas": maximum, "requiredNodeSelectorTerm": pool("fixed")},
            {
                "name": "elastic",
                "requiredNodeSelectorTerm": pool("elastic"),
                "tolerations": [{"key": "virtual-kubelet.io/provider", "operator": "Exists"}],
            },
        ],
    })
}

/// Lets pods to which nobody gives a pool go to both.
pub(crate) fn tolerate_both(web: &mut Deployment) -> Result<()> {
    let tolerations = json!([{"key": "virtual-kubelet.io/provider", "operator": "Exists"}]);
    let spec = web.spec.as_mut().and_then(|spec| spec.template.spec.as_mut());
    if let Some(spec) = spec {
        spec.tolerations = Some(serde_json::from_value(tolerations)?);
    }
    Ok(())
}

/// Waits until a spread has a ledger that says who binds.
pub(crate) async fn until_published(plane: &ControlPlane, spread: &str) -> Result<()> {
    let client = plane.client(Identity::Admin).await?;
    let kind = kube::api::GroupVersionKind::gvk("spillway.dev", "v1alpha1", "SpreadLedger");
    let resource = kube::api::ApiResource::from_gvk(&kind);
    let ledgers: kube::Api<kube::api::DynamicObject> = kube::Api::namespaced_with(client, SHOP, &resource);
    let only = kube::runtime::watcher::Config::default().fields(&format!("metadata.name={spread}"));
    wait::until(&ledgers, only, "a published ledger", PATIENCE, |ledgers| {
        ledgers
            .values()
            .any(|ledger| ledger.data.pointer("/status/binder").is_some())
    })
    .await?;
    Ok(())
}

/// Measures one burst on a control plane of its own, so that none profits from the caches of another.
pub(crate) async fn measure(side: Side, pods: usize, base: &Path, run: usize) -> Result<Burst> {
    let plane = plane(PodPace::AtOnce).await?;
    let admin = plane.client(Identity::Admin).await?;
    workloads::namespace(&admin, SHOP).await?;
    let names = ["web".to_owned()];
    let settings = settings(&names, pods);
    let options = PolicyHostOptions {
        module: (side == Side::EmptyPolicy).then(|| base.to_owned()),
        ..PolicyHostOptions::for_namespace(SHOP)
    };
    let mut running = (None, None);
    if side == Side::Spillway {
        running.0 = Some(Sidecar::start(&plane, &settings, &SidecarOptions::default()).await?);
    }
    if side != Side::NoWebhook {
        let settings = if side == Side::Spillway {
            settings.clone()
        } else {
            json!({})
        };
        running.1 = Some(PolicyHost::start(&plane, &settings, options).await?);
    }
    let mut web = workloads::deployment("web", 0)?;
    if side != Side::Spillway {
        tolerate_both(&mut web)?;
    }
    workloads::create(&admin, SHOP, &web).await?;
    if side == Side::Spillway {
        until_published(&plane, "web").await?;
    }
    let witness = Witness::start(&admin, SHOP, "").await?;
    let before = Metrics::read(&admin).await?;
    let start = Instant::now();
    workloads::scale(&admin, SHOP, "web", i32::try_from(pods)?).await?;
    witness
        .until("every pod created", PATIENCE, |seen| seen.active() >= pods)
        .await?;
    let created = start.elapsed().as_secs_f64();
    let seen = witness
        .until("every pod ready", PATIENCE, |seen| {
            seen.ready() >= pods && seen.gated() == 0
        })
        .await?;
    let ready = start.elapsed().as_secs_f64();
    let after = Metrics::read(&admin).await?;
    let is_of_pods = |request: &String| {
        request.contains(" pods") || request.contains("spreadledgers") || request.contains("leases")
    };
    let writes = after.requests_since(&before).into_iter().filter(|(request, _)| {
        is_of_pods(request)
            && !request.starts_with("GET")
            && !request.starts_with("LIST")
            && !request.starts_with("WATCH")
    });
    #[expect(clippy::cast_precision_loss, reason = "no cluster has 2^52 pods")]
    let each = pods as f64;
    let burst = Burst {
        created,
        ready,
        admission: after.webhook_since(&before, "spillway").mean(),
        split: ["fixed", "elastic"]
            .map(|subset| (subset.to_owned(), seen.placed(subset)))
            .into(),
        most_in_fixed: seen.most_placed("fixed"),
        most_gated: seen.most_gated(),
        writes_per_pod: writes.map(|(request, times)| (request, times / each)).collect(),
    };
    eprintln!("  run {}: {}", run + 1, serde_json::to_string(&burst)?);
    Ok(burst)
}
