//! `spillway torture`: a random search for what must never be, in small clusters where much goes wrong.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use simulator::Admission;
use simulator::torture::{
    Case, Failure, NativeAdmission, Played, Violation, hostility, is_for_a_real_cluster, minimise, play,
    play_aloud,
};

use crate::exit::{self, Exit};
use crate::{files, folder, output};

const EXAMPLES: &str = "\
Examples:
  spillway torture --runs 10000
  spillway torture --seed 7 --runs 1000 --save cases
  spillway torture --daily --runs 1000 --save days
  spillway torture --replay cases/seed-23.json --trace
  spillway torture --runs 10000 --hostile 40 --save hostile

Each run is drawn from its own seed: bursts, lags, scale changes, rollouts, node loss, crashes, frozen sidecars, lost answers, pools
that are full, HPAs, drains under a PodDisruptionBudget, machines that the cloud takes back. The
same decision code as in the policy and the same plan as in the sidecar play it; after every event the pods are counted anew and
nothing may be above its maximum. A seed that fails is shrunk to the smallest case that fails alike.
";

/// The arguments as they are written.
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n{}", exit::HELP))]
pub(crate) struct Raw {
    /// The seed of the first run; each further run has the next
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many runs
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    runs: u64,
    /// Draw ordinary days: rollouts, scaling, deletions, drains, lost nodes and restarts, each followed by a rest at which
    /// every subset must be as full as its ladder says
    #[arg(long, conflicts_with_all = ["hostile", "replay"])]
    daily: bool,
    /// Begin no further run after so many seconds
    #[arg(long, value_name = "SECONDS")]
    time_limit: Option<u64>,
    /// Where failing and hostile cases are saved
    #[arg(long, value_name = "FOLDER")]
    save: Option<PathBuf>,
    /// Keep so many of the most hostile cases that passed and that a real control plane can play
    #[arg(long, value_name = "N", default_value_t = 0, requires = "save")]
    hostile: usize,
    /// Play this saved case, and nothing else
    #[arg(long, value_name = "FILE", conflicts_with_all = ["runs", "time_limit", "hostile"])]
    replay: Option<PathBuf>,
    /// Tell everything that happens in the replayed case, a line each
    #[arg(long, requires = "replay")]
    trace: bool,
    /// How to show the result
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// One line of JSON
    Json,
    /// A few lines for people
    Table,
}

/// What the search came to.
#[derive(Debug, Default)]
struct Search {
    runs: u64,
    failures: Vec<Failure>,
    hostile: Vec<(u64, Case)>,
    pods: u64,
    gated: u64,
    bound: u64,
    costs: u64,
    moved: u64,
    recreated: u64,
    evicted: u64,
    leaders: u64,
    empty: u64,
}

/// Searches, or plays one case.
pub(crate) fn run(raw: Raw) -> Result<(), Exit> {
    if let Some(save) = &raw.save {
        std::fs::create_dir_all(save)
            .map_err(|error| Exit::BadInput(vec![format!("--save `{}`: {error}", save.display())]))?;
    }
    if let Some(file) = &raw.replay {
        return replay(file, raw.trace);
    }
    let begun = Instant::now();
    let search = search(&raw, begun)?;
    if let Some(save) = &raw.save {
        for failure in &search.failures {
            write(&save.join(format!("seed-{}.json", failure.seed)), &failure.case)?;
        }
        for (number, (_, case)) in search.hostile.iter().enumerate() {
            write(&save.join(format!("hostile-{number:02}.json")), case)?;
        }
    }
    show(&search, raw.output, begun.elapsed())?;
    match search.failures.first() {
        None => Ok(()),
        Some(failure) => Err(Exit::Violations(vec![told(failure.seed, &failure.violation)])),
    }
}

fn policy(case: &Case) -> Box<dyn Admission> {
    Box::new(NativeAdmission::of(case))
}

