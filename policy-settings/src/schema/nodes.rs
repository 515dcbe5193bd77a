//! Which nodes a subset's pods go to.

use schemars::JsonSchema;

/// A node selector term, as in Kubernetes.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub struct NodeSelectorTermShape {
    /// Conditions on the node's labels.
    pub match_expressions: Option<Vec<NodeRequirementShape>>,
    /// Conditions on the node's name.
    pub match_fields: Option<Vec<FieldRequirementShape>>,
}

/// A condition on a node's label.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub struct NodeRequirementShape {
    /// The label's key.
    pub key: String,
    /// The condition.
    pub operator: NodeOperatorShape,
    /// For In and NotIn at least one, for Gt and Lt one whole number.
    pub values: Option<Vec<String>>,
}

/// Conditions on a node's label.
#[derive(JsonSchema)]
pub enum NodeOperatorShape {
    /// One of the values.
    In,
    /// None of the values, or absent.
    NotIn,
    /// There.
    Exists,
    /// Absent.
    DoesNotExist,
    /// A greater number.
    Gt,
    /// A smaller number.
    Lt,
}

/// A condition on a node's name.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub struct FieldRequirementShape {
    /// `metadata.name`.
    pub key: String,
    /// The condition.
    pub operator: FieldOperatorShape,
    /// One name.
    #[schemars(length(equal = 1))]
    pub values: Vec<String>,
}

/// Conditions on a node's name.
#[derive(JsonSchema)]
pub enum FieldOperatorShape {
    /// This name.
    In,
    /// Any other name.
    NotIn,
}

/// A preferred scheduling term, as in Kubernetes.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub struct PreferredTermShape {
    /// From 1 to 100.
    #[schemars(range(min = 1, max = 100))]
    pub weight: u8,
    /// What is preferred.
    pub preference: NodeSelectorTermShape,
}

/// A toleration, as in Kubernetes.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub struct TolerationShape {
    /// The taint's key; with `operator: Exists` alone, every taint.
    pub key: Option<String>,
    /// Default: Equal.
    pub operator: Option<TolerationOperatorShape>,
    /// The taint's value.
    pub value: Option<String>,
    /// The taint's effect. Default: every effect.
    pub effect: Option<EffectShape>,
    /// With `effect: NoExecute`.
    pub toleration_seconds: Option<i64>,
}

/// How a taint is compared.
#[derive(JsonSchema)]
pub enum TolerationOperatorShape {
    /// As Equal.
    #[schemars(rename = "")]
    Empty,
    /// The same value.
    Equal,
    /// Any value.
    Exists,
    /// A greater number.
    Gt,
    /// A smaller number.
    Lt,
}

/// What a taint does.
#[derive(JsonSchema)]
pub enum EffectShape {
    /// Every effect.
    #[schemars(rename = "")]
    Empty,
    /// New pods stay away.
    NoSchedule,
    /// New pods stay away where they can.
    PreferNoSchedule,
    /// Running pods leave.
    NoExecute,
}
