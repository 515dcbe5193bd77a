//! The triggers of a ScaledObject.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::cron::{Schedule, zone};
use super::promql::Query;
use crate::fields::At;
use crate::hpa::ValueTarget;
use crate::time::Millis;

/// One trigger.
#[derive(Debug, Clone, PartialEq)]
pub struct Trigger {
    /// The metric's name in the HPA, such as `s0-prometheus`.
    pub metric: String,
    /// What it looks at.
    pub kind: TriggerKind,
    /// Of what the threshold is.
    pub metric_type: MetricType,
}

/// What a trigger looks at.
#[derive(Debug, Clone, PartialEq)]
pub enum TriggerKind {
    /// The answer to a query.
    Prometheus(PrometheusTrigger),
    /// The time of day.
    Cron(CronTrigger),
}

/// A trigger of type `prometheus`.
#[derive(Debug, Clone, PartialEq)]
pub struct PrometheusTrigger {
    /// What is asked.
    pub query: Query,
    /// The target, in thousandths.
    pub threshold: i64,
    /// Active above it.
    pub activation_threshold: f64,
}

/// A trigger of type `cron`: active from `start` to `end`.
#[derive(Debug, Clone, PartialEq)]
pub struct CronTrigger {
    /// Begins then.
    pub start: Schedule,
    /// Ends then.
    pub end: Schedule,
    /// Where both are told.
    pub zone: TimeZone,
    /// Its name, which is part of the metric's.
    pub zone_name: String,
    /// Replicas between start and end.
    pub desired_replicas: u32,
}

/// Of what a threshold is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricType {
    /// The value divided by the replicas; KEDA's default.
    AverageValue,
    /// The value itself.
    Value,
}

impl Trigger {
    /// The target the HPA gets.
    pub fn target(&self) -> ValueTarget {
        let milli = match &self.kind {
            TriggerKind::Prometheus(prometheus) => prometheus.threshold,
            TriggerKind::Cron(_) => 1000,
        };
        match self.metric_type {
            MetricType::AverageValue => ValueTarget::AverageValue(milli),
            MetricType::Value => ValueTarget::Value(milli),
        }
    }
}

impl CronTrigger {
    /// Whether `now` is between a start and an end.
    pub fn is_active(&self, now: Millis) -> bool {
        let never = Millis(u64::MAX);
        let start = self.start.next(now, &self.zone).unwrap_or(never);
        let end = self.end.next(now, &self.zone).unwrap_or(never);
        // The next end comes before the next start: we are between them.
        end <= start
    }
}

pub(crate) fn read(at: &At<'_>, index: usize) -> Option<Trigger> {
    let fields = at.as_map("a trigger: type and metadata")?;
    let kind = fields
        .required("type", "`prometheus` or `cron`")?
        .as_one_of(&[("prometheus", true), ("cron", false)])?;
    let metric_type = match fields.optional("metricType") {
        Some(at) => at.as_one_of(&[
            ("AverageValue", MetricType::AverageValue),
            ("Value", MetricType::Value),
        ])?,
        None => MetricType::AverageValue,
    };
    // Both change nothing in a simulation.
    let _ = (fields.optional("name"), fields.optional("useCachedMetrics"));
    let at = fields.required("metadata", "the trigger's settings")?;
    fields.no_others();
    let metadata = Metadata {
        texts: at.as_texts("a map of texts")?,
        at,
    };
    let (kind, metric) = if kind {
        (
            TriggerKind::Prometheus(prometheus(&metadata)?),
            "prometheus".to_owned(),
        )
    } else {
        let cron = cron(&metadata)?;
        let metric = cron_metric(&cron);
        (TriggerKind::Cron(cron), metric)
    };
    Some(Trigger {
        metric: format!("s{index}-{metric}"),
        kind,
        metric_type,
    })
}

