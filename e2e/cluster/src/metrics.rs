//! The API server's own counters: what was really written, and what its webhooks cost.

use std::collections::BTreeMap;

use kube::Client;

use crate::error::ClusterError;
use crate::ready;

/// The counters of one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics(Vec<Sample>);

/// One counter.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}

/// What webhooks took: how many calls, and their mean in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WebhookCost {
    /// The calls.
    pub calls: f64,
    /// All of them together.
    pub seconds: f64,
}

impl WebhookCost {
    /// Seconds per call.
    #[must_use]
    pub fn mean(&self) -> f64 {
        if self.calls > 0.0 {
            self.seconds / self.calls
        } else {
            0.0
        }
    }
}

impl Metrics {
    /// The API server's counters now.
    ///
    /// # Errors
    /// When they cannot be had.
    pub async fn read(client: &Client) -> Result<Self, ClusterError> {
        Ok(Self::parse(&ready::get(client, "/metrics").await?))
    }

    /// Reads the text form of Prometheus. What is no sample is passed over.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self(text.lines().filter_map(sample).collect())
    }

    /// The sum of the samples of one name that have all these labels.
    #[must_use]
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.0
            .iter()
            .filter(|sample| {
                sample.name == name
                    && labels
                        .iter()
                        .all(|(key, value)| sample.labels.get(*key).is_some_and(|seen| seen == value))
            })
            .map(|sample| sample.value)
            .sum()
    }

    /// Requests by `VERB resource` or `VERB resource/subresource`, those since an earlier moment.
    #[must_use]
    pub fn requests_since(&self, earlier: &Self) -> BTreeMap<String, f64> {
        let mut requests = self.requests();
        for (request, count) in earlier.requests() {
            if let Some(now) = requests.get_mut(&request) {
                *now -= count;
            }
        }
        requests.retain(|_, count| *count > 0.0);
        requests
    }

    /// What one webhook took since an earlier moment; `webhook` is a webhook's name, or a part of it.
    #[must_use]
    pub fn webhook_since(&self, earlier: &Self, webhook: &str) -> WebhookCost {
        let of = |metrics: &Self, part: &str| -> f64 {
            let name = format!("apiserver_admission_webhook_admission_duration_seconds_{part}");
            metrics
                .0
                .iter()
                .filter(|sample| {
                    sample.name == name
                        && sample
                            .labels
                            .get("name")
                            .is_some_and(|name| name.contains(webhook))
                })
                .map(|sample| sample.value)
                .sum()
        };
        WebhookCost {
            calls: of(self, "count") - of(earlier, "count"),
            seconds: of(self, "sum") - of(earlier, "sum"),
        }
    }

    fn requests(&self) -> BTreeMap<String, f64> {
        let mut requests = BTreeMap::new();
        for sample in self
            .0
            .iter()
            .filter(|sample| sample.name == "apiserver_request_total")
        {
            let label = |key: &str| sample.labels.get(key).map_or("", String::as_str);
            let mut request = format!("{} {}", label("verb"), label("resource"));
            if !label("subresource").is_empty() {
                request.push('/');
                request.push_str(label("subresource"));
            }
            *requests.entry(request).or_default() += sample.value;
        }
        requests
    }
}

/// `name{key="value",...} 12` or `name 12`.
fn sample(line: &str) -> Option<Sample> {
    if line.starts_with('#') {
        return None;
    }
    let (head, value) = line.rsplit_once(' ')?;
    let (name, labels) = match head.split_once('{') {
        Some((name, labels)) => (name, self::labels(labels.strip_suffix('}')?)?),
        None => (head, BTreeMap::new()),
    };
    Some(Sample {
        name: name.to_owned(),
        labels,
        value: value.parse().ok()?,
    })
}

fn labels(mut text: &str) -> Option<BTreeMap<String, String>> {
    let mut labels = BTreeMap::new();
    while !text.is_empty() {
        let (key, rest) = text.split_once("=\"")?;
        let mut value = String::new();
        let mut characters = rest.char_indices();
        let end = loop {
            match characters.next()? {
                (at, '"') => break at,
                (_, '\\') => match characters.next()?.1 {
                    'n' => value.push('\n'),
                    other => value.push(other),
                },
                (_, other) => value.push(other),
            }
        };
        labels.insert(key.to_owned(), value);
        let rest = rest.get(end + 1..)?;
        text = rest.strip_prefix(',').unwrap_or(rest);
    }
    Some(labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EARLIER: &str = r#"# HELP apiserver_request_total Counter of apiserver requests.
# TYPE apiserver_request_total counter
apiserver_request_total{code="201",resource="pods",scope="resource",subresource="",verb="POST"} 3
apiserver_request_total{code="200",resource="pods",subresource="status",verb="PATCH"} 2
apiserver_admission_webhook_admission_duration_seconds_sum{name="clusterwide-spillway.kubewarden.admission",operation="CREATE"} 0.5
apiserver_admission_webhook_admission_duration_seconds_count{name="clusterwide-spillway.kubewarden.admission",operation="CREATE"} 3
process_resident_memory_bytes 2.5e+08
odd{text="a \"b\", \\c\n{d}"} NaN
"#;

    #[test]
    fn requests_are_counted_between_two_moments() {
        let earlier = Metrics::parse(EARLIER);
        let later = Metrics::parse(
            r#"apiserver_request_total{code="201",resource="pods",subresource="",verb="POST"} 5
apiserver_request_total{code="500",resource="pods",subresource="",verb="POST"} 1
apiserver_request_total{code="200",resource="pods",subresource="status",verb="PATCH"} 2
apiserver_request_total{code="200",resource="leases",verb="PUT"} 7
"#,
        );
        assert_eq!(
            later.requests_since(&earlier),
            BTreeMap::from([("POST pods".to_owned(), 3.0), ("PUT leases".to_owned(), 7.0)])
        );
    }

    #[test]
    fn webhooks_have_a_mean() {
        let cost = Metrics::parse(EARLIER).webhook_since(&Metrics::default(), "spillway");
        assert_eq!(
            cost,
            WebhookCost {
                calls: 3.0,
                seconds: 0.5
            }
        );
        assert!((cost.mean() - 0.5 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn escaped_text_and_labels_are_read() {
        let metrics = Metrics::parse(EARLIER);
        let odd = metrics.0.iter().find(|sample| sample.name == "odd").unwrap();
        assert_eq!(odd.labels["text"], "a \"b\", \\c\n{d}");
        assert!((metrics.sum("process_resident_memory_bytes", &[]) - 2.5e8).abs() < 1.0);
    }
}
