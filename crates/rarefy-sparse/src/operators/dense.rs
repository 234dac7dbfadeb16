//! From rows to the dense grid.

use std::sync::Arc;

use burn::backend::Dispatch;
use burn::tensor::Tensor;
use rarefy_geometry::Coord;

use super::check_room;
use crate::autodiff::{RowList, SparseOps};
use crate::{SparseError, SparseTensor};

impl SparseTensor {
    /// The dense grid, `[samples, channels, x, y, z]`; inactive cells hold the ground state, or zero without one.
    ///
    /// # Errors
    ///
    /// When the tensor has no grid, or there is no memory for it.
    pub fn to_dense(&self) -> Result<Tensor<5>, SparseError> {
        let [nx, ny, nz] = self.bounded_grid()?.map(|n| n as usize);
        let samples = self.voxels().samples();
        let cells = [nx, ny, nz].into_iter().fold(samples, usize::saturating_mul);
        // A row number for each cell, and the cells twice: as they are gathered and as they are ordered.
        check_room("a dense grid", cells, 2 * self.channels() + 2)?;
        let ground = self.carries_ground_state().then(|| self.voxels().len() as u32);
        let mut rows: Vec<Option<u32>> = vec![ground; cells];
        for (row, &coord) in self.voxels().coords().iter().enumerate() {
            let [b, x, y, z] = coord.map(|n| n as usize);
            rows[((b * nx + x) * ny + y) * nz + z] = Some(row as u32);
        }
        let cells = gather_rows(self.features(), rows);
        Ok(cells.reshape([samples, nx, ny, nz, self.channels()]).permute([0, 4, 1, 2, 3]))
    }

    /// The cells of a dense grid, `[samples, channels, x, y, z]`, at `coords`: the way back from [`to_dense`](Self::to_dense).
    ///
    /// # Errors
    ///
    /// When a coordinate stands twice or lies outside of the grid.
    pub fn from_dense(dense: Tensor<5>, coords: &[Coord]) -> Result<Self, SparseError> {
        let [samples, channels, nx, ny, nz] = dense.dims();
        let grid = [nx, ny, nz].map(|n| n as i32);
        let cells = dense.permute([0, 2, 3, 4, 1]).reshape([samples * nx * ny * nz, channels]);
        let inside = |coord: &Coord| {
            coord[0] >= 0
                && (coord[0] as usize) < samples
                && (0..3).all(|axis| (0..grid[axis]).contains(&coord[axis + 1]))
        };
        if let Some(&coord) = coords.iter().find(|coord| !inside(coord)) {
            return Err(SparseError::OutsideGrid { coord, grid });
        }
        let row = |coord: &Coord| {
            let [b, x, y, z] = coord.map(|n| n as usize);
            Some((((b * nx + x) * ny + y) * nz + z) as u32)
        };
        Self::new(coords, samples, grid, gather_rows(cells, coords.iter().map(row).collect()))
    }
}

/// Row `rows[i]` of `x` in place `i`, zeros for `None`.
pub(crate) fn gather_rows(x: Tensor<2>, rows: Vec<Option<u32>>) -> Tensor<2> {
    let rows: RowList = Arc::new(rows);
    Tensor::from_dispatch(Dispatch::op_gather_rows(x.into_dispatch(), rows))
}
