//! What can go wrong inside a file, before the file's name is added.

use crate::error::{DataError, Place};
use std::path::Path;

pub(super) type Outcome<T> = Result<T, Fault>;

#[derive(Debug)]
pub(super) enum Fault {
    Format { at: u64, expected: String, found: String },
    TooLarge { what: &'static str, found: u64, limit: u64 },
    Hostile { at: u64, global: String },
    Io(std::io::Error),
}

impl Fault {
    pub(super) fn format(at: u64, expected: impl Into<String>, found: impl Into<String>) -> Self {
        let mut found: String = found.into();
        if let Some((cut, _)) = found.char_indices().nth(120) {
            found.truncate(cut);
            found.push('…');
        }
        Self::Format { at, expected: expected.into(), found }
    }

    /// The error with the file's name.
    pub(super) fn of_file(self, path: &Path) -> DataError {
        let path = path.to_path_buf();
        match self {
            Self::Format { at, expected, found } => {
                DataError::Format { path, format: "PyTorch", place: Place::Byte(at), expected, found }
            }
            Self::TooLarge { what, found, limit } => DataError::TooLarge { path, what, found, limit },
            Self::Hostile { at, global } => DataError::HostileGlobal { path, place: Place::Byte(at), global },
            Self::Io(source) => DataError::Io { action: "read", path, source },
        }
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

/// Whether something stays within a limit.
pub(super) fn check(what: &'static str, found: u64, limit: u64) -> Outcome<()> {
    if found > limit { Err(Fault::TooLarge { what, found, limit }) } else { Ok(()) }
}
