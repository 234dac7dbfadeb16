//! The scan itself, and the checks that each reader ends with.

use super::labels::PointLabels;
use crate::error::DataError;
use std::path::Path;

/// The largest coordinate of a scan, in units of the file (metres for sensors), measured from its origin. Beyond it a
/// 32-bit float resolves less than 6 cm, and the file is taken for a damaged one.
pub const FARTHEST: f32 = 1e6;

/// The label of a point without one: what files write as -1 or another negative number.
pub const UNLABELLED: u32 = u32::MAX;

/// From this coordinate on, readers of formats with 64-bit coordinates move the origin; below it 32-bit floats resolve a
/// millimetre.
const NEAR: f64 = 1e4;

/// No map reaches farther than this; such coordinates say nothing about where the points are.
const FARTHEST_MAP: f64 = 1e8;

/// Points with their attributes; every list that is there is as long as `points`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scan {
    /// Coordinates from the origin, `[points][x, y, z]`; finite, at most [`FARTHEST`].
    pub points: Vec<[f32; 3]>,
    /// Strength of the return as the file gives it: 0 to 1 in KITTI, 0 to 65,535 in LAS.
    pub intensity: Option<Vec<f32>>,
    /// Red, green, blue, `[points][0 to 255]`.
    pub colour: Option<Vec<[u8; 3]>>,
    /// Normals as the file gives them, `[points][x, y, z]`.
    pub normals: Option<Vec<[f32; 3]>>,
    /// Class of each point as the file numbers it, or [`UNLABELLED`].
    pub labels: Option<Vec<u32>>,
    /// Instance of each point as the file numbers it, or [`UNLABELLED`].
    pub instances: Option<Vec<u32>>,
    /// Where the coordinate 0 of `points` lies in the file's system. Not 0 only for files of 64-bit coordinates far from
    /// zero, such as maps.
    pub origin: [f64; 3],
    /// Rows of the file that are no points, because the sensor saw nothing there (NaN in a PCD file); ascending. All
    /// lists above leave them out.
    pub missing: Vec<u32>,
}

impl Scan {
    /// A scan of points alone.
    #[must_use]
    pub fn from_points(points: Vec<[f32; 3]>) -> Self {
        Self { points, ..Self::default() }
    }

    /// Number of points.
    #[must_use]
    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// Whether there is no point, which no scan that was read from a file is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// Number of rows of the file, points and missing ones.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.points.len() + self.missing.len()
    }

    /// Whether the origin is another than the file's.
    #[must_use]
    pub fn is_moved(&self) -> bool {
        self.origin.iter().any(|&part| part != 0.0)
    }

    /// Sets labels and instances from a label file with one entry a row; `path` is its name, for messages.
    pub fn attach_labels(&mut self, path: &Path, labels: PointLabels) -> Result<(), DataError> {
        if labels.labels.len() != self.rows() {
            return Err(DataError::LabelCount {
                path: path.to_path_buf(),
                labels: labels.labels.len(),
                points: self.rows(),
            });
        }
        self.labels = Some(self.to_points(labels.labels));
        self.instances = Some(self.to_points(labels.instances));
        Ok(())
    }

    /// One value a row from one value a point: rows without a point receive `absent`.
    #[must_use]
    pub fn to_rows<T: Copy>(&self, values: &[T], absent: T) -> Vec<T> {
        let mut values = values.iter().copied();
        let mut missing = self.missing.iter().peekable();
        (0..self.rows() as u32)
            .map(|row| match missing.next_if_eq(&&row) {
                Some(_) => absent,
                None => values.next().unwrap_or(absent),
            })
            .collect()
    }

    /// One value a point from one value a row; the reverse of [`to_rows`](Self::to_rows).
    #[must_use]
    pub fn to_points<T>(&self, values: Vec<T>) -> Vec<T> {
        let mut missing = self.missing.iter().peekable();
        (0..).zip(values).filter_map(|(row, value)| missing.next_if_eq(&&row).is_none().then_some(value)).collect()
    }

    /// The row of a point in its file.
    fn row_of(&self, point: usize) -> usize {
        self.missing.iter().fold(point, |row, &missing| if missing as usize <= row { row + 1 } else { row })
    }

    /// The scan if it holds points and all of them can be used; `path` is the name of its file, for messages.
    pub(crate) fn checked(self, path: &Path) -> Result<Self, DataError> {
        if self.points.is_empty() {
            return Err(DataError::EmptyShape { path: path.to_path_buf() });
        }
        for (point, coordinates) in self.points.iter().enumerate() {
            for &coordinate in coordinates {
                check_coordinate(path, coordinate, || self.row_of(point))?;
            }
        }
        debug_assert!(self.lists_are_as_long_as_the_points());
        Ok(self)
    }

    pub(super) fn lists_are_as_long_as_the_points(&self) -> bool {
        let lengths = [
            self.intensity.as_ref().map(Vec::len),
            self.colour.as_ref().map(Vec::len),
            self.normals.as_ref().map(Vec::len),
            self.labels.as_ref().map(Vec::len),
            self.instances.as_ref().map(Vec::len),
        ];
        lengths.into_iter().flatten().all(|length| length == self.points.len())
    }
}

/// Moves points whose typical coordinate (the median of an axis) is far from 0 to an origin in whole units near it.
pub(super) fn recentred(points: &[[f64; 3]]) -> (Vec<[f32; 3]>, [f64; 3]) {
    let origin = std::array::from_fn(|axis| {
        let likely = |part: &f64| part.abs() <= FARTHEST_MAP;
        let mut parts: Vec<f64> = points.iter().map(|point| point[axis]).filter(likely).collect();
        let middle = parts.len() / 2;
        let typical = if parts.is_empty() { 0.0 } else { *parts.select_nth_unstable_by(middle, f64::total_cmp).1 };
        if typical.abs() > NEAR { typical.round() } else { 0.0 }
    });
    let moved = |point: &[f64; 3]| std::array::from_fn(|axis| (point[axis] - origin[axis]) as f32);
    (points.iter().map(moved).collect(), origin)
}

fn check_coordinate(path: &Path, coordinate: f32, row: impl Fn() -> usize) -> Result<(), DataError> {
    if !coordinate.is_finite() {
        return Err(DataError::NotFinite { path: path.to_path_buf(), point: row() });
    }
    if coordinate.abs() > FARTHEST {
        return Err(DataError::TooFar { path: path.to_path_buf(), point: row(), coordinate, limit: FARTHEST });
    }
    Ok(())
}
