//! The pods an HPA's selector matches, as far as its controller looks at them.

use std::collections::BTreeMap;

use kube_rules::nodes::Quantity;
use serde_json::Value;

use super::readings::Sample;
use crate::json;
use crate::time::Millis;

/// A pod at one moment. Times are compared to the second, as the API server stores them.
#[derive(Debug, Clone, PartialEq)]
pub struct PodSample {
    /// Its name.
    pub name: String,
    /// `status.phase`.
    pub phase: PodPhase,
    /// It has a deletion timestamp.
    pub deleting: bool,
    /// The condition `Ready`, where there is one.
    pub ready: Option<Ready>,
    /// `status.startTime`, where the kubelet has set it.
    pub started: Option<Millis>,
    /// What its containers request.
    pub requests: PodRequests,
}

/// `status.phase`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PodPhase {
    /// Not every container has started; gated and unschedulable pods too.
    Pending,
    /// Its containers run.
    Running,
    /// All ended well.
    Succeeded,
    /// All ended, one badly.
    Failed,
}

/// The condition `Ready`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ready {
    /// True or false.
    pub status: bool,
    /// `lastTransitionTime`.
    pub since: Millis,
}

/// What a pod's containers request, in thousandths by resource.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PodRequests {
    /// The containers, then the restartable init containers.
    containers: Vec<(String, BTreeMap<String, i64>)>,
    /// `spec.resources.requests`, where it is set.
    pod_level: Option<BTreeMap<String, i64>>,
}

impl PodRequests {
    /// Reads a pod's `spec`. What is no quantity is left out, as if it were not there.
    pub fn of(spec: &Value) -> Self {
        let restartable = |container: &&Value| json::text(container, &["restartPolicy"]) == Some("Always");
        let init = json::list(spec, &["initContainers"]).iter().filter(restartable);
        let containers: Vec<_> = json::list(spec, &["containers"])
            .iter()
            .chain(init)
            .map(|container| {
                let name = json::text(container, &["name"]).unwrap_or_default();
                (
                    name.to_owned(),
                    milli(json::at(container, &["resources", "requests"])),
                )
            })
            .collect();
        let pod_level = milli(json::at(spec, &["resources", "requests"]));
        let set = pod_level.keys().any(|name| is_pod_level(name));
        let pod_level = set.then(|| with_pod_level(spec, &containers, &pod_level));
        Self {
            containers,
            pod_level,
        }
    }

    /// The request that usage is compared with (`calculateRequests`).
    fn milli(&self, resource: &str, container: Option<&str>, pod: &str) -> Result<i64, String> {
        if let (Some(requests), None) = (&self.pod_level, container) {
            return requests
                .get(resource)
                .copied()
                .ok_or_else(|| format!("missing pod-level request for {resource} in Pod {pod}"));
        }
        let missing = |name: &str| format!("missing request for {resource} in container {name} of Pod {pod}");
        if let Some(wanted) = container {
            let (name, requests) = self
                .containers
                .iter()
                .find(|(name, _)| name == wanted)
                .ok_or_else(|| format!("container {wanted} not found in Pod {pod}"))?;
            return requests.get(resource).copied().ok_or_else(|| missing(name));
        }
        self.containers.iter().try_fold(0_i64, |sum, (name, requests)| {
            let request = requests.get(resource).ok_or_else(|| missing(name))?;
            Ok(sum.wrapping_add(*request))
        })
    }
}

/// Every pod's request.
pub(crate) fn requests<'a>(
    pods: &'a [PodSample],
    resource: &str,
    container: Option<&str>,
) -> Result<BTreeMap<&'a str, i64>, String> {
    pods.iter()
        .map(|pod| {
            Ok((
                pod.name.as_str(),
                pod.requests.milli(resource, container, &pod.name)?,
            ))
        })
        .collect()
}

