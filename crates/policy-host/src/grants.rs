//! What a policy was granted: the kinds it may read, and the host capabilities it may call. Both are allow-lists, and
//! both are empty unless somebody writes them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// The operations of the real host, by namespace. A path that does not end in one of these is a typing error.
const OPERATIONS: [&str; 11] = [
    "crypto/v1/is_certificate_trusted",
    "kubernetes/can_i",
    "kubernetes/get_resource",
    "kubernetes/list_resources_all",
    "kubernetes/list_resources_by_namespace",
    "net/v1/dns_lookup_host",
    "oci/v1/manifest_digest",
    "oci/v1/oci_manifest",
    "oci/v1/oci_manifest_config",
    "oci/v1/verify",
    "oci/v2/verify",
];

/// A kind that may be read: exact, case and all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resource {
    /// `v1`, `apps/v1`.
    pub api_version: String,
    /// `Pod`.
    pub kind: String,
}

impl Resource {
    /// A kind of an API version.
    #[must_use]
    pub fn new(api_version: &str, kind: &str) -> Self {
        Self {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
        }
    }
}

/// What one policy may ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    resources: BTreeSet<Resource>,
    /// Whole paths, and prefixes that end in a slash; the empty prefix is `*`.
    capabilities: BTreeSet<String>,
}

/// Why a pattern of host capabilities cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrantsError {
    /// Nothing is written.
    #[error(
        "an empty pattern allows nothing: write `*`, `kubernetes/*` or a whole path such as `kubernetes/get_resource`"
    )]
    Empty,
    /// A star that is not a whole last part.
    #[error("`{0}`: a star stands alone or as the whole last part: write `*` or `kubernetes/*`")]
    Wildcard(String),
    /// No operation has such a path.
    #[error("`{pattern}` names no host capability: write one of {known}")]
    Unknown {
        /// What was written.
        pattern: String,
        /// What there is.
        known: String,
    },
}

impl Grants {
    /// Nothing at all, which is what a policies.yml gives that says nothing.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Every capability, and these kinds: what the Kubewarden controller gives a cluster-wide policy.
    #[must_use]
    pub fn controller(resources: impl IntoIterator<Item = Resource>) -> Self {
        Self {
            resources: resources.into_iter().collect(),
            capabilities: BTreeSet::from([String::new()]),
        }
    }

    /// These kinds, and the capabilities that these patterns allow.
    ///
    /// # Errors
    /// When a pattern can match no capability of the real host.
    pub fn new<S: AsRef<str>>(
        resources: impl IntoIterator<Item = Resource>,
        patterns: impl IntoIterator<Item = S>,
    ) -> Result<Self, GrantsError> {
        let capabilities = patterns
            .into_iter()
            .map(|pattern| capability(pattern.as_ref().trim()))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            resources: resources.into_iter().collect(),
            capabilities,
        })
    }

    /// Whether a kind may be read.
    #[must_use]
    pub fn allows_resource(&self, api_version: &str, kind: &str) -> bool {
        self.resources.contains(&Resource::new(api_version, kind))
    }

    /// Whether an operation, `kubernetes/get_resource`, may be called.
    #[must_use]
    pub fn allows_capability(&self, path: &str) -> bool {
        self.capabilities.iter().any(|granted| {
            granted == path
                || ((granted.is_empty() || granted.ends_with('/')) && path.starts_with(granted.as_str()))
        })
    }
}

/// A pattern as it is stored, once it is known to match something.
fn capability(pattern: &str) -> Result<String, GrantsError> {
    if pattern.is_empty() {
        return Err(GrantsError::Empty);
    }
    if pattern == "*" {
        return Ok(String::new());
    }
    let prefix = pattern.strip_suffix("/*").map(|parent| format!("{parent}/"));
    if prefix.as_deref().unwrap_or(pattern).contains('*') {
        return Err(GrantsError::Wildcard(pattern.to_owned()));
    }
    let known = match &prefix {
        Some(prefix) => OPERATIONS.iter().any(|path| path.starts_with(prefix.as_str())),
        None => OPERATIONS.contains(&pattern),
    };
    if known {
        Ok(prefix.unwrap_or_else(|| pattern.to_owned()))
    } else {
        Err(GrantsError::Unknown {
            pattern: pattern.to_owned(),
            known: OPERATIONS.join(", "),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(pattern: &str) -> Vec<&'static str> {
        let grants = Grants::new([], [pattern]).unwrap();
        OPERATIONS
            .into_iter()
            .filter(|path| grants.allows_capability(path))
            .collect()
    }

    #[test]
    fn patterns_allow_what_they_name_and_nothing_more() {
        assert_eq!(granted("*"), OPERATIONS);
        assert_eq!(granted("kubernetes/get_resource"), ["kubernetes/get_resource"]);
        assert_eq!(granted("oci/v2/*"), ["oci/v2/verify"]);
        assert_eq!(granted("kubernetes/*").len(), 4);
        assert!(!Grants::none().allows_capability("kubernetes/can_i"));
    }

    #[test]
    fn patterns_that_match_nothing_are_refused() {
        let error = |pattern: &str| Grants::new([], [pattern]).unwrap_err();
        assert_eq!(error(""), GrantsError::Empty);
        for pattern in ["kubernetes*", "kubernetes/list_*", "*/v1", "kubernetes/*/*"] {
            assert_eq!(error(pattern), GrantsError::Wildcard(pattern.to_owned()));
        }
        for pattern in [
            "kubernetes",
            "kubernetes/list",
            "kube/*",
            "kubernetes/get_resource/*",
        ] {
            assert!(matches!(error(pattern), GrantsError::Unknown { .. }), "{pattern}");
        }
    }

    #[test]
    fn kinds_are_exact() {
        let grants = Grants::controller([Resource::new("v1", "Pod")]);
        assert!(grants.allows_resource("v1", "Pod"));
        for (api_version, kind) in [("v1", "pod"), ("V1", "Pod"), ("v1", "Pods"), ("apps/v1", "Pod")] {
            assert!(!grants.allows_resource(api_version, kind), "{api_version}/{kind}");
        }
    }
}
