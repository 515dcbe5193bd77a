//! The keda-operator's own part: from none to one and back, and fallbacks.

use std::collections::BTreeMap;

use super::activity::Activity;
use super::scaled_object::{Fallback, FallbackBehavior, ScaledObject};
use crate::hpa::{MetricId, ValueTarget};
use crate::time::Millis;

/// What the operator remembers of one ScaledObject.
#[derive(Debug, Clone)]
pub struct Operator {
    object: ScaledObject,
    created: Millis,
    last_active: Option<Millis>,
    /// Failures in a row, by metric.
    failures: BTreeMap<String, u32>,
}

/// A scale that the operator writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switch {
    /// Replicas before.
    pub from: u32,
    /// Replicas after.
    pub to: u32,
    /// The reason of KEDA's event.
    pub reason: &'static str,
}

impl Operator {
    /// An operator that has just seen the object.
    pub fn new(object: ScaledObject, created: Millis) -> Self {
        Self {
            object,
            created,
            last_active: None,
            failures: BTreeMap::new(),
        }
    }

    /// What it follows.
    pub fn object(&self) -> &ScaledObject {
        &self.object
    }

    /// When a trigger was last active.
    pub fn last_active(&self) -> Option<Millis> {
        self.last_active
    }

    /// One look at the triggers, every [`ScaledObject::polling_interval`]; `current` is `spec.replicas` of the target.
    pub fn poll(&mut self, now: Millis, current: u32, activity: &Activity) -> Option<Switch> {
        let (to, reason) = self.wanted(now, current, activity)?;
        (to != current).then_some(Switch {
            from: current,
            to,
            reason,
        })
    }

    /// What the HPA is told of each metric when it asks: the value, or the fallback's after too many failures.
    pub fn serve(
        &mut self,
        activity: &Activity,
        current: u32,
    ) -> BTreeMap<MetricId, Result<Vec<i64>, String>> {
        let mut answers = BTreeMap::new();
        for (served, trigger) in activity.served.iter().zip(&self.object.triggers) {
            let failures = self.failures.entry(served.metric.name.clone()).or_default();
            let answer = match &served.value {
                Ok(value) => {
                    *failures = 0;
                    Ok(vec![*value])
                }
                Err(error) => {
                    *failures = failures.saturating_add(1);
                    match (self.object.fallback, trigger.target()) {
                        (Some(fallback), ValueTarget::AverageValue(target))
                            if *failures > fallback.failure_threshold =>
                        {
                            let replicas = i64::from(fallback.of(current));
                            Ok(vec![target.saturating_mul(replicas)])
                        }
                        _ => Err(error.clone()),
                    }
                }
            };
            answers.insert(served.metric.clone(), answer);
        }
        answers
    }

    fn wanted(&mut self, now: Millis, current: u32, activity: &Activity) -> Option<(u32, &'static str)> {
        let object = &self.object;
        if let Some(replicas) = object.pause.at_replicas {
            return Some((replicas, "ScaledObjectPaused"));
        }
        if object.pause.all {
            return None;
        }
        let (min, idle) = (object.min_replica_count, object.idle_replica_count);
        if activity.active {
            let asleep = match idle {
                Some(_) => current < min,
                None => current == 0,
            };
            self.last_active = Some(now);
            return (asleep && !self.object.pause.scale_out)
                .then_some((min.max(1), "KEDAScaleTargetActivated"));
        }
        if activity.failed {
            let fallback = object.fallback.filter(|fallback| fallback.replicas != 0)?;
            let failed = |count: &u32| *count > fallback.failure_threshold;
            return self
                .failures
                .values()
                .any(failed)
                .then(|| (fallback.of(current), "KEDAScaleTargetFallback"));
        }
        let to_sleep = idle.is_some_and(|idle| current > idle) || (current > 0 && min == 0);
        if to_sleep {
            return (self.has_cooled_down(now) && !object.pause.scale_in)
                .then_some((idle.unwrap_or(0), "KEDAScaleTargetDeactivated"));
        }
        (current < min && idle.is_none() && !object.pause.scale_out)
            .then_some((min, "KEDAScaleTargetActivated"))
    }

    fn has_cooled_down(&self, now: Millis) -> bool {
        match self.last_active {
            Some(last) => last + self.object.cooldown_period < now,
            // Scaled by somebody else: only the first cooldown counts.
            None => self.created + self.object.initial_cooldown_period < now,
        }
    }
}

impl Fallback {
    fn of(self, current: u32) -> u32 {
        match self.behavior {
            FallbackBehavior::Static => self.replicas,
            FallbackBehavior::CurrentReplicas => current,
            FallbackBehavior::CurrentReplicasIfHigher => self.replicas.max(current),
            FallbackBehavior::CurrentReplicasIfLower => self.replicas.min(current),
        }
    }
}
