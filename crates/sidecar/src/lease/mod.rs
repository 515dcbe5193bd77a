//! Which sidecar leads: one Lease, renewed while it is held, watched over by the others.
//!
//! ```text
//!  Lease <--store--> task --elector--> Standing --> the loop
//!                      '----------------------------> Fence
//! ```
//!
//! This module must never let the fence be open while another sidecar may lead.

mod elector;
pub mod leads;
mod store;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tracing::{info, warn};

pub use elector::{Act, Elector, LeaseView, Standing, Timing};
pub use store::{LeaseError, Store, Stored};

use crate::client::REQUEST_TIMEOUT;
use crate::events::{About, Teller};
use crate::fence::Fence;
use crate::health::Health;
use crate::metrics::Metrics;

/// After a request about the Lease failed, it is tried again after this.
const AGAIN: Duration = Duration::from_secs(1);

/// A request about the Lease may take so long: shorter than the time between two renewals.
const LEASE_TIMEOUT: Duration = Duration::from_secs(4);

impl Timing {
    /// For a lease of so many seconds.
    #[must_use]
    pub fn of(duration: Duration) -> Self {
        Self {
            duration,
            renew_every: duration / 3,
            look_every: Duration::from_secs(1).min(duration / 3),
            in_flight: REQUEST_TIMEOUT,
            margin: duration / 8,
        }
    }
}

/// The task that keeps the Lease.
pub struct LeaseTask {
    /// Where the Lease is.
    pub store: Store,
    /// Who tries to hold it.
    pub elector: Elector,
    /// What opens and closes with it.
    pub fence: Fence,
    /// The hash of the settings; nobody campaigns before there are any and the caches are filled.
    pub settings: watch::Receiver<Option<String>>,
    /// Where the standing is told.
    pub standing: watch::Sender<Standing>,
    /// Set when it is to be given up.
    pub stop: watch::Receiver<bool>,
    /// What is counted.
    pub metrics: Metrics,
    /// What the probes tell.
    pub health: Arc<Health>,
    /// For people.
    pub teller: Teller,
}

impl LeaseTask {
    /// Runs until it is to stop, and gives the Lease up then.
    pub async fn run(mut self) {
        let mut stored: Option<Stored> = None;
        let mut is_failing = false;
        let mut differs = None;
        loop {
            if *self.stop.borrow() {
                break;
            }
            let Some(settings) = self.settings.borrow_and_update().clone() else {
                self.until_something(None).await;
                continue;
            };
            let pause = match self.turn(&mut stored, &settings).await {
                Ok(pause) => {
                    if core::mem::take(&mut is_failing) {
                        info!("the Lease can be reached again");
                    }
                    self.compare(stored.as_ref(), &settings, &mut differs);
                    pause
                }
                Err(error) => {
                    stored = None;
                    self.metrics.lease_failed();
                    if error.is_conflict() {
                        Duration::ZERO
                    } else {
                        if !core::mem::replace(&mut is_failing, true) {
                            warn!(error = %error, "the Lease cannot be taken, renewed or read");
                            self.teller
                                .warn(&About::Sidecar, "LeaseNotReached", &error.to_string());
                        }
                        jittered(AGAIN)
                    }
                }
            };
            self.tell();
            self.until_something(Some(pause)).await;
        }
        self.give_up(stored).await;
    }

    /// Looks where that is needed, writes where that is due; how long to wait then.
    async fn turn(&mut self, stored: &mut Option<Stored>, settings: &str) -> Result<Duration, LeaseError> {
        let is_other = |stored: &Stored| stored.settings.as_deref() != Some(settings);
        let mut act = match (stored.as_ref(), self.elector.next(Instant::now())) {
            (Some(known), Some(Act::Wait(_))) if is_other(known) => {
                self.elector.holds().map(|epoch| Act::Renew { epoch })
            }
            (Some(_), act) => act,
            (None, _) => None,
        };
        if act.is_none() {
            *stored = within(self.store.read()).await?;
            let view = stored.as_ref().map(|stored| &stored.view);
            act = Some(self.elector.looked(view, Instant::now()));
        }
        let act = act.unwrap_or(Act::Wait(AGAIN));
        let (Act::Take { epoch, .. } | Act::Renew { epoch }) = act else {
            let Act::Wait(pause) = act else { return Ok(AGAIN) };
            return Ok(pause);
        };
        let begun = Instant::now();
        let view = LeaseView {
            holder: Some(self.elector.me().to_owned()),
            renewed: crate::clock::now().to_string(),
            duration: self.elector.timing().duration,
            transitions: epoch,
        };
        let is_new_term = matches!(act, Act::Take { .. });
        let written = self.store.write(stored.as_ref(), &view, settings, is_new_term);
        *stored = Some(within(written).await?);
        self.elector.wrote(&act, begun, Instant::now());
        if let Act::Take { epoch, is_clean } = act {
            info!(epoch, after_wait = !is_clean, "the Lease was taken");
        }
        Ok(Duration::ZERO)
    }

