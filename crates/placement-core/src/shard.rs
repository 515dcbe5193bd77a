//! The shard of a ledger: one of a constant set of labels, so that a policy server watches at most
//! as many lists as there are shards, however many workloads there are.

use core::fmt;

use rules::{Spread, Target, WorkloadKind};

use crate::hash::fnv1a64;

/// How many shards the ledgers of workloads are spread over.
pub const SHARDS: u64 = 64;

/// The value of the label [`SHARD_LABEL`](rules::names::SHARD_LABEL).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shard {
    /// Of a workload: FNV-1a 64 of `namespace/kind/name`, modulo [`SHARDS`].
    Workload(u64),
    /// Of all spreads that choose their pods by label.
    Selector,
}

impl Shard {
    /// The shard of the ledgers of one workload.
    #[must_use]
    pub fn of_workload(namespace: &str, kind: &str, name: &str) -> Self {
        Self::Workload(fnv1a64(format!("{namespace}/{kind}/{name}").as_bytes()) % SHARDS)
    }

    /// The shard under which an admission looks for a spread's ledger.
    #[must_use]
    pub fn of(spread: &Spread) -> Self {
        match spread.target() {
            Target::Workload { kind, name, .. } => Self::of_workload(spread.namespace(), &kind.kind, name),
            Target::Selector(_) => Self::Selector,
        }
    }
}

/// The Deployment that a ReplicaSet is named after: `web` for `web-abc` with the hash `abc`.
#[must_use]
pub fn deployment_of<'n>(kind: WorkloadKind, name: &'n str, template_hash: Option<&str>) -> Option<&'n str> {
    let hash = template_hash.filter(|hash| !hash.is_empty())?;
    let deployment = name.strip_suffix(hash)?.strip_suffix('-')?;
    (kind == WorkloadKind::ReplicaSet && !deployment.is_empty()).then_some(deployment)
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workload(number) => write!(f, "{number}"),
            Self::Selector => f.write_str("selector"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_depends_on_namespace_kind_and_name() {
        let shard = Shard::of_workload("shop", "Deployment", "web");
        assert_eq!(shard, Shard::Workload(fnv1a64(b"shop/Deployment/web") % 64));
        assert_ne!(shard, Shard::of_workload("shop", "StatefulSet", "web"));
        assert_eq!(Shard::Selector.to_string(), "selector");
    }

    #[test]
    fn a_deployment_is_known_by_its_replica_set() {
        let of = |name, hash| deployment_of(WorkloadKind::ReplicaSet, name, hash);
        assert_eq!(of("web-5d9c", Some("5d9c")), Some("web"));
        assert_eq!(of("web-5d9c", None), None);
        assert_eq!(of("-5d9c", Some("5d9c")), None);
        assert_eq!(of("other", Some("5d9c")), None);
    }
}
