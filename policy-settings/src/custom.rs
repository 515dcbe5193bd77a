//! Kinds of workload beyond those that are known, as in OpenKruise's white list.

use kube_rules::syntax;
use rules::{CustomKind, FaultCode, Faults, GroupKind, Place, read};
use serde_json::{Map, Value};

use crate::target;

const WORKLOAD: &[&str] = &[
    "apiVersion",
    "kind",
    "replicasPath",
    "honoursDeletionCost",
    "subResources",
];
const SUB_RESOURCE: &[&str] = &["apiVersion", "kind", "honoursDeletionCost"];

/// Reads `customWorkloads`. The kinds between a workload and its pods are listed beside it, without
/// replicas: an owner chain may pass through them.
pub(crate) fn custom_kinds(value: &Value, at: &Place<'_>, faults: &mut Faults) -> Vec<CustomKind> {
    let mut kinds: Vec<CustomKind> = Vec::new();
    let mut between: Vec<CustomKind> = Vec::new();
    for (ix, item) in read::items(value, at, faults).into_iter().flatten().enumerate() {
        let at = &at.item(ix);
        let Some(fields) = read::object(item, at, WORKLOAD, faults) else {
            continue;
        };
        let kind = custom_kind(fields, at, faults);
        let replicas = read::field(fields, "replicasPath")
            .and_then(|path| target::replicas_path(path, &at.field("replicasPath"), faults));
        let honours_deletion_cost = honours(fields, at, faults);
        if let Some(subs) = read::field(fields, "subResources") {
            sub_resources(subs, &at.field("subResources"), &mut between, faults);
        }
        let Some((api_version, kind)) = kind else { continue };
        if kind.known().is_some() || kinds.iter().any(|listed| listed.kind == kind) {
            let fix = "remove it, its pods are followed already";
            faults.wrong(
                FaultCode::DuplicateKind,
                at,
                &Value::from(format!("{api_version} {}", kind.kind)),
                fix,
            );
            continue;
        }
        kinds.push(CustomKind {
            api_version,
            kind,
            replicas,
            honours_deletion_cost,
        });
    }
    for kind in between {
        if kind.kind.known().is_none() && !kinds.iter().any(|listed| listed.kind == kind.kind) {
            kinds.push(kind);
        }
    }
    kinds
}

fn sub_resources(value: &Value, at: &Place<'_>, between: &mut Vec<CustomKind>, faults: &mut Faults) {
    for (ix, item) in read::items(value, at, faults).into_iter().flatten().enumerate() {
        let at = &at.item(ix);
        let Some(fields) = read::object(item, at, SUB_RESOURCE, faults) else {
            continue;
        };
        let honours_deletion_cost = honours(fields, at, faults);
        if let Some((api_version, kind)) = custom_kind(fields, at, faults) {
            between.push(CustomKind {
                api_version,
                kind,
                replicas: None,
                honours_deletion_cost,
            });
        }
    }
}

/// Whoever removes the pods must look at the cost: that is the kind that owns them.
fn honours(fields: &Map<String, Value>, at: &Place<'_>, faults: &mut Faults) -> bool {
    let written = read::field(fields, "honoursDeletionCost");
    written
        .and_then(|value| read::truth(value, &at.field("honoursDeletionCost"), faults))
        .unwrap_or_default()
}

fn custom_kind(
    fields: &Map<String, Value>,
    at: &Place<'_>,
    faults: &mut Faults,
) -> Option<(String, GroupKind)> {
    let api_version = read::needed_text(fields, "apiVersion", at, faults);
    let kind = read::needed_text(fields, "kind", at, faults);
    let api_version = api_version.filter(|text| target::check_api_version(text, at, faults));
    let kind = kind.filter(|kind| {
        let good = syntax::is_kind(kind);
        if !good {
            let fix = "write a kind, such as `GameServerSet`";
            faults.wrong(
                FaultCode::InvalidName,
                &at.field("kind"),
                &Value::from(*kind),
                fix,
            );
        }
        good
    });
    let api_version = api_version?;
    Some((api_version.to_owned(), GroupKind::of(api_version, kind?)?))
}