    /// Tells, once, that the holder has other settings: it serves none of the spreads that only this sidecar knows.
    fn compare(&self, stored: Option<&Stored>, ours: &str, differs: &mut Option<String>) {
        let now = stored.and_then(|stored| difference(stored, self.elector.me(), ours));
        if now == *differs {
            return;
        }
        match &now {
            Some(text) => {
                warn!("{text}");
                self.teller.warn(&About::Sidecar, "SettingsDiffer", text);
            }
            None => info!("the holder of the Lease has the same settings"),
        }
        self.metrics.settings_differ(now.is_some());
        self.health.trouble(now.clone());
        *differs = now;
    }

    /// Tells the loop and the fence what this sidecar is now.
    fn tell(&mut self) {
        let standing = self.elector.standing(Instant::now());
        match standing {
            Standing::Leading { writes_until, .. } => self.fence.open_until(writes_until),
            Standing::Standby | Standing::Waiting { .. } => self.fence.close(),
        }
        self.standing.send_if_modified(|told| {
            let is_news = rank(told) != rank(&standing);
            *told = standing;
            is_news
        });
    }

    /// Waits for a while, or until the settings change, it is to stop, or the standing changes by time alone.
    async fn until_something(&mut self, pause: Option<Duration>) {
        let now = Instant::now();
        let turns = match self.elector.standing(now) {
            Standing::Standby => None,
            Standing::Waiting { until, .. } => Some(until),
            Standing::Leading { writes_until, .. } => Some(writes_until),
        };
        let turns = turns.map(|at| at.saturating_duration_since(now));
        let pause = pause.map_or(turns, |pause| Some(turns.map_or(pause, |turns| turns.min(pause))));
        let sleep = async {
            match pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = sleep => {}
            changed = self.settings.changed() => if changed.is_err() {
                // The loop has ended: this is about to.
                let _ = self.stop.wait_for(|stop| *stop).await;
            },
            _ = self.stop.changed() => {}
        }
    }

    async fn give_up(&mut self, stored: Option<Stored>) {
        self.fence.close();
        let is_held = self.elector.holds();
        self.elector.gave_up();
        self.tell();
        let (Some(epoch), Some(stored)) = (is_held, stored) else {
            return;
        };
        let view = LeaseView {
            holder: None,
            transitions: epoch,
            ..stored.view.clone()
        };
        let settings = stored.settings.clone().unwrap_or_default();
        match within(self.store.write(Some(&stored), &view, &settings, false)).await {
            Ok(_) => info!(epoch, "the Lease was given up"),
            Err(error) => warn!(error = %error, "the Lease was not given up, it runs out"),
        }
    }
}

/// How the settings of a Lease's holder differ from those of another sidecar.
fn difference(stored: &Stored, me: &str, ours: &str) -> Option<String> {
    let holder = stored.view.holder.as_deref().filter(|holder| *holder != me)?;
    let theirs = stored.settings.as_deref().filter(|theirs| *theirs != ours)?;
    Some(format!(
        "the sidecar `{holder}` leads with the settings `{theirs}`, this one has the settings `{ours}`: spreads that only one \
         of them knows are not served; give both the same settings"
    ))
}

/// What the loop acts on: another term, or another place in it.
fn rank(standing: &Standing) -> (u8, u64) {
    match standing {
        Standing::Standby => (0, 0),
        Standing::Waiting { epoch, .. } => (1, *epoch),
        Standing::Leading { epoch, .. } => (2, *epoch),
    }
}

async fn within<T>(request: impl Future<Output = Result<T, LeaseError>>) -> Result<T, LeaseError> {
    match tokio::time::timeout(LEASE_TIMEOUT, request).await {
        Ok(answer) => answer,
        Err(_) => Err(LeaseError::Late(LEASE_TIMEOUT)),
    }
}

/// Between half and the whole of a pause, so that many do not come at once.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use kube::api::DynamicObject;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_holder_with_other_settings_is_told_of_by_both_hashes() {
        let lease = json!({
            "metadata": {"name": "spillway-sidecar", "annotations": {"spillway.dev/settings": "theirs"}},
            "spec": {"holderIdentity": "a_1", "leaseTransitions": 3},
        });
        let object: DynamicObject = serde_json::from_value(lease).unwrap();
        let stored = Stored::of(object);
        let text = difference(&stored, "b_2", "ours").unwrap();
        for part in ["`a_1`", "`theirs`", "`ours`"] {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(
            difference(&stored, "a_1", "ours"),
            None,
            "it is its own, and about to be renewed"
        );
        assert_eq!(difference(&stored, "b_2", "theirs"), None);
    }
}
