//! Which watches the settings need.

use std::collections::{BTreeMap, BTreeSet};

use rules::names::SPREAD_LABEL;
use rules::{GroupKind, Target, WorkloadKind};

use super::filter::Filter;
use crate::settings::Settings;

/// One watch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// Of what.
    pub what: What,
    /// In which namespace; `None`: in all.
    pub namespace: Option<String>,
}

/// What a watch shows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// The pods that carry a spread's label.
    PlacedPods,
    /// The other pods.
    OtherPods,
    /// Workloads of a kind.
    Workloads {
        /// `group/version`, as it is listed.
        api_version: String,
        /// The kind.
        kind: GroupKind,
    },
    /// Nodes.
    Nodes,
    /// Ledgers.
    Ledgers,
}

/// More namespaces than this are watched by one watch of all of them: each watch is a connection.
const MOST_NAMESPACES: usize = 8;

/// The watches that settings need, and what each lets through.
#[must_use]
pub fn sources(settings: &Settings) -> BTreeMap<Source, Filter> {
    let mut sources = BTreeMap::new();
    let everywhere = |what| Source {
        what,
        namespace: None,
    };
    sources.insert(everywhere(What::PlacedPods), Filter::of_placed(&settings.rules));
    sources.insert(everywhere(What::Ledgers), Filter::everything());
    if settings.rules.is_empty() {
        return sources;
    }
    sources.insert(everywhere(What::Nodes), Filter::everything());
    let namespaces = settings.namespaces();
    add(
        &mut sources,
        &What::OtherPods,
        &namespaces,
        &Filter::of_rules(&settings.rules),
    );
    let mut by_kind: BTreeMap<What, BTreeSet<&str>> = BTreeMap::new();
    for rule in &settings.rules {
        for what in workloads(rule.spread.target(), settings) {
            by_kind.entry(what).or_default().insert(rule.spread.namespace());
        }
    }
    for (what, namespaces) in by_kind {
        add(
            &mut sources,
            &what,
            &namespaces,
            &Filter::of_namespaces(&namespaces),
        );
    }
    sources
}

fn add(sources: &mut BTreeMap<Source, Filter>, what: &What, namespaces: &BTreeSet<&str>, filter: &Filter) {
    let is_many = namespaces.len() > MOST_NAMESPACES;
    let scopes: Vec<Option<&str>> = if is_many {
        vec![None]
    } else {
        namespaces.iter().copied().map(Some).collect()
    };
    for namespace in scopes {
        let source = Source {
            what: what.clone(),
            namespace: namespace.map(ToOwned::to_owned),
        };
        sources.insert(source, filter.within(namespace));
    }
}

/// The kinds that lead from a pod to the target, and those whose objects own them.
fn workloads(target: &Target, settings: &Settings) -> Vec<What> {
    let known = |kind: WorkloadKind| What::Workloads {
        api_version: kind.api_version().to_owned(),
        kind: GroupKind {
            group: kind.group().to_owned(),
            kind: kind.kind().to_owned(),
        },
    };
    let custom = settings.custom_kinds.iter().map(|custom| What::Workloads {
        api_version: custom.api_version.clone(),
        kind: custom.kind.clone(),
    });
    match target {
        // Whoever owns them: what a rollout asks for stands in ReplicaSets.
        Target::Selector(_) => vec![known(WorkloadKind::ReplicaSet), known(WorkloadKind::Deployment)],
        Target::Workload { kind, .. } => match kind.known() {
            Some(WorkloadKind::Deployment | WorkloadKind::ReplicaSet) => {
                vec![known(WorkloadKind::ReplicaSet), known(WorkloadKind::Deployment)]
            }
            Some(kind) => vec![known(kind)],
            // The chain from a pod to it may pass through any of them, and through known kinds.
            None => custom
                .chain([known(WorkloadKind::ReplicaSet), known(WorkloadKind::Deployment)])
                .collect(),
        },
    }
}

impl What {
    /// A word for logs and metrics.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::PlacedPods => "Pod (placed)",
            Self::OtherPods => "Pod (others)",
            Self::Workloads { kind, .. } => &kind.kind,
            Self::Nodes => "Node",
            Self::Ledgers => "SpreadLedger",
        }
    }

    /// The label selector.
    #[must_use]
    pub fn selector(&self) -> Option<String> {
        match self {
            Self::PlacedPods => Some(SPREAD_LABEL.to_owned()),
            Self::OtherPods => Some(format!("!{SPREAD_LABEL}")),
            Self::Workloads { .. } | Self::Nodes | Self::Ledgers => None,
        }
    }

    /// Whether a cluster may lack the kind without anything being wrong with the sidecar's installation.
    #[must_use]
    pub fn may_be_absent(&self) -> bool {
        matches!(self, Self::Workloads { .. })
    }
}

impl core::fmt::Display for Source {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} in {namespace}", self.what.word()),
            None => f.write_str(self.what.word()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::tests::read;

    fn spread(namespace: &str, target: &str) -> String {
        format!(
            "- name: s-{}\n  namespace: {namespace}\n  {target}\n  subsets: [{{name: a, maxReplicas: 1}}, {{name: b}}]\n",
            placement_core::hash::fnv1a64(format!("{namespace}{target}").as_bytes())
        )
    }

    fn names(settings: &str) -> Vec<String> {
        sources(&read(settings)).keys().map(ToString::to_string).collect()
    }

    const WEB: &str = "targetRef: {apiVersion: apps/v1, kind: Deployment, name: web}";

    #[test]
    fn without_a_spread_only_gates_and_ledgers_are_looked_after() {
        assert_eq!(names(""), ["Pod (placed)", "SpreadLedger"]);
    }

    #[test]
    fn a_deployment_needs_its_replica_sets_and_the_pods_of_its_namespace() {
        assert_eq!(
            names(&format!("spreads:\n{}", spread("shop", WEB))),
            [
                "Pod (placed)",
                "Pod (others) in shop",
                "Deployment in shop",
                "ReplicaSet in shop",
                "Node",
                "SpreadLedger"
            ]
        );
    }

    #[test]
    fn many_namespaces_share_a_watch() {
        let spreads: String = (0..9).map(|n| spread(&format!("n{n}"), WEB)).collect();
        assert_eq!(
            names(&format!("spreads:\n{spreads}")),
            [
                "Pod (placed)",
                "Pod (others)",
                "Deployment",
                "ReplicaSet",
                "Node",
                "SpreadLedger"
            ]
        );
    }

    #[test]
    fn only_the_kinds_that_are_named_are_watched() {
        let job = spread("b", "targetRef: {apiVersion: batch/v1, kind: Job, name: j}");
        let custom = spread(
            "g",
            "targetRef: {apiVersion: game.example.io/v1, kind: GameServerSet, name: arena}",
        );
        let settings = format!(
            "customWorkloads: [{{apiVersion: game.example.io/v1, kind: GameServerSet, subResources: [{{apiVersion: game.example.io/v1, kind: GameServer}}]}}]\nspreads:\n{job}{custom}"
        );
        assert_eq!(
            names(&settings),
            [
                "Pod (placed)",
                "Pod (others) in b",
                "Pod (others) in g",
                "Deployment in g",
                "ReplicaSet in g",
                "Job in b",
                "GameServer in g",
                "GameServerSet in g",
                "Node",
                "SpreadLedger"
            ]
        );
    }
}
