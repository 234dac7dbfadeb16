//! Transposed convolutions: back onto voxels that are known, or onto all that the window generates.
//!
//! Tap `k` joins the coarse voxel `q` to the fine voxel `q · stride − padding + k · dilation`, with the same numbering of
//! the taps as the convolution that it turns round.

use std::sync::Arc;

use burn::tensor::Tensor;
use rarefy_geometry::Window;

use crate::cache::Outputs;
use crate::tensor::Place;
use crate::{SparseError, SparseTensor};

impl SparseTensor {
    /// Transposed convolution onto the voxels of `onto`, usually the input of the convolution with the same window that
    /// led here: then the map is that one's, turned round ("inverse" convolution).
    ///
    /// # Errors
    ///
    /// When the window is not possible, or the weights do not fit it or the features.
    pub fn inverse_convolution(&self, weights: Tensor<3>, window: &Window, onto: &Self) -> Result<Self, SparseError> {
        self.check_weights(&weights, window.size)?;
        let map = self.cache().map((onto.voxels(), self.voxels()), window)?;
        map.check_transposed()?;
        let map = Arc::clone(map.transposed());
        let pairs = map.pair_count();
        let features = self.convolved(self.active_features(), weights, map)?;
        let place = Place { set: Arc::clone(onto.voxels()), grid: onto.grid(), ground: false };
        Ok(self.moved_to(place, features, pairs))
    }

    /// Transposed convolution onto every voxel that a window reaches; inside `grid`, if there is one.
    ///
    /// # Errors
    ///
    /// When the window is not possible, or the weights do not fit it or the features.
    pub fn generative_convolution(
        &self,
        weights: Tensor<3>,
        window: &Window,
        grid: Option<[i32; 3]>,
    ) -> Result<Self, SparseError> {
        self.check_weights(&weights, window.size)?;
        let set = self.cache().outputs(self.voxels(), window, Outputs::Generated(grid))?;
        let map = self.cache().map((&set, self.voxels()), window)?;
        map.check_transposed()?;
        let map = Arc::clone(map.transposed());
        let pairs = map.pair_count();
        let features = self.convolved(self.active_features(), weights, map)?;
        Ok(self.moved_to(Place { set, grid, ground: false }, features, pairs))
    }
}
