//! Gives an engine its ticks, so that the evaluation limit of [`crate::Limit`] means wall time.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::module::Engine;

/// A thread that ticks an engine until it is dropped. policy-server ticks once a second.
#[derive(Debug)]
pub struct Ticker {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// Starts to tick `engine` every `period`.
    #[must_use]
    pub fn start(engine: &Engine, period: Duration) -> Self {
        let engine = engine.clone();
        let (stop, stopped) = channel::<()>();
        let thread = std::thread::spawn(move || {
            while stopped.recv_timeout(period) == Err(RecvTimeoutError::Timeout) {
                engine.tick();
            }
        });
        Self {
            stop: Some(stop),
            thread: Some(thread),
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A ticker that panicked has nothing to tell: ticks stop, which is what dropping asks for.
            let _ = thread.join();
        }
    }
}