/// How long after its start a pod's CPU is not trusted, and how long one may take to become ready for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trust {
    pub(crate) cpu_initialization_period: Millis,
    pub(crate) initial_readiness_delay: Millis,
}

/// The pods by what their samples are good for (`groupPods`).
#[derive(Debug, Default)]
pub(crate) struct Groups<'a> {
    /// How many have a sample that counts.
    pub(crate) ready: usize,
    pub(crate) unready: Vec<&'a str>,
    pub(crate) missing: Vec<&'a str>,
    pub(crate) ignored: Vec<&'a str>,
}

impl<'a> Groups<'a> {
    pub(crate) fn of(
        pods: &'a [PodSample],
        samples: &BTreeMap<&str, Sample>,
        is_cpu: bool,
        trust: Trust,
        now: Millis,
    ) -> Self {
        let mut groups = Self::default();
        for pod in pods {
            let name = pod.name.as_str();
            if pod.deleting || pod.phase == PodPhase::Failed {
                groups.ignored.push(name);
            } else if pod.phase == PodPhase::Pending {
                groups.unready.push(name);
            } else if let Some(sample) = samples.get(name) {
                if is_cpu && !pod.cpu_counts(sample, trust, now) {
                    groups.unready.push(name);
                } else {
                    groups.ready += 1;
                }
            } else {
                groups.missing.push(name);
            }
        }
        groups
    }
}

impl PodSample {
    fn cpu_counts(&self, sample: &Sample, trust: Trust, now: Millis) -> bool {
        let (Some(ready), Some(started)) = (self.ready, self.started) else {
            return false;
        };
        let (since, started) = (ready.since.to_the_second(), started.to_the_second());
        if started + trust.cpu_initialization_period > now {
            // A whole window since it became ready.
            ready.status && sample.at >= since + sample.window
        } else {
            // Not ready, but once was: what it uses is real.
            ready.status || started + trust.initial_readiness_delay <= since
        }
    }

    /// Running and ready: what a metric of one number is multiplied by.
    pub(crate) fn is_ready(&self) -> bool {
        self.phase == PodPhase::Running && self.ready.is_some_and(|ready| ready.status)
    }
}

fn milli(requests: Option<&Value>) -> BTreeMap<String, i64> {
    let Some(Value::Object(requests)) = requests else {
        return BTreeMap::new();
    };
    requests
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), Quantity::of(value)?.milli())))
        .collect()
}

fn is_pod_level(resource: &str) -> bool {
    matches!(resource, "cpu" | "memory") || resource.starts_with("hugepages-")
}

/// `PodRequests` of component-helpers where requests of the pod are set: they replace those of the containers, of which
/// the largest init container counts too, and the overhead is added.
fn with_pod_level(
    spec: &Value,
    containers: &[(String, BTreeMap<String, i64>)],
    pod_level: &BTreeMap<String, i64>,
) -> BTreeMap<String, i64> {
    let mut sum = BTreeMap::new();
    for (_, requests) in containers {
        add(&mut sum, requests);
    }
    let mut restartable = BTreeMap::new();
    for container in json::list(spec, &["initContainers"]) {
        let mut at_start = milli(json::at(container, &["resources", "requests"]));
        if json::text(container, &["restartPolicy"]) == Some("Always") {
            add(&mut restartable, &at_start);
            at_start.clone_from(&restartable);
        } else {
            add(&mut at_start, &restartable);
        }
        for (name, most) in at_start {
            let found = sum.entry(name).or_insert(most);
            *found = most.max(*found);
        }
    }
    for (name, request) in pod_level {
        if is_pod_level(name) {
            sum.insert(name.clone(), *request);
        }
    }
    add(&mut sum, &milli(json::at(spec, &["overhead"])));
    sum
}

fn add(sum: &mut BTreeMap<String, i64>, more: &BTreeMap<String, i64>) {
    for (name, value) in more {
        let found = sum.entry(name.clone()).or_insert(0);
        *found = found.wrapping_add(*value);
    }
}
