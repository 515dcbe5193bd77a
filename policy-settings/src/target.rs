//! Reads whose pods a spread places.

use kube_rules::labels::LabelSelector;
use kube_rules::syntax;
use rules::{
    CustomKind, FaultCode, Faults, Field, GroupKind, Place, ReplicasPath, TargetDraft, WorkloadKind, read,
    read_label_selector,
};
use serde_json::{Map, Value};

use crate::reader::{each, take};

/// Reads `targetRef`.
pub(crate) fn target_ref(
    value: &Value,
    at: &Place<'_>,
    custom_kinds: &[CustomKind],
    faults: &mut Faults,
) -> Option<TargetDraft> {
    let fields = read::object(value, at, &["apiVersion", "kind", "name"], faults)?;
    let api_version = read::needed_text(fields, "apiVersion", at, faults);
    let kind = read::needed_text(fields, "kind", at, faults);
    let name = read::needed_text(fields, "name", at, faults);
    let api_version = api_version.filter(|text| check_api_version(text, at, faults));
    let name = name.filter(|name| {
        let good = syntax::is_subdomain(name);
        if !good {
            let fix = "write the workload's name, as in its metadata";
            faults.wrong(
                FaultCode::InvalidName,
                &at.field("name"),
                &Value::from(*name),
                fix,
            );
        }
        good
    });
    let (api_version, kind) = (api_version?, kind?);
    let group_kind = GroupKind::of(api_version, kind)?;
    if group_kind.known().is_none() && !custom_kinds.iter().any(|custom| custom.kind == group_kind) {
        let seen = Value::from(format!("{api_version} {kind}"));
        faults.wrong(FaultCode::UnknownKind, at, &seen, &known_kinds(custom_kinds));
        return None;
    }
    let (_, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
    Some(TargetDraft {
        kind: group_kind,
        version: version.to_owned(),
        name: name?.to_owned(),
    })
}

/// Whether a text is an apiVersion; reports it where not.
pub(crate) fn check_api_version(text: &str, at: &Place<'_>, faults: &mut Faults) -> bool {
    let good = syntax::is_api_version(text);
    if !good {
        let fix = "write `group/version`, such as `apps/v1`";
        faults.wrong(
            FaultCode::InvalidApiVersion,
            &at.field("apiVersion"),
            &Value::from(text),
            fix,
        );
    }
    good
}

fn known_kinds(custom_kinds: &[CustomKind]) -> String {
    let known = WorkloadKind::ALL
        .into_iter()
        .map(|known| (known.api_version(), known.kind()));
    let custom = custom_kinds
        .iter()
        .map(|custom| (custom.api_version.as_str(), custom.kind.kind.as_str()));
    let all: Vec<String> = known
        .chain(custom)
        .map(|(version, kind)| format!("`{version} {kind}`"))
        .collect();
    format!(
        "write one of {}, or name the kind in `customWorkloads`",
        all.join(", ")
    )
}

/// `targetFilter` as it was written.
pub(crate) struct FilterDraft {
    pub(crate) selector: Field<LabelSelector>,
    pub(crate) replicas: Field<Vec<ReplicasPath>>,
}

/// Reads `targetFilter`.
pub(crate) fn filter(fields: &Map<String, Value>, at: &Place<'_>, faults: &mut Faults) -> FilterDraft {
    let Some(value) = read::field(fields, "targetFilter") else {
        return FilterDraft {
            selector: Field::Absent,
            replicas: Field::Absent,
        };
    };
    let at = &at.field("targetFilter");
    let Some(fields) = read::object(value, at, &["selector", "replicasPathList"], faults) else {
        return FilterDraft {
            selector: Field::Faulty,
            replicas: Field::Faulty,
        };
    };
    let selector = match take(fields, "selector", at, faults, read_label_selector) {
        // A filter that is written at all counts as one, so that it needs a target.
        Field::Absent => Field::Set(LabelSelector::default()),
        written => written,
    };
    FilterDraft {
        selector,
        replicas: take(fields, "replicasPathList", at, faults, replicas_paths),
    }
}

/// Of a known kind only the field with its replicas is listed, so that a path may lead nowhere else.
pub(crate) fn check_paths_of_known(
    target: &Field<TargetDraft>,
    paths: &Field<Vec<ReplicasPath>>,
    at: &Place<'_>,
    faults: &mut Faults,
) {
    let (Field::Set(target), Field::Set(paths)) = (target, paths) else {
        return;
    };
    let Some(known) = target.kind.known() else { return };
    let own = if known == WorkloadKind::Job {
        "spec.parallelism"
    } else {
        "spec.replicas"
    };
    let at = at.field("targetFilter");
    let at = at.field("replicasPathList");
    for (ix, path) in paths.iter().enumerate().filter(|(_, path)| path.as_str() != own) {
        let fix = format!(
            "remove it: a {} asks for `{own}`; other paths are for kinds in `customWorkloads`",
            known.kind()
        );
        faults.wrong(
            FaultCode::InvalidReplicasPath,
            &at.item(ix),
            &Value::from(path.as_str()),
            &fix,
        );
    }
}

fn replicas_paths(value: &Value, at: &Place<'_>, faults: &mut Faults) -> Option<Vec<ReplicasPath>> {
    each(value, at, faults, replicas_path)
}

/// Reads one path to a number of replicas.
pub(crate) fn replicas_path(value: &Value, at: &Place<'_>, faults: &mut Faults) -> Option<ReplicasPath> {
    let path = ReplicasPath::parse(read::text(value, at, faults)?);
    if path.is_none() {
        let fix =
            "write names and list places joined by dots, such as `spec.replicas` or `spec.pools.0.size`";
        faults.wrong(FaultCode::InvalidReplicasPath, at, value, fix);
    }
    path
}
