//! One look of the HPA controller (`reconcileAutoscaler`).

use super::behaviour::{Bounds, History};
use super::metric::{Tolerances, View};
use super::outcome::{Condition, ConditionType, Event, Flags, Outcome, Record, Scale};
use super::pods::{PodSample, Trust};
use super::proposal::MetricValue;
use super::readings::Readings;
use super::several::{self, Answer};
use super::spec::{Gates, Hpa, Metric, Rules};
use crate::time::Millis;

/// The controller of one HPA.
#[derive(Debug, Clone)]
pub struct Controller {
    hpa: Hpa,
    flags: Flags,
    gates: Gates,
    history: History,
    conditions: Vec<Condition>,
    records: Vec<Record>,
}

impl Controller {
    /// A controller that has not looked yet.
    pub fn new(hpa: Hpa, flags: Flags, gates: Gates) -> Self {
        Self {
            hpa,
            flags,
            gates,
            history: History::default(),
            conditions: Vec::new(),
            records: Vec::new(),
        }
    }

    /// What it follows.
    pub fn hpa(&self) -> &Hpa {
        &self.hpa
    }

    /// Follows a changed object; what was learned stays.
    pub fn update(&mut self, hpa: Hpa) {
        self.hpa = hpa;
    }

    /// Every scaling and every failure to read a metric.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Looks once.
    pub fn reconcile(
        &mut self,
        now: Millis,
        scale: Scale<'_>,
        readings: &Readings,
        pods: &[PodSample],
    ) -> Outcome {
        let mut look = Look {
            now,
            events: Vec::new(),
            current: Vec::new(),
        };
        let desired = self.look(&mut look, scale, readings, pods);
        Outcome {
            desired,
            events: look.events,
            conditions: self.conditions.clone(),
            current: look.current,
        }
    }

    fn look(
        &mut self,
        look: &mut Look,
        scale: Scale<'_>,
        readings: &Readings,
        pods: &[PodSample],
    ) -> Option<u32> {
        self.set(
            look.now,
            ConditionType::AbleToScale,
            true,
            "SucceededGetScale",
            "the HPA controller was able to get the target's current scale",
        );
        let current = signed(scale.spec);
        let (min, max) = (signed(self.hpa.min_replicas), signed(self.hpa.max_replicas));
        self.history.begin(current, look.now);
        if current == 0 && !self.wakes(min) {
            self.set(
                look.now,
                ConditionType::ScalingActive,
                false,
                "ScalingDisabled",
                "scaling is disabled since the replica count of the target is zero",
            );
            if !self.gates.scale_to_zero {
                self.unset(ConditionType::ScaledToZero);
            }
            return None;
        }
        let (desired, reason) = if current > max {
            (
                max,
                "Current number of replicas above Spec.MaxReplicas".to_owned(),
            )
        } else if current != 0 && current < min {
            (
                min,
                "Current number of replicas below Spec.MinReplicas".to_owned(),
            )
        } else {
            self.ask_metrics(look, scale, readings, pods)?
        };
        if desired == current {
            return None;
        }
        Some(self.write(look, current, desired, reason))
    }

    /// Whether a target at zero is looked at: only where this HPA itself brought it there.
    fn wakes(&self, min: i32) -> bool {
        self.gates.scale_to_zero && self.scaled_to_zero() && (min != 0 || self.looks_outside())
    }

    fn ask_metrics(
        &mut self,
        look: &mut Look,
        scale: Scale<'_>,
        readings: &Readings,
        pods: &[PodSample],
    ) -> Option<(i32, String)> {
        let current = signed(scale.spec);
        let (min, max) = (signed(self.hpa.min_replicas), signed(self.hpa.max_replicas));
        if let Err(error) = self.check_selector(look, scale) {
            look.event("FailedComputeMetricsReplicas", error);
            return None;
        }
        let view = View {
            now: look.now,
            trust: Trust {
                cpu_initialization_period: self.flags.cpu_initialization_period,
                initial_readiness_delay: self.flags.initial_readiness_delay,
            },
            tolerances: self.tolerances(),
            replicas: current,
            status_replicas: signed(scale.status),
            pods,
            readings,
            namespace: &self.hpa.namespace,
        };
        let computation = several::compute(&view, &self.hpa.metrics);
        look.current = computation.current;
        for unreadable in &computation.unreadable {
            look.event(unreadable.reason, unreadable.message.clone());
            self.record_failure(look.now, unreadable.reason, &unreadable.message);
        }
        let (proposed, metric) = match computation.answer {
            Answer::Replicas { replicas, metric } => (replicas, metric),
            Answer::Nothing { error } => {
                if let Some(first) = computation.unreadable.first() {
                    let message = format!(
                        "the HPA was unable to compute the replica count: {}",
                        first.message
                    );
                    self.set(
                        look.now,
                        ConditionType::ScalingActive,
                        false,
                        first.reason,
                        message,
                    );
                }
                look.event("FailedComputeMetricsReplicas", error);
                return None;
            }
        };
        self.set(
            look.now,
            ConditionType::ScalingActive,
            true,
            "ValidMetricFound",
            format!("the HPA was able to successfully calculate a replica count from {metric}"),
        );
        let wanted = proposed.max(0);
        let above = if proposed > 0 { metric } else { String::new() };
        let mut reason = if wanted > current {
            format!("{above} above target")
        } else if wanted < current {
            "All metrics below target".to_owned()
        } else {
            String::new()
        };
        let bounds = Bounds {
            current,
            min,
            max,
            downscale_window: self.flags.downscale_stabilization,
        };
        let normalised = self
            .history
            .normalise(self.hpa.behavior.as_ref(), bounds, wanted, look.now);
        let (able, limit) = (normalised.able, normalised.limit);
        self.set(
            look.now,
            ConditionType::AbleToScale,
            true,
            able.reason,
            able.message,
        );
        self.set(
            look.now,
            ConditionType::ScalingLimited,
            normalised.limited,
            limit.reason,
            limit.message,
        );
        let mut desired = normalised.replicas;
        if current == 0 && min != 0 && desired < min {
            desired = min;
            if reason.is_empty() {
                "Current number of replicas below Spec.MinReplicas".clone_into(&mut reason);
            }
        }
        Some((desired, reason))
    }

