//! How each kind that is watched is served.

use kube::api::ApiResource;
use kube::core::GroupVersionKind;
use rules::WorkloadKind;
use sidecar_core::watches::What;

/// How the API server serves what a watch shows, as far as that is known without asking.
#[must_use]
pub fn resource_of(what: &What) -> Resource {
    let known =
        |api_version: &str, kind: &str, plural: &str| Resource::Known(resource(api_version, kind, plural));
    match what {
        What::PlacedPods | What::OtherPods => known("v1", "Pod", "pods"),
        What::Nodes => known("v1", "Node", "nodes"),
        What::Ledgers => known(
            spread_api::API_VERSION,
            spread_api::LEDGER_KIND,
            spread_api::LEDGER_PLURAL,
        ),
        What::Workloads { api_version, kind } => {
            let plural = match kind.known() {
                Some(WorkloadKind::Deployment) => "deployments",
                Some(WorkloadKind::ReplicaSet) => "replicasets",
                Some(WorkloadKind::StatefulSet | WorkloadKind::AdvancedStatefulSet) => "statefulsets",
                Some(WorkloadKind::CloneSet) => "clonesets",
                Some(WorkloadKind::Job) => "jobs",
                None => {
                    let kind = resource(api_version, &kind.kind, "");
                    return Resource::Ask(GroupVersionKind::gvk(&kind.group, &kind.version, &kind.kind));
                }
            };
            known(api_version, &kind.kind, plural)
        }
    }
}

/// How a kind is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// So.
    Known(ApiResource),
    /// The API server must be asked for the name in the plural.
    Ask(GroupVersionKind),
}

fn resource(api_version: &str, kind: &str, plural: &str) -> ApiResource {
    let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
}

#[cfg(test)]
mod tests {
    use rules::GroupKind;

    use super::*;

    #[test]
    fn a_kind_that_is_not_known_is_asked_for() {
        let of = |api_version: &str, group: &str, kind: &str| {
            resource_of(&What::Workloads {
                api_version: api_version.to_owned(),
                kind: GroupKind {
                    group: group.to_owned(),
                    kind: kind.to_owned(),
                },
            })
        };
        let arena = of("game.example.io/v1", "game.example.io", "GameServerSet");
        assert!(matches!(arena, Resource::Ask(kind) if kind.version == "v1"));
        let sets = of("apps/v1", "apps", "ReplicaSet");
        assert!(matches!(sets, Resource::Known(kind) if kind.plural == "replicasets"));
    }
}
