//! Runs a Kubewarden policy as policy-server does, without HTTP and without a cluster: the module is compiled once, every
//! request gets a fresh instance, and the guest's host calls are answered from a store in memory.
//!
//! ```text
//!   review ──> Policy ──> Instance (wasm) ──host call──> Capabilities
//!     ^          │                                        Kubernetes: grants, log
//!     └─ patch ──┘                                           └──> Cluster: Store | View | Recording | Replay
//! ```
//!
//! It must never decide anything itself: what the guest answers is turned into an admission answer by policy-server's
//! rules and nothing else. It reads no clock (time is an argument of the store; the evaluation limit counts ticks that
//! somebody gives, see [`Ticker`]) and knows nothing of the policy it runs.

mod access;
mod admission;
mod capabilities;
mod cluster;
mod grants;
mod kubernetes;
mod mask;
mod meter;
mod module;
mod object_id;
mod query;
mod selector;
mod session;
mod session_text;
mod store;
mod ticker;

pub use access::{Access, AccessRule};
pub use admission::{AdmissionResponse, AdmitError, Mode, Policy, Status};
pub use capabilities::{Capabilities, Counted, HostCalls, NoCapabilities};
pub use cluster::Cluster;
pub use grants::{Grants, GrantsError, Resource};
pub use kubernetes::{Kubernetes, LogLines, LogSink};
pub use mask::FieldMask;
pub use meter::{Clock, Meter, Metered};
pub use module::{Engine, HostError, Instance, Limit, Module, SettingsResponse, ValidationResponse};
pub use object_id::{ObjectId, StoreError};
pub use query::{
    CanI, GetResource, ListAll, ListByNamespace, Query, QueryError, ResourceAttributes, SubjectAccessReview,
};
pub use session::{Recording, Replay};
pub use session_text::{Exchange, SessionError};
pub use store::{Store, View};
pub use ticker::Ticker;
