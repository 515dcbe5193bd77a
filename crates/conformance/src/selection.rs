//! `selection.json`: which spread, which subset, which version, how many places.

use placement_core::Closed;
use policy_host::{ObjectId, Store};
use rules::Spread;
use serde_json::{Value, json};

use crate::fixture::{self, marker, named, served, text, with_replica_set};
use crate::native;
use crate::settings;
use crate::vector::Vector;
use crate::verdict::Verdict;
use crate::wasm::{Admitted, Wasm, WasmError};

/// Runs one vector.
pub(crate) fn run(vector: &Vector, wasm: Option<&Wasm>) -> Verdict {
    if needs_counters(vector) {
        return Verdict::NotApplicable;
    }
    let custom = settings::custom_workloads(vector.input("customWorkloads"));
    let answers = match vector.text("what") {
        "match" => matching(vector, &custom, wasm),
        "choose" => choose(vector, &custom, wasm),
        "sequence" => sequence(vector, &custom, wasm),
        "podVersion" => vec![(
            "native",
            json!({ "version": native::version(vector.input("pod")) }),
        )],
        "workloadVersion" => {
            vec![(
                "native",
                native::workload_version(vector.input("workload"), vector.inputs("replicaSets")),
            )]
        }
        "initialCounters" => {
            vec![(
                "native",
                native::counters(vector.input("spread"), vector.inputs("objects"), &custom),
            )]
        }
        "spreadForWorkload" => {
            let spread = native::lookup(vector.input("workload"), vector.inputs("spreads"), &custom);
            vec![("native", json!({ "spread": spread }))]
        }
        other => return Verdict::Failed(vec![format!("`{other}` is not a kind of vector that is known")]),
    };
    Verdict::of_fields(&vector.expect, answers)
}

/// Whether the vector is about the counters that Kruise keeps in a status: by its own word, or as
/// it tells what a deletion gives back to them.
fn needs_counters(vector: &Vector) -> bool {
    vector
        .inputs("requires")
        .iter()
        .any(|needed| needed == "bookkeeping")
        || matches!(vector.text("operation"), "delete" | "evict")
}

