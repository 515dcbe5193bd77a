//! A small cluster as the sidecar sees it.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "each test binary uses a part; clippy knows test functions but not their helpers"
)]

use kube_rules::time::UnixMillis;
use reconcile_core::{
    Action, Event, Leader, NodeRecord, Outcome, Plan, PodPatch, PodRecord, Rule, SpreadId, Step,
    WorkloadRecord, World, plan,
};
use rules::GroupKind;
use serde_json::{Value, json};
use spread_api::SpreadLedger;

pub(crate) const START: UnixMillis = UnixMillis(1_767_225_600_000); // 2026-01-01T00:00:00Z

pub(crate) fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

/// A spread of the Deployment `web` in the namespace `shop`.
pub(crate) fn rule(fields: &str) -> Rule {
    let mut written = yaml(fields);
    for (key, value) in [
        ("name", json!("web")),
        ("namespace", json!("shop")),
        (
            "targetRef",
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}),
        ),
    ] {
        let is_chosen = key == "targetRef" && written.get("selector").is_some();
        if written.get(key).is_none() && !is_chosen {
            written[key] = value;
        }
    }
    let spread =
        policy_settings::read_spread(&written, "spread", &[]).unwrap_or_else(|faults| panic!("{faults:?}"));
    Rule::new(spread, written)
}

pub(crate) fn id() -> SpreadId {
    SpreadId {
        namespace: "shop".into(),
        name: "web".into(),
    }
}

/// A gated pod, created so many seconds after the start.
pub(crate) fn gated(name: &str, seconds: i64) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": format!("uid-{name}"),
            "resourceVersion": "10",
            "creationTimestamp": START.plus(seconds * 1000).to_string(),
            "labels": {"app": "web", "pod-template-hash": "abc", "spillway.dev/spread": "web"},
            "annotations": {"spillway.dev/decision": "gated: waits for the binder, which keeps the maximum exact"},
            "ownerReferences": [
                {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-abc", "uid": "uid-web-abc", "controller": true}
            ],
        },
        "spec": {
            "containers": [{"name": "main", "image": "app:1"}],
            "schedulingGates": [{"name": "spillway.dev/placement"}],
            "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}],
        },
        "status": {"phase": "Pending"},
    })
}

/// A pod that has its subset since admission and waits to be let go.
pub(crate) fn held(name: &str, seconds: i64, subset: &str) -> Value {
    let mut pod = gated(name, seconds);
    pod["metadata"]["labels"]["spillway.dev/subset"] = subset.into();
    pod
}

/// A running pod of a subset and a revision, with its cost.
pub(crate) fn running(name: &str, subset: Option<&str>, cost: Option<i32>, revision: &str) -> Value {
    let mut pod = gated(name, 0);
    pod["metadata"]["labels"]["pod-template-hash"] = revision.into();
    pod["metadata"]["ownerReferences"][0]["name"] = format!("web-{revision}").into();
    pod["metadata"]["ownerReferences"][0]["uid"] = format!("uid-web-{revision}").into();
    pod["spec"].as_object_mut().unwrap().remove("schedulingGates");
    pod["spec"]["nodeName"] = "n-1".into();
    pod["status"] = json!({
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": START.to_string()}],
    });
    if let Some(subset) = subset {
        pod["metadata"]["labels"]["spillway.dev/subset"] = subset.into();
        pod["metadata"]["annotations"]["spillway.dev/decision"] = format!("{subset}: bound in order").into();
    }
    if let Some(cost) = cost {
        pod["metadata"]["annotations"]["controller.kubernetes.io/pod-deletion-cost"] =
            cost.to_string().into();
    }
    pod
}

/// A running pod that no policy has seen.
pub(crate) fn never_placed(name: &str) -> Value {
    let mut pod = running(name, None, None, "abc");
    pod["metadata"]["labels"]
        .as_object_mut()
        .unwrap()
        .remove("spillway.dev/spread");
    pod
}

