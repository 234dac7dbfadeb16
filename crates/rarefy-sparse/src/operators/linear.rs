//! A matrix applied to every row, on our own kernel: the same bits for any number of threads.

use std::sync::Arc;

use burn::tensor::Tensor;
use rarefy_geometry::KernelMap;

use super::convolution::recorded;

/// `x · weights + bias` for `x` `[rows, in]`, `weights` `[1, in, out]` and `bias` `[out]`.
///
/// # Panics
///
/// When the widths differ, which the layers rule out by construction.
#[must_use]
pub fn linear(x: Tensor<2>, weights: Tensor<3>, bias: Tensor<1>) -> Tensor<2> {
    assert_eq!(x.dims()[1], weights.dims()[1], "width of the rows and of the weights");
    let map = Arc::new(KernelMap::identity(x.dims()[0]));
    recorded(x, weights, map) + bias.unsqueeze()
}
