//! The replicas that one metric asks for (Kubernetes, `replica_calculator.go`).
//!
//! Everything is in 32 and 64 bits and double precision, as there: where Go would overflow, so does this.

use std::collections::BTreeMap;

use super::metric_spec::{MetricId, Printed, TargetRef};
use super::pods::{Groups, PodSample, Trust, requests};
use super::readings::{Readings, Sample};
use crate::time::Millis;

/// How far from the target is near enough, down and up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Tolerances {
    pub(crate) down: f64,
    pub(crate) up: f64,
}

impl Tolerances {
    fn accept(self, ratio: f64) -> bool {
        (1.0 - self.down) <= ratio && ratio <= (1.0 + self.up)
    }
}

/// What every metric is computed from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) now: Millis,
    pub(crate) trust: Trust,
    pub(crate) tolerances: Tolerances,
    /// `spec.replicas` of the scale.
    pub(crate) replicas: i32,
    /// `status.replicas` of the scale.
    pub(crate) status_replicas: i32,
    pub(crate) pods: &'a [PodSample],
    pub(crate) readings: &'a Readings,
    pub(crate) namespace: &'a str,
}

/// A count, and the value it was computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Computed<T> {
    pub(crate) replicas: i32,
    pub(crate) usage: T,
}

/// Percent of the request, and the average in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Utilization {
    pub(crate) percent: i32,
    pub(crate) average: i64,
}

const NO_PODS: &str = "no pods returned by selector while calculating replica count";
const NO_SAMPLES: &str = "did not receive metrics for targeted pods (pods might be unready)";

impl View<'_> {
    /// Percent of what the pods request.
    pub(crate) fn utilization(
        &self,
        resource: &str,
        container: Option<&str>,
        target: i32,
    ) -> Result<Computed<Utilization>, String> {
        let samples = self.resource(resource, container)?;
        let (mut values, groups) = self.grouped(samples, resource == "cpu")?;
        let requests = requests(self.pods, resource, container)?;
        let (ratio, usage) = utilization_ratio(&values, &requests, target)?;
        let replicas = if let Some(replicas) = self.of_complete(&groups, ratio) {
            replicas
        } else {
            let fallback = i64::from(target.max(100));
            groups.fill(&mut values, ratio, |pod| {
                let request = requests.get(pod).copied().unwrap_or(0);
                request.wrapping_mul(fallback) / 100
            });
            let (again, _) = utilization_ratio(&values, &requests, target)?;
            self.of_filled(ratio, again, values.len())
        };
        Ok(Computed { replicas, usage })
    }

    /// CPU or memory against an amount for each pod.
    pub(crate) fn average_usage(
        &self,
        resource: &str,
        container: Option<&str>,
        target: i64,
    ) -> Result<Computed<i64>, String> {
        self.plain(self.resource(resource, container)?, resource == "cpu", target)
    }

    /// A metric that each pod has.
    pub(crate) fn of_pods(&self, metric: &MetricId, target: i64) -> Result<Computed<i64>, String> {
        let samples = self
            .readings
            .of_pods(metric)
            .map_err(|error| format!("unable to get metric {}: {error}", metric.name))?;
        self.plain(samples, false, target)
    }

    /// A number against its target.
    pub(crate) fn value(&self, usage: i64, target: i64) -> Result<Computed<i64>, String> {
        let ratio = float(usage) / float(target);
        let replicas = if self.replicas == 0 {
            int32(ratio.ceil())
        } else if self.tolerances.accept(ratio) {
            self.replicas
        } else if self.pods.is_empty() {
            return Err(format!("unable to calculate ready pods: {NO_PODS}"));
        } else {
            let ready = self.pods.iter().filter(|pod| pod.is_ready()).count();
            let wanted = ratio * float(whole(ready));
            if wanted > f64::from(i32::MAX) {
                i32::MAX
            } else {
                int32(wanted.ceil())
            }
        };
        Ok(Computed { replicas, usage })
    }

    /// A number divided by the replicas, against its target; `External` does not overflow, `Object` does.
    pub(crate) fn average_value(&self, usage: i64, target: i64, capped: bool) -> Computed<i64> {
        let ratio = float(usage) / (float(target) * f64::from(self.status_replicas));
        let mut replicas = self.status_replicas;
        if !self.tolerances.accept(ratio) {
            let wanted = (float(usage) / float(target)).ceil();
            replicas = if capped && wanted > f64::from(i32::MAX) {
                i32::MAX
            } else {
                int32(wanted)
            };
        }
        let average = if capped && float(usage) >= float(i64::MAX) {
            i64::MAX
        } else {
            int64((float(usage) / f64::from(self.status_replicas)).ceil())
        };
        Computed {
            replicas,
            usage: average,
        }
    }

    /// The value of an object's metric.
    pub(crate) fn object(&self, described: &TargetRef, metric: &MetricId) -> Result<i64, String> {
        self.readings.of_object(described, metric).map_err(|error| {
            let (kind, name) = (&described.kind, &described.name);
            // Kubernetes says it in this order.
            format!(
                "unable to get metric {}: {kind} on {} {name}/{error}",
                metric.name, self.namespace
            )
        })
    }

    /// The sum of an external metric's series. An average takes any sum below 0 for an overflow, as Kubernetes does.
    pub(crate) fn external(&self, metric: &MetricId, for_average: bool) -> Result<i64, String> {
        let values = self.readings.external(metric).map_err(|error| {
            format!(
                "unable to get external metric {}/{}/{}: {error}",
                self.namespace,
                metric.name,
                Printed(metric.selector.as_ref())
            )
        })?;
        let added = values.iter().try_fold(0_i64, |sum, value| {
            sum.checked_add(*value).filter(|sum| !for_average || *sum >= 0)
        });
        Ok(added.unwrap_or(i64::MAX))
    }

    fn resource(&self, resource: &str, container: Option<&str>) -> Result<BTreeMap<&str, Sample>, String> {
        self.readings
            .resource(resource, container)
            .map_err(|error| format!("unable to get metrics for resource {resource}: {error}"))
    }

    fn plain(
        &self,
        samples: BTreeMap<&str, Sample>,
        is_cpu: bool,
        target: i64,
    ) -> Result<Computed<i64>, String> {
        let (mut values, groups) = self.grouped(samples, is_cpu)?;
        let (ratio, usage) = usage_ratio(&values, target);
        let replicas = if let Some(replicas) = self.of_complete(&groups, ratio) {
            replicas
        } else {
            groups.fill(&mut values, ratio, |_| target);
            let (again, _) = usage_ratio(&values, target);
            self.of_filled(ratio, again, values.len())
        };
        Ok(Computed { replicas, usage })
    }

    /// The samples that count, and the pods that have none.
    fn grouped<'s>(
        &'s self,
        samples: BTreeMap<&'s str, Sample>,
        is_cpu: bool,
    ) -> Result<(BTreeMap<&'s str, i64>, Groups<'s>), String> {
        if self.pods.is_empty() {
            return Err(NO_PODS.to_owned());
        }
        let groups = Groups::of(self.pods, &samples, is_cpu, self.trust, self.now);
        let mut values: BTreeMap<&str, i64> = samples
            .into_iter()
            .map(|(pod, sample)| (pod, sample.value))
            .collect();
        for pod in groups.ignored.iter().chain(&groups.unready) {
            values.remove(pod);
        }
        if values.is_empty() {
            return Err(NO_SAMPLES.to_owned());
        }
        Ok((values, groups))
    }

    /// The count where no value must be guessed.
    fn of_complete(&self, groups: &Groups<'_>, ratio: f64) -> Option<i32> {
        let up_with_unready = !groups.unready.is_empty() && ratio > 1.0;
        if up_with_unready || !groups.missing.is_empty() {
            return None;
        }
        Some(if self.tolerances.accept(ratio) {
            self.replicas
        } else {
            int32((ratio * float(whole(groups.ready))).ceil())
        })
    }

    /// The count after values were guessed: the guesses may weaken the direction, never turn it.
    fn of_filled(&self, ratio: f64, again: f64, pods: usize) -> i32 {
        let turned = (ratio < 1.0 && again > 1.0) || (ratio > 1.0 && again < 1.0);
        if self.tolerances.accept(again) || turned {
            return self.replicas;
        }
        let wanted = int32((again * float(whole(pods))).ceil());
        let against = (again < 1.0 && wanted > self.replicas) || (again > 1.0 && wanted < self.replicas);
        if against { self.replicas } else { wanted }
    }
}

