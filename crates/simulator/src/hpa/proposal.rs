//! One metric's proposal: its count, its name in events, its value in the status, or why there is none.

use super::metric::View;
use super::metric_spec::{Metric, MetricId, Printed, ResourceTarget, ValueTarget};

/// A metric's value as the status of the HPA shows it. Quantities are in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MetricValue {
    /// Percent of the request.
    pub average_utilization: Option<i32>,
    /// For each pod.
    pub average_value: Option<i64>,
    /// The number itself.
    pub value: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proposal {
    pub(crate) replicas: i32,
    pub(crate) name: String,
    pub(crate) current: MetricValue,
}

/// Why a metric proposes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreadable {
    /// Such as `FailedGetResourceMetric`.
    pub(crate) reason: &'static str,
    /// What the event says.
    pub(crate) message: String,
    /// What the list of all metrics quotes.
    pub(crate) error: String,
}

impl View<'_> {
    pub(crate) fn propose(&self, metric: &Metric) -> Result<Proposal, Unreadable> {
        match metric {
            Metric::Resource {
                resource,
                container,
                target,
            } => self.propose_resource(resource, container.as_deref(), *target),
            Metric::Pods {
                metric,
                average_value,
            } => {
                let computed = self.of_pods(metric, *average_value).map_err(|error| {
                    unreadable("FailedGetPodsMetric", "failed to get pods metric value", error)
                })?;
                Ok(Proposal {
                    replicas: computed.replicas,
                    name: format!("pods metric {}", metric.name),
                    current: average(computed.usage),
                })
            }
            Metric::Object {
                described,
                metric,
                target,
            } => {
                let usage = self.object(described, metric);
                let named = format!("{} metric {}", described.kind, metric.name);
                let outer = "failed to get object metric value";
                let inner = format!("failed to get {} object metric", metric.name);
                self.propose_value(usage, *target, false, named, metric)
                    .map_err(|error| match target {
                        ValueTarget::Value(_) => unreadable("FailedGetObjectMetric", outer, error),
                        ValueTarget::AverageValue(_) => {
                            unreadable("FailedGetObjectMetric", &format!("{outer}: {inner}"), error)
                        }
                    })
            }
            Metric::External { metric, target } => {
                let usage = self.external(metric, matches!(target, ValueTarget::AverageValue(_)));
                let named = external_name(metric);
                let name = &metric.name;
                let inner = match target {
                    ValueTarget::Value(_) => format!("failed to get external metric {name}"),
                    ValueTarget::AverageValue(_) => format!("failed to get {name} external metric"),
                };
                let outer = format!("failed to get {name} external metric value: {inner}");
                self.propose_value(usage, *target, true, named, metric)
                    .map_err(|error| unreadable("FailedGetExternalMetric", &outer, error))
            }
        }
    }

    fn propose_resource(
        &self,
        resource: &str,
        container: Option<&str>,
        target: ResourceTarget,
    ) -> Result<Proposal, Unreadable> {
        let failed = |what: &str, error: String| {
            let message = format!("failed to get {resource} {what}: {error}");
            let (reason, outer) = match container {
                Some(name) => (
                    "FailedGetContainerResourceMetric",
                    format!("failed to get {name} container metric value"),
                ),
                None => (
                    "FailedGetResourceMetric",
                    format!("failed to get {resource} resource metric value"),
                ),
            };
            unreadable(reason, &outer, message)
        };
        match target {
            ResourceTarget::AverageValue(target) => {
                let computed = self
                    .average_usage(resource, container, target)
                    .map_err(|error| failed("usage", error))?;
                Ok(Proposal {
                    replicas: computed.replicas,
                    name: format!("{resource} resource"),
                    current: average(computed.usage),
                })
            }
            ResourceTarget::Utilization(target) => {
                let computed = self
                    .utilization(resource, container, target)
                    .map_err(|error| failed("utilization", error))?;
                let of = if container.is_some() { " container" } else { "" };
                Ok(Proposal {
                    replicas: computed.replicas,
                    name: format!("{resource}{of} resource utilization (percentage of request)"),
                    current: MetricValue {
                        average_utilization: Some(computed.usage.percent),
                        ..average(computed.usage.average)
                    },
                })
            }
        }
    }

    fn propose_value(
        &self,
        usage: Result<i64, String>,
        target: ValueTarget,
        external: bool,
        named: String,
        metric: &MetricId,
    ) -> Result<Proposal, String> {
        let usage = usage?;
        Ok(match target {
            ValueTarget::Value(target) => {
                let computed = self.value(usage, target)?;
                Proposal {
                    replicas: computed.replicas,
                    name: named,
                    current: MetricValue {
                        value: Some(computed.usage),
                        ..MetricValue::default()
                    },
                }
            }
            ValueTarget::AverageValue(target) => {
                let computed = self.average_value(usage, target, external);
                Proposal {
                    replicas: computed.replicas,
                    // Kubernetes calls an object's average external too.
                    name: external_name(metric),
                    current: average(computed.usage),
                }
            }
        })
    }
}

fn external_name(metric: &MetricId) -> String {
    format!(
        "external metric {}({})",
        metric.name,
        Printed(metric.selector.as_ref())
    )
}

fn average(value: i64) -> MetricValue {
    MetricValue {
        average_value: Some(value),
        ..MetricValue::default()
    }
}

fn unreadable(reason: &'static str, outer: &str, message: String) -> Unreadable {
    Unreadable {
        reason,
        error: format!("{outer}: {message}"),
        message,
    }
}
