//! Reads the YAML files of a scenario folder.

use std::path::{Path, PathBuf};

use simulator::{SETTINGS_FILE, Scenario, SourceFile};

use crate::exit::Exit;

/// A file or folder cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `{}`: {source}", path.display())]
pub(crate) struct ReadError {
    path: PathBuf,
    source: std::io::Error,
}

/// Reads and checks a scenario folder, with the settings of another file if one is named; then nothing
/// is expected.
pub(crate) fn read(folder: &Path, settings: Option<&Path>) -> Result<Scenario, Exit> {
    let mut files = yaml_files(folder).map_err(|error| Exit::bad(&error))?;
    if let Some(settings) = settings {
        let other = file(settings).map_err(|error| Exit::bad(&error))?;
        files.retain(|file| file.name != SETTINGS_FILE);
        files.push(SourceFile {
            name: SETTINGS_FILE.to_owned(),
            ..other
        });
    }
    let scenario = match settings {
        None => Scenario::read(&name_of(folder), &files),
        Some(_) => Scenario::read_under_others(&name_of(folder), &files),
    };
    scenario.map_err(|faults| {
        let told = faults.into_iter().map(|mut fault| {
            let path = match settings {
                Some(settings) if fault.file == SETTINGS_FILE => settings.to_owned(),
                _ => folder.join(&fault.file),
            };
            fault.file = path.display().to_string();
            fault.to_string()
        });
        Exit::BadInput(told.collect())
    })
}

/// What a folder or file is called, without its ending.
pub(crate) fn name_of(path: &Path) -> String {
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let name = if path.is_dir() {
        path.file_name()
    } else {
        path.file_stem()
    };
    name.map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// One file, called as the user called it.
pub(crate) fn file(path: &Path) -> Result<SourceFile, ReadError> {
    // A pipe may wait for ever, a device may have no end.
    if !std::fs::metadata(path).map_err(at(path))?.is_file() {
        let other = std::io::Error::other("not a regular file; write its content to one, and name that");
        return Err(at(path)(other));
    }
    let text = std::fs::read_to_string(path).map_err(at(path))?;
    Ok(SourceFile {
        name: path.display().to_string(),
        text,
    })
}

/// A file, or the YAML files of a folder and of all folders below it, in the order of their paths.
pub(crate) fn below(path: &Path) -> Result<Vec<SourceFile>, ReadError> {
    if !path.is_dir() {
        return Ok(vec![file(path)?]);
    }
    let mut files = Vec::new();
    for entry in walkdir::WalkDir::new(path).sort_by_file_name() {
        let entry = entry.map_err(|error| ReadError {
            path: path.to_owned(),
            source: error.into(),
        })?;
        if entry.file_type().is_file() && is_yaml(entry.path()) {
            files.push(file(entry.path())?);
        }
    }
    Ok(files)
}

fn at(path: &Path) -> impl Fn(std::io::Error) -> ReadError {
    let path = path.to_owned();
    move |source| ReadError {
        path: path.clone(),
        source,
    }
}

fn is_yaml(path: &Path) -> bool {
    let extension = path.extension();
    extension.is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// In order of name, so that faults and notes come in the same order everywhere.
fn yaml_files(folder: &Path) -> Result<Vec<SourceFile>, ReadError> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(at(folder))? {
        let path = entry.map_err(at(folder))?.path();
        if is_yaml(&path) && path.is_file() {
            let SourceFile { text, .. } = file(&path)?;
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
        let error = read(Path::new("no/such/folder"), None).unwrap_err();
        assert_eq!(error.code(), 2);
        assert!(
            error.lines()[0].starts_with("error: cannot read `no/such/folder`: "),
            "{error:?}"
        );
    }

    #[test]
    fn what_is_no_regular_file_is_not_read() {
        let error = file(Path::new("/dev/null")).unwrap_err().to_string();
        assert_eq!(
            error,
            "cannot read `/dev/null`: not a regular file; write its content to one, and name that"
        );
    }

    #[test]
    fn faults_name_the_file_in_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("scenario.yaml"), "duration: 1\n").unwrap();
        let Exit::BadInput(lines) = read(folder.path(), None).unwrap_err() else {
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
