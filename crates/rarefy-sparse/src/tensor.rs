//! The sparse tensor: a matrix of features, one row a voxel, with the place of every row.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use rarefy_geometry::{Coord, VoxelSet};
use rarefy_kernels::Precision;

use crate::{GeometryCache, SparseError};

/// Features on the active voxels of a batch of grids, or of unbounded space.
///
/// Rows follow the order of the voxel set. A tensor that *carries the ground state* has one row more, the last: the
/// value of every inactive cell (Graham 2014, §2). One row serves the whole batch, because inactive cells are equal
/// in all samples. It is carried exactly while some sample has an inactive cell.
#[derive(Clone, Debug)]
pub struct SparseTensor {
    /// Features, [voxels (+ 1 with ground state), channels].
    features: Tensor<2>,
    set: Arc<VoxelSet>,
    grid: Option<[i32; 3]>,
    ground: bool,
    /// Pairs of the kernel map that made the features; 0 for a tensor that no map made.
    pairs: usize,
    precision: Precision,
    cache: Arc<GeometryCache>,
}

impl SparseTensor {
    /// A tensor of `samples` grids of size `grid` with a row of `features` for each of `coords`.
    ///
    /// The rows are brought into the order of the voxel set.
    ///
    /// # Errors
    ///
    /// When a coordinate stands twice, lies outside of the grid or has no row.
    pub fn new(coords: &[Coord], samples: usize, grid: [i32; 3], features: Tensor<2>) -> Result<Self, SparseError> {
        let outside = |coord: &&Coord| (0..3).any(|axis| !(0..grid[axis]).contains(&coord[axis + 1]));
        if let Some(&coord) = coords.iter().find(outside) {
            return Err(SparseError::OutsideGrid { coord, grid });
        }
        Ok(Self { grid: Some(grid), ..Self::unbounded(coords, samples, features)? })
    }

    /// A tensor in unbounded space, negative coordinates included, with a row of `features` for each of `coords`.
    ///
    /// # Errors
    ///
    /// When a coordinate stands twice, is out of range or has no row.
    pub fn unbounded(coords: &[Coord], samples: usize, features: Tensor<2>) -> Result<Self, SparseError> {
        let quantised = VoxelSet::quantise(coords, samples)?;
        let rows = features.dims()[0];
        if rows != coords.len() || quantised.set.len() != coords.len() {
            return Err(SparseError::RowMismatch { rows, voxels: quantised.set.len() });
        }
        let order = quantised.first_point.iter().map(|&point| Some(point)).collect();
        let features = crate::operators::gather_rows(features, order);
        Ok(Self::on(Arc::new(quantised.set), features, Arc::default()))
    }

    /// Features on the voxels of `set`, in its order, in unbounded space.
    pub(crate) fn on(set: Arc<VoxelSet>, features: Tensor<2>, cache: Arc<GeometryCache>) -> Self {
        Self { features, set, grid: None, ground: false, pairs: 0, precision: Precision::F32, cache }
    }

    /// The same tensor with a ground-state row of zeros, if any sample has an inactive cell.
    #[must_use]
    pub fn with_ground_state(mut self) -> Self {
        if !self.ground && has_inactive_cell(&self.set, self.grid) {
            let zeros = Tensor::zeros([1, self.channels()], (&self.device(), self.features.dtype()));
            self.features = Tensor::cat(vec![self.features, zeros], 0);
            self.ground = true;
        }
        self
    }

    /// The same tensor, of whose convolutions, and of those of all tensors made from it, the factors have this precision.
    ///
    /// That is meant for f32; f64 stay exact, as do convolutions with ground state and those in groups. Sums and features
    /// are f32 with any precision, so that networks need not be changed for it.
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// How exact the factors of convolutions are.
    #[must_use]
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Features, [voxels (+ 1 with ground state), channels].
    #[must_use]
    pub fn features(&self) -> Tensor<2> {
        self.features.clone()
    }

    /// The same voxels with what `run` makes of the features row by row, one pair a row.
    ///
    /// # Errors
    ///
    /// When there are more or fewer rows afterwards.
    pub fn map_rows(&self, run: impl FnOnce(Tensor<2>) -> Tensor<2>) -> Result<Self, SparseError> {
        let before = self.features.dims()[0];
        let features = run(self.features());
        let rows = features.dims()[0];
        if rows == before {
            Ok(self.with_features(features, rows))
        } else {
            Err(SparseError::RowMismatch { rows, voxels: before })
        }
    }

    /// The voxels that the rows belong to.
    #[must_use]
    pub fn voxels(&self) -> &Arc<VoxelSet> {
        &self.set
    }

    /// Number of feature channels.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.features.dims()[1]
    }

    /// Size of each sample's grid; none in unbounded space.
    #[must_use]
    pub fn grid(&self) -> Option<[i32; 3]> {
        self.grid
    }

    /// Whether the last row is the ground state.
    #[must_use]
    pub fn carries_ground_state(&self) -> bool {
        self.ground
    }

    /// Pairs of input and output rows of the operator that made this tensor; 0 where it needed no map.
    #[must_use]
    pub fn pairs(&self) -> usize {
        self.pairs
    }

    /// The geometry built so far in this pass.
    #[must_use]
    pub fn cache(&self) -> &Arc<GeometryCache> {
        &self.cache
    }

    /// The device that holds the features.
    #[must_use]
    pub fn device(&self) -> Device {
        self.features.device()
    }

    /// Active voxels as a share of all cells of all samples; 0 in unbounded space.
    #[must_use]
    pub fn active_share(&self) -> f64 {
        let Some(grid) = self.grid else { return 0.0 };
        let cells = grid.iter().map(|&n| f64::from(n)).product::<f64>() * self.set.samples() as f64;
        self.set.len() as f64 / cells
    }

    /// Size of the grid, for operators that make no sense without one.
    pub(crate) fn bounded_grid(&self) -> Result<[i32; 3], SparseError> {
        self.grid.ok_or(SparseError::NoGrid)
    }

    /// The same voxels with other features, which must have as many rows.
    #[must_use]
    pub(crate) fn with_features(&self, features: Tensor<2>, pairs: usize) -> Self {
        Self { features, pairs, ..self.clone() }
    }

    /// The same voxels with other features and no ground-state row.
    pub(crate) fn without_ground(&self, features: Tensor<2>, pairs: usize) -> Self {
        Self { ground: false, ..self.with_features(features, pairs) }
    }

    /// Another voxel set of the same pass.
    #[must_use]
    pub(crate) fn moved_to(&self, place: Place, features: Tensor<2>, pairs: usize) -> Self {
        let Place { set, grid, ground } = place;
        Self { set, grid, ground, ..self.with_features(features, pairs) }
    }
}

/// Where the rows of an operator's output lie.
pub(crate) struct Place {
    /// The voxels.
    pub(crate) set: Arc<VoxelSet>,
    /// Size of each sample's grid, if it has one.
    pub(crate) grid: Option<[i32; 3]>,
    /// Whether a ground-state row follows.
    pub(crate) ground: bool,
}

/// Whether some sample leaves a cell of its grid inactive.
pub(crate) fn has_inactive_cell(set: &VoxelSet, grid: Option<[i32; 3]>) -> bool {
    let Some(grid) = grid else { return true };
    let cells: i128 = grid.iter().map(|&n| i128::from(n)).product();
    (0..set.samples()).any(|sample| (set.rows_of_sample(sample).len() as i128) < cells)
}
