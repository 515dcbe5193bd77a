//! Serves policies over HTTPS from policy-server's `policies.yml`, over a real cluster or a store in memory: a test tool,
//! for API servers that run tests and for measurements.
//!
//! ```text
//!   policies.yml ──> policies ──────────────────┐
//!   objects ───────> objects (a store) ──┐      │
//!   kubeconfig ────> live ── watched ────┴──────┼──> server ── POST /validate/<id>, GET /readiness, GET /reviews
//!   certificates ──> tls ───────────────────────┘
//! ```
//!
//! It must never be deployed: it fetches no module and checks no client certificate. What it does with a request is
//! `policy-host`'s business alone; of a cluster it sees what policy-server would see, no sooner and no more.

pub mod client;
pub mod live;
pub mod objects;
pub mod policies;
pub mod server;
pub mod tls;

mod watched;
