//! `spillway simulate`: plays a scenario folder with the compiled policy.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use simulator::{Admission, Moment, Outcome, Scenario};

use crate::exit::{self, Exit};
use crate::picture::{self, Caption};
use crate::policy::{self, PolicyAdmission, PolicyError};
use crate::stacks::Stacks;
use crate::{chart, files, folder, table};

const EXAMPLES: &str = "\
Examples:
  spillway simulate examples/demo
  spillway simulate examples/demo --seed 7 -o json
  spillway simulate examples/burst-3000 --picture burst.png

A scenario folder holds manifests (one Deployment), `settings.yaml` (what a ClusterAdmissionPolicy has under spec.settings)
and `scenario.yaml` (nodes, times, events, expectations). The same folder, seed and module give the same output.
";

/// The arguments as they are written.
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n{}", exit::HELP))]
pub(crate) struct Raw {
    /// The scenario folder
    folder: PathBuf,
    /// Fixes every draw of chance [default: the scenario's]
    #[arg(long)]
    seed: Option<u64>,
    /// How to show the result
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    output: Output,
    /// Also draw a picture, SVG or PNG by the file's ending; may be repeated
    #[arg(long, value_name = "FILE")]
    picture: Vec<PathBuf>,
    /// The compiled policy [default: ./policy.wasm, then target/wasm32-wasip1/release/spillway_policy.wasm]
    #[arg(long, value_name = "FILE", env = policy::VARIABLE)]
    policy_wasm: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// The report, as one line of JSON
    Json,
    /// Tables and a chart
    Table,
}

/// The arguments, checked.
#[derive(Debug)]
struct Checked {
    scenario: Scenario,
    seed: u64,
    output: Output,
    pictures: Vec<(PathBuf, Format)>,
    module: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Svg,
    Png,
}

/// Plays, shows, and says whether all is well.
pub(crate) fn run(raw: Raw) -> Result<(), Exit> {
    let checked = check(raw)?;
    for note in &checked.scenario.notes {
        eprintln!("note: {note}");
    }
    let outcome = play(&checked)?;
    for (path, format) in &checked.pictures {
        draw(&checked, &outcome, path, *format)?;
    }
    for (warning, times) in &outcome.warnings {
        eprintln!("warning, {times} times: {warning}");
    }
    match checked.output {
        Output::Json => println!("{}", json(&outcome)?),
        Output::Table => print!("{}", tables(&checked, &outcome, colours())),
    }
    if outcome.violations.is_empty() {
        Ok(())
    } else {
        Err(Exit::Violations(outcome.violations))
    }
}

fn check(raw: Raw) -> Result<Checked, Exit> {
    let pictures = raw.picture.into_iter().map(|path| {
        check_folder_of(&path)
            .and_then(|()| format_of(&path))
            .map(|format| (path, format))
    });
    let pictures = pictures.collect::<Result<Vec<_>, _>>()?;
    let scenario = folder::read(&raw.folder)?;
    let module = policy::find(raw.policy_wasm).map_err(|error| Exit::bad(&error))?;
    let seed = raw.seed.unwrap_or(scenario.script.seed);
    Ok(Checked {
        scenario,
        seed,
        output: raw.output,
        pictures,
        module,
    })
}

fn format_of(path: &Path) -> Result<Format, Exit> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("svg") => Ok(Format::Svg),
        Some("png") => Ok(Format::Png),
        _ => Err(Exit::BadInput(vec![format!(
            "--picture `{}`: write a file name that ends in .svg or .png",
            path.display()
        )])),
    }
}

/// Told before the scenario is played, not after.
fn check_folder_of(path: &Path) -> Result<(), Exit> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder.filter(|folder| !folder.is_dir()) {
        None => Ok(()),
        Some(folder) => Err(Exit::BadInput(vec![format!(
            "--picture `{}`: make the folder `{}` first, or write a file in one that is there",
            path.display(),
            folder.display()
        )])),
    }
}

fn play(checked: &Checked) -> Result<Outcome, Exit> {
    let scenario = &checked.scenario;
    let module = policy::load(&checked.module).map_err(|error| Exit::bad(&error))?;
    let replicas = (0..scenario.script.policies).map(|_| {
        let admission = PolicyAdmission::new(module.clone(), &scenario.settings)?;
        Ok(Box::new(admission) as Box<dyn Admission>)
    });
    let replicas = replicas.collect::<Result<Vec<_>, PolicyError>>();
    let replicas = replicas.map_err(|error| Exit::bad(&error))?;
    let mut progress = Progress::new();
    let mut show = |moment| progress.show(moment);
    let outcome = simulator::run(scenario, checked.seed, replicas, &mut show);
    progress.end();
    Ok(outcome)
}

fn json(outcome: &Outcome) -> Result<String, Exit> {
    serde_json::to_string(&outcome.report).map_err(|error| Exit::bad(&error))
}

fn tables(checked: &Checked, outcome: &Outcome, coloured: bool) -> String {
    let Checked { scenario, seed, .. } = checked;
    let heading = format!(
        "{}: {}\nseed {seed}\n",
        scenario.name, scenario.script.description
    );
    let chart = chart::draw(&Stacks::of(outcome), coloured);
    format!(
        "{heading}\n{}\n{chart}\n{}",
        table::over_time(outcome),
        table::summary(outcome)
    )
}

fn draw(checked: &Checked, outcome: &Outcome, path: &Path, format: Format) -> Result<(), Exit> {
    let Checked { scenario, seed, .. } = checked;
    let caption = Caption {
        title: scenario.name.clone(),
        subtitle: format!("{} Seed {seed}.", scenario.script.description),
    };
    let stacks = Stacks::of(outcome);
    let bytes = match format {
        Format::Svg => picture::svg(&stacks, &caption).map(String::into_bytes),
        Format::Png => picture::png(&stacks, &caption),
    };
    files::write(path, &bytes.map_err(|error| Exit::bad(&error))?).map_err(|error| Exit::bad(&error))
}

/// Colours are for terminals, and for people who did not ask to be spared.
fn colours() -> bool {
    let spared = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stdout().is_terminal() && !spared
}

/// A bar for whoever has waited for a second.
struct Progress {
    begun: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    const PATIENCE: Duration = Duration::from_secs(1);

    fn new() -> Self {
        Self {
            begun: Instant::now(),
            bar: None,
        }
    }

    fn show(&mut self, moment: Moment) {
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
                "{} of {}, {} pods admitted",
                moment.now, moment.end, moment.admissions
            ));
        }
    }

    fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_of_a_picture_says_its_format() {
        assert_eq!(format_of(Path::new("a/b.svg")), Ok(Format::Svg));
        assert_eq!(format_of(Path::new("b.png")), Ok(Format::Png));
        let error = format_of(Path::new("b.jpg")).unwrap_err();
        assert_eq!(
            error.lines(),
            ["error: --picture `b.jpg`: write a file name that ends in .svg or .png"]
        );
    }

    #[test]
    fn a_picture_in_a_folder_that_is_not_there_is_refused_before_anything_is_played() {
        assert_eq!(check_folder_of(Path::new("b.svg")), Ok(()));
        let error = check_folder_of(Path::new("absent/b.svg")).unwrap_err();
        assert_eq!(
            error.lines(),
            [
                "error: --picture `absent/b.svg`: make the folder `absent` first, or write a file in one that is there"
            ]
        );
    }
}
