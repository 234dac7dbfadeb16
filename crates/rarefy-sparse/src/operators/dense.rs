//! From rows to the dense grid.

use std::sync::Arc;

use burn::backend::Dispatch;
use burn::tensor::Tensor;

use crate::SparseTensor;
use crate::autodiff::{RowList, SparseOps};

impl SparseTensor {
    /// The dense grid, `[samples, channels, x, y, z]`; inactive cells hold the ground state, or zero without one.
    #[must_use]
    pub fn to_dense(&self) -> Tensor<5> {
        let [nx, ny, nz] = self.grid().map(|n| n as usize);
        let samples = self.voxels().samples();
        let ground = self.carries_ground_state().then(|| self.voxels().len() as u32);
        let mut rows: Vec<Option<u32>> = vec![ground; samples * nx * ny * nz];
        for (row, &coord) in self.voxels().coords().iter().enumerate() {
            let [b, x, y, z] = coord.map(|n| n as usize);
            rows[((b * nx + x) * ny + y) * nz + z] = Some(row as u32);
        }
        let cells = gather_rows(self.features(), rows);
        cells.reshape([samples, nx, ny, nz, self.channels()]).permute([0, 4, 1, 2, 3])
    }
}

/// Row `rows[i]` of `x` in place `i`, zeros for `None`.
pub(crate) fn gather_rows(x: Tensor<2>, rows: Vec<Option<u32>>) -> Tensor<2> {
    let rows: RowList = Arc::new(rows);
    Tensor::from_dispatch(Dispatch::op_gather_rows(x.into_dispatch(), rows))
}
