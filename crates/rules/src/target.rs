//! Whose pods a spread places, and which kinds of workload are known.

use core::fmt;

use kube_rules::labels::LabelSelector;

/// Whose pods a spread places.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// The pods of one workload, and of these only those that the filter selects.
    Workload {
        /// The kind, as written.
        kind: GroupKind,
        /// The version as written; it never decides a match.
        version: String,
        /// The workload's name.
        name: String,
        /// Which of its pods; absent: all.
        filter: Option<LabelSelector>,
        /// Where its replicas stand, summed; empty: where the kind has them.
        replicas: Vec<ReplicasPath>,
    },
    /// The pods with these labels, whoever owns them.
    Selector(LabelSelector),
}

/// A kind of object, whatever its version. Kinds of one group are equal in all versions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupKind {
    /// Empty for the core group.
    pub group: String,
    /// Such as `Deployment`.
    pub kind: String,
}

/// The kinds of workload whose pods are followed without being told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkloadKind {
    /// apps/Deployment.
    Deployment,
    /// apps/ReplicaSet.
    ReplicaSet,
    /// apps/StatefulSet.
    StatefulSet,
    /// apps.kruise.io/StatefulSet.
    AdvancedStatefulSet,
    /// apps.kruise.io/CloneSet.
    CloneSet,
    /// batch/Job.
    Job,
}

/// A kind that the administrator named, as in OpenKruise's white list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomKind {
    /// `group/version`, as it is listed.
    pub api_version: String,
    /// The kind.
    pub kind: GroupKind,
    /// Where its replicas stand; absent: nowhere, counted as 0.
    pub replicas: Option<ReplicasPath>,
    /// Whether its controller removes ready pods of lower deletion cost first.
    pub honours_deletion_cost: bool,
}

/// Where in an object a number of replicas stands: names, and numbers for the places of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicasPath(pub(crate) String);

impl GroupKind {
    /// From an apiVersion and a kind; `None` where the apiVersion is no `group/version` or `version`.
    #[must_use]
    pub fn of(api_version: &str, kind: &str) -> Option<Self> {
        let group = group_of(api_version)?;
        Some(Self {
            group: group.to_owned(),
            kind: kind.to_owned(),
        })
    }

    /// The known kind that this is.
    #[must_use]
    pub fn known(&self) -> Option<WorkloadKind> {
        WorkloadKind::of(&self.group, &self.kind)
    }

    /// Whether controllers of this kind remove ready pods of lower deletion cost first: a known kind that does, or one of
    /// which the settings say so.
    #[must_use]
    pub fn honours_deletion_cost(&self, custom: &[CustomKind]) -> bool {
        let says_so = |custom: &CustomKind| custom.honours_deletion_cost && custom.kind == *self;
        self.known()
            .map_or_else(|| custom.iter().any(says_so), WorkloadKind::honours_deletion_cost)
    }
}

impl fmt::Display for GroupKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.group.is_empty() {
            f.write_str(&self.kind)
        } else {
            write!(f, "{}/{}", self.group, self.kind)
        }
    }
}

impl WorkloadKind {
    /// Every known kind.
    pub const ALL: [Self; 6] = [
        Self::Deployment,
        Self::ReplicaSet,
        Self::StatefulSet,
        Self::AdvancedStatefulSet,
        Self::CloneSet,
        Self::Job,
    ];

    /// The known kind of an apiVersion and a kind, whatever the version.
    #[must_use]
    pub fn named(api_version: &str, kind: &str) -> Option<Self> {
        Self::of(group_of(api_version)?, kind)
    }

    fn of(group: &str, kind: &str) -> Option<Self> {
        // Asked for every pod of a plan: texts that the compiler knows are compared without a call.
        Some(match (group, kind) {
            ("apps", "Deployment") => Self::Deployment,
            ("apps", "ReplicaSet") => Self::ReplicaSet,
            ("apps", "StatefulSet") => Self::StatefulSet,
            ("apps.kruise.io", "StatefulSet") => Self::AdvancedStatefulSet,
            ("apps.kruise.io", "CloneSet") => Self::CloneSet,
            ("batch", "Job") => Self::Job,
            _ => return None,
        })
    }

    /// The API group.
    #[must_use]
    pub const fn group(self) -> &'static str {
        match self {
            Self::Deployment | Self::ReplicaSet | Self::StatefulSet => "apps",
            Self::AdvancedStatefulSet | Self::CloneSet => "apps.kruise.io",
            Self::Job => "batch",
        }
    }

    /// The kind.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::ReplicaSet => "ReplicaSet",
            Self::StatefulSet | Self::AdvancedStatefulSet => "StatefulSet",
            Self::CloneSet => "CloneSet",
            Self::Job => "Job",
        }
    }

    /// The apiVersion under which the kind is listed.
    #[must_use]
    pub const fn api_version(self) -> &'static str {
        match self {
            Self::Deployment | Self::ReplicaSet | Self::StatefulSet => "apps/v1",
            Self::AdvancedStatefulSet => "apps.kruise.io/v1beta1",
            Self::CloneSet => "apps.kruise.io/v1alpha1",
            Self::Job => "batch/v1",
        }
    }

    /// Whether pods keep their place by a number at the end of their name.
    #[must_use]
    pub const fn has_ordinals(self) -> bool {
        matches!(self, Self::StatefulSet | Self::AdvancedStatefulSet)
    }

    /// Whether the controller removes ready pods of lower deletion cost first.
    /// ReplicaSet (and so Deployment) and CloneSet do; Job and StatefulSet do not.
    #[must_use]
    pub const fn honours_deletion_cost(self) -> bool {
        matches!(self, Self::Deployment | Self::ReplicaSet | Self::CloneSet)
    }

    /// Whether the controller makes another pod in place of one that is deleted, and counts no failure. A Job counts one,
    /// a Deployment owns no pod itself, and of a pod without controller, or of one that nobody knows, no other is made.
    #[must_use]
    pub const fn replaces_deleted_pods(self) -> bool {
        matches!(
            self,
            Self::ReplicaSet | Self::CloneSet | Self::StatefulSet | Self::AdvancedStatefulSet
        )
    }

    /// Whether the controller makes another pod, under another name, in place of one that is deleted.
    #[must_use]
    pub const fn replaces_by_another(self) -> bool {
        self.replaces_deleted_pods() && !self.has_ordinals()
    }

    /// Whether pods of several revisions are told apart by a label. WorkloadSpread does it for
    /// ReplicaSets and Deployments alone.
    #[must_use]
    pub const fn has_revisions(self) -> bool {
        matches!(self, Self::Deployment | Self::ReplicaSet)
    }
}

impl ReplicasPath {
    /// A path as it was written, good or not: what it leads to is seen when it is followed.
    /// WorkloadSpread takes any text here and counts an empty one as 0 replicas.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// A path that can lead somewhere; `None` for an empty text or an empty step.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let step = |step: &str| !step.is_empty() && !step.contains(char::is_whitespace);
        text.split('.').all(step).then(|| Self::new(text))
    }

    /// The dot path, as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The group of `group/version`, empty for a mere version; `None` for anything else.
fn group_of(api_version: &str) -> Option<&str> {
    let mut parts = api_version.split('/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(_), None, _) => Some(""),
        (Some(group), Some(_), None) => Some(group),
        _ => None,
    }
}
