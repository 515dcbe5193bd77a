//! How long the pods that KWOK plays take.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::apply;
use crate::error::ClusterError;
use crate::folder::Folder;
use crate::places;

/// A pod with this label never becomes ready, where pods take their time.
pub const NEVER_READY_LABEL: &str = "e2e.example.org/never-ready";

/// How long a pod takes to start and to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PodPace {
    /// No time at all.
    #[default]
    AtOnce,
    /// 2 to 4 s to become ready, 15 to 20 s to end. Until then it is not ready, or terminating.
    Unhurried,
}

/// A stage that takes time: its name, and the shortest and the longest time in milliseconds.
const DELAYS: [(&str, u32, u32); 2] = [("pod-ready", 2_000, 4_000), ("pod-delete", 15_000, 20_000)];

impl PodPace {
    /// The files that KWOK is given.
    pub(crate) fn stages(self, folder: &Folder) -> Result<Vec<PathBuf>, ClusterError> {
        let stages = places::kwok_stages()?;
        match self {
            Self::AtOnce => Ok(stages),
            Self::Unhurried => stages.into_iter().map(|stage| unhurried(stage, folder)).collect(),
        }
    }
}

/// The stage with its delay, in a file of its own; the stage as it is where it has none.
fn unhurried(stage: PathBuf, folder: &Folder) -> Result<PathBuf, ClusterError> {
    let text = std::fs::read_to_string(&stage).map_err(ClusterError::path("read", &stage))?;
    match delayed(apply::yaml(&text)?) {
        Some((name, delayed)) => folder.write(&format!("{name}.yaml"), &delayed.to_string()),
        None => Ok(stage),
    }
}

/// The name of a stage and the stage with its delay, if it has one.
fn delayed(mut stage: Value) -> Option<(&'static str, Value)> {
    let name = stage.pointer("/metadata/name")?.as_str()?;
    let (name, shortest, longest) = DELAYS.into_iter().find(|(delayed, ..)| *delayed == name)?;
    let spec = stage.get_mut("spec")?.as_object_mut()?;
    spec.insert(
        "delay".to_owned(),
        json!({"durationMilliseconds": shortest, "jitterDurationMilliseconds": longest}),
    );
    if name == "pod-ready" {
        let never =
            json!({"key": format!(".metadata.labels[\"{NEVER_READY_LABEL}\"]"), "operator": "DoesNotExist"});
        let selector = spec.get_mut("selector")?.get_mut("matchExpressions")?;
        selector.as_array_mut()?.push(never);
    }
    Some((name, stage))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(name: &str) -> Value {
        let selector =
            json!({"matchExpressions": [{"key": ".status.phase", "operator": "In", "values": ["Pending"]}]});
        json!({"metadata": {"name": name}, "spec": {"selector": selector, "next": {"statusTemplate": "phase: Running"}}})
    }

    #[test]
    fn starting_and_ending_take_their_time_and_nothing_else_does() {
        let (name, ready) = delayed(stage("pod-ready")).unwrap();
        assert_eq!(
            (name, &ready["spec"]["delay"]["jitterDurationMilliseconds"]),
            ("pod-ready", &json!(4000))
        );
        assert_eq!(
            ready["spec"]["selector"]["matchExpressions"]
                .as_array()
                .unwrap()
                .len(),
            2
        );
        assert_eq!(ready["spec"]["next"], stage("pod-ready")["spec"]["next"]);
        let (_, delete) = delayed(stage("pod-delete")).unwrap();
        assert_eq!(delete["spec"]["delay"]["durationMilliseconds"], 15_000);
        assert_eq!(delayed(stage("node-initialize")), None);
    }
}
