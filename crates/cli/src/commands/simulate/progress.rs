//! A bar for whoever has waited for a second; on a terminal alone.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use simulator::Moment;

/// How far a run has come.
pub(super) struct Progress {
    what: String,
    begun: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    const PATIENCE: Duration = Duration::from_secs(1);

    /// `what` is played.
    pub(super) fn new(what: &str) -> Self {
        Self {
            what: what.to_owned(),
            begun: Instant::now(),
            bar: None,
        }
    }

    pub(super) fn show(&mut self, moment: Moment) {
        if self.bar.is_none() && self.begun.elapsed() > Self::PATIENCE && std::io::stderr().is_terminal() {
            let style = ProgressStyle::with_template("{msg} {wide_bar} {percent}%").ok();
            let bar = ProgressBar::new(moment.end.0);
            self.bar = Some(if let Some(style) = style {
                bar.with_style(style)
            } else {
                bar
            });
        }
        if let Some(bar) = &self.bar {
            bar.set_position(moment.now.0);
            bar.set_message(format!(
                "{}: {} of {}, {} pods admitted",
                self.what, moment.now, moment.end, moment.admissions
            ));
        }
    }

    pub(super) fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
