//! From what is due to what is written, and back.

use std::sync::Arc;
use std::time::Instant;

use reconcile_core::{Action, Outcome, SpreadId, Step, plan};
use tokio::task::{Id, JoinError};
use tracing::error;

use super::{Actor, Hands};
use crate::apply::{Lane, Line};
use crate::clock;
use crate::observe::Key;

impl Actor {
    /// A write ended.
    pub(super) fn ended(&mut self, ended: Result<(Id, Outcome), JoinError>) {
        let (id, outcome) = ended.unwrap_or_else(|error| {
            // The runtime is ending, or there is a mistake in the writer.
            error!(error = %error, "a write broke off");
            (error.id(), Outcome::Unknown("the write broke off".to_owned()))
        });
        let Some(step) = self.writing.remove(&id) else {
            return;
        };
        self.lanes.ended(Lane::of(&step));
        let outcome = match outcome {
            // It was removed in between, and the watch was faster: it must not come back.
            Outcome::Done(Some(pod)) if !self.shown.knows(&Key::Pod(pod.uid.as_str().into())) => {
                Outcome::Done(None)
            }
            other => other,
        };
        match (&step.action, &outcome) {
            (Action::PublishLedger(_), Outcome::Done(_)) => {
                self.published.insert(step.spread.clone(), Instant::now());
            }
            (Action::RemoveLedger, Outcome::Done(_) | Outcome::Gone) => {
                self.published.remove(&step.spread);
            }
            (_, Outcome::Unknown(_)) => self.unknown = Some(Instant::now()),
            _ => {}
        }
        let dirty = self.world.settle(&step, outcome, clock::now());
        self.mark(dirty);
    }

    pub(super) fn plan_due(&mut self, now: Instant) {
        for spread in self.due.take(now, clock::now()) {
            if self.is_settled(&spread) {
                self.plan(&spread);
            } else {
                self.due.hold(spread);
            }
        }
    }

    fn plan(&mut self, spread: &SpreadId) {
        let begun = Instant::now();
        let at = clock::now();
        let plan = plan(&self.world, spread, at);
        self.metrics.planned(begun.elapsed());
        self.due.wake(spread, plan.wake);
        for step in plan.steps {
            // What is not told now is told when there is room.
            if matches!(self.hands, Hands::Writer(_)) && !self.lanes.has_room_for(&step) {
                continue;
            }
            self.world.assume(&step, at);
            match &self.hands {
                Hands::Writer(writer) => {
                    self.lanes.push(writer.job(step));
                }
                Hands::Paper => self.print(&step),
            }
        }
    }

    /// What would be written is assumed to be, so that it is not printed again.
    #[expect(clippy::print_stdout, reason = "`--dry-run` prints its plan")]
    fn print(&mut self, step: &Step) {
        let Line { pod, detail } = Line::of(step, self.subset(step));
        println!("{} {} {pod} {detail}", step.spread, step.action.word());
        if Lane::of(step) == Lane::Ledgers {
            let dirty = self.world.settle(step, Outcome::Done(None), clock::now());
            self.mark(dirty);
        }
    }

    pub(super) fn start_writes(&mut self) {
        let Hands::Writer(writer) = &self.hands else {
            return;
        };
        while let Some(job) = self.lanes.next_job() {
            let subset = self.subset(&job.step).map(ToOwned::to_owned);
            let step = Arc::clone(&job.step);
            let task = self.running.spawn(writer.clone().apply(job, subset));
            self.writing.insert(task.id(), step);
        }
    }

    /// The name of the subset that a step is about.
    fn subset(&self, step: &Step) -> Option<&str> {
        let (Action::Bind { subset, .. } | Action::Adopt { subset, .. }) = &step.action else {
            return None;
        };
        let rule = self.world.rule(&step.spread)?;
        rule.spread.subset(*subset).map(rules::Subset::name)
    }
}
