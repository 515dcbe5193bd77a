//! The labels, annotations and the gate that Spillway reads and writes.

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
/// Label that the Deployment controller gives each ReplicaSet and its pods.
pub const POD_TEMPLATE_HASH: &str = "pod-template-hash";
/// Label of the pods of StatefulSets, DaemonSets and CloneSets.
pub const CONTROLLER_REVISION_HASH: &str = "controller-revision-hash";
/// Annotation by which a ReplicaSet carries its Deployment's `spec.replicas`.
pub const DESIRED_REPLICAS_ANNOTATION: &str = "deployment.kubernetes.io/desired-replicas";
