//! What a HorizontalPodAutoscaler asks for: an `autoscaling/v2` manifest, checked, with the API server's defaults filled
//! in (Kubernetes, `pkg/apis/autoscaling/v2/defaults.go` and `validation.go`).
//!
//! Two things that the API server stores and no controller can use are faults here: a target whose type and field differ,
//! and a field nobody knows.

use serde_json::Value;

use super::metric_spec;
pub use super::metric_spec::{Metric, MetricId, ResourceTarget, Selector, TargetRef, ValueTarget};
use crate::fields::{At, FieldFault, Fields, Found, object};
use kube_rules::nodes::Quantity;

/// Kubernetes counts replicas in 32 bits with a sign.
pub(crate) const MOST: u32 = 2_147_483_647;
/// More pods than this nobody simulates.
pub(crate) const MOST_REPLICAS: u32 = 1_000_000;

/// A checked HorizontalPodAutoscaler.
#[derive(Debug, Clone, PartialEq)]
pub struct Hpa {
    /// `default` where the manifest has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What is scaled.
    pub target: TargetRef,
    /// 1 where the manifest has none; 0 only where [`Gates::scale_to_zero`] is on.
    pub min_replicas: u32,
    /// At least 1, and never below `min_replicas`.
    pub max_replicas: u32,
    /// Never empty: CPU at 80 % of the request is the default.
    pub metrics: Vec<Metric>,
    /// How fast it may scale; `None` is not the same as a behaviour of defaults.
    pub behavior: Option<Behavior>,
}

/// Feature gates of Kubernetes 1.36 that change what an HPA may do. `HPAConfigurableTolerance` is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gates {
    /// `HPAScaleToZero`, alpha and off in 1.36.
    pub scale_to_zero: bool,
}

/// `spec.behavior`, with every default filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Behavior {
    /// Its window is 0 s where none is written.
    pub scale_up: Rules,
    /// Its window is the controller's, 300 s, where none is written.
    pub scale_down: Rules,
}

/// How fast one direction may go.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// `stabilizationWindowSeconds`; `None` leaves it to the controller's flag.
    pub window_seconds: Option<u32>,
    /// Which policy counts.
    pub select: SelectPolicy,
    /// At least one.
    pub policies: Vec<Policy>,
    /// In place of the controller's 0.1.
    pub tolerance: Option<Quantity>,
}

/// Which of several policies counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SelectPolicy {
    /// The one that changes most.
    Max,
    /// The one that changes least.
    Min,
    /// None: this direction is switched off.
    Disabled,
}

/// At most so much change in so many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Pods or percent.
    pub amount: PolicyAmount,
    /// 1 to 1800.
    pub period_seconds: u32,
}

/// Of what a policy's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyAmount {
    /// That many pods.
    Pods(u32),
    /// That many percent of the replicas at the period's start.
    Percent(u32),
}

impl Hpa {
    /// Reads a manifest.
    ///
    /// # Errors
    /// Every fault, each with its path.
    pub fn read(manifest: &Value, gates: Gates) -> Result<Self, Vec<FieldFault>> {
        let found = Found::default();
        let read = read_hpa(&At::root(manifest, &found), gates);
        found.or(read)
    }

