//! Who may do what, for `can_i`: a list of rules, the first that fits decides.

use crate::query::SubjectAccessReview;

/// One rule; `*` fits everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRule {
    /// Whether the rule allows or denies.
    pub allow: bool,
    /// The user.
    pub user: String,
    /// The verb, `list`.
    pub verb: String,
    /// The API group; the core group is empty.
    pub group: String,
    /// The plural, `pods`.
    pub resource: String,
    /// The namespace; all of them together are empty.
    pub namespace: String,
}

/// The rules. Without one that fits, the answer is no.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access(Vec<AccessRule>);

impl Access {
    /// These rules, in this order.
    #[must_use]
    pub fn new(rules: Vec<AccessRule>) -> Self {
        Self(rules)
    }

    /// Whether the review is granted.
    #[must_use]
    pub fn allows(&self, review: &SubjectAccessReview) -> bool {
        let attributes = &review.resource_attributes;
        let fits = |pattern: &str, value: &str| pattern == "*" || pattern == value;
        self.0
            .iter()
            .find(|rule| {
                fits(&rule.user, &review.user)
                    && fits(&rule.verb, &attributes.verb)
                    && fits(&rule.group, attributes.group.as_deref().unwrap_or_default())
                    && fits(&rule.resource, &attributes.resource)
                    && fits(
                        &rule.namespace,
                        attributes.namespace.as_deref().unwrap_or_default(),
                    )
            })
            .is_some_and(|rule| rule.allow)
    }
}
