//! Which objects of a watch are told to the loop: pods of others are many, and nobody asks for them.

use std::collections::{BTreeMap, BTreeSet};

use reconcile_core::{PodRecord, Rule};
use rules::{Target, WorkloadKind};

/// What a watch lets through.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// By namespace; `None`: everything, everywhere.
    wanted: Option<BTreeMap<String, Vec<Wanted>>>,
    /// Whether of all other pods it lets through whether a gate of ours is on them.
    has_gates: bool,
}

/// Pods that may be a spread's.
#[derive(Clone, Debug, PartialEq)]
enum Wanted {
    /// All of them.
    All,
    /// Those of a controller of this name, or of one that is named after it.
    OwnedBy(String),
    /// Those with these labels.
    Target(Box<Target>),
}

impl Filter {
    pub(crate) fn everything() -> Self {
        Self {
            wanted: None,
            has_gates: false,
        }
    }

    /// The pods of the namespaces of rules; of all others only whether our gate is on them, which must be opened one day.
    pub(crate) fn of_placed(rules: &[Rule]) -> Self {
        let namespaces = rules.iter().map(|rule| rule.spread.namespace()).collect();
        Self {
            has_gates: true,
            ..Self::of_namespaces(&namespaces)
        }
    }

    pub(crate) fn of_namespaces(namespaces: &BTreeSet<&str>) -> Self {
        let wanted = namespaces
            .iter()
            .map(|namespace| ((*namespace).to_owned(), vec![Wanted::All]));
        Self {
            wanted: Some(wanted.collect()),
            has_gates: false,
        }
    }

    /// The pods that a rule may concern, as far as a pod alone tells.
    pub(crate) fn of_rules(rules: &[Rule]) -> Self {
        let mut wanted: BTreeMap<String, Vec<Wanted>> = BTreeMap::new();
        for rule in rules {
            let target = rule.spread.target();
            let one = match target {
                Target::Selector(_) => Wanted::Target(Box::new(target.clone())),
                Target::Workload { kind, name, .. } => match kind.known() {
                    Some(WorkloadKind::Deployment) => Wanted::OwnedBy(format!("{name}-")),
                    Some(_) => Wanted::OwnedBy(name.clone()),
                    // What is between it and its pods may have any name.
                    None => Wanted::All,
                },
            };
            wanted
                .entry(rule.spread.namespace().to_owned())
                .or_default()
                .push(one);
        }
        Self {
            wanted: Some(wanted),
            has_gates: false,
        }
    }

    /// The part of it that concerns one namespace.
    pub(crate) fn within(&self, namespace: Option<&str>) -> Self {
        let Some(namespace) = namespace else {
            return self.clone();
        };
        let wanted = self.wanted.as_ref().map(|wanted| {
            let here = wanted.get_key_value(namespace);
            here.into_iter()
                .map(|(name, wanted)| (name.clone(), wanted.clone()))
                .collect()
        });
        Self {
            wanted,
            has_gates: self.has_gates,
        }
    }

    /// Whether anything of a namespace is let through.
    pub fn takes_namespace(&self, namespace: &str) -> bool {
        self.wanted
            .as_ref()
            .is_none_or(|wanted| wanted.contains_key(namespace))
    }

    /// As much of a pod as is let through; `None`: nothing.
    pub fn kept(&self, pod: PodRecord) -> Option<PodRecord> {
        match self.takes_pod(&pod) {
            true => Some(pod),
            false if self.has_gates => pod.gate_alone(),
            false => None,
        }
    }