type Answers = Vec<(&'static str, Value)>;

fn matching(vector: &Vector, custom: &Value, wasm: Option<&Wasm>) -> Answers {
    let (pod, objects) = (vector.input("pod"), vector.inputs("objects"));
    let outcome = |spread: Option<String>| match spread {
        Some(spread) => json!({ "spread": spread, "outcome": "matched" }),
        None => json!({ "spread": null, "outcome": "admit-unchanged" }),
    };
    let mut answers = vec![(
        "native",
        outcome(native::matching(pod, vector.inputs("spreads"), objects, custom)),
    )];
    if let Some(wasm) = wasm {
        let spreads: Vec<Value> = settings::usable(vector.inputs("spreads"), custom)
            .into_iter()
            .map(|(inline, _)| inline)
            .collect();
        let admitted = store(&served(objects, custom))
            .and_then(|store| wasm.admit(pod, &settings::of(&spreads, custom), custom, &store));
        let answer = match admitted {
            Ok(Admitted::Placed { spread, .. } | Admitted::Left(spread)) => outcome(Some(spread)),
            Ok(Admitted::Unchanged(_)) => outcome(None),
            Ok(Admitted::Rejected(message)) => {
                json!({ "spread": null, "outcome": "reject", "message": message })
            }
            Err(error) => failure(&error),
        };
        answers.push(("wasm", answer));
    }
    answers
}

fn choose(vector: &Vector, custom: &Value, wasm: Option<&Wasm>) -> Answers {
    let (pod, objects) = (vector.input("pod"), vector.inputs("objects"));
    let pods: Vec<Value> = vector
        .inputs("pods")
        .iter()
        .enumerate()
        .map(|(number, pod)| fixture::listed(pod, number))
        .collect();
    let case = match Case::of(vector, custom) {
        Ok(case) => case,
        Err(answer) => return vec![("native", answer)],
    };
    let version = native::version(pod);
    let closed = case.closed(&version);
    let answer = |subset: Option<String>| json!({ "subset": subset, "version": version });
    let subset = native::choose(&case.spread, pod, &pods, case.replicas, &closed, objects);
    let mut answers = vec![("native", answer(subset))];
    if let Some(wasm) = case.wasm(wasm, &closed) {
        let admitted = case.store(objects, pod, custom).and_then(|store| {
            for pod in &pods {
                store.put(0, pod.clone())?;
            }
            wasm.admit(pod, &case.settings, custom, &store)
        });
        answers.push((
            "wasm",
            admitted.map_or_else(|error| failure(&error), |admitted| answer(subset_of(&admitted))),
        ));
    }
    answers
}

fn sequence(vector: &Vector, custom: &Value, wasm: Option<&Wasm>) -> Answers {
    let case = match Case::of(vector, custom) {
        Ok(case) => case,
        Err(answer) => return vec![("native", answer)],
    };
    let operations = vector.inputs("operations");
    let mut answers = vec![(
        "native",
        json!({ "subsets": native_sequence(&case, vector, operations) }),
    )];
    let is_closed = operations
        .iter()
        .filter_map(|operation| operation.get("create"))
        .any(|pod| native::any_closed(&case.spread, &case.closed(&native::version(pod))));
    if let Some(wasm) = wasm.filter(|_| !is_closed) {
        let subsets = wasm_sequence(&case, vector, operations, custom, wasm);
        answers.push((
            "wasm",
            subsets.map_or_else(|error| failure(&error), |subsets| json!({ "subsets": subsets })),
        ));
    }
    answers
}

fn native_sequence(case: &Case<'_>, vector: &Vector, operations: &[Value]) -> Vec<Option<String>> {
    let mut pods: Vec<Value> = Vec::new();
    let mut subsets = Vec::new();
    for (number, operation) in operations.iter().enumerate() {
        if let Some(pod) = operation.get("delete") {
            pods.retain(|placed| text(placed, "/metadata/name") != text(pod, "/metadata/name"));
            subsets.push(None);
            continue;
        }
        let Some(pod) = operation.get("create") else {
            continue;
        };
        let closed = case.closed(&native::version(pod));
        let subset = native::choose(
            &case.spread,
            pod,
            &pods,
            case.replicas,
            &closed,
            vector.inputs("objects"),
        );
        let mut placed = named(pod, number);
        if let (Some(subset), Some(metadata)) =
            (&subset, placed.get_mut("metadata").and_then(Value::as_object_mut))
        {
            let marker = json!({ "name": case.spread.name(), "subset": subset }).to_string();
            metadata.insert(
                "annotations".to_owned(),
                json!({ rules::names::KRUISE_MARKER: marker }),
            );
        }
        pods.push(fixture::listed(&placed, number));
        subsets.push(subset);
    }
    subsets
}

fn wasm_sequence(
    case: &Case<'_>,
    vector: &Vector,
    operations: &[Value],
    custom: &Value,
    wasm: &Wasm,
) -> Result<Vec<Option<String>>, WasmError> {
    let created = operations.iter().filter_map(|operation| operation.get("create"));
    let mut objects = served(vector.inputs("objects"), custom);
    for pod in created {
        objects = with_replica_set(objects, pod, case.target());
    }
    let store = store(&objects)?;
    let mut subsets = Vec::new();
    for (number, operation) in operations.iter().enumerate() {
        if let Some(pod) = operation.get("delete") {
            store.remove(0, &ObjectId::of(&named(pod, number))?)?;
            subsets.push(None);
            continue;
        }
        let Some(pod) = operation.get("create") else {
            continue;
        };
        let admitted = wasm.admit(pod, &case.settings, custom, &store)?;
        subsets.push(subset_of(&admitted));
        let created = match admitted {
            Admitted::Placed { pod, .. } => pod,
            _ => pod.clone(),
        };
        store.put(0, named(&created, number))?;
    }
    Ok(subsets)
}

/// The spread of a vector on the choice of a subset.
struct Case<'v> {
    object: &'v Value,
    spread: Spread,
    settings: String,
    replicas: u32,
}

impl<'v> Case<'v> {
    /// Reads the spread; what the settings refuse leaves every pod alone.
    fn of(vector: &'v Vector, custom: &Value) -> Result<Self, Value> {
        let object = vector.input("spread");
        let inline = settings::inline(object);
        let spread = settings::spread(&inline, custom).map_err(|faults| {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            json!({ "refused by the settings": faults })
        })?;
        let replicas = native::replicas(object, vector.inputs("objects"), custom)
            .map_err(|error| json!({ "error": true, "message": error.to_string() }))?;
        Ok(Self {
            object,
            spread,
            settings: settings::of(&[inline], custom),
            replicas,
        })
    }

    fn target(&self) -> &Value {
        self.object.pointer("/spec/targetRef").unwrap_or(&Value::Null)
    }

    fn closed(&self, version: &str) -> Closed {
        native::closed(&self.spread, self.object, version)
    }

    /// The policy learns of closed subsets from the ledger, which the sidecar writes: until then a
    /// vector with one runs natively alone.
    fn wasm<'w>(&self, wasm: Option<&'w Wasm>, closed: &Closed) -> Option<&'w Wasm> {
        wasm.filter(|_| !native::any_closed(&self.spread, closed))
    }

    fn store(&self, objects: &[Value], pod: &Value, custom: &Value) -> Result<Store, WasmError> {
        store(&with_replica_set(served(objects, custom), pod, self.target()))
    }
}

fn store(objects: &[Value]) -> Result<Store, WasmError> {
    let store = Store::new();
    for object in objects {
        store.put(0, object.clone())?;
    }
    Ok(store)
}

fn subset_of(admitted: &Admitted) -> Option<String> {
    match admitted {
        Admitted::Placed { pod, .. } => fixture::field(&marker(pod)?, "subset"),
        Admitted::Left(_) | Admitted::Unchanged(_) | Admitted::Rejected(_) => None,
    }
}

fn failure(error: &WasmError) -> Value {
    json!({ "could not be run": error.to_string() })
}
