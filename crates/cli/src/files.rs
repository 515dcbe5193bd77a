//! Writing files so that a reader finds the old one or the new one, never half of one.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A file cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `{}`: {source}", path.display())]
pub(crate) struct WriteError {
    path: PathBuf,
    source: std::io::Error,
}

/// Held while a file is written.
static WRITING: Mutex<()> = Mutex::new(());

/// The exit code of who was interrupted, as shells tell it.
const INTERRUPTED: i32 = 130;

/// From now on Ctrl-C ends the program after the file that is being written, so that nothing is left beside it.
pub(crate) fn finish_before_interrupts() {
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let Ok(runtime) = runtime else { return };
        if runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
            let _written = WRITING.lock();
            std::process::exit(INTERRUPTED);
        }
    });
}

/// Writes beside the file, then renames. Who is killed meanwhile leaves the old file as it was, and at most a file
/// beside it of a name of its own, which no later run reads.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    write_and_rename(path, bytes).map_err(|source| WriteError {
        path: path.to_owned(),
        source,
    })
}

fn write_and_rename(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let beside = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let written = std::fs::File::create(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let done = written.and_then(|()| std::fs::rename(&beside, path));
    if done.is_err() {
        // The first error is the one to tell.
        let _ = std::fs::remove_file(&beside);
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.svg");
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_killed_run_left_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join(".a.svg.0.tmp");
        std::fs::write(&left, b"hal").unwrap();
        let path = folder.path().join("a.svg");
        write(&path, b"whole").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
        assert_eq!(std::fs::read(&left).unwrap(), b"hal");
    }

    #[test]
    fn an_error_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("absent/a.svg");
        let error = write(&path, b"one").unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("cannot write `{}`: ", path.display())),
            "{error}"
        );
    }
}
