//! One look of the HPA controller (`reconcileAutoscaler`).

use super::behaviour::{Bounds, History};
use super::metric::{Tolerances, View};
use super::pods::{PodSample, Trust};
use super::proposal::MetricValue;
use super::readings::Readings;
use super::several::{self, Answer};
use super::spec::{Gates, Hpa, Metric, Rules};
use crate::time::Millis;

/// The flags of kube-controller-manager that concern HPAs, by their defaults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Flags {
    /// How often it looks; for the caller.
    pub sync_period: Millis,
    /// How long a higher recommendation holds back a scale-down.
    pub downscale_stabilization: Millis,
    /// How far from the target is near enough.
    pub tolerance: f64,
    /// How long after a pod's start its CPU counts only when it is ready.
    pub cpu_initialization_period: Millis,
    /// How long a pod may take to become ready for the first time.
    pub initial_readiness_delay: Millis,
}

impl Default for Flags {
    fn default() -> Self {
        Self {
            sync_period: Millis(15_000),
            downscale_stabilization: Millis(300_000),
            tolerance: 0.1,
            cpu_initialization_period: Millis(300_000),
            initial_readiness_delay: Millis(30_000),
        }
    }
}

/// The scale subresource of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale<'a> {
    /// `spec.replicas`.
    pub spec: u32,
    /// `status.replicas`.
    pub status: u32,
    /// `status.selector`.
    pub selector: &'a str,
    /// The keys of all HPAs whose selectors match a pod of this one; more than one is ambiguous.
    pub claimed_by: &'a [String],
}

/// A condition of the HPA's status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Which.
    pub kind: ConditionType,
    /// True or false.
    pub status: bool,
    /// One word.
    pub reason: &'static str,
    /// A sentence.
    pub message: String,
    /// `lastTransitionTime`.
    pub since: Millis,
}

/// The types of condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConditionType {
    /// The scale can be read and written.
    AbleToScale,
    /// The metrics can be read.
    ScalingActive,
    /// A bound held the count back.
    ScalingLimited,
    /// The HPA itself scaled to zero (`HPAScaleToZero`).
    ScaledToZero,
}

/// An Event about the HPA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Such as `SuccessfulRescale`.
    pub reason: &'static str,
    /// As Kubernetes words it.
    pub message: String,
}

/// What came of one look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What to write to `spec.replicas`; `None`: nothing.
    pub desired: Option<u32>,
    /// In the order in which they happened.
    pub events: Vec<Event>,
    /// The status' conditions after it.
    pub conditions: Vec<Condition>,
    /// Each metric's value; `None` for one that cannot be read; empty when none was looked at.
    pub current: Vec<Option<MetricValue>>,
}

/// What is kept for the user, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// The scale was written.
    Scaled {
        /// When.
        at: Millis,
        /// Why, as in the event.
        reason: String,
        /// Replicas before.
        from: u32,
        /// Replicas after.
        to: u32,
    },
    /// A metric could not be read; looks that met the same in a row are one record.
    Failed {
        /// The first look.
        at: Millis,
        /// The last one.
        last: Millis,
        /// How many.
        count: u32,
        /// Such as `FailedGetResourceMetric`.
        reason: &'static str,
        /// As in the event.
        message: String,
    },
}

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
            self.from_metrics(look, scale, readings, pods)?
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

    fn from_metrics(
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