    fn takes_pod(&self, pod: &PodRecord) -> bool {
        let Some(wanted) = &self.wanted else { return true };
        let here = wanted.get(&pod.namespace).map(Vec::as_slice).unwrap_or_default();
        here.iter().any(|wanted| match wanted {
            Wanted::All => true,
            Wanted::OwnedBy(name) => {
                let owner = pod.owner.as_ref().map(|owner| owner.owner.name.as_str());
                // A Deployment's pods are owned by its ReplicaSets.
                owner.is_some_and(|owner| {
                    if name.ends_with('-') {
                        owner.starts_with(name.as_str())
                    } else {
                        owner == name
                    }
                })
            }
            // A pod that has its place shows no labels, and needs no other.
            Wanted::Target(target) => {
                let labels = pod.labels();
                target.selects(|key| labels.get(key).copied())
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::settings::tests::read;

    const SETTINGS: &str = "
spreads:
- name: web
  namespace: shop
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  subsets: [{name: a, maxReplicas: 1}, {name: b}]
- name: db
  namespace: shop
  targetRef: {apiVersion: apps/v1, kind: StatefulSet, name: db}
  subsets: [{name: a, maxReplicas: 1}, {name: b}]
- name: labelled
  namespace: lab
  selector: {matchLabels: {app: x}}
  subsets: [{name: a, maxReplicas: 1}, {name: b}]
";

    fn pod(namespace: &str, owner: (&str, &str), app: &str) -> PodRecord {
        PodRecord::read(&json!({"metadata": {
            "name": "p", "uid": "u", "namespace": namespace, "labels": {"app": app},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": owner.0, "name": owner.1, "uid": "o", "controller": true}],
        }}))
        .unwrap()
    }

    #[test]
    fn only_pods_that_may_be_a_spreads_are_kept() {
        let rules = read(SETTINGS).rules;
        let filter = Filter::of_rules(&rules);
        for (wanted, pod) in [
            (true, pod("shop", ("ReplicaSet", "web-5d9"), "")),
            (false, pod("shop", ("ReplicaSet", "webby-5d9"), "")),
            (false, pod("shop", ("ReplicaSet", "web"), "")),
            (true, pod("shop", ("StatefulSet", "db"), "")),
            (false, pod("shop", ("StatefulSet", "db-2"), "")),
            (true, pod("lab", ("ReplicaSet", "any"), "x")),
            (false, pod("lab", ("ReplicaSet", "any"), "y")),
            (false, pod("other", ("ReplicaSet", "web-5d9"), "x")),
        ] {
            assert_eq!(filter.takes_pod(&pod), wanted, "{pod:?}");
        }
    }

    #[test]
    fn of_pods_elsewhere_only_their_gate_is_kept() {
        let rules = read(SETTINGS).rules;
        let filter = Filter::of_placed(&rules);
        let placed = |namespace: &str, gates: serde_json::Value| {
            let pod = json!({
                "metadata": {
                    "name": "p", "uid": "u", "namespace": namespace,
                    "labels": {"spillway.dev/spread": "web", "spillway.dev/subset": "a", "app": "x".repeat(60)},
                    "annotations": {"big": "x".repeat(100_000)},
                },
                "spec": {"schedulingGates": gates, "affinity": {"podAffinity": {"big": "x".repeat(100_000)}}},
            });
            filter.kept(PodRecord::read(&pod).unwrap())
        };
        let gate = json!([{"name": "spillway.dev/placement"}]);
        assert!(placed("shop", json!([])).is_some());
        assert_eq!(placed("elsewhere", json!([])), None);
        let kept = placed("elsewhere", gate).unwrap();
        assert!(kept.gated && kept.subset.is_none());
        assert!(format!("{kept:?}").len() < 2_000, "{kept:?}");
    }

    #[test]
    fn a_namespaces_part_changes_only_with_its_own_rules() {
        let before = read(SETTINGS).rules;
        let after = read(&SETTINGS.replace("app: x", "app: z")).rules;
        let part = |rules: &[Rule], namespace| Filter::of_rules(rules).within(Some(namespace));
        assert_eq!(part(&before, "shop"), part(&after, "shop"));
        assert_ne!(part(&before, "lab"), part(&after, "lab"));
    }
}