    /// `namespace/name`, as Kubernetes writes a key.
    pub fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

impl Behavior {
    /// The rules that an empty `behavior` stands for.
    pub fn of_defaults() -> Self {
        Self {
            scale_up: default_scale_up(),
            scale_down: default_scale_down(),
        }
    }
}

fn read_hpa(at: &At<'_>, gates: Gates) -> Option<Hpa> {
    let (fields, namespace, name) = object(at, "autoscaling/v2", "HorizontalPodAutoscaler")?;
    let spec = fields
        .required("spec", "the spec")?
        .as_map("the spec of a HorizontalPodAutoscaler")?;
    let target = spec
        .required("scaleTargetRef", "what is scaled: apiVersion, kind and name")
        .and_then(|at| metric_spec::target_ref(&at, false));
    let max = spec
        .required("maxReplicas", "a whole number from 1 up")
        .and_then(|at| at.as_number(1, MOST_REPLICAS));
    let least = u32::from(!gates.scale_to_zero);
    let min = spec.number_or("minReplicas", least, MOST_REPLICAS, 1);
    let metrics = match spec.optional("metrics") {
        Some(at) => metric_spec::read_all(&at),
        None => Some(Vec::new()),
    };
    let behavior = match spec.optional("behavior") {
        Some(at) => behavior(&at).map(Some),
        None => Some(None),
    };
    spec.no_others();
    let (min_replicas, max_replicas) = (min?, max?);
    if max_replicas < min_replicas {
        spec.at().fault(format!(
            "`maxReplicas` is {max_replicas} and `minReplicas` is {min_replicas}; write a maximum that is not below the minimum"
        ));
    }
    let mut metrics = metrics?;
    if metrics.is_empty() {
        metrics.push(metric_spec::default_metric());
    }
    let outside = |metric: &Metric| matches!(metric, Metric::Object { .. } | Metric::External { .. });
    if min_replicas == 0 && !metrics.iter().any(outside) {
        spec.at().fault(
            "`minReplicas` is 0 and there is no Object or External metric; write one, or a minimum of at least 1",
        );
    }
    Some(Hpa {
        namespace,
        name,
        target: target?,
        min_replicas,
        max_replicas,
        metrics,
        behavior: behavior?,
    })
}

/// Reads `spec.behavior`, which a ScaledObject has too.
pub(crate) fn behavior(at: &At<'_>) -> Option<Behavior> {
    let fields = at.as_map("a map with scaleUp and scaleDown")?;
    let scale_up = rules(&fields, "scaleUp", default_scale_up());
    let scale_down = rules(&fields, "scaleDown", default_scale_down());
    fields.no_others();
    Some(Behavior {
        scale_up: scale_up?,
        scale_down: scale_down?,
    })
}

fn rules(fields: &Fields<'_>, name: &'static str, mut rules: Rules) -> Option<Rules> {
    let Some(at) = fields.optional(name) else {
        return Some(rules);
    };
    let fields = at.as_map("a map of scaling rules")?;
    if let Some(at) = fields.optional("stabilizationWindowSeconds") {
        rules.window_seconds = Some(at.as_number(0, 3600)?);
    }
    if let Some(at) = fields.optional("selectPolicy") {
        rules.select = at.as_one_of(&[
            ("Max", SelectPolicy::Max),
            ("Min", SelectPolicy::Min),
            ("Disabled", SelectPolicy::Disabled),
        ])?;
    }
    if let Some(at) = fields.optional("policies") {
        let items = at.as_list("a list of policies")?;
        if items.is_empty() {
            return at.wanted("at least one policy");
        }
        rules.policies = items.iter().map(policy).collect::<Option<_>>()?;
    }
    if let Some(at) = fields.optional("tolerance") {
        const WANTED: &str = "a quantity from 0 up, such as `0.05`";
        let tolerance = at.as_quantity(WANTED)?;
        if tolerance.is_negative() {
            return at.wanted(WANTED);
        }
        rules.tolerance = Some(tolerance);
    }
    fields.no_others();
    Some(rules)
}

fn policy(at: &At<'_>) -> Option<Policy> {
    let fields = at.as_map("a policy: type, value and periodSeconds")?;
    let kind = fields
        .required("type", "`Pods` or `Percent`")
        .and_then(|at| at.as_one_of(&[("Pods", true), ("Percent", false)]));
    let value = fields
        .required("value", "a whole number from 1 up")
        .and_then(|at| at.as_number(1, MOST));
    let period = fields
        .required("periodSeconds", "a whole number from 1 to 1800")
        .and_then(|at| at.as_number(1, 1800));
    fields.no_others();
    let value = value?;
    Some(Policy {
        amount: if kind? {
            PolicyAmount::Pods(value)
        } else {
            PolicyAmount::Percent(value)
        },
        period_seconds: period?,
    })
}

fn default_scale_up() -> Rules {
    let each_15_seconds = |amount| Policy {
        amount,
        period_seconds: 15,
    };
    Rules {
        window_seconds: Some(0),
        select: SelectPolicy::Max,
        policies: vec![
            each_15_seconds(PolicyAmount::Pods(4)),
            each_15_seconds(PolicyAmount::Percent(100)),
        ],
        tolerance: None,
    }
}

fn default_scale_down() -> Rules {
    Rules {
        window_seconds: None,
        select: SelectPolicy::Max,
        policies: vec![Policy {
            amount: PolicyAmount::Percent(100),
            period_seconds: 15,
        }],
        tolerance: None,
    }
}
