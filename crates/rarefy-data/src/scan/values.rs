//! Numbers that belong to the points of a scan and stand in a file of their own: features, probabilities, distances.

use super::npy::{Matrix, is_of_the_scan, read_matrix};
use super::points::Scan;
use crate::error::{DataError, Place};
use crate::formats::Source;
use crate::formats::npy::unpack;
use crate::limits::{Limits, read_file_within};
use npyz::npz::NpzArchive;
use std::io::Cursor;
use std::path::Path;

/// Arrays of an archive that are read at most.
const MOST_ARRAYS: usize = 32;

/// One number a point.
#[derive(Clone, Debug, PartialEq)]
pub struct PointValues {
    /// The name of the array, or of the file; with ` norm` behind it where the array has several columns.
    pub name: String,
    /// Finite numbers, `[points]`.
    pub values: Vec<f32>,
}

/// Reads numbers of a scan's points from an `.npy` file, `[rows]` or `[rows, columns]`, or from every array of that many
/// rows in an `.npz` file (its coordinates, colours, normals and labels are passed over). Of several columns the Euclidean
/// norm is taken.
///
/// # Errors
///
/// When the file is damaged or holds no array of numbers with one row a row of the scan, or a number is not finite.
pub fn read_values(path: &Path, scan: &Scan, limits: &Limits) -> Result<Vec<PointValues>, DataError> {
    let bytes = read_file_within(path, limits)?;
    let source = Source { path, bytes: &bytes, limits };
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("").to_ascii_lowercase();
    match extension.as_str() {
        "npy" => {
            let matrix = read_matrix(&source, &bytes)?;
            if matrix.rows() != scan.rows() {
                let (values, points) = (matrix.rows(), scan.rows());
                return Err(DataError::ValueCount { path: path.to_path_buf(), values, points });
            }
            let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("value");
            Ok(vec![values_of(path, name, &matrix, scan)?])
        }
        "npz" => in_archive(&source, scan),
        _ => Err(DataError::setting(format!("{}: values of points are read from .npy and .npz", path.display()))),
    }
}

fn in_archive(source: &Source<'_>, scan: &Scan) -> Result<Vec<PointValues>, DataError> {
    let wrong = |expected: String, found: String| source.format("NPZ", Place::Byte(0), expected, found);
    let open = |error: std::io::Error| wrong("a ZIP archive of arrays".into(), error.to_string());
    let mut archive = NpzArchive::new(Cursor::new(source.bytes)).map_err(open)?;
    let mut names: Vec<String> =
        archive.array_names().filter(|name| !is_of_the_scan(name)).map(str::to_owned).collect();
    names.sort();
    let mut found = Vec::new();
    for name in names.iter().take(MOST_ARRAYS) {
        let bytes = unpack(source, &mut archive, name)?;
        // What is no matrix of numbers belongs to something else, such as the names of the classes.
        let Ok(matrix) = read_matrix(source, &bytes) else { continue };
        if matrix.rows() == scan.rows() {
            found.push(values_of(source.path, name, &matrix, scan)?);
        }
    }
    if found.is_empty() {
        return Err(wrong(format!("an array of {} rows of numbers", scan.rows()), format!("{names:?}")));
    }
    Ok(found)
}

fn values_of(path: &Path, name: &str, matrix: &Matrix, scan: &Scan) -> Result<PointValues, DataError> {
    let rows = matrix.rows();
    let (name, values): (_, Vec<f32>) = match &matrix.columns[..] {
        [column] => (name.to_owned(), column.iter().map(|&value| value as f32).collect()),
        columns => {
            let norm = |row: usize| columns.iter().map(|column| column[row] * column[row]).sum::<f64>().sqrt() as f32;
            (format!("{name} norm"), (0..rows).map(norm).collect())
        }
    };
    if let Some(point) = values.iter().position(|value| !value.is_finite()) {
        return Err(DataError::NotFinite { path: path.to_path_buf(), point });
    }
    Ok(PointValues { name, values: scan.to_points(values) })
}
