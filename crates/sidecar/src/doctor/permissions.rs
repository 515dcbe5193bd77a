//! Who may do what: asked of the API server, verb by verb.

use kube::api::{ApiResource, DynamicObject, PostParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use rules::names::LEASE_NAME;
use serde_json::{Value, json};
use spread_api::{API_VERSION, LEDGER_PLURAL};

use super::{DoctorOptions, Finding, Who, group_of};
use sidecar_core::watches::{What, sources};

use crate::config::Loaded;
use crate::observe::{Resource, resource_of};
use crate::said::Said;

/// The writes in more namespaces than this are asked for everywhere at once.
const MOST_NAMESPACES: usize = 20;

/// A permission that is needed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Need {
    group: String,
    resource: String,
    verb: &'static str,
    namespace: Option<String>,
    name: Option<String>,
}

/// What the watches of these settings and the writes need. Kinds that the cluster does not have are told of.
pub(super) async fn needs_of_the_sidecar(
    loaded: &Loaded,
    options: &DoctorOptions,
    findings: &mut Vec<Finding>,
    client: &Client,
) -> Vec<Need> {
    let mut needs = Vec::new();
    for source in sources(&loaded.settings).into_keys() {
        let resource = match resource_of(&source.what) {
            Resource::Known(resource) => Some(resource),
            Resource::Ask(kind) => kube::discovery::pinned_kind(client, &kind)
                .await
                .ok()
                .map(|(resource, _)| resource),
        };
        let Some(resource) = resource else {
            let seen = "the kind is not served: its workloads are not found".to_owned();
            findings.push(Finding::warning(format!("kind {}", source.what.word()), seen));
            continue;
        };
        if matches!(source.what, What::Workloads { .. }) {
            let kind = GroupVersionKind::gvk(&resource.group, &resource.version, &resource.kind);
            if kube::discovery::pinned_kind(client, &kind).await.is_err() {
                let seen = format!(
                    "`{}` is not served: its workloads are not found",
                    resource.api_version
                );
                findings.push(Finding::warning(format!("kind {}", resource.kind), seen));
            }
        }
        for verb in ["list", "watch"] {
            needs.push(Need::of(&resource, verb, source.namespace.clone()));
        }
    }
    for namespace in written(loaded) {
        let need = |group: &str, resource: &str, verb| Need::new(group, resource, verb, namespace.clone());
        needs.extend(["get", "patch", "delete"].map(|verb| need("", "pods", verb)));
        needs.push(need("", "pods/eviction", "create"));
        let group = group_of(API_VERSION);
        needs.extend(["create", "patch", "delete"].map(|verb| need(group, LEDGER_PLURAL, verb)));
        needs.push(need("events.k8s.io", "events", "create"));
    }
    let namespace = Some(options.lease_namespace.clone());
    needs.push(Need::new(
        "coordination.k8s.io",
        "leases",
        "create",
        namespace.clone(),
    ));
    for verb in ["get", "update"] {
        let lease = Need::new("coordination.k8s.io", "leases", verb, namespace.clone());
        needs.push(Need {
            name: Some(LEASE_NAME.to_owned()),
            ..lease
        });
    }
    if let Some(policy) = &options.policy {
        // By name: the role grants no more.
        needs.extend(["get", "list", "watch"].map(|verb| Need {
            name: Some(policy.clone()),
            ..Need::new("policies.kubewarden.io", "clusteradmissionpolicies", verb, None)
        }));
    }
    needs.sort();
    needs.dedup();
    needs
}

/// Where pods and ledgers are written: the namespaces of the rules, or everywhere where they are too many to be asked for one
/// by one.
fn written(loaded: &Loaded) -> Vec<Option<String>> {
    let namespaces = loaded.settings.namespaces();
    match namespaces.len() {
        1..=MOST_NAMESPACES => namespaces
            .into_iter()
            .map(|namespace| Some(namespace.to_owned()))
            .collect(),
        _ => vec![None],
    }
}

