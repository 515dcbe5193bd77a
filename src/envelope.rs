//! The payload of `validate`, as raw text until something is needed.

use placement_core::facts::Text;
use serde::Deserialize;
use serde_json::value::RawValue;

/// An admission request and the settings. The pod and the settings stay unread.
#[derive(Debug, Deserialize)]
pub struct Envelope<'a> {
    /// The request of the AdmissionReview.
    #[serde(borrow)]
    pub request: Request<'a>,
    /// The settings of the policy.
    #[serde(borrow, default)]
    pub settings: Option<&'a RawValue>,
}

/// The part of `AdmissionReview.request` that is read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request<'a> {
    /// Fresh for each call.
    #[serde(borrow, default)]
    pub uid: Option<Text<'a>>,
    /// What is asked about.
    #[serde(borrow, default)]
    pub kind: Option<Kind<'a>>,
    /// `CREATE`, `UPDATE`, `DELETE`, `CONNECT`.
    #[serde(borrow, default)]
    pub operation: Option<Text<'a>>,
    /// Set for `eviction`, `binding`, `status` and the like.
    #[serde(borrow, default)]
    pub sub_resource: Option<Text<'a>>,
    /// Nothing will be stored.
    #[serde(default)]
    pub dry_run: Option<bool>,
    /// Where.
    #[serde(borrow, default)]
    pub namespace: Option<Text<'a>>,
    /// The object.
    #[serde(borrow, default)]
    pub object: Option<&'a RawValue>,
}

/// A group, version and kind.
#[derive(Debug, Deserialize)]
pub struct Kind<'a> {
    /// Empty for the core group.
    #[serde(borrow, default)]
    pub group: Option<Text<'a>>,
    /// `Pod`.
    #[serde(borrow, default)]
    pub kind: Option<Text<'a>>,
}

impl Request<'_> {
    /// Whether a pod is about to be created: not a dry run, not a subresource, no other kind.
    #[must_use]
    pub fn creates_a_pod(&self) -> bool {
        let text = |field: &Option<Text<'_>>, wanted: &str| {
            field.as_ref().map_or("", Text::as_str) == wanted
        };
        let is_pod =
            self.kind.as_ref().is_some_and(|kind| text(&kind.kind, "Pod") && text(&kind.group, ""));
        is_pod && text(&self.operation, "CREATE") && text(&self.sub_resource, "") && self.dry_run != Some(true)
    }
}
