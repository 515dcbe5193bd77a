//! The payload of `validate`, as raw text until something is needed.

use core::fmt;

use placement_core::facts::{FieldError, Fields, Text};
use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// An admission request and the settings. The pod and the settings stay unread.
#[derive(Debug)]
pub(crate) struct Envelope<'a> {
    /// The request of the AdmissionReview.
    pub(crate) request: Request<'a>,
    /// The settings of the policy, as JSON.
    pub(crate) settings: &'a str,
}

/// The part of `AdmissionReview.request` that is read.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    uid: Option<Text<'a>>,
    namespace: Option<Text<'a>>,
    /// The object, unread.
    pub(crate) object: Option<&'a RawValue>,
    creates_a_pod: bool,
}

impl<'a> Envelope<'a> {
    /// Finds the request and the settings.
    ///
    /// # Errors
    /// When the payload is not what a Kubewarden host sends.
    pub(crate) fn read(payload: &'a str) -> Result<Self, String> {
        let parts: Parts<'a> = serde_json::from_str(payload).map_err(|error| error.to_string())?;
        let request = Request::read(&parts.request).map_err(|error| error.to_string())?;
        Ok(Self {
            request,
            settings: parts.settings.map_or("{}", RawValue::get),
        })
    }
}

/// The payload with its request's fields found, in one pass over it.
struct Parts<'a> {
    request: Fields<'a>,
    settings: Option<&'a RawValue>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Parts<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Finding;
        impl<'de> Visitor<'de> for Finding {
            type Value = Parts<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with a request")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let (mut request, mut settings) = (None, None);
                while let Some(name) = map.next_key::<Text<'de>>()? {
                    match name.as_str() {
                        "request" => request = Some(map.next_value()?),
                        "settings" => settings = map.next_value()?,
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                let request = request.ok_or_else(|| M::Error::missing_field("request"))?;
                Ok(Parts { request, settings })
            }
        }
        deserializer.deserialize_map(Finding)
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

    /// Fresh for each call; empty where the host leaves it out.
    pub(crate) fn uid(&self) -> &str {
        self.uid.as_ref().map_or("", Text::as_str)
    }

    /// Where the pod is to be; empty where the host leaves it out.
    pub(crate) fn namespace(&self) -> &str {
        self.namespace.as_ref().map_or("", Text::as_str)
    }

    /// Whether a pod is about to be created: not a dry run, not a subresource, no other kind.
    pub(crate) fn creates_a_pod(&self) -> bool {
        self.creates_a_pod
    }
}
