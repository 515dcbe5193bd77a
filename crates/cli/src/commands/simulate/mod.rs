//! `spillway simulate`: plays scenarios with the compiled policy: one, all of a folder, or one under several settings.

mod all;
mod compare;
mod one;
mod pictures;
mod play;
mod progress;
mod source;

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::exit::{self, Exit};
use crate::policy;
use pictures::PictureFile;
use source::{OwnArguments, Source};

const EXAMPLES: &str = "\
Examples:
  spillway simulate examples/demo
  spillway simulate examples/demo --seed 7 -o json
  spillway simulate examples/burst-3000 --picture burst.png
  spillway simulate --all examples
  spillway simulate examples/demo --compare ours.yaml,theirs.yaml --picture compared.svg
  spillway simulate -f ./manifests --settings settings.yaml --nodes nodes.yaml --scale 30@60s --duration 5m

A scenario folder holds manifests (Deployments, StatefulSets, Jobs), `settings.yaml` (what a ClusterAdmissionPolicy has under
spec.settings) and `scenario.yaml` (nodes, times, events, expectations). The same folder, seed and module give the same
output.
";

/// The arguments as they are written.
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n{}", exit::HELP))]
pub(crate) struct Raw {
    /// The scenario folder
    #[arg(required_unless_present_any = ["filename", "all"])]
    folder: Option<PathBuf>,
    /// Play every scenario in FOLDER, and show a table [default FOLDER: examples]
    #[arg(long, conflicts_with_all = ["compare", "picture", "filename"])]
    all: bool,
    /// Play the scenario under each of these settings files, and compare
    #[arg(long, value_name = "FILE,FILE", value_delimiter = ',')]
    compare: Vec<PathBuf>,
    #[command(flatten)]
    own: OwnArguments,
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

/// What every way of playing is told.
#[derive(Debug)]
struct Common {
    seed: Option<u64>,
    output: Output,
    pictures: Vec<PictureFile>,
    module: Option<PathBuf>,
}

/// What is to be played.
#[derive(Debug)]
enum Wanted {
    One(Source),
    All(PathBuf),
    Compare(Source, Vec<PathBuf>),
}

/// Plays, shows, and says whether all is well.
pub(crate) fn run(raw: Raw) -> Result<(), Exit> {
    let (wanted, common) = check(raw)?;
    match wanted {
        Wanted::One(source) => one::run(&source, common),
        Wanted::All(folder) => all::run(&folder, common),
        Wanted::Compare(source, settings) => compare::run(&source, &settings, common),
    }
}

fn check(raw: Raw) -> Result<(Wanted, Common), Exit> {
    let pictures = raw.picture.into_iter().map(PictureFile::check);
    let common = Common {
        seed: raw.seed,
        output: raw.output,
        pictures: pictures.collect::<Result<_, _>>()?,
        module: raw.policy_wasm,
    };
    if raw.all {
        let folder = raw.folder.unwrap_or_else(|| "examples".into());
        return Ok((Wanted::All(folder), common));
    }
    let source = Source::check(raw.folder, raw.own)?;
    let wanted = match raw.compare.len() {
        0 => Wanted::One(source),
        1 => {
            return Err(Exit::BadInput(vec![
                "--compare: found one settings file; write at least two, such as `a.yaml,b.yaml`".to_owned(),
            ]));
        }
        _ => Wanted::Compare(source, raw.compare),
    };
    Ok((wanted, common))
}

/// Colours are for terminals, and for people who did not ask to be spared.
fn colours() -> bool {
    use std::io::IsTerminal as _;
    let spared = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stdout().is_terminal() && !spared
}
