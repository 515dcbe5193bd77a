//! Which sidecar leads: what `sidecar_core` decides about the one Lease is read and written here.
//!
//! ```text
//!  Lease <--store--> task --Campaign--> Standing --> the loop
//!                      '-----------------------------> Fence
//! ```
//!
//! This module must never let the fence be open while another sidecar may lead.

pub mod leads;
mod store;

use std::sync::Arc;
use std::time::Duration;

use sidecar_core::Moment;
use sidecar_core::lease::{Act, Campaign, Candidacy, Failure, LeaseWrite, OtherSettings, Standing, Turn};
use tokio::sync::watch;
use tracing::{info, warn};

pub use store::{LeaseError, Store, Stored};

use crate::clock;
use crate::events::{About, Teller};
use crate::fence::Fence;
use crate::health::Health;
use crate::metrics::Metrics;

/// The task that keeps the Lease.
pub struct LeaseTask {
    /// Where the Lease is.
    pub store: Store,
    /// What is to be done about it.
    pub campaign: Campaign,
    /// What opens and closes with it.
    pub fence: Fence,
    /// Nobody stands before there are settings and the caches are filled.
    pub candidacy: watch::Receiver<Option<Candidacy>>,
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
        while !*self.stop.borrow() {
            if let Some(candidacy) = self.candidacy.borrow_and_update().clone() {
                self.campaign.stand(candidacy);
            }
            let answered = match self.campaign.turn(clock::moment()) {
                Turn::Read => self.read(&mut stored).await,
                Turn::Write(write) => self.write(&mut stored, &write).await,
                Turn::Wait(until) => {
                    self.compare(&mut differs);
                    self.tell();
                    self.until_something(until).await;
                    continue;
                }
            };
            match answered {
                Ok(()) if core::mem::take(&mut is_failing) => info!("the Lease can be reached again"),
                Ok(()) => {}
                Err(error) => self.failed(&error, &mut is_failing),
            }
            self.tell();
        }
        self.give_up(stored).await;
    }

    async fn read(&mut self, stored: &mut Option<Stored>) -> Result<(), LeaseError> {
        *stored = within(self.campaign.patience(), self.store.read()).await?;
        let known = stored.as_ref().map(|stored| stored.known.clone());
        self.campaign.read(known, clock::moment());
        Ok(())
    }

    async fn write(&mut self, stored: &mut Option<Stored>, write: &LeaseWrite) -> Result<(), LeaseError> {
        let writing = self.store.write(stored.as_ref(), write);
        let written = within(self.campaign.patience(), writing).await?;
        let act = self.campaign.wrote(written.known.clone(), clock::moment());
        *stored = Some(written);
        if let Some(Act::Take { epoch, is_clean }) = act {
            info!(epoch, after_wait = !is_clean, "the Lease was taken");
        }
        Ok(())
    }

    fn failed(&mut self, error: &LeaseError, is_failing: &mut bool) {
        self.metrics.lease_failed();
        let failure = if error.is_conflict() {
            Failure::Conflict
        } else {
            Failure::Unreached
        };
        self.campaign.failed(failure, clock::moment(), fastrand::f64());
        if failure == Failure::Unreached && !core::mem::replace(is_failing, true) {
            warn!(error = %error, "the Lease cannot be taken, renewed or read");
            self.teller
                .warn(&About::Sidecar, "LeaseNotReached", &error.to_string());
        }
    }

    /// Tells, once, that the holder has other settings.
    fn compare(&self, differs: &mut Option<String>) {
        let ours = self.candidacy.borrow();
        let ours = ours.as_ref().map_or("", |candidacy| &candidacy.settings);
        let now = self
            .campaign
            .other_settings()
            .map(|other| difference(&other, ours));
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
        let standing = self.campaign.standing(clock::moment());
        match standing {
            Standing::Leading { writes_until, .. } => self.fence.open_until(clock::instant(writes_until)),
            Standing::Standby | Standing::Waiting { .. } => self.fence.close(),
        }
        self.standing.send_if_modified(|told| {
            let is_news = rank(told) != rank(&standing);
            *told = standing;
            is_news
        });
    }

    /// Waits until a moment, or until the settings change or it is to stop.
    async fn until_something(&mut self, until: Option<Moment>) {
        let sleep = async {
            match until {
                Some(until) => tokio::time::sleep_until(clock::instant(until).into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = sleep => {}
            changed = self.candidacy.changed() => if changed.is_err() {
                // The loop has ended: this is about to.
                let _ = self.stop.wait_for(|stop| *stop).await;
            },
            _ = self.stop.changed() => {}
        }
    }

    async fn give_up(&mut self, stored: Option<Stored>) {
        self.fence.close();
        let write = self.campaign.give_up();
        self.tell();
        let (Some(write), Some(stored)) = (write, stored) else {
            return;
        };
        match within(self.campaign.patience(), self.store.write(Some(&stored), &write)).await {
            Ok(_) => info!(epoch = write.epoch, "the Lease was given up"),
            Err(error) => warn!(error = %error, "the Lease was not given up, it runs out"),
        }
    }
}

/// How the settings of a Lease's holder differ from those of another sidecar.
fn difference(OtherSettings { holder, theirs }: &OtherSettings<'_>, ours: &str) -> String {
    format!(
        "the sidecar `{holder}` leads with the settings `{theirs}`, this one has the settings `{ours}`: spreads that only one \
         of them knows are not served; give both the same settings"
    )
}

/// What the loop acts on: another term, or another place in it.
fn rank(standing: &Standing) -> (u8, u64) {
    match standing {
        Standing::Standby => (0, 0),
        Standing::Waiting { epoch, .. } => (1, *epoch),
        Standing::Leading { epoch, .. } => (2, *epoch),
    }
}

async fn within<T>(
    patience: Duration,
    request: impl Future<Output = Result<T, LeaseError>>,
) -> Result<T, LeaseError> {
    match tokio::time::timeout(patience, request).await {
        Ok(answer) => answer,
        Err(_) => Err(LeaseError::Late(patience)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_with_other_settings_is_told_of_by_both_hashes() {
        let other = OtherSettings {
            holder: "a_1",
            theirs: "theirs",
        };
        let text = difference(&other, "ours");
        for part in ["`a_1`", "`theirs`", "`ours`"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
