//! Ten times the pod is no more than thirteen times the work: instructions are counted, not time.
//!
//! Thirteen, because keys are kept in trees: 20,000 of them are a third deeper than 2,000.

use serde_json::{Value, json};

use crate::guest::{answer, listing, patching, payload, pod, run};

/// A pod of a size, and the patch that it gets.
struct Growing {
    name: &'static str,
    patch: Value,
    pod: fn(usize) -> Value,
}

fn growing(name: &'static str, patch: Value, pod: fn(usize) -> Value) -> Growing {
    Growing { name, patch, pod }
}

fn list(size: usize, item: impl Fn(usize) -> Value) -> Value {
    (0..size).map(item).collect()
}

fn map(size: usize, key: &str) -> Value {
    let entries = (0..size).map(|ix| (format!("{key}{ix}"), Value::from(format!("v{ix}"))));
    Value::Object(entries.collect())
}

fn named(size: usize) -> Value {
    list(size, |ix| json!({"name": format!("n{ix}")}))
}

fn with(path: &str, value: Value) -> Value {
    let mut pod = pod();
    let mut at = &mut pod;
    for key in path.split('.') {
        at = match key.parse::<usize>() {
            Ok(index) => &mut at[index],
            Err(_) => &mut at[key],
        };
    }
    *at = value;
    pod
}

fn required(terms: Value) -> Value {
    with(
        "spec.affinity",
        json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}),
    )
}

fn condition(key: &str, operator: &str, values: &Value) -> Value {
    json!({"key": key, "operator": operator, "values": values})
}

/// Lists that are merged by a key, or as sets.
fn merged() -> Vec<Growing> {
    let env = |env: Value| json!({"spec": {"containers": [{"name": "main", "env": env}]}});
    let of_main = |field: &str, list: Value| json!({"spec": {"containers": [{"name": "main", field: list}]}});
    let sized = |size: usize| {
        let port = |ix: usize| json!({"containerPort": ix / 2, "protocol": (["TCP", "UDP"][ix % 2])});
        with("spec.containers.0.ports", list(size, port))
    };
    let texts = |size: usize| {
        with(
            "metadata.finalizers",
            list(size, |ix| json!(format!("x/{}", ix % 1500))),
        )
    };
    let variables = |size: usize| {
        with(
            "spec.containers.0.env",
            list(size, |ix| json!({"name": format!("N{ix}"), "value": "v"})),
        )
    };
    vec![
        growing(
            "env, a new one",
            env(json!([{"name": "A", "value": "b"}])),
            variables,
        ),
        growing(
            "env, the last one",
            env(json!([{"name": "N1999", "value": "b"}])),
            variables,
        ),
        growing(
            "env, one deleted",
            env(json!([{"name": "N7", "$patch": "delete"}])),
            variables,
        ),
        growing(
            "env, of one name",
            env(json!([{"name": "N", "$patch": "delete"}])),
            |size| with("spec.containers.0.env", list(size, |_| json!({"name": "N"}))),
        ),
        growing("containers", env(json!([{"name": "A", "value": "b"}])), |size| {
            let mut all = named(size / 2);
            all[0] = json!({"name": "main", "image": "app:1"});
            with("spec.containers", all)
        }),
        growing(
            "initContainers",
            json!({"spec": {"initContainers": [{"name": "n3", "image": "a"}]}}),
            |size| {
                with(
                    "spec.initContainers",
                    list(size / 2, |ix| json!({"name": format!("n{ix}"), "image": "i"})),
                )
            },
        ),
        growing(
            "ports",
            of_main("ports", json!([{"containerPort": 53, "name": "dns"}])),
            sized,
        ),
        growing(
            "volumeMounts",
            of_main("volumeMounts", json!([{"mountPath": "/a", "name": "a"}])),
            |size| {
                with(
                    "spec.containers.0.volumeMounts",
                    list(size, |ix| json!({"mountPath": format!("/{ix}"), "name": "a"})),
                )
            },
        ),
        growing(
            "volumes",
            json!({"spec": {"volumes": [{"name": "a", "emptyDir": {}}]}}),
            |size| with("spec.volumes", named(size)),
        ),
        growing(
            "imagePullSecrets",
            json!({"spec": {"imagePullSecrets": [{"name": "a"}]}}),
            |size| with("spec.imagePullSecrets", named(size)),
        ),
        growing(
            "tolerations",
            json!({"spec": {"tolerations": [{"operator": "Exists"}]}}),
            |size| {
                with(
                    "spec.tolerations",
                    list(size, |ix| json!({"key": format!("k{ix}"), "operator": "Exists"})),
                )
            },
        ),
        growing(
            "finalizers with doubles",
            json!({"metadata": {"finalizers": ["x/y"]}}),
            texts,
        ),
        growing(
            "finalizers deleted",
            json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["x/1", "x/2"]}}),
            texts,
        ),
        growing(
            "volumes in an order",
            json!({"spec": {"$setElementOrder/volumes": [{"name": "n1"}, {"name": "a"}, {"name": "n0"}], "volumes": [{"name": "a"}]}}),
            |size| with("spec.volumes", named(size)),
        ),
        growing(
            "labels, keys retained",
            json!({"spec": {"nodeSelector": {"$retainKeys": ["a", "b"], "a": "b"}}}),
            |size| with("spec.nodeSelector", map(size, "k")),
        ),
    ]
}