pub(super) fn needs_of_the_policy(lease_namespace: &str) -> Vec<Need> {
    let ledgers = ["list", "watch"].map(|verb| Need::new(group_of(API_VERSION), LEDGER_PLURAL, verb, None));
    let lease = ["list", "watch"].map(|verb| Need {
        name: Some(LEASE_NAME.to_owned()),
        ..Need::new(
            "coordination.k8s.io",
            "leases",
            verb,
            Some(lease_namespace.to_owned()),
        )
    });
    ledgers.into_iter().chain(lease).collect()
}

/// What is missing, each; one good finding where nothing is.
pub(super) async fn permissions(client: &Client, whose: &str, who: &Who, needs: Vec<Need>) -> Vec<Finding> {
    let what = format!("permissions of {whose}{}", who.shown());
    let mut findings = Vec::new();
    let all = needs.len();
    for need in needs {
        match review(client, who, &need).await {
            Ok(true) => {}
            Ok(false) => findings.push(Finding::bad(
                what.clone(),
                format!("it may not {need}: apply deploy/rbac-*.yaml"),
            )),
            Err(error) => {
                findings.push(Finding::bad(
                    what.clone(),
                    format!("they cannot be asked for: {}", Said(&error)),
                ));
                return findings;
            }
        }
    }
    if findings.is_empty() {
        findings.push(Finding::good(what, format!("all {all} are there")));
    }
    findings
}

async fn review(client: &Client, who: &Who, need: &Need) -> Result<bool, kube::Error> {
    let (resource, subresource) = need.resource.split_once('/').unwrap_or((&need.resource, ""));
    let attributes = json!({
        "group": need.group, "resource": resource, "subresource": subresource, "verb": need.verb,
        "namespace": need.namespace.as_deref().unwrap_or_default(), "name": need.name.as_deref().unwrap_or_default(),
    });
    let (kind, plural, spec) = match who {
        Who::Myself => (
            "SelfSubjectAccessReview",
            "selfsubjectaccessreviews",
            json!({ "resourceAttributes": attributes }),
        ),
        Who::Account { namespace, name } => (
            "SubjectAccessReview",
            "subjectaccessreviews",
            json!({
                "resourceAttributes": attributes,
                "user": format!("system:serviceaccount:{namespace}:{name}"),
                "groups": ["system:serviceaccounts", format!("system:serviceaccounts:{namespace}"), "system:authenticated"],
            }),
        ),
    };
    let resource =
        ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("authorization.k8s.io", "v1", kind), plural);
    let mut asked = DynamicObject::new("", &resource).data(json!({ "spec": spec }));
    asked.metadata.name = None;
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    let answer = api.create(&PostParams::default(), &asked).await?;
    Ok(answer
        .data
        .pointer("/status/allowed")
        .and_then(Value::as_bool)
        .unwrap_or(false))
}

impl Need {
    fn new(group: &str, resource: &str, verb: &'static str, namespace: Option<String>) -> Self {
        Self {
            group: group.to_owned(),
            resource: resource.to_owned(),
            verb,
            namespace,
            name: None,
        }
    }

    fn of(resource: &ApiResource, verb: &'static str, namespace: Option<String>) -> Self {
        Self::new(&resource.group, &resource.plural, verb, namespace)
    }
}

impl core::fmt::Display for Need {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let dot = if self.group.is_empty() { "" } else { "." };
        write!(f, "{} `{}{dot}{}`", self.verb, self.resource, self.group)?;
        if let Some(name) = &self.name {
            write!(f, " named `{name}`")?;
        }
        match &self.namespace {
            Some(namespace) => write!(f, " in `{namespace}`"),
            None => f.write_str(" in all namespaces"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_need_says_what_and_where() {
        let lease = Need {
            name: Some("l".to_owned()),
            ..Need::new("coordination.k8s.io", "leases", "update", Some("ns".to_owned()))
        };
        assert_eq!(
            lease.to_string(),
            "update `leases.coordination.k8s.io` named `l` in `ns`"
        );
        assert_eq!(
            Need::new("", "pods", "patch", None).to_string(),
            "patch `pods` in all namespaces"
        );
    }
}
