//! One entry of `spec.metrics`.

use std::collections::BTreeMap;
use std::fmt;

use super::spec::MOST;
use crate::fields::{At, Fields};

/// What an HPA looks at, and the value it wants to see. Quantities are in thousandths.
#[derive(Debug, Clone, PartialEq)]
pub enum Metric {
    /// CPU or memory of the pods, or of one container in each.
    Resource {
        /// `cpu` or `memory`.
        resource: String,
        /// `ContainerResource`: only this container.
        container: Option<String>,
        /// The target.
        target: ResourceTarget,
    },
    /// A metric that each pod has, wanted on average.
    Pods {
        /// Which.
        metric: MetricId,
        /// Thousandths.
        average_value: i64,
    },
    /// A metric of another object.
    Object {
        /// The object.
        described: TargetRef,
        /// Which.
        metric: MetricId,
        /// The target.
        target: ValueTarget,
    },
    /// A metric from outside the cluster; what KEDA serves.
    External {
        /// Which.
        metric: MetricId,
        /// The target.
        target: ValueTarget,
    },
}

/// The target of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceTarget {
    /// Percent of what the pods request.
    Utilization(i32),
    /// Thousandths, for each pod.
    AverageValue(i64),
}

/// The target of a metric that is one number, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueTarget {
    /// The number itself.
    Value(i64),
    /// The number divided by the replicas.
    AverageValue(i64),
}

/// `apiVersion`, `kind` and `name` of an object in the HPA's namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TargetRef {
    /// Such as `apps/v1`.
    pub api_version: String,
    /// Such as `Deployment`.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// A metric's name, and which of its series.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MetricId {
    /// Its name.
    pub name: String,
    /// `None`: no selector was written.
    pub selector: Option<Selector>,
}

impl MetricId {
    /// A metric without a selector.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            selector: None,
        }
    }
}

/// A label selector.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Selector {
    /// `matchLabels`.
    pub match_labels: BTreeMap<String, String>,
    /// `matchExpressions`: key, operator, values.
    pub match_expressions: Vec<(String, String, Vec<String>)>,
}

/// As Go prints it, because Kubernetes' events quote it.
pub(crate) struct Printed<'a>(pub(crate) Option<&'a Selector>);

impl fmt::Display for Printed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(selector) = self.0 else {
            return f.write_str("nil");
        };
        f.write_str("&LabelSelector{MatchLabels:map[string]string{")?;
        for (name, value) in &selector.match_labels {
            write!(f, "{name}: {value},")?;
        }
        f.write_str("},MatchExpressions:[]LabelSelectorRequirement{")?;
        for (key, operator, values) in &selector.match_expressions {
            let values = values.join(" ");
            write!(
                f,
                "LabelSelectorRequirement{{Key:{key},Operator:{operator},Values:[{values}],}},"
            )?;
        }
        f.write_str("},}")
    }
}

/// What an HPA without metrics looks at.
pub(crate) fn default_metric() -> Metric {
    Metric::Resource {
        resource: "cpu".to_owned(),
        container: None,
        target: ResourceTarget::Utilization(80),
    }
}

pub(crate) fn read_all(at: &At<'_>) -> Option<Vec<Metric>> {
    let read: Vec<Option<Metric>> = at.as_list("a list of metrics")?.iter().map(metric).collect();
    read.into_iter().collect()
}

#[derive(Clone, Copy)]
enum Source {
    Resource,
    ContainerResource,
    Pods,
    Object,
    External,
}

fn metric(at: &At<'_>) -> Option<Metric> {
    let fields = at.as_map("a metric")?;
    let source = fields
        .required("type", "the kind of metric, such as `Resource`")?
        .as_one_of(&[
            ("Resource", Source::Resource),
            ("ContainerResource", Source::ContainerResource),
            ("Pods", Source::Pods),
            ("Object", Source::Object),
            ("External", Source::External),
        ])?;
    let name = match source {
        Source::Resource => "resource",
        Source::ContainerResource => "containerResource",
        Source::Pods => "pods",
        Source::Object => "object",
        Source::External => "external",
    };
    let below = fields
        .required(name, "what its type says")?
        .as_map("a metric source")?;
    let read = match source {
        Source::Resource => resource(&below, None),
        Source::ContainerResource => {
            let container = below.required("container", "a container's name")?;
            resource(&below, Some(container.as_text("a container's name")?.to_owned()))
        }
        Source::Pods => pods(&below),
        Source::Object => object_metric(&below),
        Source::External => external(&below),
    };
    below.no_others();
    fields.no_others();
    read
}

fn resource(fields: &Fields<'_>, container: Option<String>) -> Option<Metric> {
    let resource = fields
        .required("name", "`cpu` or `memory`")
        .and_then(|at| at.as_text("`cpu` or `memory`"));
    let target = match target(fields)? {
        Target::Utilization(percent) => ResourceTarget::Utilization(percent),
        Target::AverageValue(milli) => ResourceTarget::AverageValue(milli),
        Target::Value(_) => return wrong_target(fields, "`Utilization` or `AverageValue`"),
    };
    Some(Metric::Resource {
        resource: resource?.to_owned(),
        container,
        target,
    })
}

fn pods(fields: &Fields<'_>) -> Option<Metric> {
    let metric = metric_id(fields);
    let Target::AverageValue(average_value) = target(fields)? else {
        return wrong_target(fields, "`AverageValue`");
    };
    Some(Metric::Pods {
        metric: metric?,
        average_value,
    })
}

