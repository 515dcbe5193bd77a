//! The payload of `validate`, as raw text until something is needed.

use placement_core::facts::{FieldError, Fields, Text};
use serde_json::value::RawValue;

/// An admission request and the settings. The pod and the settings stay unread.
#[derive(Debug)]
pub struct Envelope<'a> {
    /// The request of the AdmissionReview.
    pub request: Request<'a>,
    /// The settings of the policy, as JSON.
    pub settings: &'a str,
}

/// The part of `AdmissionReview.request` that is read.
#[derive(Debug)]
pub struct Request<'a> {
    /// Fresh for each call.
    pub uid: Option<Text<'a>>,
    /// Where.
    pub namespace: Option<Text<'a>>,
    /// The object, unread.
    pub object: Option<&'a RawValue>,
    creates_a_pod: bool,
}

impl<'a> Envelope<'a> {
    /// Finds the request and the settings.
    ///
    /// # Errors
    /// When the payload is not what a Kubewarden host sends.
    pub fn read(payload: &'a str) -> Result<Self, FieldError> {
        let payload = Fields::of(payload, "payload")?;
        let request = payload.raw("request").map_or("null", RawValue::get);
        let request = Request::read(&Fields::of(request, "request")?)?;
        Ok(Self {
            request,
            settings: payload.raw("settings").map_or("{}", RawValue::get),
        })
    }
}

impl<'a> Request<'a> {
    fn read(request: &Fields<'a>) -> Result<Self, FieldError> {
        let is = |object: &Fields<'a>, field, wanted| {
            object
                .text(field)
                .map(|text| text.as_ref().map_or("", Text::as_str) == wanted)
        };
        let kind = request.object("kind")?;
        let creates_a_pod = is(&kind, "kind", "Pod")?
            && is(&kind, "group", "")?
            && is(request, "operation", "CREATE")?
            && is(request, "subResource", "")?
            && !request.is_true("dryRun");
        Ok(Self {
            uid: request.text("uid")?,
            namespace: request.text("namespace")?,
            object: request.raw("object"),
            creates_a_pod,
        })
    }

    /// Whether a pod is about to be created: not a dry run, not a subresource, no other kind.
    #[must_use]
    pub fn creates_a_pod(&self) -> bool {
        self.creates_a_pod
    }
}
