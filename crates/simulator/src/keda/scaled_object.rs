//! A ScaledObject (`keda.sh/v1alpha1`), checked, with KEDA's defaults.

use std::collections::BTreeMap;

use serde_json::Value;

use super::trigger::{self, Trigger};
use crate::fields::{At, FieldFault, Fields, Found, object};
use crate::hpa::{
    Behavior, Hpa, MOST, MOST_REPLICAS, Metric, MetricId, SelectPolicy, Selector, TargetRef, read_behavior,
};
use crate::time::Millis;

/// A year: more seconds are a wrong unit.
const MOST_SECONDS: u32 = 31_536_000;

/// A checked ScaledObject.
#[derive(Debug, Clone, PartialEq)]
pub struct ScaledObject {
    /// `default` where the manifest has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What is scaled: a Deployment of `apps/v1` where only a name is written.
    pub target: TargetRef,
    /// How often the triggers are asked, while there are no replicas or with idle replicas. 30 s.
    pub polling_interval: Millis,
    /// How long after the last activity it waits before it scales to zero. 300 s.
    pub cooldown_period: Millis,
    /// How long after its creation it does not scale to zero. 0 s.
    pub initial_cooldown_period: Millis,
    /// Replicas without activity, below the minimum; KEDA knows only 0.
    pub idle_replica_count: Option<u32>,
    /// 0 where none is written.
    pub min_replica_count: u32,
    /// 100 where none is written.
    pub max_replica_count: u32,
    /// What to do when a trigger cannot be read.
    pub fallback: Option<Fallback>,
    /// The HPA's name: `keda-hpa-<name>` where none is written.
    pub hpa_name: String,
    /// The HPA's behaviour.
    pub behavior: Option<Behavior>,
    /// At least one.
    pub triggers: Vec<Trigger>,
    /// What its annotations stop.
    pub pause: Pause,
}

/// What to do when a trigger cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fallback {
    /// After more failures in a row than this.
    pub failure_threshold: u32,
    /// How many replicas then.
    pub replicas: u32,
    /// Whether the current replicas matter.
    pub behavior: FallbackBehavior,
}

/// Whether the current replicas matter to a fallback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FallbackBehavior {
    /// They do not.
    Static,
    /// They stay.
    CurrentReplicas,
    /// They stay if there are more.
    CurrentReplicasIfHigher,
    /// They stay if there are fewer.
    CurrentReplicasIfLower,
}

/// `autoscaling.keda.sh/...`: what annotations stop or force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pause {
    /// `paused`: nothing is scaled, and there is no HPA.
    pub all: bool,
    /// `paused-replicas`: scaled to that, then as `paused`.
    pub at_replicas: Option<u32>,
    /// `paused-scale-in`.
    pub scale_in: bool,
    /// `paused-scale-out`.
    pub scale_out: bool,
    /// `force-activation`: as if a trigger were active.
    pub force_activation: bool,
}

impl ScaledObject {
    /// Reads a manifest.
    ///
    /// # Errors
    /// Every fault, each with its path.
    pub fn read(manifest: &Value) -> Result<Self, Vec<FieldFault>> {
        let found = Found::default();
        let read = scaled_object(&At::root(manifest, &found));
        found.or(read)
    }

    /// The HPA that KEDA creates; none while it is paused.
    pub fn hpa(&self) -> Option<Hpa> {
        if self.pause.all || self.pause.at_replicas.is_some() {
            return None;
        }
        let metrics = self.triggers.iter().map(|trigger| Metric::External {
            metric: self.metric(trigger),
            target: trigger.target(),
        });
        let mut behavior = self.behavior.clone();
        if self.pause.scale_in || self.pause.scale_out {
            let behavior = behavior.get_or_insert_with(Behavior::of_defaults);
            if self.pause.scale_in {
                behavior.scale_down.select = SelectPolicy::Disabled;
            }
            if self.pause.scale_out {
                behavior.scale_up.select = SelectPolicy::Disabled;
            }
        }
        Some(Hpa {
            namespace: self.namespace.clone(),
            name: self.hpa_name.clone(),
            target: self.target.clone(),
            min_replicas: self.min_replica_count.max(1),
            max_replicas: self.max_replica_count,
            metrics: metrics.collect(),
            behavior,
        })
    }

    /// A trigger's metric, as the HPA asks for it.
    pub fn metric(&self, trigger: &Trigger) -> MetricId {
        let label = ("scaledobject.keda.sh/name".to_owned(), self.name.clone());
        MetricId {
            name: trigger.metric.clone(),
            selector: Some(Selector {
                match_labels: BTreeMap::from([label]),
                match_expressions: Vec::new(),
            }),
        }
    }
}