pub(crate) fn workload(kind: &str, name: &str, replicas: u32, owner: Option<&str>) -> Value {
    let mut object = json!({
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": format!("uid-{name}"),
            "creationTimestamp": START.to_string(),
            "labels": {},
            "annotations": {},
        },
        "spec": {"replicas": replicas, "template": {}},
    });
    if let Some(owner) = owner {
        object["metadata"]["ownerReferences"] = json!([
            {"apiVersion": "apps/v1", "kind": "Deployment", "name": owner, "uid": format!("uid-{owner}"), "controller": true}
        ]);
        object["metadata"]["labels"]["pod-template-hash"] = name.rsplit('-').next().unwrap().into();
    }
    object
}

/// The revision that a Deployment made its n-th.
pub(crate) fn revision(hash: &str, replicas: u32, ordinal: u32) -> Value {
    let mut set = workload("ReplicaSet", &format!("web-{hash}"), replicas, Some("web"));
    set["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = ordinal.to_string().into();
    set
}

/// A world that leads one spread.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) now: UnixMillis,
}

impl Scene {
    pub(crate) fn new(rule: Rule) -> Self {
        let mut world = World::new();
        world.set_rules(vec![rule]);
        world.lead(Some(Leader {
            epoch: 3,
            settings: "abc".into(),
        }));
        Self { world, now: START }
    }

    pub(crate) fn pod(&mut self, pod: &Value) -> &mut Self {
        let record = PodRecord::read(pod).unwrap();
        self.world.take(Event::Pod(Box::new(record)), self.now);
        self
    }

    pub(crate) fn workload(&mut self, object: &Value) -> &mut Self {
        let kind = GroupKind::of("apps/v1", object["kind"].as_str().unwrap()).unwrap();
        let record = WorkloadRecord::of_kind(kind, object).unwrap();
        self.world.take(Event::Workload(Box::new(record)), self.now);
        self
    }

    pub(crate) fn node(&mut self, node: &Value) -> &mut Self {
        let record = NodeRecord::read(node).unwrap();
        self.world.take(Event::Node(Box::new(record)), self.now);
        self
    }

    /// The Deployment and its only ReplicaSet.
    pub(crate) fn scaled_to(&mut self, replicas: u32) -> &mut Self {
        self.workload(&workload("Deployment", "web", replicas, None));
        self.workload(&revision("abc", replicas, 1))
    }

    pub(crate) fn later(&mut self, millis: i64) -> &mut Self {
        self.now = self.now.plus(millis);
        self
    }

    pub(crate) fn plan(&self) -> Plan {
        plan(&self.world, &id(), self.now)
    }

    /// Plans, and takes it that everything is being done.
    pub(crate) fn begin(&mut self) -> Vec<Step> {
        let steps = self.plan().steps;
        for step in &steps {
            self.world.assume(step, self.now);
        }
        steps
    }

    pub(crate) fn settle(&mut self, step: &Step, outcome: Outcome) {
        self.world.settle(step, outcome, self.now);
    }

    /// Plans once; what is done to pods ends as told, the rest is done. What was planned.
    pub(crate) fn pods_end(&mut self, outcome: &Outcome) -> Vec<String> {
        let steps = self.begin();
        for step in &steps {
            let is_of_a_pod = step.action.pod().is_some();
            let outcome = if is_of_a_pod {
                outcome.clone()
            } else {
                Outcome::Done(None)
            };
            self.settle(step, outcome);
        }
        all(&steps)
    }

    /// Follows the plans for so many seconds, waking as they ask; what was planned for pods.
    pub(crate) fn followed(&mut self, seconds: i64) -> Vec<String> {
        let (until, mut told) = (self.now.plus(seconds * 1000), Vec::new());
        while self.now < until {
            let plan = self.plan();
            for step in &plan.steps {
                self.world.assume(step, self.now);
                self.settle(step, Outcome::Done(None));
                told.extend(step.action.pod().map(|_| self::told(step)));
            }
            if plan.steps.is_empty() {
                let Some(wake) = plan.wake else { break };
                self.now = wake.max(self.now.plus(1));
            }
        }
        told
    }

