//! Vectors on what a controller does over time: deletion cost and adoption, by the sidecar's planner.
#![expect(
    clippy::indexing_slicing,
    reason = "vectors are objects; one that is none ends the run"
)]

use std::collections::BTreeMap;

use kube_rules::time::UnixMillis;
use reconcile_core::{
    Action, Event, Leader, NodeRecord, Outcome, PodPatch, PodRecord, Rule, SpreadId, WorkloadRecord, World,
    adopt, plan,
};
use rules::GroupKind;
use rules::names::{DELETION_COST_ANNOTATION, KRUISE_MARKER, POD_TEMPLATE_HASH, SPREAD_LABEL};
use serde_json::{Map, Value, json};

use crate::fixture::{controller, field, listed, marker, text, uid_of_set};
use crate::inject::rename;
use crate::settings;
use crate::vector::Vector;
use crate::verdict::Verdict;
use crate::wasm::Wasm;

/// By which OpenKruise's controller leaves the labels of running pods alone. Nobody needs it in settings: there the patch
/// is written by whoever writes the annotation.
const IGNORE_METADATA: &str = "workloadspread.kruise.io/ignore-patch-existing-pods-metadata";
const NOW: UnixMillis = UnixMillis(1_767_225_600_000);

/// Runs a vector of `deletion_cost.json`.
pub(crate) fn costs(vector: &Vector, _: Option<&Wasm>) -> Verdict {
    let input = &vector.input;
    let mut cluster = match Cluster::new(input) {
        Ok(cluster) => cluster,
        Err(fault) => return Verdict::Failed(vec![fault]),
    };
    let mut patched: Vec<String> = Vec::new();
    for action in cluster.actions() {
        if let Action::PatchCost { pod, .. } = &action {
            patched.push(pod.name.clone());
        }
    }
    patched.sort_unstable();
    let costs: Map<String, Value> = cluster
        .pods
        .iter()
        .map(|(name, pod)| {
            let is_touched = patched.contains(name)
                || vector.expect.pointer(&format!("/costs/{name}")) != Some(&Value::Null);
            let cost = pod
                .pointer("/metadata/annotations")
                .and_then(|annotations| annotations.get(DELETION_COST_ANNOTATION));
            let cost = cost
                .and_then(Value::as_str)
                .and_then(|cost| cost.parse::<i64>().ok());
            (
                name.clone(),
                cost.filter(|_| is_touched).map_or(Value::Null, Value::from),
            )
        })
        .collect();
    let mut expected = vector.expect.clone();
    if let Some(names) = expected.get_mut("patched").and_then(Value::as_array_mut) {
        names.sort_by_key(|name| name.as_str().unwrap_or_default().to_owned());
    }
    Verdict::of_fields(
        &expected,
        vec![("native", json!({ "costs": costs, "patched": patched }))],
    )
}

/// Runs a vector of `adoption.json`.
pub(crate) fn adoption(vector: &Vector, _: Option<&Wasm>) -> Verdict {
    if text(&vector.input, "/what") == "score" {
        return score(vector);
    }
    let mut cluster = match Cluster::new(&vector.input) {
        Ok(cluster) => cluster,
        Err(fault) => return Verdict::Failed(vec![fault]),
    };
    let mut patches = Map::new();
    let mut subsets: Map<String, Value> = cluster
        .pods
        .iter()
        .map(|(name, pod)| {
            let subset = marker(pod)
                .and_then(|marker| field(&marker, "subset"))
                .filter(|subset| cluster.has_subset(subset));
            (name.clone(), subset.map_or(Value::Null, Value::from))
        })
        .collect();
    for action in cluster.actions() {
        if let Action::Adopt {
            pod,
            subset,
            patch: PodPatch::Merge(patch),
        } = &action
        {
            subsets.insert(pod.name.clone(), Value::from(cluster.subset_name(*subset)));
            patches.insert(pod.name.clone(), without_own_marks(patch));
        }
    }
    Verdict::of_fields(
        &vector.expect,
        vec![("native", json!({ "patches": patches, "subsets": subsets }))],
    )
}

/// What WorkloadSpread would have written: our labels, our decision and the deletion cost, which it writes apart, left out.
fn without_own_marks(patch: &Value) -> Value {
    let mut metadata = patch.get("metadata").cloned().unwrap_or_default();
    if let Some(fields) = metadata.as_object_mut() {
        fields.remove("uid");
        for field in ["labels", "annotations"] {
            if let Some(texts) = fields.get_mut(field).and_then(Value::as_object_mut) {
                texts.retain(|key, _| !key.starts_with("spillway.dev/") && key != DELETION_COST_ANNOTATION);
                if texts.is_empty() {
                    fields.remove(field);
                }
            }
        }
    }
    json!({ "metadata": metadata })
}