    fn write(&mut self, look: &mut Look, from: i32, to: i32, reason: String) -> u32 {
        let now = look.now;
        self.set(
            now,
            ConditionType::AbleToScale,
            true,
            "SucceededRescale",
            format!("the HPA controller was able to update the target scale to {to}"),
        );
        look.event("SuccessfulRescale", format!("New size: {to}; reason: {reason}"));
        self.history.scaled(self.hpa.behavior.as_ref(), from, to, now);
        if !self.gates.scale_to_zero {
            self.unset(ConditionType::ScaledToZero);
        } else if from > 0 && to == 0 && self.hpa.min_replicas == 0 && self.looks_outside() {
            let message = "the HPA controller scaled the workload to zero";
            self.set(now, ConditionType::ScaledToZero, true, "ScaledToZero", message);
        } else {
            let message = "the HPA controller did not scale the workload to zero";
            self.set(
                now,
                ConditionType::ScaledToZero,
                false,
                "NotScaledToZero",
                message,
            );
        }
        let to = u32::try_from(to).unwrap_or(0);
        self.records.push(Record::Scaled {
            at: now,
            reason,
            from: u32::try_from(from).unwrap_or(0),
            to,
        });
        to
    }

    fn check_selector(&mut self, look: &mut Look, scale: Scale<'_>) -> Result<(), String> {
        let (reason, said, error) = if scale.selector.is_empty() {
            (
                ("SelectorRequired", "InvalidSelector"),
                "the HPA target's scale is missing a selector".to_owned(),
                "selector is required".to_owned(),
            )
        } else if scale.claimed_by.len() > 1 {
            let error = format!(
                "pods by selector {} are controlled by multiple HPAs: [{}]",
                scale.selector,
                scale.claimed_by.join(" ")
            );
            (("AmbiguousSelector", "AmbiguousSelector"), error.clone(), error)
        } else {
            return Ok(());
        };
        look.event(reason.0, error.clone());
        self.set(look.now, ConditionType::ScalingActive, false, reason.1, said);
        Err(error)
    }

    fn tolerances(&self) -> Tolerances {
        let of = |rules: Option<&Rules>| {
            let own = rules.and_then(|rules| rules.tolerance);
            own.map_or(self.flags.tolerance, |own| own.approximate())
        };
        let behavior = self.hpa.behavior.as_ref();
        Tolerances {
            down: of(behavior.map(|behavior| &behavior.scale_down)),
            up: of(behavior.map(|behavior| &behavior.scale_up)),
        }
    }

    fn looks_outside(&self) -> bool {
        let outside = |metric: &Metric| matches!(metric, Metric::Object { .. } | Metric::External { .. });
        self.hpa.metrics.iter().any(outside)
    }

    fn scaled_to_zero(&self) -> bool {
        let found = self
            .conditions
            .iter()
            .find(|found| found.kind == ConditionType::ScaledToZero);
        found.is_some_and(|found| found.status)
    }

    fn set(
        &mut self,
        now: Millis,
        kind: ConditionType,
        status: bool,
        reason: &'static str,
        message: impl Into<String>,
    ) {
        let message = message.into();
        match self.conditions.iter_mut().find(|found| found.kind == kind) {
            Some(found) => {
                if found.status != status {
                    found.since = now;
                }
                (found.status, found.reason, found.message) = (status, reason, message);
            }
            None => self.conditions.push(Condition {
                kind,
                status,
                reason,
                message,
                since: now,
            }),
        }
    }

    fn unset(&mut self, kind: ConditionType) {
        self.conditions.retain(|found| found.kind != kind);
    }

    fn record_failure(&mut self, now: Millis, why: &'static str, text: &str) {
        // Several metrics may fail in one look.
        let same = self
            .records
            .iter_mut()
            .rev()
            .take_while(|record| matches!(record, Record::Failed { .. }));
        for record in same {
            if let Record::Failed {
                last,
                count,
                reason,
                message,
                ..
            } = record
                && *reason == why
                && message == text
            {
                (*last, *count) = (now, *count + 1);
                return;
            }
        }
        self.records.push(Record::Failed {
            at: now,
            last: now,
            count: 1,
            reason: why,
            message: text.to_owned(),
        });
    }
}

struct Look {
    now: Millis,
    events: Vec<Event>,
    current: Vec<Option<MetricValue>>,
}

impl Look {
    fn event(&mut self, reason: &'static str, message: String) {
        self.events.push(Event { reason, message });
    }
}

fn signed(replicas: u32) -> i32 {
    i32::try_from(replicas).unwrap_or(i32::MAX)
}