    /// Another leader wrote into the ledger that a subset is closed; then this one leads.
    pub(crate) fn closed_by_the_ledger(&mut self, subset: &str, since: UnixMillis, until: UnixMillis) {
        let mut ledger = SpreadLedger {
            api_version: spread_api::API_VERSION.into(),
            kind: spread_api::LEDGER_KIND.into(),
            metadata: spread_api::LedgerMetadata {
                name: "web".into(),
                namespace: "shop".into(),
                labels: std::collections::BTreeMap::new(),
            },
            spec: Value::Null,
            status: None,
        };
        ledger.status = Some(spread_api::LedgerStatus {
            closed: vec![subset.to_owned()],
            closings: vec![spread_api::ClosingStatus {
                subset: subset.to_owned(),
                since: since.to_string(),
                until: until.to_string(),
                ..Default::default()
            }],
            ..Default::default()
        });
        self.world.lead(None);
        self.world.take(Event::Ledger(Box::new(ledger)), self.now);
        self.world.lead(Some(Leader {
            epoch: 4,
            settings: "abc".into(),
        }));
    }

    /// Does everything at once until nothing is left to do now.
    pub(crate) fn settled(&mut self) -> Vec<String> {
        let mut done = Vec::new();
        for _ in 0..20 {
            let steps = self.begin();
            if steps.is_empty() {
                break;
            }
            for step in &steps {
                done.push(told(step));
                self.settle(step, Outcome::Done(None));
            }
            self.later(1000);
        }
        done
    }
}

/// A step in a line.
pub(crate) fn told(step: &Step) -> String {
    match &step.action {
        Action::Bind {
            pod, subset, cost, ..
        } => {
            let cost = cost.map_or(String::new(), |cost| format!(" costs {cost}"));
            format!("bind {} to {}{cost}", pod.name, subset.index())
        }
        Action::Release { pod, why, .. } => format!("release {}: {why}", pod.name),
        Action::DeletePod { pod, .. } => format!("delete {}", pod.name),
        Action::Move {
            pod, subset, cost, ..
        } => {
            let cost = cost.map_or(String::new(), |cost| format!(" costs {cost}"));
            format!("move {} to {}{cost}", pod.name, subset.index())
        }
        Action::Recreate { pod, from, .. } => format!("recreate {} of {}", pod.name, from.index()),
        Action::Evict {
            pod, to, node, why, ..
        } => format!("evict {} for {} on {node}: {why}", pod.name, to.index()),
        Action::PatchCost { pod, cost, .. } => format!("{} costs {cost}", pod.name),
        Action::Adopt { pod, subset, .. } => format!("adopt {} into {}", pod.name, subset.index()),
        Action::PublishLedger(ledger) => format!("publish {}", ledger.status.as_ref().unwrap().summary),
        Action::RemoveLedger => "remove ledger".into(),
        Action::Note(note) => format!("note {}", note.reason),
    }
}

pub(crate) fn all(steps: &[Step]) -> Vec<String> {
    steps.iter().map(told).collect()
}

/// What a patch makes of a pod, or why it is refused.
pub(crate) fn patched(pod: &Value, patch: &PodPatch) -> Result<Value, String> {
    let mut pod = pod.clone();
    match patch {
        PodPatch::Json(patch) => json_patch::patch(&mut pod, patch).map_err(|error| error.to_string())?,
        PodPatch::Merge(patch) => json_patch::merge(&mut pod, patch),
    }
    Ok(pod)
}

pub(crate) fn pod_patch(step: &Step) -> &PodPatch {
    match &step.action {
        Action::Bind { patch, .. }
        | Action::Release { patch, .. }
        | Action::Move { patch, .. }
        | Action::PatchCost { patch, .. }
        | Action::Adopt { patch, .. } => patch,
        other => panic!("{other:?}"),
    }
}
