//! Small borrowed views of what the cluster answers: only the fields that a decision needs.
//!
//! Unknown fields are skipped, never kept, and a text is borrowed from the answer where JSON lets
//! it be. Nothing here fails on a field that is not read.

mod fields;
mod foreign;
mod list;
mod listed;
mod pod;
mod replicas;
mod revision;
mod text;
mod workload;

pub use fields::{FieldError, Fields, Texts};
pub use foreign::Foreign;
pub use list::{ListError, items, listed_pods, named};
pub use listed::{ListedPod, PodFacts, is_decided};
pub use pod::{OwnerReference, PodHead};
pub use replicas::{PathError, replicas_at, replicas_in};
pub use revision::{NoRevision, latest_revision, ordinal, revision_key};
pub use text::Text;
pub use workload::WorkloadFacts;
