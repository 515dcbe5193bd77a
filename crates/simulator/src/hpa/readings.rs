//! What the three metrics APIs answer at one moment.

use std::collections::BTreeMap;

use super::metric_spec::{MetricId, TargetRef};
use crate::time::Millis;

/// The answers of the metrics APIs. Values are in thousandths; a text is why there is no answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Readings {
    /// `metrics.k8s.io`: CPU and memory of the pods. A pod without a sample is left out.
    pub resources: Result<Vec<PodUsage>, String>,
    /// `custom.metrics.k8s.io`, metrics of pods: the value of each pod that has one.
    pub pods: BTreeMap<MetricId, Result<BTreeMap<String, i64>, String>>,
    /// `custom.metrics.k8s.io`, metrics of other objects.
    pub objects: BTreeMap<(TargetRef, MetricId), Result<i64, String>>,
    /// `external.metrics.k8s.io`: every series that matches.
    pub external: BTreeMap<MetricId, Result<Vec<i64>, String>>,
}

/// What a pod used over a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodUsage {
    /// The pod's name.
    pub pod: String,
    /// The window's end.
    pub at: Millis,
    /// The window's length.
    pub window: Millis,
    /// Every running container.
    pub containers: Vec<ContainerUsage>,
}

/// What a container used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerUsage {
    /// The container's name.
    pub name: String,
    /// By resource, in thousandths.
    pub usage: BTreeMap<String, i64>,
}

/// One pod's sample of one metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) value: i64,
    pub(crate) at: Millis,
    pub(crate) window: Millis,
}

/// What a custom metric's samples are said to cover.
const CUSTOM_WINDOW: Millis = Millis(60_000);

impl Default for Readings {
    /// No metrics API is installed.
    fn default() -> Self {
        Self {
            resources: Err(
                "the server could not find the requested resource (get pods.metrics.k8s.io)".to_owned(),
            ),
            pods: BTreeMap::new(),
            objects: BTreeMap::new(),
            external: BTreeMap::new(),
        }
    }
}

impl Readings {
    /// One resource of each pod, summed over its containers; a pod of which one container lacks it has none.
    pub(crate) fn resource(
        &self,
        resource: &str,
        container: Option<&str>,
    ) -> Result<BTreeMap<&str, Sample>, String> {
        let read = self
            .resources
            .as_ref()
            .map_err(|error| format!("unable to fetch metrics from resource metrics API: {error}"))?;
        if read.is_empty() {
            return Err("no metrics returned from resource metrics API".to_owned());
        }
        let value = |usage: &PodUsage| match container {
            Some(name) => {
                let found = usage.containers.iter().find(|container| container.name == name)?;
                found.usage.get(resource).copied()
            }
            None if usage.containers.is_empty() => None,
            None => usage.containers.iter().try_fold(0_i64, |sum, container| {
                Some(sum.wrapping_add(*container.usage.get(resource)?))
            }),
        };
        let sample = |usage: &PodUsage, value| Sample {
            value,
            at: usage.at.to_the_second(),
            window: usage.window,
        };
        Ok(read
            .iter()
            .filter_map(|usage| Some((usage.pod.as_str(), sample(usage, value(usage)?))))
            .collect())
    }

    pub(crate) fn of_pods(&self, metric: &MetricId) -> Result<BTreeMap<&str, Sample>, String> {
        let read = answered(self.pods.get(metric), "custom")?;
        if read.is_empty() {
            return Err("no metrics returned from custom metrics API".to_owned());
        }
        let sample = |&value| Sample {
            value,
            at: Millis::ZERO,
            window: CUSTOM_WINDOW,
        };
        Ok(read
            .iter()
            .map(|(pod, value)| (pod.as_str(), sample(value)))
            .collect())
    }

    pub(crate) fn of_object(&self, described: &TargetRef, metric: &MetricId) -> Result<i64, String> {
        answered(self.objects.get(&(described.clone(), metric.clone())), "custom").copied()
    }

    pub(crate) fn external(&self, metric: &MetricId) -> Result<&[i64], String> {
        let read = answered(self.external.get(metric), "external")?;
        if read.is_empty() {
            return Err("no metrics returned from external metrics API".to_owned());
        }
        Ok(read)
    }
}

fn answered<'a, T>(read: Option<&'a Result<T, String>>, api: &str) -> Result<&'a T, String> {
    let error = match read {
        Some(Ok(value)) => return Ok(value),
        Some(Err(error)) => error,
        None => "the server could not find the metric",
    };
    Err(format!("unable to fetch metrics from {api} metrics API: {error}"))
}
