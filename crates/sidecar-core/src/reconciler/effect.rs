//! What comes in, and what is to be done.

use core::time::Duration;
use std::sync::Arc;

use kube_rules::time::UnixMillis;
use reconcile_core::{Outcome, PodPatch, PodRecord, SpreadId, Step};

use super::lanes::WriteId;
use crate::lease::{Candidacy, Standing};
use crate::settings::Settings;
use crate::watches::{Filter, Source, Watched};

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// There are new settings.
    Settings(Settings),
    /// How this process stands with the Lease; told as often as one likes.
    Standing(Standing),
    /// A watch tells something.
    Watched(Watched),
    /// An answer to [`Effect::Send`] or [`Effect::Look`]; `share` is between 0 and 1, so that what failed together does not
    /// come back together.
    Answered {
        /// Of which write.
        write: WriteId,
        /// What was answered.
        answer: Answer,
        /// How long its pause is, if it is sent again.
        share: f64,
    },
    /// The process is to end.
    Stop,
}

/// What became of one request.
#[derive(Debug)]
pub enum Answer {
    /// It was done; the pod as it is now, where the answer holds one.
    Done(Option<Box<PodRecord>>),
    /// The API server refused it.
    Refused {
        /// The HTTP code.
        code: u16,
        /// What is said with it.
        message: String,
    },
    /// The pod that was looked at; `None`: there is none of its name. Or why it cannot be read.
    Looked(Result<Option<Box<PodRecord>>, String>),
    /// The API server was not reached, or the connection broke.
    Unreached(String),
    /// There was no answer in time.
    Late,
    /// Nothing was sent: the Lease may be another's.
    Fenced,
    /// No request can be made of it.
    Unsendable(String),
    /// Whoever sent it broke off.
    BrokeOff,
}

/// What is to be done, or told.
#[derive(Debug)]
pub enum Effect {
    /// List and watch anew, in place of any earlier watch of this source.
    Watch {
        /// What.
        source: Source,
        /// By which number its events are told.
        generation: u64,
        /// What of it is told.
        filter: Filter,
    },
    /// Watch no more.
    Unwatch(Source),
    /// New settings are acted on.
    TookSettings {
        /// How many watches were started for them.
        watches: usize,
    },
    /// Everything was listed; told once.
    CachesFilled,
    /// Stand for leader.
    Stand(Candidacy),
    /// This process leads.
    Leads {
        /// Its epoch.
        epoch: u64,
    },
    /// This process leads no more.
    LeadsNoMore {
        /// Writes that waited and will never be sent.
        dropped: Vec<WriteId>,
    },
    /// A plan was made.
    Planned(Planned),
    /// Send a write, if the fence is open, and tell the answer.
    Send {
        /// Which.
        write: WriteId,
        /// What it does, without its patch.
        step: Arc<Step>,
        /// How often it was sent before.
        attempt: u32,
        /// It is late after this.
        patience: Duration,
    },
    /// Read the pod of a write that was refused, and tell it.
    Look {
        /// Of which write.
        write: WriteId,
        /// What it does, without its patch.
        step: Arc<Step>,
        /// It is late after this.
        patience: Duration,
    },
    /// A write ended.
    Ended {
        /// Which.
        write: WriteId,
        /// What it does, without its patch.
        step: Arc<Step>,
        /// How.
        outcome: Outcome,
        /// How long after it was sent first.
        took: Duration,
    },
    /// No more is planned or begun.
    Stopping {
        /// How many writes are waited for.
        on_their_way: usize,
        /// Writes that waited and will never be sent.
        dropped: Vec<WriteId>,
    },
    /// The last write has ended.
    Stopped,
}

/// What a plan says.
#[derive(Debug)]
pub struct Planned {
    /// Of which spread.
    pub spread: SpreadId,
    /// What is written, in this order; each is sent when its turn comes.
    pub writes: Vec<NewWrite>,
    /// When it is made again though nothing happens.
    pub wake: Option<UnixMillis>,
}

/// A write that is planned.
#[derive(Debug)]
pub struct NewWrite {
    /// By which it is known from now on.
    pub id: WriteId,
    /// What it does, without its patch.
    pub step: Arc<Step>,
    /// Its patch, where it has one. Only who sends it keeps that: many may wait.
    pub patch: Option<PodPatch>,
}
