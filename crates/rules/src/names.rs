//! The labels, annotations and the gate that Spillway reads and writes.

/// What the keys of all labels and annotations begin with that Spillway writes, and nobody else.
pub const OWN_PREFIX: &str = "spillway.dev/";
/// Label of a placed pod: the name of its spread. Lists select on its presence.
pub const SPREAD_LABEL: &str = "spillway.dev/spread";
/// Label of a placed pod: the name of its subset.
pub const SUBSET_LABEL: &str = "spillway.dev/subset";
/// Annotation of a placed pod: why it is where it is.
pub const DECISION_ANNOTATION: &str = "spillway.dev/decision";
/// `OpenKruise`'s marker, written for the tools that read it: `{"name","subset"}`.
pub const KRUISE_MARKER: &str = "apps.kruise.io/matched-workloadspread";
/// Scheduling gate of a pod that waits to be bound.
pub const PLACEMENT_GATE: &str = "spillway.dev/placement";
/// What ReplicaSet and CloneSet rank ready pods by, lowest first (KEP-2255).
pub const DELETION_COST_ANNOTATION: &str = "controller.kubernetes.io/pod-deletion-cost";
/// Annotation of a mirror pod: the shadow of one that a node runs by itself.
pub const MIRROR_ANNOTATION: &str = "kubernetes.io/config.mirror";
/// Label that the Deployment controller gives each ReplicaSet and its pods.
pub const POD_TEMPLATE_HASH: &str = "pod-template-hash";
/// Label of the pods of StatefulSets, DaemonSets and CloneSets.
pub const CONTROLLER_REVISION_HASH: &str = "controller-revision-hash";
/// Labels by which controllers find their pods. One whose pods lose theirs makes new ones without end.
pub const CONTROLLER_LABELS: [&str; 8] = [
    POD_TEMPLATE_HASH,
    CONTROLLER_REVISION_HASH,
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
    "controller-uid",
    "job-name",
    "apps.kubernetes.io/pod-index",
    "statefulset.kubernetes.io/pod-name",
];
/// Annotation by which a ReplicaSet carries its Deployment's `spec.replicas`.
pub const DESIRED_REPLICAS_ANNOTATION: &str = "deployment.kubernetes.io/desired-replicas";
/// Label of a ledger: which list an admission finds it in.
pub const SHARD_LABEL: &str = "spillway.dev/shard";
/// Annotation of a bound pod: when, RFC 3339. A pod's own conditions keep the time of its creation.
pub const BOUND_AT_ANNOTATION: &str = "spillway.dev/bound-at";
/// Annotation of a pod that was moved in place: the subset that had no node for it.
pub const MOVED_FROM_ANNOTATION: &str = "spillway.dev/moved-from";
/// Annotation of a pod that stands beyond its ladder so that a rollout could go on: it goes home when there is room.
pub const STEPPING_STONE_ANNOTATION: &str = "spillway.dev/stepping-stone";
/// The Lease by which the sidecars agree on their leader.
pub const LEASE_NAME: &str = "spillway-sidecar";
/// Annotation of the Lease: the hash of the settings that its holder acts on, for people and for other sidecars.
pub const SETTINGS_ANNOTATION: &str = "spillway.dev/settings";
/// Namespaces whose pods are never held back: what the cluster itself needs to run.
pub const SYSTEM_NAMESPACES: &[&str] = &["kube-system", "kube-public", "kube-node-lease", "kubewarden"];
