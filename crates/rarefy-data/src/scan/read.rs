//! The choice of the reader by the file's extension.

use super::points::Scan;
use super::{kitti, las, npy, pcd, ply};
use crate::error::DataError;
use crate::formats::Source;
use crate::limits::{Limits, read_file_within};
use std::path::Path;

/// Extensions of the files that [`read_scan`] reads, in lower case.
pub const SCAN_EXTENSIONS: [&str; 7] = ["bin", "npy", "npz", "ply", "pcd", "las", "laz"];

/// The extension of a scan's file in lower case, or none if no reader knows it.
#[must_use]
pub fn scan_extension(path: &Path) -> Option<&'static str> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    SCAN_EXTENSIONS.into_iter().find(|known| *known == extension)
}

/// Reads a scan with the default limits.
///
/// ```
/// use rarefy_data::scan::{PointLabels, read_labels, read_scan, write_labels};
/// use rarefy_data::Limits;
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("000000.bin");
/// let floats = [1.0_f32, 2.0, 3.0, 0.5];
/// std::fs::write(&path, floats.map(f32::to_le_bytes).concat())?;
/// let mut scan = read_scan(&path)?;
/// assert_eq!((scan.points[0], scan.intensity.as_deref()), ([1.0, 2.0, 3.0], Some(&[0.5][..])));
///
/// let beside = path.with_extension("label");
/// write_labels(&beside, &PointLabels { labels: vec![40], instances: vec![0] })?;
/// scan.attach_labels(&beside, read_labels(&beside, &Limits::default())?)?;
/// assert_eq!(scan.labels, Some(vec![40]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_scan(path: &Path) -> Result<Scan, DataError> {
    read_scan_within(path, &Limits::default())
}

/// Reads a scan with limits of one's own.
pub fn read_scan_within(path: &Path, limits: &Limits) -> Result<Scan, DataError> {
    if scan_extension(path).is_none() {
        return Err(DataError::UnknownScan { path: path.to_path_buf() });
    }
    parse_scan(path, &read_file_within(path, limits)?, limits)
}

/// Parses the bytes of a scan; `path` gives the format by its extension and the name for messages.
pub fn parse_scan(path: &Path, bytes: &[u8], limits: &Limits) -> Result<Scan, DataError> {
    let source = Source { path, bytes, limits };
    let scan = match scan_extension(path) {
        Some("bin") => kitti::parse(&source),
        Some("npy") => npy::parse(&source),
        Some("npz") => npy::parse_archive(&source),
        Some("ply") => ply::parse(&source),
        Some("pcd") => pcd::parse(&source),
        // The header says whether the points are packed.
        Some("las" | "laz") => las::parse(&source),
        _ => Err(DataError::UnknownScan { path: path.to_path_buf() }),
    };
    scan?.checked(path)
}
