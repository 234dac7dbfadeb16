//! SemanticKITTI `.label`: one little-endian u32 a point, the class in the lower 16 bits, the instance in the upper 16.

use crate::atomic::write_atomically;
use crate::error::{DataError, Place};
use crate::formats::Source;
use crate::limits::{Limits, read_file_within};
use std::io::Write;
use std::path::Path;

/// Class and instance of each row of a scan; both lists are of one length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PointLabels {
    /// Class of each row, 0 to 65,535.
    pub labels: Vec<u32>,
    /// Instance of each row, 0 to 65,535.
    pub instances: Vec<u32>,
}

/// Reads a `.label` file; [`Scan::attach_labels`](super::Scan::attach_labels) compares its length with the scan's.
pub fn read_labels(path: &Path, limits: &Limits) -> Result<PointLabels, DataError> {
    let bytes = read_file_within(path, limits)?;
    let source = Source { path, bytes: &bytes, limits };
    let (entries, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        let place = Place::Byte((bytes.len() - rest.len()) as u64);
        let found = format!("{} bytes at the end", rest.len());
        return Err(source.format("SemanticKITTI label", place, "labels of 4 bytes", found));
    }
    source.check_points(entries.len() as u64)?;
    let entries = entries.iter().map(|entry| u32::from_le_bytes(*entry));
    let (labels, instances) = entries.map(|entry| (entry & 0xffff, entry >> 16)).unzip();
    Ok(PointLabels { labels, instances })
}

/// Writes a `.label` file, whole or not at all.
pub fn write_labels(path: &Path, labels: &PointLabels) -> Result<(), DataError> {
    let PointLabels { labels, instances } = labels;
    if labels.len() != instances.len() {
        return Err(DataError::setting(format!("{} labels with {} instances", labels.len(), instances.len())));
    }
    if let Some(row) = labels.iter().chain(instances).position(|&number| number > 0xffff) {
        let row = row % labels.len();
        return Err(DataError::setting(format!(
            "row {row} has the class {} and the instance {}; a .label file holds numbers up to 65535: write NPZ instead",
            labels[row], instances[row]
        )));
    }
    write_atomically(path, |out| {
        let entries = labels.iter().zip(instances).map(|(label, instance)| label | instance << 16);
        entries.into_iter().try_for_each(|entry| out.write_all(&entry.to_le_bytes()))
    })
}
