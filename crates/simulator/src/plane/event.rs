//! Everything that can come next.

use serde_json::Value;
use sidecar_core::lease::LeaseView;

use super::controllers::Sync;
use super::happenings::Back;
use super::nodes::NodeEvent;
use super::requests::{Answer, Request};
use super::sidecars::SidecarEvent;

/// Something that was put down for a time.
#[derive(Debug)]
pub(super) enum Event {
    Happen(usize),
    Back(Back),
    Deliver {
        watch: usize,
        life: u32,
    },
    List {
        watch: usize,
        life: u32,
    },
    Sync(Sync),
    /// Of a StatefulSet, with the ordinal.
    Create(Sync, Option<u32>),
    Store {
        owner: Sync,
        pod: Option<Box<Value>>,
        replica: Option<usize>,
        /// Whether another webhook changed it.
        injected: bool,
        api_life: u32,
    },
    Delete {
        owner: Option<Sync>,
        pod: u64,
    },
    Schedule,
    /// A second of traffic.
    Demand(usize),
    /// KEDA looks.
    Poll(usize),
    /// The HPA controller looks.
    Autoscale(usize),
    Ready(u64),
    Finish(u64),
    Remove(u64),
    /// Taints drive a pod away.
    DriveAway(u64),
    /// The CronJob looks that opens gates while nobody leads; the Lease as it saw it before, if it did.
    OpenGates(Option<Box<LeaseView>>),
    /// The cluster autoscaler looks.
    ScaleNodes,
    /// A machine that it ordered is there.
    NewNode {
        group: String,
        name: String,
    },
    /// Of a node at this place, in this life of it.
    Node {
        node: usize,
        life: u32,
        event: NodeEvent,
    },
    Arrive(Box<Request>),
    Answer {
        sidecar: usize,
        life: u32,
        answer: Box<Answer>,
    },
    Sidecar {
        sidecar: usize,
        life: u32,
        event: SidecarEvent,
    },
}
