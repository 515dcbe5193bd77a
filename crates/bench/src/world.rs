//! Measures whether an event, and the plan that follows it, cost more the more else there is in the cluster.
//!
//! The same events are taken by a world and by one of ten times its size, in turn; a figure is the ratio of the two.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use kube_rules::time::UnixMillis;
use reconcile_core::{Event, Leader, NodeRecord, PodRecord, Rule, SpreadId, WorkloadRecord, World, plan};
use serde_json::{Value, json};

use crate::figure::Figure;

const START: UnixMillis = UnixMillis(1_767_225_600_000); // 2026-01-01T00:00:00Z

/// The whole: so many spreads, with [`SETS`] ReplicaSets and [`PODS`] pods each.
const SPREADS: usize = 5_000;
const SPREADS_OF_A_NAMESPACE: usize = 25;
const SETS: usize = 4;
const PODS: usize = 10;
const NODES: usize = 1_000;

/// How often each event is taken; the medians are compared.
const ROUNDS: usize = 400;

/// What happens, again and again.
#[derive(Clone, Copy)]
enum Happening {
    Pod,
    Workload,
    Node,
}

/// A world of one size, and what is known of the spread that is looked at.
struct Cluster {
    world: World,
    id: SpreadId,
    spread: usize,
}

/// The ratios.
pub(crate) fn run(progress: &dyn Fn(&str)) -> Result<Vec<Figure>> {
    progress(&format!("{} spreads, then {SPREADS}", SPREADS / 10));
    let mut small = Cluster::new(SPREADS / 10)?;
    let start = Instant::now();
    let mut whole = Cluster::new(SPREADS)?;
    let mut figures = vec![Figure {
        what: "caches filled: 5,000 spreads, 20,000 ReplicaSets, 50,000 pods",
        value: start.elapsed().as_secs_f64(),
        unit: "s",
        aim: None,
    }];
    for (what, happening) in [
        ("a pod event and its plan, ten times the cluster", Happening::Pod),
        (
            "a workload event and its plan, ten times the cluster",
            Happening::Workload,
        ),
        ("a node that joins, ten times the cluster", Happening::Node),
    ] {
        progress(what);
        let (mut of_small, mut of_whole) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            of_small.push(small.take(happening, round)?);
            of_whole.push(whole.take(happening, round)?);
        }
        let ratio = median(of_whole).as_secs_f64() / median(of_small).as_secs_f64();
        figures.push(Figure {
            what,
            value: ratio,
            unit: "x",
            aim: Some(("<= 1.2", ratio <= 1.2)),
        });
    }
    Ok(figures)
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort_unstable();
    all.get(all.len() / 2).copied().unwrap_or_default()
}

impl Cluster {
    fn new(spreads: usize) -> Result<Self> {
        let rules: Result<Vec<Rule>> = (0..spreads).map(rule).collect();
        let mut world = World::new();
        world.set_rules(rules?);
        world.lead(Some(Leader {
            epoch: 1,
            settings: "bench".to_owned(),
        }));
        for number in 0..NODES {
            world.take(Event::Node(Box::new(NodeRecord::read(&node(number))?)), START);
        }
        for spread in 0..spreads {
            for object in [deployment(spread)]
                .into_iter()
                .chain((0..SETS).map(|set| replica_set(spread, set)))
            {
                world.take(Event::Workload(Box::new(WorkloadRecord::read(&object)?)), START);
            }
            for number in 0..PODS {
                world.take(
                    Event::Pod(Box::new(PodRecord::read(&pod(spread, number, 0))?)),
                    START,
                );
            }
        }
        let spread = spreads / 2;
        let id = SpreadId {
            namespace: namespace(spread),
            name: name(spread),
        };
        Ok(Self { world, id, spread })
    }

