//! Kinds of workload beyond those that are known: what the settings say of them.

use placement_core::facts::replicas_in;
use rules::CustomKind;
use serde_json::json;

use super::World;
use crate::record::{PodRecord, WorkloadRecord};

impl World {
    /// Takes what the settings say. To be followed by [`World::set_rules`], after which every spread is dirty.
    pub fn set_custom_kinds(&mut self, custom: Vec<CustomKind>) {
        self.custom = custom;
    }

    /// Whether a pod's controller gives pods up by their deletion cost.
    pub(crate) fn ranks(&self, pod: &PodRecord) -> bool {
        let owner = pod.owner.as_ref();
        owner.is_some_and(|owner| owner.owner.kind.honours_deletion_cost(&self.custom))
    }

    /// The replicas that a workload asks for itself; `None`: nobody says where they stand.
    pub(crate) fn replicas_of(&self, workload: &WorkloadRecord) -> Option<u32> {
        if workload.id.kind.known().is_some() {
            return Some(workload.replicas);
        }
        let custom = self
            .custom
            .iter()
            .find(|custom| custom.kind == workload.id.kind)?;
        let object = json!({ "spec": workload.spec });
        replicas_in(&object, core::slice::from_ref(custom.replicas.as_ref()?)).ok()
    }
}
