//! The four questions about a cluster, as they come over the wire: snake_case keys, absent optionals null.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// A list within one namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListByNamespace {
    /// `v1`, `apps/v1`.
    pub api_version: String,
    /// `Pod`.
    pub kind: String,
    /// Where to look.
    pub namespace: String,
    /// Only objects with these labels.
    pub label_selector: Option<String>,
    /// Only objects with these fields.
    pub field_selector: Option<String>,
    /// What to keep of each object.
    pub field_masks: Option<BTreeSet<String>>,
}

/// A list over the whole cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListAll {
    /// `v1`, `apps/v1`.
    pub api_version: String,
    /// `Pod`.
    pub kind: String,
    /// Only objects with these labels.
    pub label_selector: Option<String>,
    /// Only objects with these fields.
    pub field_selector: Option<String>,
    /// What to keep of each object.
    pub field_masks: Option<BTreeSet<String>>,
}

/// One object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetResource {
    /// `v1`, `apps/v1`.
    pub api_version: String,
    /// `Pod`.
    pub kind: String,
    /// The object's name.
    pub name: String,
    /// None for an object of the cluster.
    pub namespace: Option<String>,
    /// Ask the API server, not the host's cache of five seconds.
    pub disable_cache: bool,
    /// What to keep of the object.
    pub field_masks: Option<BTreeSet<String>>,
}

/// Whether somebody may do something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanI {
    /// Who and what.
    #[serde(rename = "subject_access_review")]
    pub request: SubjectAccessReview,
    /// Ask the API server, not the host's cache of five seconds.
    pub disable_cache: bool,
}

/// Who wants to do what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectAccessReview {
    /// The user's groups.
    pub groups: Option<Vec<String>>,
    /// What is asked for.
    pub resource_attributes: ResourceAttributes,
    /// The user.
    pub user: String,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceAttributes {
    /// The API group; none is the core group.
    pub group: Option<String>,
    /// One object; none is all.
    pub name: Option<String>,
    /// One namespace; none is all.
    pub namespace: Option<String>,
    /// The plural, `pods`.
    pub resource: String,
    /// `scale`, `status`.
    pub subresource: Option<String>,
    /// `get`, `list`, `watch`.
    pub verb: String,
    /// The API version.
    pub version: Option<String>,
}

/// One question about a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// `list_resources_by_namespace`.
    ListByNamespace(ListByNamespace),
    /// `list_resources_all`.
    ListAll(ListAll),
    /// `get_resource`.
    GetResource(GetResource),
    /// `can_i`.
    CanI(CanI),
}

/// Why a call is no question.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// There is no such operation; the text is the real host's.
    #[error("unknown operation: {0}")]
    UnknownOperation(String),
    /// The payload is not what the operation takes.
    #[error("{0}")]
    Payload(#[from] serde_json::Error),
}

impl Query {
    /// Reads the payload of an operation.
    ///
    /// # Errors
    /// When there is no such operation, or the payload does not fit it.
    pub fn parse(operation: &str, payload: &[u8]) -> Result<Self, QueryError> {
        Ok(match operation {
            "list_resources_by_namespace" => Self::ListByNamespace(serde_json::from_slice(payload)?),
            "list_resources_all" => Self::ListAll(serde_json::from_slice(payload)?),
            "get_resource" => Self::GetResource(serde_json::from_slice(payload)?),
            "can_i" => Self::CanI(serde_json::from_slice(payload)?),
            _ => return Err(QueryError::UnknownOperation(operation.to_owned())),
        })
    }

    /// The kind that is asked for; a question about rights names none.
    #[must_use]
    pub fn resource(&self) -> Option<(&str, &str)> {
        match self {
            Self::ListByNamespace(q) => Some((&q.api_version, &q.kind)),
            Self::ListAll(q) => Some((&q.api_version, &q.kind)),
            Self::GetResource(q) => Some((&q.api_version, &q.kind)),
            Self::CanI(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_optionals_are_none() {
        let query = Query::parse(
            "get_resource",
            br#"{"api_version":"v1","kind":"Node","name":"a","disable_cache":true}"#,
        )
        .unwrap();
        assert_eq!(
            query,
            Query::GetResource(GetResource {
                api_version: "v1".into(),
                kind: "Node".into(),
                name: "a".into(),
                namespace: None,
                disable_cache: true,
                field_masks: None,
            })
        );
        assert_eq!(query.resource(), Some(("v1", "Node")));
    }

    #[test]
    fn other_operations_and_other_payloads_are_errors() {
        let text = |operation, payload: &[u8]| Query::parse(operation, payload).unwrap_err().to_string();
        assert_eq!(text("delete", b"{}"), "unknown operation: delete");
        assert_eq!(
            text("list_resources_all", br#"{"apiVersion":"v1","kind":"Pod"}"#),
            "missing field `api_version` at line 1 column 32"
        );
    }
}
