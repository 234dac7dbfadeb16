//! KITTI `.bin`: x, y, z, intensity as little-endian f32, one point after the other, no header.

use super::points::Scan;
use crate::error::{DataError, Place};
use crate::formats::Source;

const POINT_BYTES: usize = 16;

pub(super) fn parse(source: &Source<'_>) -> Result<Scan, DataError> {
    let (rows, rest) = source.bytes.as_chunks::<POINT_BYTES>();
    if !rest.is_empty() {
        return Err(source.format(
            "KITTI scan",
            Place::Byte((source.bytes.len() - rest.len()) as u64),
            "points of 16 bytes (x, y, z, intensity as 32-bit floats)",
            format!("{} bytes at the end", rest.len()),
        ));
    }
    source.check_points(rows.len() as u64)?;
    let value =
        |row: &[u8; POINT_BYTES], at: usize| f32::from_le_bytes([row[at], row[at + 1], row[at + 2], row[at + 3]]);
    Ok(Scan {
        points: rows.iter().map(|row| [value(row, 0), value(row, 4), value(row, 8)]).collect(),
        intensity: Some(rows.iter().map(|row| value(row, 12)).collect()),
        ..Scan::default()
    })
}
