//! Reads the YAML files of a scenario folder.

use std::path::{Path, PathBuf};

use simulator::{Scenario, SourceFile};

use crate::exit::Exit;

#[derive(Debug, thiserror::Error)]
#[error("cannot read `{}`: {source}", path.display())]
struct ReadError {
    path: PathBuf,
    source: std::io::Error,
}

/// Reads and checks a scenario.
pub(crate) fn read(folder: &Path) -> Result<Scenario, Exit> {
    let files = yaml_files(folder).map_err(|error| Exit::bad(&error))?;
    let name = std::fs::canonicalize(folder).ok();
    let name = name
        .as_deref()
        .and_then(Path::file_name)
        .map(|name| name.to_string_lossy().into_owned());
    let scenario = Scenario::read(&name.unwrap_or_default(), &files);
    scenario.map_err(|faults| {
        Exit::BadInput(
            faults
                .iter()
                .map(|fault| folder.join(fault.to_string()).display().to_string())
                .collect(),
        )
    })
}

/// In order of name, so that faults and notes come in the same order everywhere.
fn yaml_files(folder: &Path) -> Result<Vec<SourceFile>, ReadError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| ReadError { path, source }
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(at(folder))? {
        let path = entry.map_err(at(folder))?.path();
        let yaml = path
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml");
        if yaml && path.is_file() {
            let text = std::fs::read_to_string(&path).map_err(at(&path))?;
            let name = path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            files.push(SourceFile { name, text });
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_is_bad_input() {
        let error = read(Path::new("no/such/folder")).unwrap_err();
        assert_eq!(error.code(), 2);
        assert!(
            error.lines()[0].starts_with("error: cannot read `no/such/folder`: "),
            "{error:?}"
        );
    }

    #[test]
    fn faults_name_the_file_in_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("scenario.yaml"), "duration: 1\n").unwrap();
        let Exit::BadInput(lines) = read(folder.path()).unwrap_err() else {
            panic!("not bad input")
        };
        let file = folder.path().join("scenario.yaml");
        assert!(
            lines
                .iter()
                .any(|line| line.starts_with(&format!("{}:1: duration: ", file.display()))),
            "{lines:?}"
        );
    }
}