fn prometheus(metadata: &Metadata<'_>) -> Option<PrometheusTrigger> {
    metadata.no_others(&[
        "serverAddress",
        "query",
        "threshold",
        "activationThreshold",
        "metricName",
        "namespace",
        "ignoreNullValues",
        "queryParameters",
        "customHeaders",
        "unsafeSsl",
        "timeout",
        "authModes",
    ]);
    metadata.required("serverAddress", "the address of Prometheus")?;
    let query = metadata.required("query", "a query of PromQL")?;
    let query = Query::parse(query)
        .map_err(|fault| metadata.fault("query", &fault.to_string()))
        .ok();
    let threshold = metadata.required("threshold", "the value to keep, such as \"100\"")?;
    let threshold = metadata.number("threshold", threshold).filter(|number| {
        let positive = *number >= 0.001;
        if !positive {
            metadata.fault("threshold", "write a number above 0, such as \"100\"");
        }
        positive
    });
    let activation_threshold = match metadata.texts.get("activationThreshold") {
        Some(text) => metadata.number("activationThreshold", text)?,
        None => 0.0,
    };
    Some(PrometheusTrigger {
        query: query?,
        threshold: milli(threshold?),
        activation_threshold,
    })
}

fn cron(metadata: &Metadata<'_>) -> Option<CronTrigger> {
    metadata.no_others(&["timezone", "start", "end", "desiredReplicas"]);
    let schedule = |name| {
        let text = metadata.required(name, "a schedule of five fields, such as \"0 8 * * 1-5\"")?;
        Schedule::parse(text)
            .map_err(|fault| metadata.fault(name, &fault.to_string()))
            .ok()
    };
    let (start, end) = (schedule("start"), schedule("end"));
    let zone_name = metadata.required("timezone", "a time zone, such as \"Asia/Shanghai\" or \"UTC\"");
    let replicas = metadata.required("desiredReplicas", "a whole number in quotes")?;
    let desired_replicas = replicas.parse().ok();
    if desired_replicas.is_none() {
        metadata.fault(
            "desiredReplicas",
            &format!("found `{replicas}`; write a whole number in quotes"),
        );
    }
    let (start, end, zone_name) = (start?, end?, zone_name?);
    if start.text() == end.text() {
        metadata.fault("end", "it is the same as `start`; write another time");
        return None;
    }
    let zone = zone(zone_name);
    if zone.is_none() {
        metadata.fault(
            "timezone",
            &format!(
                "found `{zone_name}`; write a name such as \"Asia/Shanghai\", or an offset such as \"+08:00\""
            ),
        );
    }
    Some(CronTrigger {
        start,
        end,
        zone: zone?,
        zone_name: zone_name.to_owned(),
        desired_replicas: desired_replicas?,
    })
}

/// As KEDA names it.
fn cron_metric(cron: &CronTrigger) -> String {
    let compact = |schedule: &Schedule| {
        let text = schedule.text().replace(' ', "").replace('*', "x");
        text.replace('/', "Sl").replace('?', "Qm")
    };
    let (start, end) = (compact(&cron.start), compact(&cron.end));
    format!("cron-{}-{start}-{end}", cron.zone_name).replace(['/', '.', ':', '%', '(', ')'], "-")
}

struct Metadata<'a> {
    texts: BTreeMap<String, String>,
    at: At<'a>,
}

impl Metadata<'_> {
    fn required(&self, name: &str, meaning: &str) -> Option<&str> {
        let found = self.texts.get(name).filter(|text| !text.is_empty());
        if found.is_none() {
            self.at.fault(format!("`{name}` is missing; write {meaning}"));
        }
        found.map(String::as_str)
    }

    fn number(&self, name: &str, text: &str) -> Option<f64> {
        let number = text
            .trim()
            .parse::<f64>()
            .ok()
            .filter(|number| number.is_finite());
        if number.is_none() {
            self.fault(name, &format!("found `{text}`; write a number in quotes"));
        }
        number
    }

    fn fault(&self, name: &str, message: &str) {
        self.at.fault(format!("`{name}`: {message}"));
    }

    fn no_others(&self, known: &[&str]) {
        for name in self.texts.keys() {
            if !known.contains(&name.as_str()) {
                self.fault(name, &format!("unknown; known are {}", known.join(", ")));
            }
        }
    }
}

/// Thousandths, cut off, as KEDA makes a quantity of a number.
#[expect(
    clippy::cast_possible_truncation,
    reason = "what does not fit becomes the largest"
)]
pub(crate) fn milli(number: f64) -> i64 {
    (number * 1000.0) as i64
}