fn object_metric(fields: &Fields<'_>) -> Option<Metric> {
    let described = fields
        .required("describedObject", "the object: apiVersion, kind and name")
        .and_then(|at| target_ref(&at, true));
    let metric = metric_id(fields);
    let target = value_target(fields);
    Some(Metric::Object {
        described: described?,
        metric: metric?,
        target: target?,
    })
}

fn external(fields: &Fields<'_>) -> Option<Metric> {
    let metric = metric_id(fields);
    let target = value_target(fields);
    Some(Metric::External {
        metric: metric?,
        target: target?,
    })
}

fn value_target(fields: &Fields<'_>) -> Option<ValueTarget> {
    match target(fields)? {
        Target::Value(milli) => Some(ValueTarget::Value(milli)),
        Target::AverageValue(milli) => Some(ValueTarget::AverageValue(milli)),
        Target::Utilization(_) => wrong_target(fields, "`Value` or `AverageValue`"),
    }
}

enum Target {
    Utilization(i32),
    Value(i64),
    AverageValue(i64),
}

fn target(fields: &Fields<'_>) -> Option<Target> {
    let at = fields.required("target", "the value to keep: type and value")?;
    let target = at.as_map("a target: type and value")?;
    let kind = target
        .required("type", "`Utilization`, `Value` or `AverageValue`")?
        .as_one_of(&[("Utilization", 0), ("Value", 1), ("AverageValue", 2)])?;
    let read = match kind {
        0 => {
            let percent = target
                .required("averageUtilization", "percent of the request")?
                .as_number(1, MOST)?;
            Target::Utilization(i32::try_from(percent).ok()?)
        }
        1 => Target::Value(target.required("value", "a quantity")?.as_positive()?.milli()),
        _ => Target::AverageValue(
            target
                .required("averageValue", "a quantity")?
                .as_positive()?
                .milli(),
        ),
    };
    target.no_others();
    Some(read)
}

fn wrong_target<T>(fields: &Fields<'_>, wanted: &str) -> Option<T> {
    fields.at().fault(format!(
        "the type of `target` does not fit this metric; write {wanted}"
    ));
    None
}

fn metric_id(fields: &Fields<'_>) -> Option<MetricId> {
    let metric = fields
        .required("metric", "the metric: a name")?
        .as_map("a metric: name and selector")?;
    let at = metric.required("name", "a name")?;
    let name = path_segment(&at)?;
    let selector = match metric.optional("selector") {
        Some(at) => Some(selector(&at)?),
        None => None,
    };
    metric.no_others();
    Some(MetricId { name, selector })
}

fn selector(at: &At<'_>) -> Option<Selector> {
    let fields = at.as_map("a label selector")?;
    let match_labels = match fields.optional("matchLabels") {
        Some(at) => at.as_texts("a map of labels")?,
        None => BTreeMap::new(),
    };
    let mut match_expressions = Vec::new();
    if let Some(at) = fields.optional("matchExpressions") {
        for at in at.as_list("a list of requirements")? {
            let fields = at.as_map("a requirement: key, operator and values")?;
            let key = fields
                .required("key", "a label's name")?
                .as_text("a label's name")?;
            let operator = fields.required("operator", "`In`, `NotIn`, `Exists` or `DoesNotExist`")?;
            let operator = operator.as_one_of(&[
                ("In", "In"),
                ("NotIn", "NotIn"),
                ("Exists", "Exists"),
                ("DoesNotExist", "DoesNotExist"),
            ])?;
            let values = match fields.optional("values") {
                Some(at) => at
                    .as_list("a list of values")?
                    .iter()
                    .map(|at| at.as_text("a value").map(str::to_owned))
                    .collect::<Option<_>>()?,
                None => Vec::new(),
            };
            fields.no_others();
            match_expressions.push((key.to_owned(), operator.to_owned(), values));
        }
    }
    fields.no_others();
    Some(Selector {
        match_labels,
        match_expressions,
    })
}

/// Reads a reference to an object; one without a group, as `v1`, only where `core` allows it.
pub(crate) fn target_ref(at: &At<'_>, core: bool) -> Option<TargetRef> {
    let fields = at.as_map("a reference: apiVersion, kind and name")?;
    let kind = fields.required("kind", "a kind").and_then(|at| path_segment(&at));
    let name = fields.required("name", "a name").and_then(|at| path_segment(&at));
    let api_version = match fields.optional("apiVersion") {
        Some(at) => at.as_text("such as `apps/v1`")?.to_owned(),
        None => String::new(),
    };
    fields.no_others();
    let kind = kind?;
    let slashes = api_version.matches('/').count();
    if slashes > 1 || (slashes == 0 && !core && kind != "ReplicationController") {
        at.fault(format!(
            "`apiVersion` is `{api_version}`; write a group and a version, such as `apps/v1`"
        ));
        return None;
    }
    Some(TargetRef {
        api_version,
        kind,
        name: name?,
    })
}

/// A text that may be one step of a URL.
fn path_segment(at: &At<'_>) -> Option<String> {
    const WANTED: &str = "a name without `/` and `%`";
    let text = at.as_text(WANTED)?;
    if text == "." || text == ".." || text.contains(['/', '%']) {
        return at.wanted(WANTED);
    }
    Some(text.to_owned())
}
