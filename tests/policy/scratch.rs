//! Scenes made up from a seed: a payload, and the text that the host answers to every call.

use serde_json::{Value, json};

/// One admission.
pub(crate) struct Scene {
    pub(crate) payload: String,
    pub(crate) answer: String,
}

impl Scene {
    /// A corpus entry of the patch fuzzer (pod and patch, a line break between them) as an
    /// admission of that pod into a subset with that patch.
    pub(crate) fn of_patch(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (pod, patch) = text.split_once('\n').unwrap_or((&text, "{}"));
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap_or(Value::Null);
        let settings = json!({"spreads": [{
            "name": "web", "namespace": "shop", "selector": {"matchExpressions": [{"key": "none", "operator": "DoesNotExist"}]},
            "subsets": [{"name": "only", "patch": read(patch)}],
        }]});
        Self {
            payload: payload(&settings, &read(pod), "u"),
            answer: r#"{"items":[]}"#.to_owned(),
        }
    }
}

fn payload(settings: &Value, pod: &Value, uid: &str) -> String {
    json!({
        "request": {
            "uid": uid, "kind": {"group": "", "version": "v1", "kind": "Pod"}, "operation": "CREATE",
            "namespace": "shop", "object": pod,
        },
        "settings": settings,
    })
    .to_string()
}

/// SplitMix64 (Steele, Lea, Flood, 2014).
pub(crate) struct Seeded(pub(crate) u64);

impl Seeded {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    pub(crate) fn one_of<T: Clone>(&mut self, options: &[T]) -> T {
        options[usize::try_from(self.below(options.len() as u64)).unwrap()].clone()
    }
}

/// So many scenes, each with its seed.
pub(crate) fn scenes(count: u64) -> impl Iterator<Item = (u64, Scene)> {
    (0..count).map(|seed| (seed, scene(&mut Seeded(seed))))
}

fn scene(random: &mut Seeded) -> Scene {
    let targets = [
        json!({"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}),
        json!({"targetRef": {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-abc"}}),
        json!({"targetRef": {"apiVersion": "apps.kruise.io/v1alpha1", "kind": "CloneSet", "name": "web"}}),
        json!({"targetRef": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web"}}),
        json!({"targetRef": {"apiVersion": "batch/v1", "kind": "Job", "name": "web"}}),
        json!({"selector": {"matchLabels": {"app": "web"}}}),
    ];
    let mut spread = random.one_of(&targets);
    spread["name"] = "web".into();
    spread["namespace"] = "shop".into();
    spread["maximumScope"] = random.one_of(&["Workload", "Revision"]).into();
    let is_ordered = spread["targetRef"]["kind"] == "StatefulSet";
    spread["subsets"] = subsets(random, is_ordered);
    let owner = random.one_of(&[
        json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-abc", "uid": "u", "controller": true}]),
        json!([{"apiVersion": "apps.kruise.io/v1alpha1", "kind": "CloneSet", "name": "web", "uid": "u", "controller": true}]),
        json!([{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "uid": "u", "controller": true}]),
        json!([{"apiVersion": "batch/v1", "kind": "Job", "name": "web", "uid": "u", "controller": true}]),
        json!([]),
    ]);
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": format!("web-{}", random.below(12)), "namespace": "shop", "ownerReferences": owner,
            "labels": {"app": "web", "pod-template-hash": "abc"},
        },
        "spec": {"containers": [{"name": "main", "image": "app:1"}], "somethingNew": {"kept": true}},
    });
    let items: Vec<Value> = (0..random.below(30)).map(|_| listed(random, &owner)).collect();
    let mut items = items;
    items.push(json!({
        "metadata": {
            "name": random.one_of(&["web-abc", "web", "other"]),
            "annotations": {"deployment.kubernetes.io/desired-replicas": "20"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "d", "controller": true}],
        },
        "spec": {"replicas": random.below(30), "parallelism": random.below(30), "ordinals": {"start": random.below(3)}},
    }));
    let answer = json!({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": items});
    let uid = format!("{:016x}-{:016x}", random.below(u64::MAX), random.below(u64::MAX));
    Scene {
        payload: payload(&json!({"spreads": [spread]}), &pod, &uid),
        answer: answer.to_string(),
    }
}

fn subsets(random: &mut Seeded, is_ordered: bool) -> Value {
    if random.below(3) == 0 {
        return json!([
            {"name": "a", "replicas": "50%"}, {"name": "b", "replicas": "30%", "patch": {"spec": {"priorityClassName": "low"}}}, {"name": "c"},
        ]);
    }
    let maximum = if is_ordered || random.below(2) == 0 {
        json!(random.below(12))
    } else {
        json!(format!("{}%", random.below(101)))
    };
    let mut last = json!({"name": "c", "tolerations": [{"operator": "Exists"}]});
    if random.below(2) == 0 {
        last["maxReplicas"] = 3.into();
    }
    json!([
        {"name": "a", "maxReplicas": maximum, "requiredNodeSelectorTerm": {"matchExpressions": [{"key": "pool", "operator": "Exists"}]}},
        {"name": "b", "minReplicas": random.below(3), "maxReplicas": 4, "patch": {"metadata": {"labels": {"pool": "b"}}}},
        last,
    ])
}

fn listed(random: &mut Seeded, owner: &Value) -> Value {
    let mut pod = json!({
        "metadata": {
            "name": "x", "ownerReferences": owner,
            "labels": {
                "spillway.dev/spread": random.one_of(&["web", "web", "web", "other"]),
                "spillway.dev/subset": random.one_of(&["a", "b", "c", "gone"]),
                "pod-template-hash": random.one_of(&["abc", "abc", "old"]),
            },
        },
        "status": {"phase": random.one_of(&["Pending", "Running", "Running", "Succeeded", "Failed"])},
    });
    if random.below(6) == 0 {
        pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    }
    pod
}
