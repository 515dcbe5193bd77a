//! Reads what scales the workloads of a folder: HorizontalPodAutoscalers and ScaledObjects of KEDA.

use serde_json::Value;

use super::Workload;
use super::reader::{Fault, Faults};
use super::tree::Node;
use crate::hpa::{Gates, Hpa, TargetRef};
use crate::keda::ScaledObject;

/// What scales a workload, by its place.
#[derive(Debug, Clone, PartialEq)]
pub enum Autoscaler {
    /// A HorizontalPodAutoscaler.
    Hpa {
        /// Which workload.
        workload: usize,
        /// The checked manifest.
        hpa: Hpa,
    },
    /// A ScaledObject of KEDA.
    Keda {
        /// Which workload.
        workload: usize,
        /// The checked manifest.
        object: ScaledObject,
    },
}

/// Reads what scales, each with its file, once every workload is known. Two that scale one workload would undo each
/// other's work: Kubernetes' controller stops where it sees that (`AmbiguousSelector`), KEDA refuses the second.
pub(super) fn read_autoscalers(
    scalers: &[(String, Node)],
    workloads: &[Workload],
    faults: &mut Vec<Fault>,
) -> Vec<Autoscaler> {
    let mut found: Vec<(&str, Autoscaler)> = Vec::new();
    for (file, node) in scalers {
        let here = Faults::of(file);
        if let Some(scaler) = read_autoscaler(node, workloads, &here) {
            let workload = scaler.workload();
            let first = found.iter().find(|(_, other)| other.workload() == workload);
            if let (Some((first_file, first)), Some(spec)) = (first, workloads.get(workload)) {
                here.add(
                    node.line_at(TARGET),
                    TARGET,
                    format!(
                        "the {} is a second scaler of the {} `{}`, beside the {} in {first_file}; leave one of them out",
                        scaler.told(),
                        spec.kind.kind(),
                        spec.name,
                        first.told()
                    ),
                );
            }
            found.push((file, scaler));
        }
        faults.extend(here.into_found());
    }
    found.into_iter().map(|(_, scaler)| scaler).collect()
}

const TARGET: &str = "spec.scaleTargetRef";

fn read_autoscaler(node: &Node, workloads: &[Workload], here: &Faults) -> Option<Autoscaler> {
    let value = node.to_value();
    let place = |target: &TargetRef, namespace: &str| {
        let is_it = |workload: &Workload| {
            workload.namespace == namespace
                && workload.name == target.name
                && workload.kind.kind() == target.kind
        };
        let place = workloads.iter().position(is_it);
        if place.is_none() {
            let text = format!(
                "no {} `{namespace}/{}` in this folder; write the name of one that is there",
                target.kind, target.name
            );
            here.add(node.line_at(TARGET), TARGET, text);
        }
        place
    };
    let read = if value.get("kind").and_then(Value::as_str) == Some("HorizontalPodAutoscaler") {
        Hpa::read(&value, Gates::default()).map(|hpa| {
            let workload = place(&hpa.target, &hpa.namespace)?;
            Some(Autoscaler::Hpa { workload, hpa })
        })
    } else {
        ScaledObject::read(&value).map(|object| {
            let workload = place(&object.target, &object.namespace)?;
            Some(Autoscaler::Keda { workload, object })
        })
    };
    read.unwrap_or_else(|wrong| {
        for fault in wrong {
            here.add(node.line_at(&fault.path), &fault.path, fault.message);
        }
        None
    })
}

impl Autoscaler {
    fn workload(&self) -> usize {
        match self {
            Self::Hpa { workload, .. } | Self::Keda { workload, .. } => *workload,
        }
    }

    /// Its kind and name.
    fn told(&self) -> String {
        match self {
            Self::Hpa { hpa, .. } => format!("HorizontalPodAutoscaler `{}`", hpa.name),
            Self::Keda { object, .. } => format!("ScaledObject `{}`", object.name),
        }
    }
}
