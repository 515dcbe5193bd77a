//! Does what the loop says.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reconcile_core::{Action, Outcome, Step};
use sidecar_core::reconciler::{Effect, NewWrite, Planned, WriteId};
use tracing::{info, warn};

use super::{Actor, Hands};
use crate::apply::Line;

impl Actor {
    pub(super) fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Watch {
                source,
                generation,
                filter,
            } => self.watches.start(source, generation, filter),
            Effect::Unwatch(source) => self.watches.stop(&source),
            Effect::TookSettings { watches } => self.took_settings(watches),
            Effect::CachesFilled => {
                self.health.ready();
                info!("the caches are filled");
            }
            Effect::Stand(candidacy) => {
                self.stand.send_replace(Some(candidacy));
            }
            Effect::Leads { epoch } => self.leads(epoch),
            Effect::LeadsNoMore { dropped } => {
                self.drop_drafts(&dropped);
                self.published.clear();
                self.metrics.leads(false);
                warn!(dropped = dropped.len(), "this process leads no more");
            }
            Effect::Planned(planned) => self.planned(planned),
            Effect::Send {
                write,
                step,
                attempt,
                patience,
            } => self.send(write, step, attempt, patience),
            Effect::Look {
                write,
                step,
                patience,
            } => {
                if let Hands::Writer(writer) = &self.hands {
                    let task = self.running.spawn(writer.clone().look(step, patience));
                    self.writing.insert(task.id(), write);
                }
            }
            Effect::Ended {
                write,
                step,
                outcome,
                took,
            } => self.ended(write, &step, &outcome, took),
            Effect::Stopping {
                on_their_way,
                dropped,
            } => {
                self.drop_drafts(&dropped);
                info!(
                    on_their_way,
                    dropped = dropped.len(),
                    "stopping: the writes on their way are waited for"
                );
            }
            Effect::Stopped => self.has_stopped = true,
        }
    }

    fn took_settings(&mut self, watches: usize) {
        let Some(settings) = self.core.settings() else {
            return;
        };
        if let Hands::Writer(writer) = &self.hands {
            writer.set_api_versions(settings.api_versions());
        }
        info!(
            settings = settings.hash,
            spreads = settings.rules.len(),
            watches,
            "settings taken"
        );
    }

    fn leads(&mut self, epoch: u64) {
        self.metrics.leads(true);
        if let Some(settings) = self.core.settings() {
            info!(
                epoch,
                settings = settings.hash,
                spreads = settings.rules.len(),
                "this process leads"
            );
        }
    }

    fn planned(&mut self, planned: Planned) {
        for NewWrite { id, step, patch } in planned.writes {
            match &self.hands {
                Hands::Writer(writer) => {
                    let draft = writer.draft(&step, patch.as_ref());
                    self.drafts.insert(id, Arc::new(draft));
                }
                Hands::Paper => self.print(&step),
            }
        }
    }

    #[expect(clippy::print_stdout, reason = "`--dry-run` prints its plan")]
    fn print(&self, step: &Step) {
        let Line { pod, detail } = Line::of(step, self.core.subset(step));
        println!("{} {} {pod} {detail}", step.spread, step.action.word());
    }

    fn send(&mut self, write: WriteId, step: Arc<Step>, attempt: u32, patience: Duration) {
        let (Hands::Writer(writer), Some(draft)) = (&self.hands, self.drafts.get(&write)) else {
            return;
        };
        if attempt > 0 {
            self.metrics.retried();
        }
        let sending = writer.clone().send(step, Arc::clone(draft), patience);
        let task = self.running.spawn(sending);
        self.writing.insert(task.id(), write);
    }

    fn ended(&mut self, write: WriteId, step: &Step, outcome: &Outcome, took: Duration) {
        self.drafts.remove(&write);
        match (&step.action, outcome) {
            (Action::PublishLedger(_), Outcome::Done(_)) => {
                self.published.insert(step.spread.clone(), Instant::now());
            }
            (Action::RemoveLedger, Outcome::Done(_) | Outcome::Gone) => {
                self.published.remove(&step.spread);
            }
            _ => {}
        }
        if let Hands::Writer(writer) = &self.hands {
            writer.tell(step, self.core.subset(step), outcome, took);
        }
    }

    fn drop_drafts(&mut self, dropped: &[WriteId]) {
        for write in dropped {
            self.drafts.remove(write);
        }
    }
}
