//! What a rollout takes where pods take their time: under `rollout: Keep`, under `Surge`, and without a spread.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Result;
use k8s_openapi::api::apps::v1::Deployment;
use kube::runtime::watcher;
use kube::{Api, Client};
use serde::Serialize;
use serde_json::{Value, json};
use spillway_e2e::{
    Identity, PodPace, PolicyHost, PolicyHostOptions, Sidecar, SidecarOptions, Witness, wait, workloads,
};

use crate::burst::{self, SHOP};

const PATIENCE: Duration = Duration::from_secs(900);
/// Pods that no policy sees.
const PLAIN: &str = "plain";
/// What a sidecar writes to pods.
const ACTIONS: [&str; 8] = [
    "bind", "release", "delete", "cost", "adopt", "move", "recreate", "evict",
];

/// One Deployment that is rolled out.
struct Side {
    name: &'static str,
    namespace: &'static str,
    witness: Witness,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Rollout {
    seconds: f64,
    split: BTreeMap<String, usize>,
    most_in_fixed: usize,
    /// The sidecar's writes to pods for each pod of the new revision.
    writes_per_pod: BTreeMap<&'static str, f64>,
}

/// Rolls out so many pods at 25 %/25 %, four of five of which have a paid place, on one control plane: each side in turn.
pub(crate) async fn measure(pods: usize, runs: usize) -> Result<Vec<Value>> {
    let plane = burst::plane(PodPace::Unhurried).await?;
    let admin = plane.client(Identity::Admin).await?;
    for namespace in [SHOP, PLAIN] {
        workloads::namespace(&admin, namespace).await?;
    }
    let spreads = [("keep", "Keep"), ("surge", "Surge")]
        .map(|(name, rollout)| burst::spread(name, pods * 4 / 5, ("rollout", rollout)));
    let settings = json!({"observe": "Ledger", "spreads": spreads});
    let sidecar = Sidecar::start(&plane, &settings, &SidecarOptions::default()).await?;
    let _policy = PolicyHost::start(&plane, &settings, PolicyHostOptions::for_namespace(SHOP)).await?;
    let mut sides = Vec::new();
    for (name, namespace) in [("plain", PLAIN), ("keep", SHOP), ("surge", SHOP)] {
        if namespace == SHOP {
            burst::until_published(&plane, name).await?;
        }
        let mut web = workloads::deployment(name, i32::try_from(pods)?)?;
        if namespace == PLAIN {
            burst::tolerate_both(&mut web)?;
        }
        let witness = Witness::start(&admin, namespace, &format!("app={name}")).await?;
        workloads::create(&admin, namespace, &web).await?;
        sides.push(Side {
            name,
            namespace,
            witness,
        });
    }
    let mut rollouts: BTreeMap<&str, Vec<Rollout>> = BTreeMap::new();
    for run in 0..runs {
        for side in &sides {
            eprintln!(
                "a rollout of {pods} pods, {}, run {} of {runs}",
                side.name,
                run + 1
            );
            let rollout = roll_out(side, &admin, &sidecar, pods, run + 2).await?;
            eprintln!("  {}", serde_json::to_string(&rollout)?);
            rollouts.entry(side.name).or_default().push(rollout);
        }
    }
    let median = |name: &str| {
        let of_side = rollouts.get(name).into_iter().flatten();
        let mut seconds: Vec<f64> = of_side.map(|rollout| rollout.seconds).collect();
        seconds.sort_by(f64::total_cmp);
        seconds.get(seconds.len() / 2).copied().unwrap_or(f64::NAN)
    };
    let line = |(name, runs): (&&str, &Vec<Rollout>)| {
        json!({
            "pods": pods,
            "rollout": name,
            "seconds": median(name),
            "toPlain": median(name) / median("plain"),
            "runs": runs,
        })
    };
    Ok(rollouts.iter().map(line).collect())
}

/// Until `kubectl rollout status` is content. Begins when nothing is on its way out any more.
async fn roll_out(
    side: &Side,
    admin: &Client,
    sidecar: &Sidecar,
    pods: usize,
    image: usize,
) -> Result<Rollout> {
    side.witness
        .until("every pod ready and no other", PATIENCE, |seen| {
            seen.settled_at(pods)
        })
        .await?;
    let before = writes(sidecar).await?;
    let start = Instant::now();
    let image = format!("registry.example.org/app:{image}");
    workloads::roll_out(admin, side.namespace, side.name, &image).await?;
    let deployments: Api<Deployment> = Api::namespaced(admin.clone(), side.namespace);
    let only = watcher::Config::default().fields(&format!("metadata.name={}", side.name));
    let replicas = Some(i32::try_from(pods)?);
    wait::until(&deployments, only, "the rollout to end", PATIENCE, |found| {
        found.values().any(|web| {
            web.status.as_ref().is_some_and(|status| {
                status.observed_generation == web.metadata.generation
                    && [
                        status.replicas,
                        status.updated_replicas,
                        status.available_replicas,
                    ]
                    .iter()
                    .all(|known| *known == replicas)
            })
        })
    })
    .await?;
    let seconds = start.elapsed().as_secs_f64();
    let seen = side
        .witness
        .until("no pod of the old revision", PATIENCE, |seen| {
            seen.settled_at(pods)
        })
        .await?;
    #[expect(clippy::cast_precision_loss, reason = "no cluster has 2^52 pods")]
    let each = pods as f64;
    let after = writes(sidecar).await?;
    let written = after
        .into_iter()
        .map(|(action, count)| (action, (count - before.get(action).unwrap_or(&0.0)) / each));
    Ok(Rollout {
        seconds,
        split: seen.split(),
        most_in_fixed: seen.most_placed("fixed"),
        writes_per_pod: written.filter(|(_, writes)| *writes > 0.0).collect(),
    })
}

async fn writes(sidecar: &Sidecar) -> Result<BTreeMap<&'static str, f64>> {
    let metrics = sidecar.metrics().await?;
    let count = |action| metrics.sum("spillway_writes_total", &[("action", action)]);
    Ok(ACTIONS.map(|action| (action, count(action))).into())
}
