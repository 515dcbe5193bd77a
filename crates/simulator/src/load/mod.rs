//! Load: how many requests come, how many of them the ready pods serve, and what Prometheus would say of it.
//!
//! ```text
//!   Traffic --arrived--> Queue --served--> each pod: utilisation, CPU
//!                          |
//!                          +--> lost        Counter --rate over a window--> KEDA
//! ```
//!
//! A fluid in whole millionths of a request: nothing is rounded away, so what arrived is at every moment exactly what was
//! served, lost and is waiting, and the same traffic gives the same bytes on any machine.

mod counter;
mod served;
mod traffic;

pub use counter::Counter;
pub use served::{Cpu, PodLoad, Queue, Service, Step};
pub use traffic::{CsvFault, MICRO, MOST_PER_SECOND, Point, Shape, Traffic, TrafficFault, parse_rate};

#[cfg(test)]
mod tests;
