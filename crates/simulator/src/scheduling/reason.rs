//! Why no node takes a pod, in Kubernetes' own words (those of 1.36; a user's eye knows them).

use std::collections::BTreeMap;
use std::fmt;

/// Why one node does not take a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    NotNamed,
    Cordoned,
    NodeName,
    Taint,
    NodeAffinity,
    TooManyPods,
    SpreadLabel,
    Spread,
    PodAffinity,
    PodAntiAffinity,
    OthersAntiAffinity,
}

impl Reason {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::NotNamed => "node(s) didn't satisfy plugin(s) [NodeAffinity]",
            Self::Cordoned => "node(s) were unschedulable",
            Self::NodeName => "node(s) didn't match the requested node name",
            Self::Taint => "node(s) had untolerated taint(s)",
            Self::NodeAffinity => "node(s) didn't match Pod's node affinity/selector",
            Self::TooManyPods => "Too many pods",
            Self::SpreadLabel => {
                "node(s) didn't match pod topology spread constraints (missing required label)"
            }
            Self::Spread => "node(s) didn't match pod topology spread constraints",
            Self::PodAffinity => "node(s) didn't match pod affinity rules",
            Self::PodAntiAffinity => "node(s) didn't match pod anti-affinity rules",
            Self::OthersAntiAffinity => "node(s) didn't satisfy existing pods anti-affinity rules",
        }
    }
}

/// Why a pod is not scheduled. Its text is the message of the pod's condition `PodScheduled`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unschedulable {
    /// Gates hold it; the condition's reason is `SchedulingGated`.
    Gated(Vec<String>),
    /// No node takes it; the condition's reason is `Unschedulable`.
    NoNode {
        /// How many nodes there are.
        nodes: usize,
        /// How many of them have each reason. A node can have several.
        reasons: BTreeMap<String, usize>,
    },
}

impl fmt::Display for Unschedulable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gated(gates) => write!(f, "waiting for scheduling gates: [{}]", gates.join(" ")),
            Self::NoNode { nodes: 0, .. } => f.write_str("no nodes available to schedule pods"),
            Self::NoNode { nodes, reasons } => {
                // Sorted as text, the counts included.
                let mut parts: Vec<String> = reasons
                    .iter()
                    .map(|(reason, count)| format!("{count} {reason}"))
                    .collect();
                parts.sort_unstable();
                write!(f, "0/{nodes} nodes are available: {}.", parts.join(", "))
            }
        }
    }
}

impl std::error::Error for Unschedulable {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_those_of_kubernetes() {
        let reasons = [
            (Reason::Taint.words().to_owned(), 1),
            ("Insufficient cpu".to_owned(), 3),
            ("Too many pods".to_owned(), 12),
        ];
        let message = Unschedulable::NoNode {
            nodes: 16,
            reasons: reasons.into(),
        };
        assert_eq!(
            message.to_string(),
            "0/16 nodes are available: 1 node(s) had untolerated taint(s), 12 Too many pods, 3 Insufficient cpu."
        );
        let gated = Unschedulable::Gated(vec!["a/b".into(), "c/d".into()]);
        assert_eq!(gated.to_string(), "waiting for scheduling gates: [a/b c/d]");
    }
}