fn score(vector: &Vector) -> Verdict {
    let input = &vector.input;
    let mut subset = input.get("subset").cloned().unwrap_or_default();
    rename(&mut subset);
    let object = json!({ "metadata": {"name": "spread"}, "spec": {
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "subsets": [subset],
    }});
    let read = settings::spread(&settings::inline(&object), &Value::Null);
    let spread = match read {
        Ok(spread) => spread,
        Err(faults) => return Verdict::Failed(faults.iter().map(ToString::to_string).collect()),
    };
    let node = NodeRecord::read(input.get("node").unwrap_or(&Value::Null));
    let (Ok(node), Some(subset)) = (node, spread.subsets().first()) else {
        return Verdict::Failed(vec!["the node cannot be read".to_owned()]);
    };
    // -1 is a subset without a maximum.
    let has_place = input
        .get("missing")
        .and_then(Value::as_i64)
        .is_none_or(|missing| missing > 0 || missing == -1);
    let pod = input.get("pod").cloned().unwrap_or_default();
    let score = adopt::score(subset, &node, &pod, has_place);
    let got = match score {
        Some(score) => json!({ "match": true, "score": score }),
        None => json!({ "match": false }),
    };
    Verdict::of_fields(&vector.expect, vec![("native", got)])
}

/// The cluster of a vector, as the sidecar would watch it.
struct Cluster {
    world: World,
    id: SpreadId,
    rule: Rule,
    pods: BTreeMap<String, Value>,
}

impl Cluster {
    fn new(input: &Value) -> Result<Self, String> {
        let mut object = input.get("spread").cloned().unwrap_or_default();
        if let Some(subsets) = object.pointer_mut("/spec/subsets").and_then(Value::as_array_mut) {
            subsets.iter_mut().for_each(rename);
            shrink_weights(subsets);
        }
        let target = object.pointer("/spec/targetRef").cloned().unwrap_or_default();
        let kind = GroupKind::of(text(&target, "/apiVersion"), text(&target, "/kind"))
            .ok_or("the target has no kind")?;
        let custom = if kind.known().is_none() {
            json!([{ "apiVersion": target["apiVersion"], "kind": target["kind"] }])
        } else {
            Value::Null
        };
        let annotations = object.pointer("/metadata/annotations");
        let ignores = annotations
            .and_then(|annotations| annotations.get(IGNORE_METADATA)?.as_str())
            .is_some_and(|text| text.eq_ignore_ascii_case("true"));
        if ignores {
            forget_metadata(&mut object);
        }
        let written = settings::inline(&object);
        let spread = settings::spread(&written, &custom)
            .map_err(|faults| faults.first().map_or_else(String::new, ToString::to_string))?;
        let id = SpreadId::of(&spread);
        let rule = Rule::new(spread, written);
        let mut world = World::new();
        world.set_rules(vec![rule.clone()]);
        world.lead(Some(Leader {
            epoch: 1,
            settings: String::new(),
        }));
        let mut cluster = Self {
            world,
            id,
            rule,
            pods: BTreeMap::new(),
        };
        cluster.workload(input, &target, &kind)?;
        for node in input.get("nodes").and_then(Value::as_array).into_iter().flatten() {
            let node = NodeRecord::read(node).map_err(|error| error.to_string())?;
            cluster.take(Event::Node(Box::new(node)));
        }
        let pods = input.get("pods").and_then(Value::as_array);
        for (number, pod) in pods.into_iter().flatten().enumerate() {
            cluster.pod(pod, number)?;
        }
        Ok(cluster)
    }

    fn take(&mut self, event: Event) {
        self.world.take(event, NOW);
    }

    /// The uid that the vector's pods have of an owner of this name: it counts by that.
    fn owner_uid(&self, input: &Value, name: &str) -> String {
        let pods = input.get("pods").and_then(Value::as_array).into_iter().flatten();
        let mut owners = pods.filter_map(controller);
        match owners.find(|owner| text(owner, "/name") == name) {
            Some(owner) if text(owner, "/kind") == "ReplicaSet" => uid_of_set(owner),
            Some(owner) => text(owner, "/uid").to_owned(),
            None => "workload".to_owned(),
        }
    }

