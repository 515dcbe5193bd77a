//! A case as what a plane is made of.

use std::collections::BTreeMap;
use std::rc::Rc;

use reconcile_core::Rule;
use rules::Spread;
use rules::names::POD_TEMPLATE_HASH;
use serde_json::json;

use super::case::{Case, Happening as HappeningCase, NAMESPACE, PoolCase, WORKLOAD, WorkloadCase};
use crate::disruption::DisruptionBudget;
use crate::hpa::{Gates, Hpa};
use crate::json;
use crate::judge::{Calm, Judged};
use crate::load::{Cpu, MICRO, Point, Service, Shape, Traffic};
use crate::objects::{set_pod_defaults, template_hash};
use crate::plane::setup::{
    Demand, DeploymentKind, Happening, Kind, Lag, NodeLoss, Observe, Scaler, Setup, Strategy, Template,
    Workload, WorkloadName,
};
use crate::scenario::{NodeSpec, Taint};
use crate::time::Millis;

impl Case {
    /// What the case is played on. `spread`: its rule, checked.
    pub(super) fn setup(&self, spread: Spread) -> Setup {
        let happenings = self
            .events
            .iter()
            .map(|event| (Millis(event.at), happening(&event.happening)));
        Setup {
            seed: self.seed,
            rules: vec![Rule::new(spread, self.spread.clone())],
            workloads: vec![self.workload()],
            nodes: self.pools.iter().flat_map(nodes).collect(),
            cluster: self.cluster.clone(),
            observe: Observe::Ledger,
            policies: self.policies.clone(),
            sidecars: self.sidecars.clone(),
            happenings: happenings.collect(),
            begin: Millis::ZERO,
            demands: self.demand().into_iter().collect(),
            scalers: self.scaler().into_iter().collect(),
            budgets: self.budget().into_iter().collect(),
            injectors: Vec::new(),
            cluster_autoscaler: None,
            // At once, so that a case has time for much.
            loss: NodeLoss {
                collected: Lag {
                    millis: 50,
                    jitter: 500,
                },
                ..NodeLoss::default()
            },
        }
    }

    /// What is judged of the case. `spread`: its rule, checked.
    pub(super) fn judged(&self, spread: Spread) -> Judged {
        Judged {
            spread,
            workload: 0,
            is_job: matches!(self.workload, WorkloadCase::Job { .. }),
            is_ordered: false,
            calm: Calm::of(self),
            room: self.room(),
        }
    }

    /// How many pods each node takes.
    fn room(&self) -> BTreeMap<String, usize> {
        let nodes = self.pools.iter().flat_map(|pool| {
            let cpu = pool
                .cpu_millis
                .and_then(|cpu| cpu.checked_div(self.request_millis));
            let places = cpu.map_or(pool.pods, |cpu| cpu.min(pool.pods));
            let places = usize::try_from(places).unwrap_or(usize::MAX);
            (0..pool.nodes).map(move |number| (format!("{}-{number}", pool.name), places))
        });
        nodes.collect()
    }

    /// The PodDisruptionBudget of the pods.
    pub(super) fn budget(&self) -> Option<DisruptionBudget> {
        let least = self.min_available.as_ref()?;
        let least = least
            .parse::<u32>()
            .map_or_else(|_| json!(least), |count| json!(count));
        let manifest = json!({
            "metadata": {"name": WORKLOAD, "namespace": NAMESPACE},
            "spec": {"minAvailable": least, "selector": {"matchLabels": {"app": WORKLOAD}}},
        });
        DisruptionBudget::read(&manifest).ok()
    }

