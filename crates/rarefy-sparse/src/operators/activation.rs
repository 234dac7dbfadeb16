//! Leaky ReLU, on the ground state as well.

use burn::backend::Dispatch;
use burn::tensor::Tensor;

use crate::SparseTensor;
use crate::autodiff::SparseOps;

impl SparseTensor {
    /// `x` above zero, `slope · x` below; slope 0 is ReLU, 0.333 the very leaky one of Graham 2014.
    #[must_use]
    pub fn leaky_relu(&self, slope: f64) -> Self {
        let output = Dispatch::op_leaky_relu(self.features().into_dispatch(), slope);
        self.with_features(Tensor::from_dispatch(output), 0)
    }
}
