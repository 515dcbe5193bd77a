//! From WorkloadSpread objects to the policy's settings.

use kube_rules::syntax;
use policy_settings::{Settings, read_spread};
use rules::{CustomKind, Fault, GroupKind, Spread};
use serde_json::{Map, Value, json};

/// The fields that an inline spread and a WorkloadSpread have in common.
const SHARED: [&str; 3] = ["targetRef", "targetFilter", "subsets"];

/// A spread as it is written inline. Each revision has the full maximum, as WorkloadSpread counts.
pub(crate) fn inline(object: &Value) -> Value {
    let spec = object.get("spec").unwrap_or(&Value::Null);
    let mut inline = Map::new();
    inline.insert(
        "name".to_owned(),
        object.pointer("/metadata/name").cloned().unwrap_or_default(),
    );
    inline.insert("namespace".to_owned(), Value::from(namespace(object)));
    inline.insert("maximumScope".to_owned(), Value::from("Revision"));
    for field in SHARED {
        if let Some(value) = spec.get(field) {
            inline.insert(field.to_owned(), value.clone());
        }
    }
    if let Some(strategy) = spec.get("scheduleStrategy") {
        inline.insert("scheduleStrategy".to_owned(), strategy_of(strategy.clone()));
    }
    let mut inline = Value::Object(inline);
    drop_useless_paths(&mut inline);
    inline
}

/// An object's namespace.
pub(crate) fn namespace(object: &Value) -> &str {
    let namespace = object.pointer("/metadata/namespace").and_then(Value::as_str);
    namespace
        .filter(|namespace| !namespace.is_empty())
        .unwrap_or("default")
}

/// Reads a spread; what the settings refuse is no spread, as Kruise ignores what it cannot use.
pub(crate) fn spread(inline: &Value, custom: &Value) -> Result<Spread, Vec<Fault>> {
    read_spread(inline, "spreads[0]", &custom_kinds(custom))
}

/// The spreads that can match a pod: not being deleted, with a target, and good.
pub(crate) fn usable(objects: &[Value], custom: &Value) -> Vec<(Value, Spread)> {
    let is_deleted = |object: &Value| {
        !object
            .pointer("/metadata/deletionTimestamp")
            .unwrap_or(&Value::Null)
            .is_null()
    };
    objects
        .iter()
        .filter(|object| !is_deleted(object) && object.pointer("/spec/targetRef").is_some())
        .map(inline)
        .filter_map(|inline| spread(&inline, custom).ok().map(|spread| (inline, spread)))
        .collect()
}

/// The settings that hold these spreads.
pub(crate) fn of(spreads: &[Value], custom: &Value) -> String {
    json!({ "spreads": spreads, "customWorkloads": custom }).to_string()
}

/// `customWorkloads` of the settings, from Kruise's white list. Kinds that are known anyway, and
/// those that are listed twice, are left out: to Kruise they change nothing.
pub(crate) fn custom_workloads(listed: &Value) -> Value {
    let mut kinds: Vec<GroupKind> = Vec::new();
    let mut workloads = Vec::new();
    for item in listed
        .get("workloads")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let Some((kind, mut workload)) = kind_of(item) else {
            continue;
        };
        if kind.known().is_some() || kinds.contains(&kind) {
            continue;
        }
        kinds.push(kind);
        let path = item.get("replicasPath").and_then(Value::as_str);
        if let Some(path) = path.filter(|path| !path.is_empty()) {
            workload.insert("replicasPath".to_owned(), Value::from(path));
        }
        let subs = item.get("subResources").and_then(Value::as_array);
        let subs: Vec<Value> = subs
            .into_iter()
            .flatten()
            .filter_map(kind_of)
            .map(|(_, sub)| Value::Object(sub))
            .collect();
        workload.insert("subResources".to_owned(), Value::from(subs));
        workloads.push(Value::Object(workload));
    }
    Value::from(workloads)
}

/// The kinds that are followed beyond the known ones.
pub(crate) fn custom_kinds(custom: &Value) -> Vec<CustomKind> {
    let settings = Settings::from_value(&json!({ "customWorkloads": custom }));
    settings.map_or_else(|_| Vec::new(), |settings| settings.custom_kinds().to_vec())
}

fn kind_of(item: &Value) -> Option<(GroupKind, Map<String, Value>)> {
    let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
    let api_version = match (text("Group"), text("Version")) {
        ("", version) => version.to_owned(),
        (group, version) => format!("{group}/{version}"),
    };
    let kind = text("Kind");
    if !syntax::is_api_version(&api_version) || !syntax::is_kind(kind) {
        return None;
    }
    let group_kind = GroupKind::of(&api_version, kind)?;
    let mut fields = Map::new();
    fields.insert("apiVersion".to_owned(), Value::from(api_version));
    fields.insert("kind".to_owned(), Value::from(kind));
    Some((group_kind, fields))
}

/// A switch that only Kruise's controller has.
fn strategy_of(mut strategy: Value) -> Value {
    if let Some(adaptive) = strategy.get_mut("adaptive").and_then(Value::as_object_mut) {
        adaptive.remove("disableSimulationSchedule");
    }
    strategy
}

/// An empty path is 0 replicas to Kruise and a fault in settings, where nobody means it.
fn drop_useless_paths(inline: &mut Value) {
    if let Some(filter) = inline.get_mut("targetFilter").and_then(Value::as_object_mut)
        && let Some(paths) = filter.get_mut("replicasPathList").and_then(Value::as_array_mut)
    {
        paths.retain(|path| path.as_str().is_some_and(|path| !path.is_empty()));
        if paths.is_empty() {
            filter.remove("replicasPathList");
        }
    }
}
