//! Whether this process lives and is ready.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A loop that did not show itself for so long hangs.
const LONGEST_SILENCE: Duration = Duration::from_secs(30);

/// What the probes are told.
#[derive(Debug)]
pub struct Health {
    start: Instant,
    /// Milliseconds after the start.
    last_beat: AtomicU64,
    is_ready: AtomicBool,
    trouble: Mutex<Option<String>>,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            last_beat: AtomicU64::new(0),
            is_ready: AtomicBool::new(false),
            trouble: Mutex::new(None),
        }
    }
}

impl Health {
    /// The loop lives.
    pub fn beat(&self) {
        let millis = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_beat.store(millis, Ordering::Relaxed);
    }

    /// The caches were filled.
    pub fn ready(&self) {
        self.is_ready.store(true, Ordering::Relaxed);
    }

    /// Whether the caches were filled: a standby is ready too.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.is_ready.load(Ordering::Relaxed)
    }

    /// Something that people should know of though all else is well; `None`: it is over.
    pub fn trouble(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// What people should know of.
    #[must_use]
    pub fn told_trouble(&self) -> Option<String> {
        self.trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether the loop lives.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        let beat = self.start + Duration::from_millis(self.last_beat.load(Ordering::Relaxed));
        beat.elapsed() < LONGEST_SILENCE
    }
}
