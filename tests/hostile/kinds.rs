//! The kinds of hostile reviews, drawn from a seed.

use serde_json::{Value, json};

use crate::guest::{patching, payload, pod};
use crate::scratch::Seeded;

/// One review, as the guest is given it.
pub(crate) struct Attack {
    pub(crate) kind: &'static str,
    pub(crate) payload: Vec<u8>,
}

/// How many of a kind there are in a thousand, and how one is made.
type Kind = (usize, &'static str, fn(&mut Seeded) -> Vec<u8>);

const KINDS: [Kind; 12] = [
    (400, "another type in the pod", wrong_type_in_the_pod),
    (150, "another type in the review", wrong_type_in_the_review),
    (120, "broken bytes", broken_bytes),
    (50, "cut off", cut_off),
    (60, "deep nesting", deep),
    (40, "a key twice", twice),
    (40, "huge numbers", huge_number),
    (40, "escapes", escapes),
    (40, "long lists", long_list),
    (20, "3 MB", three_megabytes),
    (20, "100,000 labels", many_labels),
    (20, "marks of ours", marks),
];

/// A thousand reviews, the same for the same seed.
pub(crate) fn attacks(seed: u64) -> impl Iterator<Item = Attack> {
    let mut random = Seeded(seed);
    KINDS.into_iter().flat_map(move |(count, kind, make)| {
        let attacks: Vec<Attack> = (0..count)
            .map(|_| Attack {
                kind,
                payload: make(&mut random),
            })
            .collect();
        attacks
    })
}

/// A pod with something of every kind of field that is read or merged.
fn full_pod() -> Value {
    let mut pod = pod();
    pod["metadata"]["annotations"] = json!({"team": "a", "controller.kubernetes.io/pod-deletion-cost": "5"});
    pod["metadata"]["finalizers"] = json!(["example.org/a"]);
    pod["metadata"]["managedFields"] = json!([{"fieldsV1": {"f:metadata": {"f:labels": {"f:app": {}}}}}]);
    pod["status"] = json!({"phase": "Pending"});
    pod["spec"] = json!({
        "nodeName": "", "nodeSelector": {"pool": "a"}, "priorityClassName": "low", "priority": 5,
        "schedulingGates": [{"name": "other"}], "tolerations": [{"key": "a", "operator": "Exists"}],
        "volumes": [{"name": "data", "emptyDir": {}}], "imagePullSecrets": [{"name": "s"}],
        "containers": [{
            "name": "main", "image": "app:1", "env": [{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}],
            "ports": [{"containerPort": 80, "protocol": "TCP"}], "volumeMounts": [{"name": "data", "mountPath": "/d"}],
            "resources": {"requests": {"cpu": "1"}},
        }],
        "affinity": {"nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                {"matchExpressions": [{"key": "pool", "operator": "In", "values": ["a"]}], "matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}]},
            ]},
            "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": {"matchExpressions": [{"key": "b", "operator": "Exists"}]}}],
        }},
    });
    pod
}

/// Settings that touch all of it, by pods or by ledgers.
fn settings(random: &mut Seeded) -> Value {
    let patch = random.one_of(&[
        json!({"metadata": {"labels": {"pool": "a"}, "annotations": {"team": null}}}),
        json!({"spec": {
            "$setElementOrder/volumes": [{"name": "new"}, {"name": "data"}], "volumes": [{"name": "new", "emptyDir": {}}],
            "imagePullSecrets": [{"name": "s", "$patch": "delete"}], "priorityClassName": "high",
            "containers": [{"name": "main", "env": [{"name": "A", "value": "2"}, {"name": "C", "value": "3"}],
                            "ports": [{"containerPort": 80, "name": "web"}], "volumeMounts": [{"mountPath": "/d", "name": "new"}]}],
        }}),
        json!({"metadata": {"finalizers": ["example.org/b"], "$deleteFromPrimitiveList/finalizers": ["example.org/a"]},
               "spec": {"nodeSelector": {"pool": "b"}, "affinity": {"nodeAffinity": {"$patch": "replace"}}}}),
    ]);
    let mut settings = patching(&patch);
    settings["observe"] = random.one_of(&["Pods", "Pods", "Pods", "Ledger"]).into();
    if random.below(4) == 0 {
        settings["spreads"][0]["subsets"] =
            json!([{"name": "fixed", "maxReplicas": 3, "patch": patch}, {"name": "elastic"}]);
    }
    settings
}

