//! A scenario as what a plane is made of.

use std::rc::Rc;

use placement_core::names::POD_TEMPLATE_HASH;
use placement_core::spread::WorkloadKind;
use serde_json::json;

use crate::json;
use crate::keda::TriggerKind;
use crate::objects::{set_pod_defaults, template_hash};
use crate::plane::setup::{
    ClusterSpec, Demand, Happening, Kind, Lag, NodeLoss, Observe, PolicySpec, Scaler, Setup, SidecarSpec,
    Template, Workload, WorkloadName,
};
use crate::scenario::{self, Autoscaler, EventKind, Scenario};
use crate::time::Millis;

/// The sidecar lists, takes the Lease and writes its first ledgers.
const SIDECAR_STARTS: Millis = Millis(10_000);

/// `--node-monitor-grace-period` of kube-controller-manager (50 s since 1.32), then the cloud's controller, which looks
/// every 5 s, then the garbage collector: it looks every 20 s and lets 40 s pass (pkg/controller/podgc).
const LOSS: NodeLoss = NodeLoss {
    unnoticed: Millis(50_000),
    removed: Millis(5000),
    collected: Lag {
        millis: 40_000,
        jitter: 20_000,
    },
};

/// Before a scenario begins, what is there from the beginning comes to rest: the sidecar leads, the first pods run.
pub(super) fn begin(scenario: &Scenario) -> Millis {
    let script = &scenario.script;
    let mut begin = Millis::ZERO;
    if script.sidecars > 0 {
        begin = begin + SIDECAR_STARTS;
    }
    if scenario.workloads.iter().any(|workload| workload.replicas > 0) {
        let own = script.nodes.iter().filter_map(|node| node.startup);
        let slowest = own.max().unwrap_or(Millis::ZERO).max(script.cluster.startup);
        begin = begin + slowest + Millis(30_000);
    }
    begin
}

pub(super) fn setup(scenario: &Scenario, seed: u64, policies: usize) -> Setup {
    let script = &scenario.script;
    let cluster = script.cluster;
    let begin = begin(scenario);
    let late = |millis: Millis| Lag {
        millis: millis.0,
        jitter: 0,
    };
    let watched = Lag {
        millis: cluster.watch_lag.0,
        jitter: cluster.watch_jitter.0,
    };
    let sidecar = SidecarSpec {
        pods: watched,
        workloads: watched,
        others: watched,
        requests: late(cluster.admission_time),
        writes_at_once: 64,
        think_millis: 10,
        skew: 0,
    };
    let policy = PolicySpec {
        ledgers: watched,
        leases: watched,
        skew: 0,
    };
    let mut happenings = Vec::new();
    if script.sidecars > 0 {
        // Whoever is there from the beginning meets a sidecar that leads.
        for (workload, spec) in scenario.workloads.iter().enumerate() {
            let replicas = count(spec.replicas);
            happenings.push((SIDECAR_STARTS, Happening::Scale { workload, replicas }));
        }
    }
    happenings.extend(script.events.iter().flat_map(|event| {
        let at = begin + event.at;
        happening(&event.kind)
            .into_iter()
            .map(move |happening| (at, happening))
    }));
    Setup {
        seed,
        rules: scenario.rules.clone(),
        workloads: scenario
            .workloads
            .iter()
            .enumerate()
            .map(|(ix, spec)| workload(spec, templates_of(scenario, ix), script.sidecars > 0))
            .collect(),
        nodes: script.nodes.clone(),
        cluster: ClusterSpec {
            controllers: late(cluster.controller_lag),
            scheduler: late(cluster.controller_lag),
            writes_per_second: count(cluster.writes_per_second),
            admission: late(cluster.admission_time),
            startup: late(cluster.startup),
            termination: late(cluster.termination),
            lost_requests: 0,
            lost_answers: 0,
            turned_away: 0,
            delayed: 0,
            lease_millis: 15_000,
            request_timeout_millis: 10_000,
        },
        observe: match scenario.observe {
            policy_settings::Observe::Ledger => Observe::Ledger,
            policy_settings::Observe::Pods => Observe::Pods,
        },
        policies: vec![policy; policies],
        sidecars: vec![sidecar; script.sidecars],
        happenings,
        begin,
        demands: script
            .demands
            .iter()
            .map(|demand| of_demand(demand, begin, scenario))
            .collect(),
        scalers: scenario.autoscalers.iter().map(scaler).collect(),
        budgets: scenario.budgets.clone(),
        injectors: script.injectors.clone(),
        cluster_autoscaler: script.cluster_autoscaler.clone(),
        loss: LOSS,
    }
}

