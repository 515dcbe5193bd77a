//! A real control plane on one machine, without containers, and what tests need to drive it.
//!
//! ```text
//!   build.sh ──> target/control-plane/bin
//!                      │
//!   ControlPlane ── etcd, kube-apiserver, controller-manager, scheduler, KWOK (a folder, ports and tokens of its own)
//!        ├── PolicyHost ── policy-host-serve, registered as Kubewarden's controller registers a policy
//!        ├── Sidecar ──── spillway-sidecar, with the rights of deploy/ alone
//!        └── Witness ──── every pod event of a namespace: what was ever above its maximum
//! ```
//!
//! It must never be deployed, and never end a process that it did not start. It waits for events, not for time: only what
//! has no event to wait for, a server that does not listen yet, is asked again.

pub mod apply;
pub mod control_plane;
pub mod error;
pub mod folder;
pub mod identity;
pub mod install;
pub mod metrics;
pub mod nodes;
pub mod places;
pub mod policy_host;
pub mod proxy;
pub mod ready;
pub mod seen;
pub mod sidecar;
pub mod stages;
pub mod standing;
pub mod wait;
pub mod witness;
pub mod workloads;

mod components;
mod guard;
mod ports;
mod process;

pub use components::Component;
pub use control_plane::{ControlPlane, Options};
pub use error::ClusterError;
pub use folder::Folder;
pub use identity::Identity;
pub use install::install;
pub use nodes::NodePool;
pub use policy_host::{PolicyHost, PolicyHostOptions};
pub use process::Process;
pub use seen::{PodState, Seen};
pub use sidecar::{Sidecar, SidecarOptions};
pub use stages::PodPace;
pub use witness::Witness;
