//! Serves policies over HTTPS from policy-server's `policies.yml`, with a store in memory in place of a cluster: a test
//! tool, for API servers that run tests and for measurements.
//!
//! ```text
//!   policies.yml ──> policies ──┐
//!   objects ───────> objects ───┼──> server ── POST /validate/<id>, GET /readiness
//!   certificates ──> tls ───────┘
//! ```
//!
//! It must never be deployed: it speaks to no cluster, fetches no module and checks no client certificate. What it does
//! with a request is `policy-host`'s business alone.

pub mod client;
pub mod objects;
pub mod policies;
pub mod server;
pub mod tls;
