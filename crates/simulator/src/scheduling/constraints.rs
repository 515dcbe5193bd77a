//! The rules between pods that a pod carries: topology spread, pod affinity and anti-affinity.

use kube_rules::labels::LabelSelector;
use serde_json::Value;

use super::Unreadable;
use super::selector::{Labels, PodSelector, label_selector};
use crate::json;

/// The label by which a node is a domain of its own.
pub const HOSTNAME: &str = "kubernetes.io/hostname";
const ZONE: &str = "topology.kubernetes.io/zone";

/// One of `topologySpreadConstraints`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SpreadConstraint {
    pub(super) max_skew: i64,
    pub(super) topology_key: String,
    pub(super) pods: PodSelector,
    pub(super) min_domains: usize,
    pub(super) honours_affinity: bool,
    pub(super) honours_taints: bool,
}

/// Topology spread of one pod.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Spread {
    /// `DoNotSchedule`.
    pub(super) hard: Vec<SpreadConstraint>,
    /// `ScheduleAnyway`.
    pub(super) soft: Vec<SpreadConstraint>,
    /// Whether only nodes that have every topology key are scored. Not where the scheduler's own defaults apply.
    pub(super) needs_every_key: bool,
}

/// A term of pod affinity or anti-affinity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AffinityTerm {
    pub(super) topology_key: String,
    pub(super) pods: PodSelector,
}

/// Affinity between pods, as one pod wishes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PodAffinity {
    pub(super) required: Vec<AffinityTerm>,
    pub(super) required_anti: Vec<AffinityTerm>,
    /// With their weights; those of anti-affinity are below zero.
    pub(super) preferred: Vec<(i64, AffinityTerm)>,
}

impl Spread {
    /// Reads a pod's `spec`.
    ///
    /// # Errors
    /// At the first selector that cannot be read.
    pub(super) fn of_pod(spec: &Value, namespace: &str, labels: &Labels) -> Result<Self, Unreadable> {
        let mut spread = Self {
            needs_every_key: true,
            ..Self::default()
        };
        for (index, constraint) in json::list(spec, &["topologySpreadConstraints"])
            .iter()
            .enumerate()
        {
            let path = format!("spec.topologySpreadConstraints[{index}]");
            let number = |name: &str| constraint.get(name).and_then(Value::as_i64);
            let word = |name: &str| json::text(constraint, &[name]);
            let selector = label_selector(constraint, &path, labels)?;
            let read = SpreadConstraint {
                max_skew: number("maxSkew").unwrap_or(1),
                topology_key: word("topologyKey").unwrap_or_default().to_owned(),
                pods: PodSelector::within(namespace, selector),
                min_domains: number("minDomains")
                    .and_then(|least| usize::try_from(least).ok())
                    .unwrap_or(1),
                honours_affinity: word("nodeAffinityPolicy") != Some("Ignore"),
                honours_taints: word("nodeTaintsPolicy") == Some("Honor"),
            };
            match word("whenUnsatisfiable") {
                Some("ScheduleAnyway") => spread.soft.push(read),
                _ => spread.hard.push(read),
            }
        }
        Ok(spread)
    }

    /// What the default profile does for a pod without constraints of its own: prefer to keep the pods that the owner
    /// selects apart, by node (skew 3) and by zone (skew 5).
    pub(super) fn by_default(namespace: &str, owner: &LabelSelector) -> Self {
        let constraint = |key: &str, max_skew| SpreadConstraint {
            max_skew,
            topology_key: key.to_owned(),
            pods: PodSelector::within(namespace, Some(owner.clone())),
            min_domains: 1,
            honours_affinity: true,
            honours_taints: false,
        };
        Self {
            hard: Vec::new(),
            soft: vec![constraint(HOSTNAME, 3), constraint(ZONE, 5)],
            needs_every_key: false,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.hard.is_empty() && self.soft.is_empty()
    }
}

impl PodAffinity {
    /// Reads a pod's `spec`.
    ///
    /// # Errors
    /// At the first selector that cannot be read.
    pub(super) fn of_pod(spec: &Value, namespace: &str, labels: &Labels) -> Result<Self, Unreadable> {
        let read = |term: &Value, path: &str| {
            let selector = label_selector(term, path, labels)?;
            Ok(AffinityTerm {
                topology_key: json::text(term, &["topologyKey"]).unwrap_or_default().to_owned(),
                pods: PodSelector::of_term(term, path, namespace, selector)?,
            })
        };
        let required = |kind: &str| {
            let path = format!("spec.affinity.{kind}.{REQUIRED}");
            let terms = json::list(spec, &["affinity", kind, REQUIRED]).iter().enumerate();
            terms
                .map(|(index, term)| read(term, &format!("{path}[{index}]")))
                .collect::<Result<Vec<_>, Unreadable>>()
        };
        let mut preferred = Vec::new();
        for (kind, sign) in [("podAffinity", 1), ("podAntiAffinity", -1)] {
            for (index, weighted) in json::list(spec, &["affinity", kind, PREFERRED])
                .iter()
                .enumerate()
            {
                let path = format!("spec.affinity.{kind}.{PREFERRED}[{index}].podAffinityTerm");
                let weight = weighted.get("weight").and_then(Value::as_i64).unwrap_or_default();
                let term = weighted.get("podAffinityTerm").unwrap_or(&Value::Null);
                preferred.push((sign * weight, read(term, &path)?));
            }
        }
        Ok(Self {
            required: required("podAffinity")?,
            required_anti: required("podAntiAffinity")?,
            preferred,
        })
    }
}

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
