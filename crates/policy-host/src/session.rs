//! Sessions: what a policy asked and was answered, recorded from one cluster and replayed as another.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::cluster::Cluster;
use crate::query::Query;
use crate::session_text::{self, Exchange, SessionError};

/// Passes questions on and keeps them with their answers. What the grants refuse never gets here, as in kwctl.
pub struct Recording {
    inner: Arc<dyn Cluster>,
    exchanges: Mutex<Vec<Exchange>>,
}

impl Recording {
    /// Records what is asked of `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn Cluster>) -> Self {
        Self {
            inner,
            exchanges: Mutex::default(),
        }
    }

    /// The session so far, in kwctl's format.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        session_text::write(&self.exchanges.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Cluster for Recording {
    fn answer(&self, query: &Query) -> Result<Vec<u8>, String> {
        let answer = self.inner.answer(query);
        let response = match &answer {
            Ok(payload) => Ok(String::from_utf8_lossy(payload).into_owned()),
            Err(message) => Err(message.clone()),
        };
        self.exchanges
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Exchange {
                query: query.clone(),
                response,
            });
        answer
    }
}

/// Gives recorded answers, in their order and only to the very same questions.
#[derive(Debug)]
pub struct Replay(Mutex<VecDeque<Exchange>>);

impl Replay {
    /// Replays these exchanges.
    #[must_use]
    pub fn new(exchanges: Vec<Exchange>) -> Self {
        Self(Mutex::new(exchanges.into()))
    }

    /// Reads a session in kwctl's format.
    ///
    /// # Errors
    /// When the text is no session.
    pub fn from_yaml(text: &str) -> Result<Self, SessionError> {
        session_text::read(text).map(Self::new)
    }

    /// The exchanges that nobody asked for yet.
    #[must_use]
    pub fn left(&self) -> Vec<Exchange> {
        let exchanges = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        exchanges.iter().cloned().collect()
    }
}

impl Cluster for Replay {
    fn answer(&self, query: &Query) -> Result<Vec<u8>, String> {
        let next = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
            .ok_or("the list of recorded responses is empty")?;
        if next.query != *query {
            return Err(format!(
                "Replay error: unexpected request. Was expecting {:?}, got {query:?} instead",
                next.query
            ));
        }
        next.response.map(String::into_bytes)
    }
}
