//! Pods that are not ours to place: their node is decided already, or by their controller alone.

use rules::GroupKind;

/// Why a pod is left alone: never changed, counted, adopted or moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// Whoever made it named its node.
    Pinned,
    /// Its controller makes one for each node.
    OnePerNode,
    /// A node shows by it what it runs without having been asked.
    Mirror,
}

impl Foreign {
    /// What a pod is by its controller, the mark of a mirror pod, and whether it was made with a node. A DaemonSet is one
    /// in every group: OpenKruise has its own.
    #[must_use]
    pub fn of(controller: Option<&GroupKind>, is_mirror: bool, was_made_with_node: bool) -> Option<Self> {
        let is_nodes = |owner: &GroupKind| owner.group.is_empty() && owner.kind == "Node";
        if is_mirror || controller.is_some_and(is_nodes) {
            return Some(Self::Mirror);
        }
        if controller.is_some_and(|owner| owner.kind == "DaemonSet") {
            return Some(Self::OnePerNode);
        }
        was_made_with_node.then_some(Self::Pinned)
    }
}