fn of_demand(demand: &scenario::Demand, begin: Millis, scenario: &Scenario) -> Demand {
    let windows = scenario.autoscalers.iter().filter_map(|scaler| match scaler {
        Autoscaler::Keda { object, .. } => Some(&object.triggers),
        Autoscaler::Hpa { .. } => None,
    });
    let windows = windows.flatten().filter_map(|trigger| match &trigger.kind {
        TriggerKind::Prometheus(prometheus) => Some(prometheus.query.window),
        TriggerKind::Cron(_) => None,
    });
    Demand {
        workload: demand.workload,
        begin,
        traffic: demand.traffic.clone(),
        service: demand.service.clone(),
        scrape: demand.scrape,
        longest_window: windows.max().unwrap_or(Millis::ZERO),
    }
}

fn scaler(scaler: &Autoscaler) -> Scaler {
    match scaler {
        Autoscaler::Hpa { workload, hpa } => Scaler::Hpa {
            workload: *workload,
            hpa: hpa.clone(),
        },
        Autoscaler::Keda { workload, object } => Scaler::Keda {
            workload: *workload,
            object: object.clone(),
        },
    }
}

fn happening(kind: &EventKind) -> Option<Happening> {
    Some(match *kind {
        EventKind::Scale { workload, replicas } => Happening::Scale {
            workload,
            replicas: count(replicas),
        },
        EventKind::Rollout { workload, template } => Happening::Rollout { workload, template },
        EventKind::LoseNode { node, back_after } => Happening::LoseNode { node, back_after },
        EventKind::FailNode { node, back_after } => Happening::FailNode { node, back_after },
        EventKind::ReclaimNode {
            node,
            notice,
            back_after,
        } => Happening::ReclaimNode {
            node,
            notice,
            back_after,
        },
        EventKind::DrainNode { node, back_after } => Happening::DrainNode { node, back_after },
        EventKind::DeletePods { workload, pods } => Happening::DeletePods {
            workload,
            count: count(pods),
        },
        EventKind::Crash { sidecar, back_after } => Happening::Crash { sidecar, back_after },
        EventKind::PolicyDown { back_after } => Happening::PolicyDown { back_after },
        EventKind::RestartApi { back_after } => Happening::RestartApi { back_after },
    })
}

fn templates_of(scenario: &Scenario, workload: usize) -> u32 {
    let rollouts = scenario
        .script
        .events
        .iter()
        .filter_map(|event| match event.kind {
            EventKind::Rollout {
                workload: of,
                template,
            } if of == workload => Some(template),
            _ => None,
        });
    rollouts.max().unwrap_or(0)
}

fn workload(spec: &scenario::Workload, newest: u32, waits: bool) -> Workload {
    let text = |path: &str, default: &str| {
        let value = spec.manifest.pointer(path);
        value.map_or_else(
            || default.to_owned(),
            |value| {
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), ToOwned::to_owned)
            },
        )
    };
    let number = |path: &str| spec.manifest.pointer(path).and_then(serde_json::Value::as_u64);
    let kind = match spec.kind {
        WorkloadKind::StatefulSet => Kind::StatefulSet {
            first_ordinal: count(number("/spec/ordinals/start").unwrap_or(0)),
            is_parallel: text("/spec/podManagementPolicy", "OrderedReady") == "Parallel",
        },
        WorkloadKind::Job => Kind::Job {
            completions: count(number("/spec/completions").unwrap_or(spec.replicas)),
            run: spec.runs_for,
            backoff_limit: count(number("/spec/backoffLimit").unwrap_or(6)),
        },
        _ => Kind::Deployment {
            max_surge: text("/spec/strategy/rollingUpdate/maxSurge", "25%"),
            max_unavailable: text("/spec/strategy/rollingUpdate/maxUnavailable", "25%"),
        },
    };
    Workload {
        id: Rc::new(WorkloadName {
            namespace: spec.namespace.clone(),
            name: spec.name.clone(),
        }),
        templates: (0..=newest)
            .map(|number| Rc::new(template(spec, number)))
            .collect(),
        kind,
        replicas: if waits { 0 } else { count(spec.replicas) },
    }
}

/// A rollout changes nothing but an annotation, as `kubectl rollout restart` does.
fn template(spec: &scenario::Workload, number: u32) -> Template {
    let mut value = json::at(&spec.manifest, &["spec", "template"])
        .cloned()
        .unwrap_or_default();
    if number > 0 {
        let at = &["metadata", "annotations", "kubectl.kubernetes.io/restartedAt"];
        json::put(&mut value, at, json!(number.to_string()));
    }
    let hash = template_hash(&value);
    if spec.kind == WorkloadKind::Deployment {
        json::put(
            &mut value,
            &["metadata", "labels", POD_TEMPLATE_HASH],
            json!(hash),
        );
    }
    if spec.kind == WorkloadKind::Job {
        json::put_default(&mut value, &["spec", "restartPolicy"], json!("Never"));
    }
    set_pod_defaults(&mut value);
    Template { value, hash }
}

fn count(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
