//! What can be wrong with coordinates and windows.

use crate::Coord;

/// Coordinates must lie strictly inside ±this, so that no window or neighbour overflows i32.
pub const COORDINATE_LIMIT: i32 = 1 << 29;

/// Coordinates or a window that no voxel set can be made of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GeometryError {
    /// A coordinate is too far from the origin.
    #[error(
        "point {point} has the voxel coordinate {coord:?} (batch, x, y, z), outside of ±2^29; use larger voxels or \
         move the cloud to the origin"
    )]
    CoordinateOutOfRange {
        /// Number of the point.
        point: usize,
        /// Its coordinate.
        coord: Coord,
    },
    /// A batch index is negative or not below the number of samples.
    #[error("point {point} belongs to sample {batch}, but the batch has {samples} samples, numbered from 0")]
    SampleOutOfRange {
        /// Number of the point.
        point: usize,
        /// Its batch index.
        batch: i32,
        /// Samples of the batch.
        samples: usize,
    },
    /// More voxels than a row number can count.
    #[error("{count} voxels are more than the 2^32 − 2 that one set can hold; split the batch")]
    TooManyVoxels {
        /// Number of voxels or points.
        count: usize,
    },
    /// A window has a size, stride or dilation of zero, or is too large.
    #[error(
        "the window {size:?} with stride {stride:?} and dilation {dilation:?} is not possible: each must be 1 … 1024, \
         with at most 2^18 taps and a padding of at most 2^20"
    )]
    ImpossibleWindow {
        /// Size per axis.
        size: [u32; 3],
        /// Stride per axis.
        stride: [u32; 3],
        /// Dilation per axis.
        dilation: [u32; 3],
    },
    /// More memory than is free, or than the program may take.
    #[error(
        "{what} would take {:.1} MiB, {:.1} MiB are left; use larger voxels, fewer channels or a smaller batch",
        *bytes as f64 / 1_048_576.0, *limit as f64 / 1_048_576.0
    )]
    OutOfMemory {
        /// What the memory is for.
        what: &'static str,
        /// Bytes that it would take.
        bytes: usize,
        /// Bytes that are free, or the limit that was set.
        limit: usize,
    },
    /// A place is NaN or infinite.
    #[error("the place of point {point} is not finite; remove such points before they are voxelised")]
    NotFinite {
        /// Number of the point.
        point: usize,
    },
    /// Two things that belong together differ in number.
    #[error("{what}: expected {expected}, got {got}")]
    LengthMismatch {
        /// What was counted.
        what: &'static str,
        /// How many there must be.
        expected: usize,
        /// How many there are.
        got: usize,
    },
    /// A map names a row that is not there.
    #[error("the map names row {row}, but there are {rows} rows")]
    NoSuchRow {
        /// The row named.
        row: u32,
        /// Number of rows.
        rows: usize,
    },
}
