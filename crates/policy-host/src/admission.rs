//! From an AdmissionReview to its answer, by policy-server's rules: what the guest sees of the request, how its answer
//! becomes a JSON patch, and what the policy's mode and rights make of it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use json_patch::{Patch, PatchError};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::capabilities::Capabilities;
use crate::module::{HostError, Limit, Module, SettingsResponse, ValidationResponse};

/// Whether a policy's answers count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// They do.
    #[default]
    Protect,
    /// They are only looked at: everything is allowed, nothing is changed.
    Monitor,
}

/// A module with its settings and rights: one entry of policies.yml.
#[derive(Clone, Debug)]
pub struct Policy {
    id: String,
    module: Module,
    settings: Box<RawValue>,
    mode: Mode,
    allowed_to_mutate: bool,
    rejection_message: Option<String>,
    limit: Option<Limit>,
}

impl Policy {
    /// A policy in protect mode that may not mutate, as policies.yml has it by default.
    ///
    /// # Errors
    /// When the settings are no JSON text.
    pub fn new(id: &str, module: Module, settings: &str) -> Result<Self, AdmitError> {
        Ok(Self {
            id: id.to_owned(),
            module,
            settings: RawValue::from_string(settings.to_owned()).map_err(AdmitError::Settings)?,
            mode: Mode::Protect,
            allowed_to_mutate: false,
            rejection_message: None,
            limit: None,
        })
    }

    /// With a mode.
    #[must_use]
    pub fn with_mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// With the right to mutate, or without it.
    #[must_use]
    pub fn allowed_to_mutate(mut self, allowed: bool) -> Self {
        self.allowed_to_mutate = allowed;
        self
    }

    /// With a text that replaces the policy's own when it rejects.
    #[must_use]
    pub fn with_rejection_message(mut self, message: Option<String>) -> Self {
        self.rejection_message = message;
        self
    }

    /// With a limit on how long the guest may run.
    #[must_use]
    pub fn with_limit(mut self, limit: Option<Limit>) -> Self {
        self.limit = limit;
        self
    }

    /// The policy's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The policy's module.
    #[must_use]
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// Asks the policy whether its settings are valid.
    ///
    /// # Errors
    /// When the guest fails.
    pub fn validate_settings(&self) -> Result<SettingsResponse, HostError> {
        self.module
            .validate_settings(self.settings.get().as_bytes(), self.limit)
    }

    /// Answers an AdmissionReview, in a fresh instance.
    ///
    /// # Errors
    /// When the text is no review, or no instance can be started. What a guest does wrong is no error here, but an answer
    /// with code 500.
    pub fn admit(
        &self,
        review: &[u8],
        capabilities: Arc<dyn Capabilities>,
    ) -> Result<AdmissionResponse, AdmitError> {
        let Review { request } = serde_json::from_slice(review).map_err(AdmitError::Review)?;
        let payload = Payload {
            request: &request,
            settings: &self.settings,
        };
        let payload = serde_json::to_vec(&payload).map_err(AdmitError::Review)?;
        let answer = match self.module.instance(capabilities, self.limit) {
            Ok(instance) => instance.validate(&payload),
            // A start-up that runs past the limit is the policy's fault; any other failure is the host's.
            Err(HostError::Interrupted) => Err(HostError::Interrupted),
            Err(other) => return Err(AdmitError::Host(other)),
        };
        let uid = request.uid.as_ref();
        let response = match answer {
            Ok(answer) => from_guest(uid, request.object, answer)?,
            Err(HostError::Interrupted) => AdmissionResponse::rejected(
                uid,
                "Policy execution interrupted because it exceeded the allowed execution time",
                Some(500),
            ),
            Err(HostError::Answer { source, .. }) => AdmissionResponse::rejected(
                uid,
                &format!("internal server error: invalid response from policy: {source}"),
                Some(500),
            ),
            Err(other) => {
                AdmissionResponse::rejected(uid, &format!("internal server error: {other}"), Some(500))
            }
        };
        Ok(self.constrain(response))
    }

    /// Applies mode, right to mutate and rejection message, in policy-server's order.
    fn constrain(&self, mut response: AdmissionResponse) -> AdmissionResponse {
        match self.mode {
            Mode::Monitor => {
                response.allowed = true;
                response.patch_type = None;
                response.patch = None;
                response.status = None;
            }
            Mode::Protect if !self.allowed_to_mutate && response.patch.is_some() => {
                let message = format!(
                    "Request rejected by policy {}. The policy attempted to mutate the request, but it is currently configured to not allow mutations.",
                    self.id
                );
                response = AdmissionResponse {
                    audit_annotations: response.audit_annotations,
                    warnings: response.warnings,
                    ..AdmissionResponse::rejected(&response.uid, &message, None)
                };
            }
            Mode::Protect => {}
        }
        if let Some(message) = &self.rejection_message
            && !response.allowed
        {
            let status = response.status.get_or_insert_default();
            let own = status.message.replace(message.clone()).unwrap_or_default();
            status.details = Some(StatusDetails {
                causes: vec![StatusCause { message: own }],
            });
        }
        response
    }
}

