//! Writing scans: the format follows the extension.

use super::points::{Scan, UNLABELLED};
use super::{npy, ply};
use crate::atomic::write_atomically;
use crate::error::DataError;
use std::io::{Cursor, Write};
use std::path::Path;

/// Writes a scan as binary PLY or as NPZ (arrays `points`, `intensity`, `rgb`, `normals`, `labels`, `instances`); for
/// `.label` files there is [`write_labels`](super::write_labels).
///
/// Missing rows are left out, points without a label receive -1. The file is whole or not there.
pub fn write_scan(path: &Path, scan: &Scan) -> Result<(), DataError> {
    write_scan_with(path, scan, &[])
}

/// As [`write_scan`], with further columns of one number a point: properties of PLY, arrays of NPZ under these names.
pub fn write_scan_with(path: &Path, scan: &Scan, columns: &[(&str, &[f32])]) -> Result<(), DataError> {
    if let Some((name, values)) = columns.iter().find(|(_, values)| values.len() != scan.len()) {
        let (got, expected) = (values.len(), scan.len());
        return Err(DataError::setting(format!("the column `{name}` has {got} values for {expected} points")));
    }
    if !scan.lists_are_as_long_as_the_points() {
        return Err(DataError::setting("a list of the scan is not as long as its list of points"));
    }
    let numbers = [&scan.labels, &scan.instances].into_iter().flatten().flatten();
    if let Some(number) = numbers.copied().find(|&number| number > i32::MAX as u32 && number != UNLABELLED) {
        return Err(DataError::setting(format!("label {number}: files hold labels up to {}", i32::MAX)));
    }
    match path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase).as_deref() {
        Some("ply") => write_atomically(path, |out| ply::write(scan, columns, out)),
        Some("npz") => write_atomically(path, |out| {
            let mut bytes = Cursor::new(Vec::new());
            npy::write(scan, columns, &mut bytes)?;
            out.write_all(bytes.get_ref())
        }),
        _ => Err(DataError::setting(format!(
            "{}: scans are written to .ply or .npz, labels alone to .label",
            path.display()
        ))),
    }
}