fn search(raw: &Raw, begun: Instant) -> Result<Search, Exit> {
    let limit = raw.time_limit.map(Duration::from_secs);
    let bar = progress(raw.runs);
    let mut search = Search::default();
    for seed in raw.seed..raw.seed.saturating_add(raw.runs) {
        if limit.is_some_and(|limit| begun.elapsed() >= limit) {
            break;
        }
        let case = if raw.daily {
            Case::draw_daily(seed)
        } else {
            Case::draw(seed)
        };
        let played = play(&case, &mut policy).map_err(|error| Exit::bad(&error))?;
        search.count(&played);
        bar.inc(1);
        if let Some(found) = &played.violation {
            bar.set_message(format!("seed {seed} failed, shrinking"));
            search.failures.push(minimise(&case, found, &mut policy));
            if search.failures.len() == MOST_FAILURES {
                break;
            }
        } else if raw.hostile > 0 && is_for_a_real_cluster(&case, &played) {
            search.keep(hostility(&played), case, raw.hostile);
        }
    }
    bar.finish_and_clear();
    Ok(search)
}

/// After so many failures there is enough to look at.
const MOST_FAILURES: usize = 10;

impl Search {
    fn count(&mut self, played: &Played) {
        self.runs += 1;
        self.pods += played.tally.pods;
        self.gated += played.tally.gated;
        self.bound += played.tally.bound;
        self.costs += played.tally.costs;
        self.moved += played.tally.moved;
        self.recreated += played.tally.recreated;
        self.evicted += played.tally.evicted;
        self.leaders += played.tally.leaders;
        self.empty += u64::from(played.tolerated.empty);
    }

    fn keep(&mut self, hostility: u64, case: Case, most: usize) {
        self.hostile.push((hostility, case));
        self.hostile
            .sort_by_key(|(hostility, _)| std::cmp::Reverse(*hostility));
        self.hostile.truncate(most);
    }
}

fn replay(file: &Path, is_told: bool) -> Result<(), Exit> {
    let bad = |reason: String| Exit::BadInput(vec![format!("`{}`: {reason}", file.display())]);
    let text = folder::file(file).map_err(|error| Exit::bad(&error))?.text;
    let case = Case::read(&text).map_err(|error| bad(error.to_string()))?;
    let mut broken = Ok(());
    let mut tell = |at: u64, text: &str| {
        if broken.is_ok() {
            broken = output::print_line(format_args!("{at:>9} ms  {text}"));
        }
    };
    let played = match is_told {
        true => play_aloud(&case, &mut policy, &mut tell),
        false => play(&case, &mut policy),
    };
    broken?;
    let played = played.map_err(|error| bad(error.to_string()))?;
    match played.violation {
        None => {
            let (pods, millis) = (played.tally.pods, played.millis);
            output::print_line(format_args!("clean: {pods} pods, {millis} ms"))
        }
        Some(violation) => Err(Exit::Violations(vec![told(case.seed, &violation)])),
    }
}

fn told(seed: u64, violation: &Violation) -> String {
    format!(
        "seed {seed}, at {} ms: {}: {}\n{}",
        violation.at, violation.rule, violation.text, violation.state
    )
}

fn write(path: &Path, case: &Case) -> Result<(), Exit> {
    files::write(path, case.text().as_bytes()).map_err(|error| Exit::bad(&error))
}

fn show(search: &Search, shape: Output, took: Duration) -> Result<(), Exit> {
    let seconds = took.as_secs_f64();
    match shape {
        Output::Json => output::print_line(json!({
            "runs": search.runs,
            "failedSeeds": search.failures.iter().map(|failure| failure.seed).collect::<Vec<u64>>(),
            "seconds": seconds,
            "pods": search.pods,
            "gated": search.gated,
            "bound": search.bound,
            "costWrites": search.costs,
            "moved": search.moved,
            "madeAnew": search.recreated,
            "movedHome": search.evicted,
            "leaderChanges": search.leaders,
            "placesLeftEmpty": search.empty,
            "hostile": search.hostile.iter().map(|(hostility, case)| json!([case.seed, hostility])).collect::<Vec<_>>(),
        })),
        Output::Table => {
            output::print_line(format_args!(
                "{} runs in {seconds:.1} s: {} failed",
                search.runs,
                search.failures.len()
            ))?;
            output::print_line(format_args!(
                "{} pods, {} gated, {} bound, {} costs corrected, {} moved, {} made anew, {} moved home, {} changes of leader, {} places left empty",
                search.pods,
                search.gated,
                search.bound,
                search.costs,
                search.moved,
                search.recreated,
                search.evicted,
                search.leaders,
                search.empty
            ))
        }
    }
}

/// Shown on a terminal alone.
fn progress(runs: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(runs);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} runs, {eta} left {msg}") {
        bar.set_style(style);
    }
    bar
}
