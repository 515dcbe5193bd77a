//! A case as it is played on a real control plane.
//!
//! Left out, because a real one does it in its own way: `cluster` (how fast controllers, kubelets and requests are),
//! a sidecar's lags, `writesAtOnce` and `thinkMillis`, a Job's `runMillis` (its pods complete as soon as they run). Lost and
//! refused answers and clocks that go wrong do not come up: such cases are not among those for a real cluster.
//! Changed: times, see [`LONGEST_PAUSE`] and [`LONGEST_ABSENCE`]; `gateTimeoutSeconds`, see [`GATE_TIMEOUT`]; sidecars are
//! two; a rollout that may neither surge nor lack a pod may lack one, as the API server wants it.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use rules::{Amount, Fill, Spread};
use serde_json::{Value, json};
use simulator::torture::{Case, Happening, Lag, WorkloadCase};
use spillway_e2e::{NodePool, workloads};

use crate::scene::WEB;

/// Nothing happens for longer than this: what was begun has ended by then.
const LONGEST_PAUSE: u64 = 6_000;

/// Nobody is away for longer than this: a standby has taken over by then.
const LONGEST_ABSENCE: u64 = 18_000;

/// Who waits longer than this is let go where there is no place: a rollout waits so long at each of its steps.
const GATE_TIMEOUT: u64 = 5;

/// A case, ready to be played.
#[derive(Clone, Debug)]
pub(super) struct Story {
    pub(super) shop: String,
    pub(super) seed: u64,
    /// As it stands in settings.
    pub(super) rule: Value,
    pub(super) spread: Spread,
    pub(super) pools: Vec<Pool>,
    pub(super) workload: WorkloadCase,
    /// How late each policy's view of ledgers is.
    pub(super) view_lags: Vec<Duration>,
    pub(super) acts: Vec<(Duration, Act)>,
}

/// Nodes of one case.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    pub(super) nodes: usize,
    pub(super) pool: NodePool,
    pub(super) name: String,
    room: u64,
}

/// A node that is away for less is left out.
const SHORTEST_ABSENCE_MILLIS: u64 = 2000;

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Scale(u32),
    RollOut(u32),
    LoseNode(usize),
    RestoreNode(usize),
    DeletePods(u32),
    PolicyGoes,
    PolicyComes,
    /// The sidecar with this number, of all that the stage has.
    Kill(u32),
    Stop(u32),
    Freeze(u32),
    Return(u32),
    ApiGoes,
    ApiComes,
}

impl Act {
    /// Whether it befalls all cases of a stage.
    pub(super) fn is_of_stage(self) -> bool {
        matches!(
            self,
            Self::Kill(_)
                | Self::Stop(_)
                | Self::Freeze(_)
                | Self::Return(_)
                | Self::ApiGoes
                | Self::ApiComes
        )
    }
}

impl Story {
    pub(super) fn of(number: usize, case: &Case) -> Self {
        let shop = format!("hostile-{number:02}");
        let mut rule = case.spread.clone();
        rule["namespace"] = shop.as_str().into();
        let timeout = rule["gateTimeoutSeconds"].as_u64().unwrap_or(GATE_TIMEOUT);
        rule["gateTimeoutSeconds"] = timeout.min(GATE_TIMEOUT).into();
        for subset in rule["subsets"].as_array_mut().unwrap() {
            let pool = format!("{shop}-{}", subset["name"].as_str().unwrap());
            subset["requiredNodeSelectorTerm"] =
                json!({"matchExpressions": [{"key": "pool", "operator": "In", "values": [pool]}]});
        }
        let pool = |case: &simulator::torture::PoolCase| {
            let name = format!("{shop}-{}", case.name);
            let (nodes, pods) = (case.nodes as usize, case.pods as usize);
            Pool {
                nodes,
                pool: NodePool::new(&name, nodes, pods).label("case", &shop),
                name,
                room: u64::from(case.nodes) * u64::from(case.pods),
            }
        };
        let millis = |lag: Lag| Duration::from_millis(lag.millis + lag.jitter / 2);
        Self {
            seed: case.seed,
            spread: case.rule().unwrap(),
            pools: case.pools.iter().map(pool).collect(),
            workload: case.workload.clone(),
            view_lags: case
                .policies
                .iter()
                .map(|policy| millis(policy.ledgers))
                .collect(),
            acts: acts(case),
            shop,
            rule,
        }
    }

    /// How often the API server goes away.
    pub(super) fn outages(&self) -> usize {
        let goes = |(_, act): &&(Duration, Act)| *act == Act::ApiGoes;
        self.acts.iter().filter(goes).count()
    }

    /// The replicas that are ever wanted, in order.
    pub(super) fn sizes(&self) -> impl Iterator<Item = u32> {
        let first = match self.workload {
            WorkloadCase::Deployment { replicas, .. } => replicas,
            WorkloadCase::Job { parallelism, .. } => parallelism,
        };
        let scaled = self.acts.iter().filter_map(|(_, act)| match act {
            Act::Scale(replicas) => Some(*replicas),
            _ => None,
        });
        std::iter::once(first).chain(scaled)
    }

    /// Whether each pool has room for all pods there can ever be, so that all of them become ready.
    pub(super) fn is_roomy(&self) -> bool {
        let most = self.sizes().max().unwrap_or(0);
        self.pools.iter().all(|pool| pool.room >= 3 * u64::from(most))
    }