impl<'a> Groups<'a> {
    /// Guesses what is missing so that the count changes less: much on the way down, nothing on the way up.
    fn fill(&self, values: &mut BTreeMap<&'a str, i64>, ratio: f64, on_the_way_down: impl Fn(&str) -> i64) {
        for pod in &self.missing {
            if ratio < 1.0 {
                values.insert(pod, on_the_way_down(pod));
            } else if ratio > 1.0 {
                values.insert(pod, 0);
            }
        }
        if ratio > 1.0 {
            values.extend(self.unready.iter().map(|pod| (*pod, 0)));
        }
    }
}

fn utilization_ratio(
    values: &BTreeMap<&str, i64>,
    requests: &BTreeMap<&str, i64>,
    target: i32,
) -> Result<(f64, Utilization), String> {
    let (mut used, mut requested, mut count) = (0_i64, 0_i64, 0_i64);
    for (pod, value) in values {
        if let Some(request) = requests.get(pod) {
            used = used.wrapping_add(*value);
            requested = requested.wrapping_add(*request);
            count += 1;
        }
    }
    if requested == 0 {
        return Err("no metrics returned matched known pods".to_owned());
    }
    let percent = low_bits(used.wrapping_mul(100).wrapping_div(requested));
    let ratio = f64::from(percent) / f64::from(target);
    let average = used / count;
    Ok((ratio, Utilization { percent, average }))
}

fn usage_ratio(values: &BTreeMap<&str, i64>, target: i64) -> (f64, i64) {
    let sum = values.values().fold(0_i64, |sum, value| sum.wrapping_add(*value));
    let usage = sum.checked_div(whole(values.len())).unwrap_or(0);
    (float(usage) / float(target), usage)
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "as Go's float64()")]
pub(crate) fn float(number: i64) -> f64 {
    number as f64
}

/// Go's `int32()` of a 64 bit integer.
#[expect(clippy::cast_possible_truncation, reason = "as Go's int32()")]
fn low_bits(number: i64) -> i32 {
    number as i32
}

/// Go's `int32()` of a double on x86-64: what does not fit is the least number.
#[expect(clippy::cast_possible_truncation, reason = "checked just above")]
pub(crate) fn int32(number: f64) -> i32 {
    if number > -2_147_483_649.0 && number < 2_147_483_648.0 {
        number as i32
    } else {
        i32::MIN
    }
}

/// Go's `int64()` of a double on x86-64.
#[expect(clippy::cast_possible_truncation, reason = "checked just above")]
fn int64(number: f64) -> i64 {
    if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&number) {
        number as i64
    } else {
        i64::MIN
    }
}