    /// Takes an event and plans; how long both took.
    fn take(&mut self, happening: Happening, round: usize) -> Result<Duration> {
        let event = match happening {
            Happening::Pod => Event::Pod(Box::new(PodRecord::read(&pod(
                self.spread,
                round % PODS,
                round + 1,
            ))?)),
            Happening::Workload => {
                let mut set = replica_set(self.spread, SETS - 1);
                set.pointer_mut("/metadata/annotations")
                    .and_then(Value::as_object_mut)
                    .context("a ReplicaSet without annotations")?
                    .insert(
                        "deployment.kubernetes.io/desired-replicas".to_owned(),
                        round.to_string().into(),
                    );
                Event::Workload(Box::new(WorkloadRecord::read(&set)?))
            }
            Happening::Node => Event::Node(Box::new(NodeRecord::read(&node(NODES + round))?)),
        };
        let now = START.plus(1_000 + i64::try_from(round)?);
        let start = Instant::now();
        black_box(self.world.take(event, now));
        black_box(plan(&self.world, &self.id, now));
        Ok(start.elapsed())
    }
}

fn namespace(spread: usize) -> String {
    format!("team-{}", spread / SPREADS_OF_A_NAMESPACE)
}

fn name(spread: usize) -> String {
    format!("web-{spread}")
}

fn rule(spread: usize) -> Result<Rule> {
    let term =
        |pool: &str| json!({"matchExpressions": [{"key": "pool", "operator": "In", "values": [pool]}]});
    let written = json!({
        "name": name(spread),
        "namespace": namespace(spread),
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name(spread)},
        "subsets": [
            {"name": "fixed", "maxReplicas": 6, "requiredNodeSelectorTerm": term("fixed")},
            {"name": "elastic", "requiredNodeSelectorTerm": term("elastic")},
        ],
    });
    let checked = policy_settings::read_spread(&written, "spread", &[])
        .map_err(|faults| anyhow::anyhow!("the rule is refused: {faults:?}"))?;
    Ok(Rule::new(checked, written))
}

fn node(number: usize) -> Value {
    let pool = if number.is_multiple_of(2) {
        "fixed"
    } else {
        "elastic"
    };
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": format!("node-{number}"), "uid": format!("node-{number}"), "labels": {"pool": pool}},
        "status": {"allocatable": {"cpu": "32", "memory": "128Gi", "pods": "110"}},
    })
}

fn deployment(spread: usize) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"namespace": namespace(spread), "name": name(spread), "uid": format!("deployment-{spread}")},
        "spec": {"replicas": PODS},
    })
}

fn replica_set(spread: usize, set: usize) -> Value {
    let is_newest = set + 1 == SETS;
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "namespace": namespace(spread), "name": format!("{}-{set}", name(spread)), "uid": format!("set-{spread}-{set}"),
            "labels": {"pod-template-hash": set.to_string()},
            "annotations": {"deployment.kubernetes.io/revision": (set + 1).to_string()},
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "Deployment", "controller": true,
                "name": name(spread), "uid": format!("deployment-{spread}"),
            }],
        },
        "spec": {"replicas": if is_newest { PODS } else { 0 }},
    })
}

/// A pod that runs where its ladder says; its restarts tell one version from the next.
fn pod(spread: usize, number: usize, version: usize) -> Value {
    let (subset, cost) = if number < 6 {
        ("fixed", 200)
    } else {
        ("elastic", 100)
    };
    let set = SETS - 1;
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "namespace": namespace(spread), "name": format!("{}-{set}-{number}", name(spread)),
            "uid": format!("pod-{spread}-{number}"), "resourceVersion": (version + 1).to_string(),
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {
                "pod-template-hash": set.to_string(), "spillway.dev/spread": name(spread), "spillway.dev/subset": subset,
            },
            "annotations": {
                "controller.kubernetes.io/pod-deletion-cost": cost.to_string(), "spillway.dev/decision": subset,
            },
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "ReplicaSet", "controller": true,
                "name": format!("{}-{set}", name(spread)), "uid": format!("set-{spread}-{set}"),
            }],
        },
        "spec": {"nodeName": format!("node-{}", 2 * (spread % (NODES / 2)) + usize::from(number >= 6))},
        "status": {
            "phase": "Running",
            "containerStatuses": [{"name": "main", "restartCount": version}],
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:10Z"}],
        },
    })
}
