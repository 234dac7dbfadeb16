//! Limits of the readers: nothing is allocated because a header says so.

use crate::error::DataError;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// What a shape file may hold at most. The defaults admit every mesh of the usual data sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a file (of one array, in an NPZ archive, after decompression).
    pub bytes: u64,
    /// Vertices, points or voxels.
    pub points: u64,
    /// Triangles, after polygons were cut up.
    pub triangles: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 1 << 30, points: 50_000_000, triangles: 50_000_000 }
    }
}

/// The bytes of a file that is no longer than the limit.
pub(crate) fn read_file_within(path: &Path, limits: &Limits) -> Result<Vec<u8>, DataError> {
    let file = File::open(path).map_err(DataError::io("read", path))?;
    let length = file.metadata().map_err(DataError::io("read", path))?.len();
    let too_large = |found| DataError::TooLarge { path: path.to_path_buf(), what: "bytes", found, limit: limits.bytes };
    if length > limits.bytes {
        return Err(too_large(length));
    }
    let mut bytes = Vec::with_capacity(length as usize);
    file.take(limits.bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(DataError::io("read", path))?;
    if bytes.len() as u64 > limits.bytes {
        return Err(too_large(bytes.len() as u64));
    }
    Ok(bytes)
}
