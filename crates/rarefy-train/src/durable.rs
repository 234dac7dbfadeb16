//! Files and folders that are whole or not there: written beside their place, synced, then renamed.
//!
//! Invariant: whenever the process or the machine stops, and however full the disk is, a reader finds the old state or
//! the new one, and a failed write leaves nothing behind.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// How a file gets its bytes; tests put a failing disk here.
pub(crate) type WriteFile<'a> = &'a dyn Fn(&Path, &[u8]) -> io::Result<()>;

/// An error and the path that it is about.
pub(crate) type Failure = (PathBuf, io::Error);

/// Suffix of what is being written.
const PARTIAL: &str = ".partial";

/// Creates a file and brings its bytes to the disk.
pub(crate) fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Creates or replaces the file at `path`.
pub(crate) fn write_file(path: &Path, bytes: &[u8], write: WriteFile) -> Result<(), Failure> {
    let temporary = partial(path);
    let attempt = || {
        write(&temporary, bytes)?;
        fs::rename(&temporary, path)?;
        sync_folder(path.parent().unwrap_or(Path::new(".")))
    };
    attempt().map_err(|error| {
        // It may not even have been created.
        let _ = fs::remove_file(&temporary);
        (path.to_path_buf(), error)
    })
}

/// Creates the folder at `path`, which must not be there, with some files.
pub(crate) fn write_folder(path: &Path, files: &[(&str, &[u8])], write: WriteFile) -> Result<(), Failure> {
    let temporary = partial(path);
    let fill = || {
        let failed = |path: &Path| {
            let path = path.to_path_buf();
            move |error| (path, error)
        };
        fs::create_dir(&temporary).map_err(failed(path))?;
        for (name, bytes) in files {
            write(&temporary.join(name), bytes).map_err(failed(&path.join(name)))?;
        }
        sync_folder(&temporary).map_err(failed(path))?;
        fs::rename(&temporary, path).map_err(failed(path))?;
        sync_folder(path.parent().unwrap_or(Path::new("."))).map_err(failed(path))
    };
    fill().inspect_err(|_| {
        let _ = fs::remove_dir_all(&temporary);
    })
}

/// Removes what a killed process has left half written in `folder`.
pub(crate) fn remove_partial(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().ends_with(PARTIAL) {
            if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            } else {
                fs::remove_file(entry.path())?;
            }
        }
    }
    Ok(())
}

fn partial(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(PARTIAL);
    path.with_file_name(name)
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder)?.sync_all()
}

/// Other systems do not open folders as files; their renames are durable on their own.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}
