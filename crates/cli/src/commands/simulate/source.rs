//! Where a scenario comes from: a folder, or manifests of the user's own.

use std::path::{Path, PathBuf};

use clap::Args;
use simulator::load::{MOST_PER_SECOND, parse_rate};
use simulator::{Millis, OwnCase, OwnScale, Scenario};

use crate::exit::Exit;
use crate::folder;

/// The arguments for manifests of one's own.
#[derive(Debug, Args)]
pub(crate) struct OwnArguments {
    /// Play these manifests: a file, or a folder with all below it; may be repeated
    #[arg(short = 'f', long, value_name = "PATH", conflicts_with = "folder")]
    filename: Vec<PathBuf>,
    /// What a ClusterAdmissionPolicy has under spec.settings, or such a policy [default: the policy among the manifests]
    #[arg(long, value_name = "FILE", requires = "filename")]
    settings: Option<PathBuf>,
    /// The nodes: a list as in `scenario.yaml`, or what `kubectl get nodes -o yaml` prints
    #[arg(long, value_name = "FILE", requires = "filename")]
    nodes: Option<PathBuf>,
    /// Requests over time: CSV lines of `seconds,rps`
    #[arg(long, value_name = "FILE", requires = "filename")]
    traffic: Option<PathBuf>,
    /// With --traffic: what a ready pod serves, such as `100` or `2.5` [default: 100]
    #[arg(long, value_name = "RATE", value_parser = rate, requires = "traffic")]
    requests_per_second: Option<u64>,
    /// How long to play, such as `10m` [default: a minute after the last --scale]
    #[arg(long, value_name = "SPAN", requires = "filename", value_parser = span)]
    duration: Option<Millis>,
    /// Set a workload's replicas at a time, such as `30@60s` or `web=30@60s`; may be repeated
    #[arg(long, value_name = "[NAME=]REPLICAS@TIME", requires = "filename", value_parser = scale)]
    scale: Vec<OwnScale>,
}

/// Where a scenario comes from.
#[derive(Debug)]
pub(super) enum Source {
    Folder(PathBuf),
    Own(OwnArguments),
}

impl Source {
    pub(super) fn check(folder: Option<PathBuf>, own: OwnArguments) -> Result<Self, Exit> {
        match folder {
            Some(folder) => Ok(Self::Folder(folder)),
            None if own.filename.is_empty() => Err(Exit::BadInput(vec![
                "name a scenario folder, or manifests with -f".to_owned(),
            ])),
            None => Ok(Self::Own(own)),
        }
    }

    /// Reads and checks it, with other settings than its own if they are named.
    pub(super) fn read(&self, settings: Option<&Path>) -> Result<Scenario, Exit> {
        match self {
            Self::Folder(path) => folder::read(path, settings),
            Self::Own(own) => own.read(settings),
        }
    }
}

impl OwnArguments {
    fn read(&self, settings: Option<&Path>) -> Result<Scenario, Exit> {
        let bad = |error: folder::ReadError| Exit::bad(&error);
        let mut manifests = Vec::new();
        for path in &self.filename {
            manifests.extend(folder::below(path).map_err(bad)?);
        }
        let one = |path: Option<&Path>| path.map(folder::file).transpose().map_err(bad);
        let name = self.filename.first().map(|path| folder::name_of(path));
        let case = OwnCase {
            name: name.unwrap_or_default(),
            manifests,
            settings: one(settings.or(self.settings.as_deref()))?,
            nodes: one(self.nodes.as_deref())?,
            traffic: one(self.traffic.as_deref())?,
            requests_per_second: self.requests_per_second,
            duration: self.duration,
            scales: self.scale.clone(),
        };
        Scenario::of_manifests(&case)
            .map_err(|faults| Exit::BadInput(faults.iter().map(ToString::to_string).collect()))
    }
}

fn rate(text: &str) -> Result<u64, String> {
    parse_rate(text)
        .ok_or_else(|| format!("write requests per second such as `100` or `2.5`, at most {MOST_PER_SECOND}"))
}

fn span(text: &str) -> Result<Millis, String> {
    let span = Millis::parse(text).ok_or("write a time span such as `90s` or `10m`")?;
    if span > Millis::LONGEST {
        return Err("write a time span of at most a year, `8760h`".to_owned());
    }
    Ok(span)
}

fn scale(text: &str) -> Result<OwnScale, String> {
    let (what, at) = text
        .split_once('@')
        .ok_or("write `REPLICAS@TIME`, such as `30@60s`")?;
    let (workload, replicas) = match what.split_once('=') {
        Some((name, replicas)) => (Some(name.to_owned()), replicas),
        None => (None, what),
    };
    let replicas = replicas.parse::<u32>();
    Ok(OwnScale {
        workload,
        replicas: replicas
            .map_err(|_| format!("found `{what}`; write a whole number, or `NAME=30`"))?
            .into(),
        at: span(at)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_is_a_number_at_a_time() {
        let found = scale("web=30@1m").unwrap();
        assert_eq!(
            (found.workload.as_deref(), found.replicas, found.at),
            (Some("web"), 30, Millis(60_000))
        );
        assert_eq!(scale("5@500ms").unwrap().at, Millis(500));
        for (text, told) in [
            ("30", "write `REPLICAS@TIME`, such as `30@60s`"),
            ("x@1s", "found `x`; write a whole number, or `NAME=30`"),
            ("3@soon", "write a time span such as `90s` or `10m`"),
            (
                "3@18446744073709000000ms",
                "write a time span of at most a year, `8760h`",
            ),
        ] {
            assert_eq!(scale(text).unwrap_err(), told);
        }
    }
}
