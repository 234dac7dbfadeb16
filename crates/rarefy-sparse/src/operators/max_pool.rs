//! Max-pooling over the windows of active voxels, with ground state.

use burn::backend::Dispatch;
use burn::tensor::Tensor;
use rarefy_geometry::{OutputRule, Window};

use super::check_room;
use super::convolution::window;
use crate::autodiff::SparseOps;
use crate::cache::Outputs;
use crate::tensor::{Place, has_inactive_cell};
use crate::{SparseError, SparseTensor};

impl SparseTensor {
    /// "Valid" max-pooling: each output whose window holds an active voxel takes the largest value of all cells of
    /// the window. With ground state, inactive cells count with it; the first cell in offset order wins a tie
    /// (spec §2.3).
    ///
    /// # Errors
    ///
    /// When the window is larger than the grid.
    pub fn max_pool(&self, size: [u32; 3], stride: [u32; 3]) -> Result<Self, SparseError> {
        let window = window(size, stride);
        let grid = Some(self.valid_grid(&window)?);
        let rule = OutputRule::Spread { clip: self.grid() };
        let set = self.cache().outputs(self.voxels(), &window, Outputs::Strided(rule))?;
        let ground = self.carries_ground_state();
        let map = self.cache().pooling((self.voxels(), &set), &window, ground)?;
        let ground_output = ground && has_inactive_cell(&set, grid);
        let pairs = map.rows().len();
        check_room("the outputs of a pooling", set.len(), self.channels())?;
        let features = Dispatch::op_max_pool(self.features().into_dispatch(), map, ground_output);
        Ok(self.moved_to(Place { set, grid, ground: ground_output }, Tensor::from_dispatch(features), pairs))
    }

    /// Max-pooling over the active voxels of each window, for any window and rule; absent voxels do not count.
    ///
    /// # Errors
    ///
    /// When the window is not possible.
    pub fn max_pool_active(&self, window: &Window, rule: OutputRule) -> Result<Self, SparseError> {
        let set = self.cache().outputs(self.voxels(), window, Outputs::Strided(rule))?;
        let map = self.cache().pooling((self.voxels(), &set), window, false)?;
        let pairs = map.rows().len();
        check_room("the outputs of a pooling", set.len(), self.channels())?;
        let features = Dispatch::op_max_pool(self.active_features().into_dispatch(), map, false);
        let place = Place { set, grid: self.grid_after(window, rule), ground: false };
        Ok(self.moved_to(place, Tensor::from_dispatch(features), pairs))
    }
}
