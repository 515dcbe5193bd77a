//! How fast an HPA may scale: stabilisation, then rates, then minimum and maximum (Kubernetes, `horizontal.go`).
//!
//! Without `spec.behavior` Kubernetes goes another way than with a behaviour of defaults: recommendations as old as the
//! window still count, and a scale-up at most doubles, or goes to 4.

use super::metric::int32;
use super::spec::{Behavior, Policy, PolicyAmount, Rules, SelectPolicy};
use crate::time::Millis;

/// What is remembered from one look to the next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct History {
    recommendations: Vec<Recommendation>,
    scale_ups: Vec<ScaleEvent>,
    scale_downs: Vec<ScaleEvent>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Recommendation {
    replicas: i32,
    at: Millis,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ScaleEvent {
    change: i32,
    at: Millis,
}

/// The bounds of one HPA and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) current: i32,
    pub(crate) min: i32,
    pub(crate) max: i32,
    /// `--horizontal-pod-autoscaler-downscale-stabilization`.
    pub(crate) downscale_window: Millis,
}

/// A count after both steps, and what the conditions say of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Normalised {
    pub(crate) replicas: i32,
    pub(crate) able: Said,
    pub(crate) limited: bool,
    pub(crate) limit: Said,
}

/// A condition's reason and message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) reason: &'static str,
    pub(crate) message: &'static str,
}

const READY: Said = Said {
    reason: "ReadyForNewScale",
    message: "recommended size matches current size",
};
const UP_STABILISED: Said = Said {
    reason: "ScaleUpStabilized",
    message: "recent recommendations were lower than current one, applying the lowest recent recommendation",
};
const DOWN_STABILISED: Said = Said {
    reason: "ScaleDownStabilized",
    message: "recent recommendations were higher than current one, applying the highest recent recommendation",
};
const WITHIN: Said = Said {
    reason: "DesiredWithinRange",
    message: "the desired count is within the acceptable range",
};
const TOO_MANY: Said = Said {
    reason: "TooManyReplicas",
    message: "the desired replica count is more than the maximum replica count",
};
const TOO_FEW: Said = Said {
    reason: "TooFewReplicas",
    message: "the desired replica count is less than the minimum replica count",
};
const UP_LIMIT: Said = Said {
    reason: "ScaleUpLimit",
    message: "the desired replica count is increasing faster than the maximum scale rate",
};
const DOWN_LIMIT: Said = Said {
    reason: "ScaleDownLimit",
    message: "the desired replica count is decreasing faster than the maximum scale rate",
};

impl History {
    /// The scale that was found at the first look counts as a recommendation.
    pub(crate) fn begin(&mut self, replicas: i32, now: Millis) {
        if self.recommendations.is_empty() {
            self.recommendations.push(Recommendation { replicas, at: now });
        }
    }

    /// Bounds `desired`, and remembers it.
    pub(crate) fn normalise(
        &mut self,
        behavior: Option<&Behavior>,
        bounds: Bounds,
        desired: i32,
        now: Millis,
    ) -> Normalised {
        let (stable, said) = match behavior {
            None => (
                self.stabilise_down(bounds.downscale_window, desired, now),
                DOWN_STABILISED,
            ),
            Some(behavior) => (self.stabilise(behavior, bounds, desired, now), {
                if desired >= bounds.current {
                    UP_STABILISED
                } else {
                    DOWN_STABILISED
                }
            }),
        };
        let (replicas, limit) = match behavior {
            None => limit_simply(bounds, stable),
            Some(behavior) => self.limit(behavior, bounds, stable, now),
        };
        Normalised {
            replicas,
            able: if stable == desired { READY } else { said },
            limited: replicas != stable,
            limit,
        }
    }

    /// Remembers a scaling that was written.
    pub(crate) fn scaled(&mut self, behavior: Option<&Behavior>, from: i32, to: i32, now: Millis) {
        let Some(behavior) = behavior else { return };
        let (events, rules) = if to > from {
            (&mut self.scale_ups, &behavior.scale_up)
        } else {
            (&mut self.scale_downs, &behavior.scale_down)
        };
        let longest = rules.policies.iter().map(|policy| policy.period_seconds).max();
        let longest = seconds(longest.unwrap_or(0));
        let event = ScaleEvent {
            change: to.wrapping_sub(from).wrapping_abs(),
            at: now,
        };
        remember(events, event, |old| age(old.at, now) > longest);
    }

    /// Without a behaviour: the largest of the window.
    fn stabilise_down(&mut self, window: Millis, desired: i32, now: Millis) -> i32 {
        let fresh = |old: &&Recommendation| age(old.at, now) <= window;
        let recent = self.recommendations.iter().filter(fresh);
        let most = recent.map(|old| old.replicas).fold(desired, i32::max);
        let recommendation = Recommendation {
            replicas: desired,
            at: now,
        };
        remember(&mut self.recommendations, recommendation, |old| {
            age(old.at, now) > window
        });
        most
    }

