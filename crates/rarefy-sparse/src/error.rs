//! What can be wrong with the arguments of a sparse operator.

use rarefy_geometry::GeometryError;

/// An operator was given tensors or geometry that do not fit together.
#[derive(Debug, thiserror::Error)]
pub enum SparseError {
    /// The coordinates or the window are invalid.
    #[error(transparent)]
    Geometry(#[from] GeometryError),
    /// As many feature rows as voxels are needed.
    #[error("{rows} feature rows for {voxels} voxels; give one row for each coordinate, none twice")]
    RowMismatch {
        /// Rows of the feature matrix.
        rows: usize,
        /// Voxels of the set.
        voxels: usize,
    },
    /// The weights were made for another number of input channels.
    #[error("the weights take {expected} channels, the features have {got}")]
    ChannelMismatch {
        /// Channels that the weights take.
        expected: usize,
        /// Channels of the features.
        got: usize,
    },
    /// The weights have another number of taps than the kernel.
    #[error("a kernel of {size:?} has {expected} taps, the weights have {got}")]
    TapMismatch {
        /// Kernel size per axis.
        size: [u32; 3],
        /// Taps of the kernel.
        expected: usize,
        /// Taps of the weights.
        got: usize,
    },
    /// The window is larger than the grid, so that no output is left.
    #[error("a window of {size:?} with stride {stride:?} leaves no output on a grid of {grid:?}")]
    WindowTooLarge {
        /// Window size per axis.
        size: [u32; 3],
        /// Window stride per axis.
        stride: [u32; 3],
        /// Grid per axis.
        grid: [i32; 3],
    },
    /// A coordinate lies outside of the grid.
    #[error("the voxel {coord:?} (batch, x, y, z) lies outside of the grid {grid:?}")]
    OutsideGrid {
        /// The coordinate.
        coord: [i32; 4],
        /// Grid per axis.
        grid: [i32; 3],
    },
    /// An operator needs a grid and the tensor is unbounded.
    #[error("the tensor has no grid: give one with SparseTensor::new")]
    NoGrid,
    /// A feature matrix has another number of rows than the cloud has points.
    #[error("{rows} feature rows for {points} points; give one row for each point")]
    PointMismatch {
        /// Rows of the feature matrix.
        rows: usize,
        /// Points of the cloud.
        points: usize,
    },
    /// The channels cannot be cut into whole groups.
    #[error("{0}")]
    Groups(rarefy_kernels::ChannelGroupsError),
    /// The probability of a drop-out is none.
    #[error("a drop-out of {got}: expected 0 or more and less than 1")]
    DropOut {
        /// What was given.
        got: f64,
    },
    /// A sample has no voxels where at least one is needed.
    #[error("sample {sample} has no voxels; leave empty samples out of the batch")]
    EmptySample {
        /// Number of the sample in the batch.
        sample: usize,
    },
    /// Two tensors that should be added lie on different voxels.
    #[error("the two tensors lie on different voxel sets or have different widths")]
    SetMismatch,
}