    /// The HPA.
    pub(super) fn scaler(&self) -> Option<Scaler> {
        let load = self.load.as_ref()?;
        let cpu = json!({"type": "AverageValue", "averageValue": "100m"});
        let manifest = json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": WORKLOAD, "namespace": NAMESPACE},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": WORKLOAD},
                "minReplicas": load.min_replicas, "maxReplicas": load.max_replicas,
                "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": cpu}}],
                "behavior": {"scaleDown": {"stabilizationWindowSeconds": load.calm_seconds}},
            },
        });
        let hpa = Hpa::read(&manifest, Gates::default()).ok()?;
        self.demand()?;
        Some(Scaler::Hpa { workload: 0, hpa })
    }

    fn demand(&self) -> Option<Demand> {
        let points = self.load.as_ref()?.rates.iter().map(|(at, rate)| Point {
            at: Millis(*at),
            rate: u64::from(*rate) * MICRO,
        });
        Some(Demand {
            workload: 0,
            begin: Millis::ZERO,
            traffic: Traffic::new(points.collect(), Shape::Steps).ok()?,
            service: Service {
                requests_per_second: 20 * MICRO,
                by_subset: BTreeMap::new(),
                timeout: Millis(2000),
                cpu: Cpu {
                    idle: 10,
                    per_request: 9000,
                    limit: None,
                },
            },
            scrape: Millis(5000),
            longest_window: Millis::ZERO,
        })
    }

    fn workload(&self) -> Workload {
        let newest = self.events.iter().filter_map(|event| match event.happening {
            HappeningCase::Rollout { template } => Some(template),
            _ => None,
        });
        let (kind, replicas) = match &self.workload {
            WorkloadCase::Deployment {
                replicas,
                max_surge,
                max_unavailable,
                is_recreated,
            } => {
                let kind = Kind::Deployment(Rc::new(DeploymentKind {
                    strategy: if *is_recreated {
                        Strategy::Recreate
                    } else {
                        Strategy::rolling(max_surge, max_unavailable)
                    },
                    ..DeploymentKind::default()
                }));
                (kind, *replicas)
            }
            WorkloadCase::Job {
                parallelism,
                completions,
                run_millis,
                backoff_limit,
            } => {
                let kind = Kind::Job {
                    completions: *completions,
                    run: Millis(*run_millis),
                    backoff_limit: *backoff_limit,
                };
                (kind, *parallelism)
            }
        };
        let templates = 0..=newest.max().unwrap_or(0);
        Workload {
            id: Rc::new(WorkloadName {
                namespace: NAMESPACE.to_owned(),
                name: WORKLOAD.to_owned(),
            }),
            templates: templates
                .map(|number| Rc::new(template(number, &kind, self.request_millis)))
                .collect(),
            kind,
            replicas,
        }
    }
}

fn template(number: u32, kind: &Kind, request_millis: u32) -> Template {
    let mut container = json!({"name": "main", "image": format!("web:{number}")});
    if request_millis > 0 {
        let cpu = format!("{request_millis}m");
        json::put(&mut container, &["resources", "requests", "cpu"], json!(cpu));
    }
    let mut value = json!({
        "metadata": {"labels": {"app": WORKLOAD}},
        "spec": {"containers": [container]},
    });
    let hash = template_hash(&value);
    if matches!(kind, Kind::Deployment(_)) {
        json::put(
            &mut value,
            &["metadata", "labels", POD_TEMPLATE_HASH],
            json!(hash),
        );
    } else {
        json::put(&mut value, &["spec", "restartPolicy"], json!("Never"));
    }
    set_pod_defaults(&mut value);
    Template {
        value,
        hash,
        is_never_ready: false,
    }
}

fn nodes(pool: &PoolCase) -> impl Iterator<Item = NodeSpec> {
    (0..pool.nodes).map(|number| NodeSpec {
        name: format!("{}-{number}", pool.name),
        labels: BTreeMap::from([("pool".to_owned(), pool.name.clone())]),
        taints: pool.taint.iter().map(|key| taint(key)).collect(),
        pods: u64::from(pool.pods),
        allocatable: pool
            .cpu_millis
            .map(|cpu| ("cpu".to_owned(), format!("{cpu}m")))
            .into_iter()
            .collect(),
        startup: None,
        termination: None,
    })
}

fn taint(key: &str) -> Taint {
    Taint {
        key: key.to_owned(),
        value: String::new(),
        effect: "NoSchedule",
    }
}

fn happening(case: &HappeningCase) -> Happening {
    let index = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let workload = 0;
    match *case {
        HappeningCase::Scale { replicas } => Happening::Scale { workload, replicas },
        HappeningCase::Rollout { template } => Happening::Rollout { workload, template },
        HappeningCase::LoseNode { node, back_after } => Happening::LoseNode {
            node: index(node),
            back_after: Some(Millis(back_after)),
        },
        HappeningCase::FailNode { node, back_after } => Happening::FailNode {
            node: index(node),
            back_after: Some(Millis(back_after)),
        },
        HappeningCase::ReclaimNode {
            node,
            notice,
            back_after,
        } => Happening::ReclaimNode {
            node: index(node),
            notice: Millis(notice),
            back_after: Some(Millis(back_after)),
        },
        HappeningCase::DrainNode { node, back_after } => Happening::DrainNode {
            node: index(node),
            back_after: Some(Millis(back_after)),
        },
        HappeningCase::DeletePods { count } => Happening::DeletePods { workload, count },
        HappeningCase::EditGated { count } => Happening::EditGated { workload, count },
        HappeningCase::Crash { sidecar, back_after } => Happening::Crash {
            sidecar: index(sidecar),
            back_after: Millis(back_after),
        },
        HappeningCase::Stop { sidecar, back_after } => Happening::Stop {
            sidecar: index(sidecar),
            back_after: Millis(back_after),
        },
        HappeningCase::Freeze { sidecar, back_after } => Happening::Freeze {
            sidecar: index(sidecar),
            back_after: Millis(back_after),
        },
        HappeningCase::RestartApi { back_after } => Happening::RestartApi {
            back_after: Millis(back_after),
        },
        HappeningCase::PolicyDown { back_after } => Happening::PolicyDown {
            back_after: Millis(back_after),
        },
    }
}
