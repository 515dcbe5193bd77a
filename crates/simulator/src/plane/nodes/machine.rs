//! One node: the machine, and what the API server shows of it.

use serde_json::{Value, json};

use crate::json;
use crate::objects;
use crate::scenario::{NodeSpec, Taint};
use crate::scheduling::{self, HOSTNAME};

/// Who does not tolerate this stays away from a node that is cordoned.
const CORDON: (&str, &str) = ("node.kubernetes.io/unschedulable", "NoSchedule");
/// What the node lifecycle controller gives to a node that it has not heard of.
const UNREACHABLE: [(&str, &str); 2] = [
    ("node.kubernetes.io/unreachable", "NoSchedule"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
];
/// What the cluster autoscaler gives to a node that it is about to remove.
const GIVEN_UP: (&str, &str) = ("ToBeDeletedByClusterAutoscaler", "NoSchedule");

/// A node as it is now.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) spec: NodeSpec,
    /// Whether its kubelet runs and is heard.
    pub(super) is_up: bool,
    /// Whether there is a Node of it.
    pub(super) is_registered: bool,
    /// Whether the containers on it are gone with the machine.
    pub(super) is_gone: bool,
    /// Whether nothing was heard of it for so long that everybody knows.
    pub(super) is_unreachable: bool,
    pub(super) is_cordoned: bool,
    /// Whether the cluster autoscaler is about to remove it.
    pub(super) is_given_up: bool,
    /// Grows whenever it fails or is back: what was to become of it before is void.
    pub(super) life: u32,
    /// Grows whenever a drain begins or ends.
    pub(super) drain: u32,
}

impl Machine {
    pub(super) fn new(spec: NodeSpec) -> Self {
        Self {
            spec,
            is_up: true,
            is_registered: true,
            is_gone: false,
            is_unreachable: false,
            is_cordoned: false,
            is_given_up: false,
            life: 0,
            drain: 0,
        }
    }

    /// Another machine takes the place of one whose Node is gone.
    pub(super) fn renew(&mut self) {
        *self = Self {
            life: self.life + 1,
            drain: self.drain + 1,
            ..Self::new(self.spec.clone())
        };
    }

    /// As the scheduler sees it.
    pub(super) fn node(&self) -> scheduling::Node {
        let mut node = self.shown().node();
        node.unschedulable = self.is_cordoned;
        node
    }

    /// As the API server shows it.
    pub(super) fn value(&self) -> Value {
        let mut value = objects::node(&self.shown());
        if self.is_cordoned {
            json::put(&mut value, &["spec", "unschedulable"], json!(true));
        }
        if self.is_unreachable {
            let ready = json!({"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"});
            json::put(&mut value, &["status", "conditions"], json!([ready]));
        }
        value
    }

    fn shown(&self) -> NodeSpec {
        let mut spec = self.spec.clone();
        let unreachable = UNREACHABLE.iter().filter(|_| self.is_unreachable);
        let cordon = self.is_cordoned.then_some(&CORDON);
        let given_up = self.is_given_up.then_some(&GIVEN_UP);
        let taints = unreachable.chain(cordon).chain(given_up);
        spec.taints.extend(taints.map(|(key, effect)| Taint {
            key: (*key).to_owned(),
            value: String::new(),
            effect,
        }));
        spec
    }
}

/// A node of a group: the template with a name of its own.
pub(super) fn named(template: &NodeSpec, name: &str) -> NodeSpec {
    let mut spec = template.clone();
    spec.labels.insert(HOSTNAME.to_owned(), name.to_owned());
    spec.name = name.to_owned();
    spec
}