/// What is answered to an AdmissionReview.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AdmissionResponse {
    /// The request's.
    pub uid: String,
    /// Whether the request may go on.
    pub allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_type: Option<&'static str>,
    /// The change, absent when there is none.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_base64")]
    pub patch: Option<Patch>,
    /// Why the request was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// For the audit log.
    pub audit_annotations: Option<BTreeMap<String, String>>,
    /// For the client.
    pub warnings: Option<Vec<String>>,
}

/// Why a request was rejected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Status {
    /// In words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<StatusDetails>,
    /// As an HTTP code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct StatusDetails {
    causes: Vec<StatusCause>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct StatusCause {
    message: String,
}

impl AdmissionResponse {
    /// A rejection.
    #[must_use]
    pub fn rejected(uid: &str, message: &str, code: Option<u16>) -> Self {
        Self {
            uid: uid.to_owned(),
            allowed: false,
            patch_type: None,
            patch: None,
            status: Some(Status {
                message: Some(message.to_owned()),
                details: None,
                code,
            }),
            audit_annotations: None,
            warnings: None,
        }
    }

    /// Applies the change to an object, as the API server will.
    ///
    /// # Errors
    /// When the object is not the one the change was made for.
    pub fn apply(&self, object: &mut Value) -> Result<(), PatchError> {
        self.patch
            .as_ref()
            .map_or(Ok(()), |patch| json_patch::patch(object, patch))
    }

    /// The whole AdmissionReview, as JSON text.
    ///
    /// # Errors
    /// Never for an answer made here; the writer's type asks for it.
    pub fn to_review(&self) -> Result<Vec<u8>, serde_json::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Out<'a> {
            api_version: &'static str,
            kind: &'static str,
            response: &'a AdmissionResponse,
        }
        serde_json::to_vec(&Out {
            api_version: "admission.k8s.io/v1",
            kind: "AdmissionReview",
            response: self,
        })
    }
}

/// Why a review has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AdmitError {
    /// The policy's settings are no JSON.
    #[error("the settings are no JSON text: {0}")]
    Settings(serde_json::Error),
    /// The text is no AdmissionReview.
    #[error("the body is no AdmissionReview of admission.k8s.io/v1: {0}")]
    Review(serde_json::Error),
    /// No instance could be started.
    #[error(transparent)]
    Host(HostError),
}

#[derive(Deserialize)]
struct Review<'a> {
    #[serde(borrow)]
    request: Request<'a>,
}

/// The request, field by field as raw text: known fields only, absent ones and nulls left out, nothing re-written.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    #[serde(borrow)]
    uid: Cow<'a, str>,
    #[serde(borrow)]
    kind: &'a RawValue,
    #[serde(borrow)]
    resource: &'a RawValue,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    sub_resource: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    request_kind: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    request_resource: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    request_sub_resource: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    name: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a RawValue>,
    #[serde(borrow)]
    operation: &'a RawValue,
    #[serde(borrow)]
    user_info: &'a RawValue,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    object: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    old_object: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    dry_run: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    options: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Payload<'a> {
    request: &'a Request<'a>,
    settings: &'a RawValue,
}

fn from_guest(
    uid: &str,
    object: Option<&RawValue>,
    answer: ValidationResponse,
) -> Result<AdmissionResponse, AdmitError> {
    let patch = match (object, &answer.mutated_object) {
        (_, None) => None,
        (None, Some(_)) => {
            return Ok(AdmissionResponse::rejected(
                uid,
                "Incoming object is null, which happens only with DELETE operations, but the policy is attempting a mutation. This is not allowed",
                None,
            ));
        }
        (Some(object), Some(mutated)) => {
            let object: Value = serde_json::from_str(object.get()).map_err(AdmitError::Review)?;
            Some(json_patch::diff(&object, mutated)).filter(|patch| !patch.0.is_empty())
        }
    };
    let status = (answer.message.is_some() || answer.code.is_some()).then_some(Status {
        message: answer.message,
        details: None,
        code: answer.code,
    });
    Ok(AdmissionResponse {
        uid: uid.to_owned(),
        allowed: answer.accepted,
        patch_type: patch.is_some().then_some("JSONPatch"),
        patch,
        status,
        audit_annotations: answer.audit_annotations,
        warnings: answer.warnings,
    })
}

fn as_base64<S: Serializer>(patch: &Option<Patch>, serializer: S) -> Result<S::Ok, S::Error> {
    let text = serde_json::to_vec(patch).map_err(serde::ser::Error::custom)?;
    serializer.serialize_str(&STANDARD.encode(text))
}
