//! Names in folders, sorted, so that the numbers of scenes do not depend on the file system.

use crate::error::DataError;
use std::path::Path;

/// Sorted names of the folders inside a folder, hidden ones left out.
pub(crate) fn folders_in(folder: &Path) -> Result<Vec<String>, DataError> {
    names_in(folder, Path::is_dir)
}

/// Sorted names of the files in a folder that fit, hidden ones left out.
pub(crate) fn files_in(folder: &Path, fits: impl Fn(&Path) -> bool) -> Result<Vec<String>, DataError> {
    names_in(folder, |path| path.is_file() && fits(path))
}

fn names_in(folder: &Path, fits: impl Fn(&Path) -> bool) -> Result<Vec<String>, DataError> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(DataError::io("list", folder))? {
        let path = entry.map_err(DataError::io("list", folder))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if !name.starts_with('.') && fits(&path) {
            names.push(name.to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}