fn scaled_object(at: &At<'_>) -> Option<ScaledObject> {
    let (fields, namespace, name) = object(at, "keda.sh/v1alpha1", "ScaledObject")?;
    let pause = annotations(&fields)?;
    let spec = fields
        .required("spec", "the spec")?
        .as_map("the spec of a ScaledObject")?;
    let target = spec
        .required("scaleTargetRef", "what is scaled: a name")
        .and_then(|at| target(&at));
    let seconds = |name, absent| {
        let read = spec.number_or(name, 0, MOST_SECONDS, absent)?;
        Some(Millis(u64::from(read) * 1000))
    };
    let polling_interval = seconds("pollingInterval", 30);
    let cooldown_period = seconds("cooldownPeriod", 300);
    let initial_cooldown_period = seconds("initialCooldownPeriod", 0);
    let min = spec.number_or("minReplicaCount", 0, MOST_REPLICAS, 0);
    let max = spec.number_or("maxReplicaCount", 1, MOST_REPLICAS, 100);
    let idle_replica_count = match spec.optional("idleReplicaCount") {
        Some(at) => Some(at.as_number(0, 0)?),
        None => None,
    };
    let fallback = match spec.optional("fallback") {
        Some(at) => Some(fallback(&at)?),
        None => None,
    };
    let (hpa_name, behavior) = match spec.optional("advanced") {
        Some(at) => advanced(&at)?,
        None => (None, None),
    };
    let triggers = spec.required("triggers", "a list of triggers").and_then(|at| {
        let items = at.as_list("a list of triggers")?;
        if items.is_empty() {
            return at.wanted("at least one trigger");
        }
        let read = items.iter().enumerate();
        let read: Vec<Option<Trigger>> = read.map(|(index, at)| trigger::read(at, index)).collect();
        read.into_iter().collect()
    });
    spec.no_others();
    let (min_replica_count, max_replica_count) = (min?, max?);
    if max_replica_count < min_replica_count {
        spec.at().fault(format!(
            "`maxReplicaCount` is {max_replica_count} and `minReplicaCount` is {min_replica_count}; write a maximum that is not below the minimum"
        ));
    }
    if idle_replica_count.is_some_and(|idle| idle >= min_replica_count) {
        spec.at().fault(
            "`idleReplicaCount` is not below `minReplicaCount`; write a higher minimum, or leave it out",
        );
    }
    Some(ScaledObject {
        hpa_name: hpa_name.unwrap_or_else(|| format!("keda-hpa-{name}")),
        namespace,
        name,
        target: target?,
        polling_interval: polling_interval?,
        cooldown_period: cooldown_period?,
        initial_cooldown_period: initial_cooldown_period?,
        idle_replica_count,
        min_replica_count,
        max_replica_count,
        fallback,
        behavior,
        triggers: triggers?,
        pause,
    })
}

fn annotations(fields: &Fields<'_>) -> Option<Pause> {
    let mut pause = Pause::default();
    let metadata = fields.optional("metadata")?.as_map("a map")?;
    let Some(at) = metadata.optional("annotations") else {
        return Some(pause);
    };
    for (name, text) in at.as_texts("a map of annotations")? {
        let Some(word) = name.strip_prefix("autoscaling.keda.sh/") else {
            continue;
        };
        let on = text == "true";
        match word {
            "paused" => pause.all = on,
            "paused-scale-in" => pause.scale_in = on,
            "paused-scale-out" => pause.scale_out = on,
            "force-activation" => pause.force_activation = on,
            "paused-replicas" => {
                pause.at_replicas = text.parse().ok().filter(|replicas| *replicas <= MOST_REPLICAS);
                if pause.at_replicas.is_none() {
                    at.fault(format!(
                        "`{name}`: found `{text}`; write a whole number in quotes, at most {MOST_REPLICAS}"
                    ));
                }
            }
            _ => {}
        }
    }
    Some(pause)
}

fn target(at: &At<'_>) -> Option<TargetRef> {
    let fields = at.as_map("a reference with a name")?;
    let text = |name, absent: &str| match fields.optional(name) {
        Some(at) => at.as_text("a text").map(str::to_owned),
        None => Some(absent.to_owned()),
    };
    let (api_version, kind) = (text("apiVersion", "apps/v1"), text("kind", "Deployment"));
    let name = fields
        .required("name", "a name")
        .and_then(|at| at.as_text("a name"));
    // Only for secrets of triggers.
    let _ = fields.optional("envSourceContainerName");
    fields.no_others();
    Some(TargetRef {
        api_version: api_version?,
        kind: kind?,
        name: name?.to_owned(),
    })
}

fn fallback(at: &At<'_>) -> Option<Fallback> {
    let fields = at.as_map("failureThreshold and replicas")?;
    let threshold = fields
        .required("failureThreshold", "a whole number")
        .and_then(|at| at.as_number(0, MOST));
    let replicas = fields
        .required("replicas", "a whole number")
        .and_then(|at| at.as_number(0, MOST_REPLICAS));
    let behavior = match fields.optional("behavior") {
        Some(at) => at.as_one_of(&[
            ("static", FallbackBehavior::Static),
            ("currentReplicas", FallbackBehavior::CurrentReplicas),
            (
                "currentReplicasIfHigher",
                FallbackBehavior::CurrentReplicasIfHigher,
            ),
            ("currentReplicasIfLower", FallbackBehavior::CurrentReplicasIfLower),
        ]),
        None => Some(FallbackBehavior::Static),
    };
    fields.no_others();
    Some(Fallback {
        failure_threshold: threshold?,
        replicas: replicas?,
        behavior: behavior?,
    })
}

fn advanced(at: &At<'_>) -> Option<(Option<String>, Option<Behavior>)> {
    let fields = at.as_map("advanced settings")?;
    if let Some(at) = fields.optional("restoreToOriginalReplicaCount") {
        // Only when the ScaledObject is deleted, which no simulation does.
        at.as_bool()?;
    }
    let config = fields.optional("horizontalPodAutoscalerConfig");
    fields.no_others();
    let Some(config) = config else {
        return Some((None, None));
    };
    let config = config.as_map("name and behavior")?;
    let name = match config.optional("name") {
        Some(at) => Some(at.as_text("a name")?.to_owned()),
        None => None,
    };
    let behavior = match config.optional("behavior") {
        Some(at) => Some(read_behavior(&at)?),
        None => None,
    };
    config.no_others();
    Some((name, behavior))
}