    /// With a behaviour: not above the least of the one window, not below the most of the other.
    fn stabilise(&mut self, behavior: &Behavior, bounds: Bounds, desired: i32, now: Millis) -> i32 {
        let window = |rules: &Rules| rules.window_seconds.map_or(bounds.downscale_window, seconds);
        let (up, down) = (window(&behavior.scale_up), window(&behavior.scale_down));
        let within = |window: Millis| {
            let fresh = move |old: &&Recommendation| age(old.at, now) < window;
            self.recommendations.iter().filter(fresh).map(|old| old.replicas)
        };
        let least = within(up).fold(desired, i32::min);
        let most = within(down).fold(desired, i32::max);
        let recommendation = Recommendation {
            replicas: desired,
            at: now,
        };
        remember(&mut self.recommendations, recommendation, |old| {
            age(old.at, now) > up && age(old.at, now) > down
        });
        bounds.current.max(least).min(most)
    }

    fn limit(&self, behavior: &Behavior, bounds: Bounds, desired: i32, now: Millis) -> (i32, Said) {
        let current = bounds.current;
        if desired > current {
            let rate = self.up_to(&behavior.scale_up, current, now).max(current);
            let (most, said) = if bounds.max > rate {
                (rate, UP_LIMIT)
            } else {
                (bounds.max, TOO_MANY)
            };
            if desired > most {
                return (most, said);
            }
        } else if desired < current {
            let rate = self.down_to(&behavior.scale_down, current, now).min(current);
            let (least, said) = if bounds.min < rate {
                (rate, DOWN_LIMIT)
            } else {
                (bounds.min, TOO_FEW)
            };
            if desired < least {
                return (least, said);
            }
        }
        (desired, WITHIN)
    }

    /// How many replicas there may be after a scale-up now.
    fn up_to(&self, rules: &Rules, current: i32, now: Millis) -> i32 {
        let allowed = rules.policies.iter().map(|policy| {
            let start = self.at_start(policy, current, now);
            match policy.amount {
                PolicyAmount::Pods(pods) => start.wrapping_add(signed(pods)),
                PolicyAmount::Percent(percent) => {
                    int32((f64::from(start) * (1.0 + f64::from(percent) / 100.0)).ceil())
                }
            }
        });
        match rules.select {
            SelectPolicy::Max => allowed.max(),
            SelectPolicy::Min => allowed.min(),
            SelectPolicy::Disabled => None,
        }
        .unwrap_or(current)
    }

    /// How few replicas there may be after a scale-down now.
    fn down_to(&self, rules: &Rules, current: i32, now: Millis) -> i32 {
        let allowed = rules.policies.iter().map(|policy| {
            let start = self.at_start(policy, current, now);
            match policy.amount {
                PolicyAmount::Pods(pods) => start.wrapping_sub(signed(pods)),
                PolicyAmount::Percent(percent) => {
                    int32(f64::from(start) * (1.0 - f64::from(percent) / 100.0))
                }
            }
        });
        match rules.select {
            SelectPolicy::Max => allowed.min(),
            SelectPolicy::Min => allowed.max(),
            SelectPolicy::Disabled => None,
        }
        .unwrap_or(current)
    }

    /// The replicas when the policy's period began.
    fn at_start(&self, policy: &Policy, current: i32, now: Millis) -> i32 {
        let period = seconds(policy.period_seconds);
        let change = |events: &[ScaleEvent]| {
            let recent = events.iter().filter(|event| age(event.at, now) < period);
            recent.fold(0_i32, |sum, event| sum.wrapping_add(event.change))
        };
        current
            .wrapping_sub(change(&self.scale_ups))
            .wrapping_add(change(&self.scale_downs))
    }
}

fn limit_simply(bounds: Bounds, desired: i32) -> (i32, Said) {
    let rate = int32((2.0 * f64::from(bounds.current)).max(4.0));
    if desired < bounds.min {
        return (bounds.min, TOO_FEW);
    }
    let (most, said) = if bounds.max > rate {
        (rate, UP_LIMIT)
    } else {
        (bounds.max, TOO_MANY)
    };
    if desired > most {
        (most, said)
    } else {
        (desired, WITHIN)
    }
}

/// Puts `new` in the place of the last one that is too old to count, so that the list does not grow.
fn remember<T>(list: &mut Vec<T>, new: T, too_old: impl Fn(&T) -> bool) {
    match list.iter_mut().rev().find(|old| too_old(old)) {
        Some(old) => *old = new,
        None => list.push(new),
    }
}

fn age(at: Millis, now: Millis) -> Millis {
    now - at
}

fn seconds(seconds: u32) -> Millis {
    Millis(u64::from(seconds) * 1000)
}

fn signed(pods: u32) -> i32 {
    i32::try_from(pods).unwrap_or(i32::MAX)
}
