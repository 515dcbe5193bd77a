//! The decisions of kube-scheduler's default profile (Kubernetes 1.36), as pure functions.
//!
//! ```text
//!   pod --Needs::read--> Needs --.                            filters: cordon, name, taints, node affinity, resources,
//!   node --Node::read--> Nodes --+--choose--> Choice                   topology spread, pod affinity
//!                          ^                    |             scores:  taints 3, node affinity 2, spread 2,
//!                          +------ assume ------+                      pod affinity 2, least allocated 1, balance 1
//! ```
//!
//! What it leaves out: preemption (a pod that fits nowhere waits, whatever its priority), volumes, host ports, dynamic
//! resources, image locality, and the sampling of nodes in large clusters: every node is looked at, as with
//! `percentageOfNodesToScore: 100`. Nothing here is queued: the caller keeps the pods that wait, by priority and time.
//!
//! A choice costs a pass over the nodes and none over the pods: what pods of equal wishes make of a node is remembered
//! ([`verdicts`]), and pods are counted as they come and go ([`tallies`]).

mod choose;
mod companions;
mod constraints;
mod domains;
mod logarithm;
mod needs;
mod node;
mod nodes;
mod reason;
mod score;
mod selector;
mod spreading;
mod taint_eviction;
mod tallies;
#[cfg(test)]
mod tests;
mod verdicts;

pub use choose::Choice;
pub use constraints::HOSTNAME;
pub use kube_rules::nodes::{Requests, Resources, Unreadable};
pub use needs::Needs;
pub use node::{Node, NodeRoom};
pub use nodes::{NodeId, Nodes};
pub use reason::Unschedulable;
pub use selector::Labels;
pub use taint_eviction::stays_for;
