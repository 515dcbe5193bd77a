//! The files that pictures are written to.

use std::path::{Path, PathBuf};

use picture::{Caption, Panel};

use crate::exit::Exit;
use crate::files;

/// A file name that says its format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PictureFile {
    path: PathBuf,
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Svg,
    Png,
}

impl PictureFile {
    /// Told before the scenario is played, not after.
    pub(super) fn check(path: PathBuf) -> Result<Self, Exit> {
        check_folder_of(&path)?;
        let format = format_of(&path)?;
        if path.is_dir() {
            return Err(Exit::BadInput(vec![format!(
                "--picture `{}`: this is a folder; write the name of a file",
                path.display()
            )]));
        }
        Ok(Self { path, format })
    }

    pub(super) fn write(&self, panels: &[Panel], caption: &Caption) -> Result<(), Exit> {
        let bytes = match self.format {
            Format::Svg => picture::svg(panels, caption).into_bytes(),
            Format::Png => picture::png(panels, caption).map_err(|error| Exit::bad(&error))?,
        };
        files::write(&self.path, &bytes).map_err(|error| Exit::bad(&error))
    }
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
    fn a_folder_is_no_picture() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("d.svg");
        std::fs::create_dir(&folder).unwrap();
        let error = PictureFile::check(folder.clone()).unwrap_err();
        assert_eq!(
            error.lines(),
            [format!(
                "error: --picture `{}`: this is a folder; write the name of a file",
                folder.display()
            )]
        );
    }

    #[test]
    fn a_picture_in_a_folder_that_is_not_there_is_refused_before_anything_is_played() {
        assert_eq!(check_folder_of(Path::new("b.svg")), Ok(()));
        let error = PictureFile::check("absent/b.svg".into()).unwrap_err();
        assert_eq!(
            error.lines(),
            [
                "error: --picture `absent/b.svg`: make the folder `absent` first, or write a file in one that is there"
            ]
        );
    }
}