fn value(random: &mut Seeded) -> Value {
    random.one_of(&[
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(u64::MAX),
        json!(""),
        json!("x\n\u{1b}[0m"),
        json!("spillway.dev/subset"),
        json!([]),
        json!([null]),
        json!([[]]),
        json!({}),
        json!({"": null}),
        json!({"$patch": "delete"}),
        json!({"name": {"name": []}}),
    ])
}

/// The paths of everything inside, the outermost first.
fn paths(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let key = key.replace('~', "~0").replace('/', "~1");
                paths(value, &format!("{at}/{key}"), found);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                paths(value, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

fn spoilt(random: &mut Seeded, whole: &mut Value) {
    let mut found = Vec::new();
    paths(whole, "", &mut found);
    let value = value(random);
    if let Some(at) = whole.pointer_mut(&random.one_of(&found)) {
        *at = value;
    }
}

fn wrong_type_in_the_pod(random: &mut Seeded) -> Vec<u8> {
    let mut pod = full_pod();
    for _ in 0..=random.below(3) {
        spoilt(random, &mut pod);
    }
    payload(&settings(random), &pod)
}

fn wrong_type_in_the_review(random: &mut Seeded) -> Vec<u8> {
    let mut whole: Value = serde_json::from_slice(&payload(&json!({}), &full_pod())).unwrap();
    spoilt(random, &mut whole);
    if whole["settings"].is_object() {
        whole["settings"] = settings(random);
    }
    whole.to_string().into_bytes()
}

fn broken_bytes(random: &mut Seeded) -> Vec<u8> {
    let mut bytes = payload(&settings(random), &full_pod());
    for _ in 0..=random.below(8) {
        let at = usize::try_from(random.below(bytes.len() as u64)).unwrap();
        bytes[at] = u8::try_from(random.below(256)).unwrap();
    }
    bytes
}

fn cut_off(random: &mut Seeded) -> Vec<u8> {
    let mut bytes = payload(&settings(random), &full_pod());
    bytes.truncate(usize::try_from(random.below(bytes.len() as u64)).unwrap());
    bytes
}

/// A review whose pod has a text in place of one of its values.
fn with_text(random: &mut Seeded, text: &str) -> Vec<u8> {
    const MARK: &str = "put it here";
    let mut pod = full_pod();
    let mut found = Vec::new();
    paths(&pod, "", &mut found);
    let kept = ["", "/metadata", "/spec"];
    found.retain(|path| !kept.contains(&path.as_str()));
    *pod.pointer_mut(&random.one_of(&found)).unwrap() = MARK.into();
    let whole = String::from_utf8(payload(&settings(random), &pod)).unwrap();
    whole.replace(&format!("\"{MARK}\""), text).into_bytes()
}

fn deep(random: &mut Seeded) -> Vec<u8> {
    let depth = random.one_of(&[100, 126, 127, 128, 129, 1_000, 10_000, 200_000]);
    let (open, close) = random.one_of(&[("[", "]"), ("{\"a\":", "}"), ("[{\"name\":\"a\",\"b\":", "}]")]);
    let text = format!("{}1{}", open.repeat(depth), close.repeat(depth));
    with_text(random, &text)
}

fn twice(random: &mut Seeded) -> Vec<u8> {
    let whole = String::from_utf8(payload(&settings(random), &full_pod())).unwrap();
    let key = random.one_of(&[
        "metadata",
        "spec",
        "labels",
        "containers",
        "object",
        "request",
        "name",
        "env",
        "affinity",
    ]);
    let value = value(random);
    whole
        .replace(&format!("\"{key}\":"), &format!("\"{key}\":{value},\"{key}\":"))
        .into_bytes()
}

fn huge_number(random: &mut Seeded) -> Vec<u8> {
    let digits = "9".repeat(100_000);
    let text = random
        .one_of(&[
            "1e400",
            "-1e400",
            "1e-400",
            "-0",
            "0.1e1",
            "99999999999999999999999",
            "18446744073709551616",
            &digits,
        ])
        .to_owned();
    with_text(random, &text)
}

fn escapes(random: &mut Seeded) -> Vec<u8> {
    let text = random.one_of(&[
        r#""\ud800""#,
        r#""\udc00\ud800""#,
        r#""\u0000""#,
        r#"{"\ud800":"a"}"#,
        r#"{"spillway.dev\/subset":"\u0061"}"#,
        r#""\x""#,
        "\"\u{1}\"",
    ]);
    with_text(random, text)
}

fn long_list(random: &mut Seeded) -> Vec<u8> {
    let count = random.one_of(&[1_000, 10_000, 20_000]);
    let list = |item: &dyn Fn(usize) -> Value| -> Value { (0..count).map(item).collect() };
    let mut pod = full_pod();
    let named = |ix: usize| json!({"name": format!("n{ix}")});
    let (path, value) = random.one_of(&[
        ("/spec/containers/0/env", list(&|ix| json!({"name": format!("N{ix}"), "value": "v"}))),
        ("/spec/containers/0/env", list(&|_| json!({"name": "A", "value": "v"}))),
        ("/spec/containers/0/ports", list(&|ix| json!({"containerPort": ix / 2, "protocol": (["TCP", "UDP"][ix % 2])}))),
        ("/spec/containers", list(&|ix| json!({"name": if ix == 7 { "main".to_owned() } else { format!("c{ix}") }, "image": "i"}))),
        ("/spec/volumes", list(&named)),
        ("/spec/imagePullSecrets", list(&named)),
        ("/spec/schedulingGates", list(&named)),
        ("/spec/tolerations", list(&|ix| json!({"key": format!("k{ix}"), "operator": "Exists"}))),
        ("/metadata/finalizers", list(&|ix| json!(format!("example.org/{}", ix % 1_500)))),
        ("/metadata/ownerReferences", list(&|ix| json!({"name": format!("o{ix}"), "kind": "A", "apiVersion": "b/v1"}))),
        (
            "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms",
            list(&|ix| json!({"matchExpressions": [{"key": "pool", "operator": "In", "values": [format!("c{ix}")]}]})),
        ),
        (
            "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms/0/matchExpressions",
            list(&|ix| json!({"key": format!("k{ix}"), "operator": "Exists"})),
        ),
    ]);
    *pod.pointer_mut(path).unwrap() = value;
    payload(&settings(random), &pod)
}

fn three_megabytes(random: &mut Seeded) -> Vec<u8> {
    const SIZE: usize = 3_000_000;
    let small = |text: &str| format!("[{}1]", format!("{text},").repeat(SIZE / (text.len() + 1)));
    let text = match random.below(6) {
        0 => format!("\"{}\"", "x".repeat(SIZE)),
        1 => format!("\"{}\"", "\\n".repeat(SIZE / 2)),
        2 => small("[]"),
        3 => small("{}"),
        4 => small("\"\""),
        _ => small("{\"name\":\"a\"}"),
    };
    with_text(random, &text)
}

fn many_labels(random: &mut Seeded) -> Vec<u8> {
    let prefix = random.one_of(&["k", "spillway.dev/", "example.org/"]);
    let labels = (0..100_000).map(|ix| (format!("{prefix}{ix}"), Value::from("v")));
    let mut pod = full_pod();
    let field = random.one_of(&["labels", "annotations"]);
    pod["metadata"][field] = Value::Object(labels.collect());
    payload(&settings(random), &pod)
}

fn marks(random: &mut Seeded) -> Vec<u8> {
    let mut pod = full_pod();
    for key in [
        "spillway.dev/spread",
        "spillway.dev/subset",
        "spillway.dev/bound-at",
        "spillway.dev/x",
    ] {
        let value = random.one_of(&[json!("web"), json!("only"), json!(""), json!("a\nb")]);
        let field = random.one_of(&["labels", "annotations"]);
        pod["metadata"][field][key] = value;
    }
    pod["metadata"]["annotations"]["spillway.dev/decision"] = "only: the only subset".into();
    pod["spec"]["schedulingGates"] = random.one_of(&[json!([]), json!([{"name": "spillway.dev/placement"}])]);
    payload(&settings(random), &pod)
}