/// What the policy looks at itself.
fn read() -> Vec<Growing> {
    let nothing = json!({});
    let spec = |name, pod: fn(usize) -> Value| growing(name, nothing.clone(), pod);
    vec![
        spec("labels", |size| with("metadata.labels", map(size, "k"))),
        spec("annotations", |size| with("metadata.annotations", map(size, "k"))),
        spec("labels of ours", |size| {
            with("metadata.labels", map(size, "spillway.dev/"))
        }),
        spec("labels of ours, sent by many", |size| {
            let mut pod = with("metadata.labels", map(size, "spillway.dev/"));
            let entry = |ix: usize| json!({"fieldsV1": {"f:metadata": {"f:labels": {format!("f:spillway.dev/{ix}"): {}}}}});
            pod["metadata"]["managedFields"] = list(size, entry);
            pod
        }),
        spec("owners", |size| {
            with(
                "metadata.ownerReferences",
                list(
                    size,
                    |ix| json!({"name": format!("o{ix}"), "kind": "A", "apiVersion": "b/v1"}),
                ),
            )
        }),
        spec("scheduling gates", |size| {
            with("spec.schedulingGates", named(size))
        }),
        spec("nodeSelector", |size| with("spec.nodeSelector", map(size, "k"))),
        spec("terms", |size| {
            required(list(
                size,
                |ix| json!({"matchExpressions": [condition("pool", "In", &json!([format!("c{ix}")]))]}),
            ))
        }),
        spec("expressions on keys of their own", |size| {
            required(
                json!([{"matchExpressions": list(size, |ix| condition(&format!("k{ix}"), "Exists", &json!([])))}]),
            )
        }),
        spec("expressions on one key", |size| {
            required(
                json!([{"matchExpressions": list(size, |ix| condition("pool", "NotIn", &json!([format!("v{ix}")])))}]),
            )
        }),
        spec("values against values", |size| {
            let values = |from: usize| list(size / 2, |ix| json!(format!("v{}", from + ix)));
            let conditions = [
                condition("zone", "In", &values(0)),
                condition("zone", "NotIn", &values(0)),
            ];
            required(json!([{"matchExpressions": conditions}]))
        }),
        spec("names of nodes", |size| {
            let field = |_| json!({"key": "metadata.name", "operator": "In", "values": ["a"]});
            required(json!([{"matchFields": list(size, field)}]))
        }),
        spec("nodeSelector and terms", |size| {
            let mut pod = required(list(
                size / 2,
                |ix| json!({"matchExpressions": [condition("pool", "In", &json!([format!("c{ix}")]))]}),
            ));
            pod["spec"]["nodeSelector"] = map(size / 2, "k");
            pod
        }),
        spec("one long text", |size| {
            with("metadata.annotations", json!({"a": "x".repeat(20 * size)}))
        }),
        spec("fields that nobody knows", |size| {
            with("spec.unknown", list(size, |ix| json!([ix, {}])))
        }),
    ]
}

fn fuel(growing: &Growing, size: usize) -> u64 {
    let metered = run(
        &payload(&patching(&growing.patch), &(growing.pod)(size)),
        listing(&[]),
    );
    let answer = answer(&metered);
    assert_eq!(answer["accepted"], true, "{}: {answer}", growing.name);
    metered.fuel
}

#[test]
fn ten_times_the_pod_is_no_more_than_thirteen_times_the_work() {
    let mut steeper = Vec::new();
    for growing in merged().iter().chain(&read()) {
        let (small, large) = (fuel(growing, 2_000), fuel(growing, 20_000));
        // One call costs something, however small the pod.
        if large > 13 * small {
            steeper.push(format!("{}: {small} became {large}", growing.name));
        }
    }
    assert!(steeper.is_empty(), "{steeper:#?}");
}

#[test]
fn a_merge_into_twenty_thousand_elements_is_within_its_bound() {
    for growing in merged() {
        // Measured: a millisecond is 10 million of them or more, so that these are 60 ms at most, 50 for most.
        let fuel = fuel(&growing, 20_000);
        assert!(fuel < 600_000_000, "{}: {fuel}", growing.name);
    }
}

#[test]
#[ignore = "a report of instructions; run it with --ignored --nocapture"]
fn report_of_the_work_of_growing_pods() {
    let mut report = String::new();
    for growing in merged().iter().chain(&read()) {
        let (small, large) = (fuel(growing, 2_000), fuel(growing, 20_000));
        let line = format!(
            "{}: {:.1} million, ten times as large {:.1}\n",
            growing.name,
            small as f64 / 1e6,
            large as f64 / 1e6
        );
        report.push_str(&line);
    }
    std::io::Write::write_all(&mut std::io::stdout(), report.as_bytes()).unwrap();
}
