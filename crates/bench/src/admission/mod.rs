//! Measures what an admission costs: the policy against an empty policy built the same way, request by request in turn, so
//! that what the machine does meanwhile hits both alike. Ratios are the result; times are for orientation.
//!
//! ```text
//!   fixtures ──> cases ──> https       (TLS, keep-alive, server in a thread)
//!                     └──> in process  (instantiate and decide)  ──> report
//! ```

mod cases;
mod measure;
mod report;

pub(crate) use cases::run;
