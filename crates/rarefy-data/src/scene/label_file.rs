//! Label files of any kind: `.label`, a list of whole numbers in `.npy`, an array `labels` in `.npz`, the property `label`
//! of a `.ply` or any other scan.

use crate::error::{DataError, Place};
use crate::formats::Source;
use crate::formats::npy::check_header;
use crate::limits::{Limits, read_file_within};
use crate::scan::npy::labels_in_archive;
use crate::scan::{PointLabels, UNLABELLED, parse_scan, read_labels};
use npyz::{DType, NpyFile, TypeChar};
use std::path::Path;

/// Reads one number a row of the scan; the kind follows from the extension: `.label`, `.npy` (`[rows]`), `.npz` (an array
/// `labels` or `predictions`), or the labels inside a scan of any other type.
pub fn read_any_labels(path: &Path, limits: &Limits) -> Result<PointLabels, DataError> {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("").to_ascii_lowercase();
    if extension == "label" {
        return read_labels(path, limits);
    }
    let bytes = read_file_within(path, limits)?;
    let labels = if extension == "npy" {
        parse_npy(&Source { path, bytes: &bytes, limits })?
    } else if extension == "npz" {
        labels_in_archive(&Source { path, bytes: &bytes, limits })?
    } else {
        let scan = parse_scan(path, &bytes, limits)?;
        let looked_for = "a field `label` inside".to_owned();
        let missing = || DataError::NoLabels { path: path.to_path_buf(), looked_for };
        scan.to_rows(scan.labels.as_ref().ok_or_else(missing)?, UNLABELLED)
    };
    Ok(PointLabels { instances: vec![0; labels.len()], labels })
}

const EXPECTED: &str = "whole numbers from 0 on, or -1, of shape [points]";

fn parse_npy(source: &Source<'_>) -> Result<Vec<u32>, DataError> {
    check_header(source)?;
    let wrong = |error: std::io::Error| source.format("NPY", Place::Byte(0), "an array", error.to_string());
    let file = NpyFile::new(source.bytes).map_err(wrong)?;
    let (shape, dtype) = (file.shape().to_vec(), file.dtype());
    let refused = || source.format("NPY", Place::Byte(10), EXPECTED, format!("{} of shape {shape:?}", dtype.descr()));
    let (&([rows] | [rows, 1]), DType::Plain(plain)) = (&shape[..], &dtype) else { return Err(refused()) };
    let item = plain.num_bytes().unwrap_or(0) as u64;
    if item == 0 {
        return Err(refused());
    }
    source.check_room("labels", rows, item, source.bytes.len() as u64)?;
    source.check_points(rows)?;
    // As in scans, -1 stands for no label.
    let label = |value: i64| if value == -1 { Some(UNLABELLED) } else { u32::try_from(value).ok() };
    macro_rules! numbers {
        ($stored:ty) => {{
            let values = file.into_vec::<$stored>().map_err(wrong)?;
            values.into_iter().map(|value| label(i64::try_from(value).ok()?)).collect()
        }};
    }
    let labels: Option<Vec<u32>> = match (plain.type_char(), plain.size_field()) {
        (TypeChar::Uint, 1) => numbers!(u8),
        (TypeChar::Uint, 2) => numbers!(u16),
        (TypeChar::Uint, 4) => numbers!(u32),
        (TypeChar::Uint, 8) => numbers!(u64),
        (TypeChar::Int, 1) => numbers!(i8),
        (TypeChar::Int, 2) => numbers!(i16),
        (TypeChar::Int, 4) => numbers!(i32),
        (TypeChar::Int, 8) => numbers!(i64),
        _ => return Err(refused()),
    };
    labels.ok_or_else(|| source.format("NPY", Place::Byte(10), EXPECTED, "a label below -1 or above 32 bits"))
}
