//! What the triggers say at one moment.

use super::scaled_object::ScaledObject;
use super::trigger::{Trigger, TriggerKind, milli};
use crate::hpa::MetricId;
use crate::time::Millis;

/// All triggers of a ScaledObject at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// A trigger is active, or activation is forced.
    pub active: bool,
    /// A trigger could not be read.
    pub failed: bool,
    /// In the order of the triggers.
    pub served: Vec<Served>,
}

/// What one trigger says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// The metric the HPA asks for.
    pub metric: MetricId,
    /// Its value in thousandths, or why there is none.
    pub value: Result<i64, String>,
}

impl ScaledObject {
    /// Asks every trigger. `rate` answers what the rate of a counter is over a window, per second.
    pub fn ask(&self, now: Millis, mut rate: impl FnMut(&str, Millis) -> Result<f64, String>) -> Activity {
        let mut activity = Activity {
            active: self.pause.force_activation,
            failed: false,
            served: Vec::with_capacity(self.triggers.len()),
        };
        for trigger in &self.triggers {
            let (active, value) = trigger.ask(now, &mut rate);
            activity.active |= active;
            activity.failed |= value.is_err();
            activity.served.push(Served {
                metric: self.metric(trigger),
                value,
            });
        }
        activity
    }
}

impl Trigger {
    fn ask(
        &self,
        now: Millis,
        rate: &mut impl FnMut(&str, Millis) -> Result<f64, String>,
    ) -> (bool, Result<i64, String>) {
        match &self.kind {
            TriggerKind::Prometheus(prometheus) => {
                let query = &prometheus.query;
                match rate(&query.metric, query.window) {
                    Ok(rate) => {
                        let value = rate * query.factor;
                        (value > prometheus.activation_threshold, Ok(milli(value)))
                    }
                    Err(error) => (false, Err(error)),
                }
            }
            TriggerKind::Cron(cron) => {
                let active = cron.is_active(now);
                let replicas = if active { cron.desired_replicas } else { 1 };
                (active, Ok(i64::from(replicas) * 1000))
            }
        }
    }
}
