//! Fingerprints of data: SHA-256 over what identifies a list of shape files.

use crate::class_folder::ShapeEntry;
use crate::error::DataError;
use sha2::{Digest, Sha256};
use std::time::UNIX_EPOCH;

/// A SHA-256 sum.
pub(crate) type Sum = [u8; 32];

/// The fingerprint of a data set for the record of a run, 64 hexadecimal digits: names, labels and sizes of the files
/// in their order. It does not depend on where the folder lies or when it was copied.
pub fn data_fingerprint(entries: &[ShapeEntry]) -> Result<String, DataError> {
    let mut hash = Sha256::new();
    for entry in entries {
        let metadata = std::fs::metadata(&entry.path).map_err(DataError::io("read", &entry.path))?;
        add(&mut hash, entry, metadata.len());
    }
    Ok(hex(&hash.finalize().into()))
}

/// The key of a cache: also full paths, times of change, the resolution and the version of the cache's format.
pub(crate) fn cache_key(entries: &[ShapeEntry], resolution: u32, version: u32) -> Result<Sum, DataError> {
    let mut hash = Sha256::new();
    hash.update(resolution.to_le_bytes());
    hash.update(version.to_le_bytes());
    for entry in entries {
        let metadata = std::fs::metadata(&entry.path).map_err(DataError::io("read", &entry.path))?;
        add(&mut hash, entry, metadata.len());
        let path = std::path::absolute(&entry.path).map_err(DataError::io("read", &entry.path))?;
        hash.update(path.as_os_str().as_encoded_bytes());
        let changed = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        hash.update(changed.map_or(0, |since| since.as_nanos()).to_le_bytes());
    }
    Ok(hash.finalize().into())
}

/// Lengths stand before names, so that no two lists feed the same bytes.
fn add(hash: &mut Sha256, entry: &ShapeEntry, size: u64) {
    hash.update((entry.name.len() as u64).to_le_bytes());
    hash.update(entry.name.as_bytes());
    hash.update(entry.label.to_le_bytes());
    hash.update(size.to_le_bytes());
}

pub(crate) fn hex(sum: &Sum) -> String {
    use std::fmt::Write;
    sum.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
