//! The folder that a control plane lives in: keys, data, logs.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::error::ClusterError;

/// Held for as long as the folder is in use, by whichever way its owner ends.
const LOCK: &str = "in-use";

/// A folder of our own.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    kept: bool,
    _lock: Option<File>,
}

impl Folder {
    /// A new folder among others, removed when dropped. Those left behind by owners that were killed are removed first.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn temporary(parent: &Path) -> Result<Self, ClusterError> {
        std::fs::create_dir_all(parent).map_err(ClusterError::path("make", parent))?;
        sweep(parent);
        let path = tempfile::Builder::new()
            .prefix("cluster-")
            .tempdir_in(parent)
            .map_err(ClusterError::path("make a folder in", parent))?
            .keep();
        let lock = path.join(LOCK);
        let file = File::create(&lock).map_err(ClusterError::path("write", &lock))?;
        file.lock().map_err(ClusterError::path("lock", &lock))?;
        Ok(Self {
            path,
            kept: false,
            _lock: Some(file),
        })
    }

    /// A folder that stays.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn kept(path: &Path) -> Result<Self, ClusterError> {
        std::fs::create_dir_all(path).map_err(ClusterError::path("make", path))?;
        let path = path.canonicalize().map_err(ClusterError::path("find", path))?;
        Ok(Self {
            path,
            kept: true,
            _lock: None,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves it behind, to be read by whoever looks into a failure.
    pub fn keep(&mut self) {
        self.kept = true;
    }

    /// Writes a file into it.
    ///
    /// # Errors
    /// When that cannot be done.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf, ClusterError> {
        let path = self.path.join(name);
        std::fs::write(&path, text).map_err(ClusterError::path("write", &path))?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.kept {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// Removes the folders that nobody holds. A folder without a lock is one that is being made.
fn sweep(parent: &Path) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let folder = entry.path();
        let free = File::open(folder.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok());
        if free {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_holds_is_swept() {
        let parent = tempfile::tempdir().unwrap();
        let held = Folder::temporary(parent.path()).unwrap();
        let left = parent.path().join("cluster-of-one-that-was-killed");
        std::fs::create_dir(&left).unwrap();
        std::fs::write(left.join(LOCK), "").unwrap();
        let being_made = parent.path().join("cluster-being-made");
        std::fs::create_dir(&being_made).unwrap();

        let mut kept = Folder::temporary(parent.path()).unwrap();
        assert!(held.path().exists() && being_made.exists() && !left.exists());

        kept.keep();
        let (held_path, kept_path) = (held.path().to_owned(), kept.path().to_owned());
        drop((held, kept));
        assert!(!held_path.exists() && kept_path.exists());
    }
}