    /// Whether a scale-in moves the maximums.
    pub(super) fn has_percents(&self) -> bool {
        let is_percent = |amount: Option<Amount>| amount.is_some_and(Amount::is_percent);
        match self.spread.fill() {
            Fill::InOrder(bounds) => bounds
                .iter()
                .any(|bounds| is_percent(bounds.min) || is_percent(bounds.max)),
            Fill::Shares(_) => false,
        }
    }

    /// The node of this number: its pool, the pool's name, and its place in there.
    pub(super) fn node(&self, number: usize) -> (&NodePool, &str, usize) {
        let mut within = number;
        for pool in &self.pools {
            if within < pool.nodes {
                return (&pool.pool, &pool.name, within);
            }
            within -= pool.nodes;
        }
        panic!("no node {number}")
    }

    /// Whether a subset has a minimum, which is given up last whatever its place.
    pub(super) fn has_minimums(&self) -> bool {
        match self.spread.fill() {
            Fill::InOrder(bounds) => bounds.iter().any(|bounds| bounds.min.is_some()),
            Fill::Shares(_) => true,
        }
    }

    pub(super) fn is_job(&self) -> bool {
        matches!(self.workload, WorkloadCase::Job { .. })
    }

    pub(super) fn deployment(&self) -> Deployment {
        let WorkloadCase::Deployment {
            replicas,
            max_surge,
            max_unavailable,
            is_recreated,
        } = &self.workload
        else {
            panic!("a Job")
        };
        assert!(!is_recreated, "hostile cases roll out");
        let amount = |text: &str| {
            text.parse::<u32>()
                .map_or_else(|_| json!(text), |number| json!(number))
        };
        let is_nothing = |text: &str| text.trim_end_matches('%') == "0";
        let may_do_nothing = is_nothing(max_surge) && is_nothing(max_unavailable);
        let unavailable = if may_do_nothing {
            "1"
        } else {
            max_unavailable.as_str()
        };
        let web = workloads::deployment(WEB, i32::try_from(*replicas).unwrap()).unwrap();
        let mut web = serde_json::to_value(web).unwrap();
        web["spec"]["strategy"] = json!({
            "type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": amount(max_surge), "maxUnavailable": amount(unavailable)},
        });
        web["spec"]["template"]["spec"]["nodeSelector"] = json!({"case": self.shop});
        workloads::read("a deployment", web).unwrap()
    }

    pub(super) fn job(&self) -> Job {
        let WorkloadCase::Job {
            parallelism,
            completions,
            backoff_limit,
            ..
        } = self.workload
        else {
            panic!("a Deployment")
        };
        let count = |count: u32| i32::try_from(count).unwrap();
        let job = workloads::job(WEB, count(parallelism), count(completions)).unwrap();
        let mut job = serde_json::to_value(job).unwrap();
        job["spec"]["backoffLimit"] = backoff_limit.into();
        job["spec"]["template"]["spec"]["nodeSelector"] = json!({"case": self.shop});
        workloads::read("a job", job).unwrap()
    }
}

/// What happens, when, in the order of time.
fn acts(case: &Case) -> Vec<(Duration, Act)> {
    let mut events: Vec<_> = case.events.iter().collect();
    events.sort_by_key(|event| event.at);
    let (mut acts, mut now, mut before) = (Vec::new(), 0, 0);
    let nodes: usize = case.pools.iter().map(|pool| pool.nodes as usize).sum();
    for event in events {
        now += (event.at - before).min(LONGEST_PAUSE);
        before = event.at;
        let back = now + event.happening.lasts().min(LONGEST_ABSENCE);
        let mut both = |goes: Act, comes: Act| {
            acts.push((now, goes));
            acts.push((back, comes));
        };
        match event.happening {
            Happening::Crash { sidecar, .. } => both(Act::Kill(sidecar), Act::Return(sidecar)),
            Happening::Stop { sidecar, .. } => both(Act::Stop(sidecar), Act::Return(sidecar)),
            Happening::Freeze { sidecar, .. } => both(Act::Freeze(sidecar), Act::Return(sidecar)),
            Happening::RestartApi { .. } => both(Act::ApiGoes, Act::ApiComes),
            Happening::PolicyDown { .. } => both(Act::PolicyGoes, Act::PolicyComes),
            // Pods that such a node was given in the moment before are not always started by the simulated kubelet.
            Happening::LoseNode { back_after, .. } if back_after < SHORTEST_ABSENCE_MILLIS => {}
            Happening::LoseNode { node, .. } => {
                let node = node as usize % nodes;
                both(Act::LoseNode(node), Act::RestoreNode(node));
            }
            Happening::Scale { replicas } => acts.push((now, Act::Scale(replicas))),
            Happening::Rollout { template } => acts.push((now, Act::RollOut(template))),
            Happening::DeletePods { count } => acts.push((now, Act::DeletePods(count))),
            Happening::EditGated { .. }
            | Happening::FailNode { .. }
            | Happening::ReclaimNode { .. }
            | Happening::DrainNode { .. } => panic!("not among the cases for a real cluster"),
        }
    }
    acts.sort_by_key(|(at, _)| *at);
    acts.into_iter()
        .map(|(at, act)| (Duration::from_millis(at), act))
        .collect()
}
