//! The Lease as the API server stores it.

use std::time::Duration;

use kube::api::{ApiResource, DynamicObject, PostParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use rules::names::{LEASE_NAME, SETTINGS_ANNOTATION};
use serde_json::{Value, json};
use sidecar_core::lease::{KnownLease, LeaseView, LeaseWrite};

use crate::clock;
use crate::said::Said;

/// Where the Lease is.
#[derive(Clone, Debug)]
pub struct Store {
    api: Api<DynamicObject>,
    namespace: String,
}

/// The Lease, and what is needed to write it again.
#[derive(Clone, Debug)]
pub struct Stored {
    /// What counts.
    pub known: KnownLease,
    object: DynamicObject,
}

/// Why the Lease was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// The API server refused, or was not reached.
    #[error("the Lease `{namespace}/{LEASE_NAME}`: {}", Said(source))]
    Refused {
        /// Its namespace.
        namespace: String,
        /// What it said.
        #[source]
        source: Box<kube::Error>,
    },
    /// There was no answer.
    #[error("no answer about the Lease within {0:?}")]
    Late(Duration),
}

impl LeaseError {
    /// Somebody else wrote it in between: look again.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Refused { source, .. } if matches!(&**source, kube::Error::Api(status) if status.code == 409))
    }
}

impl Store {
    /// The Lease of a namespace.
    #[must_use]
    pub fn new(client: Client, namespace: &str) -> Self {
        let kind = ApiResource::from_gvk_with_plural(
            &GroupVersionKind::gvk("coordination.k8s.io", "v1", "Lease"),
            "leases",
        );
        Self {
            api: Api::namespaced_with(client, namespace, &kind),
            namespace: namespace.to_owned(),
        }
    }

    /// The Lease; `None`: there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn read(&self) -> Result<Option<Stored>, LeaseError> {
        let object = self
            .api
            .get_opt(LEASE_NAME)
            .await
            .map_err(|error| self.refused(error))?;
        Ok(object.map(Stored::of))
    }

    /// Writes the Lease over what was read, or makes it; refused if somebody else wrote it since.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn write(&self, over: Option<&Stored>, write: &LeaseWrite) -> Result<Stored, LeaseError> {
        let mut object = over.map_or_else(
            || {
                let kind = GroupVersionKind::gvk("coordination.k8s.io", "v1", "Lease");
                DynamicObject::new(LEASE_NAME, &ApiResource::from_gvk(&kind)).within(&self.namespace)
            },
            |stored| stored.object.clone(),
        );
        let annotations = object.metadata.annotations.get_or_insert_default();
        annotations.insert(SETTINGS_ANNOTATION.to_owned(), write.settings.clone());
        object.metadata.managed_fields = None;
        let before = |field| object.data.pointer(field).cloned();
        let now = Value::from(clock::now().to_string());
        let acquired = before("/spec/acquireTime").filter(|_| !write.is_new_term);
        let acquired = acquired.unwrap_or_else(|| now.clone());
        // Who gives it up does not renew it.
        let renewed = before("/spec/renewTime").filter(|_| write.holder.is_none());
        object.data = json!({ "spec": {
            "holderIdentity": write.holder.as_deref().unwrap_or_default(),
            "leaseDurationSeconds": write.duration.as_secs().max(1),
            "acquireTime": acquired,
            "renewTime": renewed.unwrap_or(now),
            "leaseTransitions": write.epoch,
        }});
        let how = PostParams::default();
        let written = match over {
            None => self.api.create(&how, &object).await,
            Some(_) => self.api.replace(LEASE_NAME, &how, &object).await,
        };
        written.map(Stored::of).map_err(|error| self.refused(error))
    }

    fn refused(&self, source: kube::Error) -> LeaseError {
        LeaseError::Refused {
            namespace: self.namespace.clone(),
            source: Box::new(source),
        }
    }
}

impl Stored {
    /// Whatever somebody wrote by hand is read as far as it can be.
    pub(super) fn of(object: DynamicObject) -> Self {
        let field = |name: &str| object.data.get("spec").and_then(|spec| spec.get(name));
        let text = |name: &str| field(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let annotations = object.metadata.annotations.as_ref();
        let view = LeaseView {
            holder: Some(text("holderIdentity")).filter(|holder| !holder.is_empty()),
            renewed: text("renewTime"),
            duration: Duration::from_secs(
                field("leaseDurationSeconds")
                    .and_then(Value::as_u64)
                    .unwrap_or(0)
                    .max(1),
            ),
            transitions: field("leaseTransitions").and_then(Value::as_u64).unwrap_or(0),
        };
        let settings = annotations.and_then(|annotations| annotations.get(SETTINGS_ANNOTATION).cloned());
        Self {
            known: KnownLease { view, settings },
            object,
        }
    }
}