    fn workload(&mut self, input: &Value, target: &Value, kind: &GroupKind) -> Result<(), String> {
        let replicas = input.pointer("/workload/replicas").cloned().unwrap_or_default();
        let uid = self.owner_uid(input, text(target, "/name"));
        let object = json!({
            "metadata": {"name": target["name"], "namespace": self.id.namespace, "uid": uid},
            "spec": {"replicas": replicas, "parallelism": replicas},
        });
        let record = WorkloadRecord::of_kind(kind.clone(), &object).map_err(|error| error.to_string())?;
        self.take(Event::Workload(Box::new(record)));
        if kind.kind != "Deployment" {
            return Ok(());
        }
        let latest = text(input, "/workload/latestVersion");
        let pods = input
            .get("pods")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let mut sets: BTreeMap<String, (Value, String)> = BTreeMap::new();
        for pod in &pods {
            if let Some(owner) = controller(pod) {
                let labels = pod.pointer("/metadata/labels");
                let hash = labels
                    .and_then(|labels| labels.get(POD_TEMPLATE_HASH))
                    .and_then(Value::as_str);
                sets.insert(
                    text(owner, "/name").to_owned(),
                    (owner.clone(), hash.unwrap_or_default().to_owned()),
                );
            }
        }
        if !latest.is_empty() && sets.values().all(|(_, hash)| hash != latest) {
            // The newest revision has no pod yet.
            let owner = json!({ "uid": "newest" });
            sets.insert(
                format!("{}-{latest}", text(target, "/name")),
                (owner, latest.to_owned()),
            );
        }
        for (name, (owner, hash)) in sets {
            let set = json!({
                "metadata": {
                    "name": name,
                    "namespace": self.id.namespace,
                    "uid": format!("{}-{name}", text(&owner, "/uid")),
                    "labels": {POD_TEMPLATE_HASH: hash},
                    "annotations": {"deployment.kubernetes.io/revision": if hash == latest { "2" } else { "1" }},
                    "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": target["name"], "uid": "workload", "controller": true}],
                },
                "spec": {"replicas": pods.len()},
            });
            let kind = GroupKind::of("apps/v1", "ReplicaSet").ok_or("no kind")?;
            let record = WorkloadRecord::of_kind(kind, &set).map_err(|error| error.to_string())?;
            self.take(Event::Workload(Box::new(record)));
        }
        Ok(())
    }

    fn pod(&mut self, pod: &Value, number: usize) -> Result<(), String> {
        let mut pod = listed(pod, number);
        let name = text(&pod, "/metadata/name").to_owned();
        pod["metadata"]["uid"] = Value::from(format!("{number:03}"));
        if let Some(owners) = pod
            .pointer_mut("/metadata/ownerReferences")
            .and_then(Value::as_array_mut)
        {
            for owner in owners {
                if text(owner, "/kind") == "ReplicaSet" {
                    owner["uid"] = uid_of_set(owner).into();
                }
            }
        }
        let annotations = pod.pointer("/metadata/annotations");
        let is_marked = annotations.is_some_and(|annotations| annotations.get(KRUISE_MARKER).is_some());
        let subset = marker(&pod).and_then(|marker| field(&marker, "subset"));
        if is_marked && subset.is_some_and(|subset| !self.has_subset(&subset)) {
            // It was of a subset that is no more: decided, and in none.
            pod["metadata"]["labels"][SPREAD_LABEL] = Value::from(self.id.name.clone());
        }
        let record = PodRecord::read(&pod).map_err(|error| error.to_string())?;
        self.take(Event::Pod(Box::new(record)));
        self.pods.insert(name, pod);
        Ok(())
    }

    fn has_subset(&self, name: &str) -> bool {
        self.rule.spread.subset_named(name).is_some()
    }

    fn subset_name(&self, subset: rules::SubsetIx) -> String {
        self.rule
            .spread
            .subset(subset)
            .map(|subset| subset.name().to_owned())
            .unwrap_or_default()
    }

    /// Does what is planned until nothing is left, and says what it was.
    fn actions(&mut self) -> Vec<Action> {
        let mut all = Vec::new();
        let mut now = NOW;
        for _ in 0..10 {
            let steps = plan(&self.world, &self.id, now).steps;
            for step in steps {
                self.world.assume(&step, now);
                if let Some(pod) = step.action.pod().and_then(|pod| self.pods.get_mut(&pod.name))
                    && let Action::PatchCost {
                        patch: PodPatch::Merge(patch),
                        ..
                    }
                    | Action::Adopt {
                        patch: PodPatch::Merge(patch),
                        ..
                    } = &step.action
                {
                    json_patch::merge(pod, patch);
                    if let Ok(record) = PodRecord::read(pod) {
                        self.world
                            .settle(&step, Outcome::Done(Some(Box::new(record))), now);
                    }
                } else {
                    self.world.settle(&step, Outcome::Done(None), now);
                }
                all.push(step.action);
            }
            now = now.plus(1000);
        }
        all
    }
}

fn forget_metadata(object: &mut Value) {
    for subset in object
        .pointer_mut("/spec/subsets")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        if let Some(patch) = subset.get_mut("patch").and_then(Value::as_object_mut) {
            patch.remove("metadata");
        }
    }
}

/// Weights above 100, which no API server takes, are made smaller alike: only their order decides.
fn shrink_weights(subsets: &mut [Value]) {
    let mut weights: Vec<&mut Value> = Vec::new();
    for subset in subsets {
        let terms = subset
            .get_mut("preferredNodeSelectorTerms")
            .and_then(Value::as_array_mut);
        weights.extend(
            terms
                .into_iter()
                .flatten()
                .filter_map(|term| term.get_mut("weight")),
        );
    }
    let highest = weights
        .iter()
        .filter_map(|weight| weight.as_u64())
        .max()
        .unwrap_or(0);
    if highest > 100 {
        for weight in weights {
            *weight = Value::from(weight.as_u64().unwrap_or(0) * 100 / highest);
        }
    }
}
