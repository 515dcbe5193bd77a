//! A scenario as what a plane is made of.

use super::workloads::workload;
use crate::keda::TriggerKind;
use crate::plane::setup::{
    ClusterSpec, Demand, Happening, Lag, NodeLoss, Observe, PolicySpec, Scaler, Setup, SidecarSpec,
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
        let usual = script.cluster.startup + script.cluster.startup_jitter;
        let slowest = own.max().unwrap_or(Millis::ZERO).max(usual);
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
    // Its first pods run all the same.
    let paused = scenario.workloads.iter().enumerate();
    happenings.extend(
        paused
            .filter(|(_, spec)| scenario::is_paused(spec))
            .map(|(workload, _)| {
                let is_paused = true;
                (begin, Happening::Pause { workload, is_paused })
            }),
    );
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
            .map(|(ix, spec)| workload(scenario, ix, spec, script.sidecars > 0))
            .collect(),
        nodes: script.nodes.clone(),
        cluster: ClusterSpec {
            controllers: late(cluster.controller_lag),
            scheduler: late(cluster.controller_lag),
            writes_per_second: count(cluster.writes_per_second),
            admission: late(cluster.admission_time),
            startup: Lag {
                millis: cluster.startup.0,
                jitter: cluster.startup_jitter.0,
            },
            termination: Lag {
                millis: cluster.termination.0,
                jitter: cluster.termination_jitter.0,
            },
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
        EventKind::Pause { workload, is_paused } => Happening::Pause { workload, is_paused },
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

pub(super) fn count(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
