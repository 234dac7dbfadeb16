//! A matrix applied to every row, on our own kernel: the same bits for any number of threads.

use std::sync::Arc;

use burn::backend::Dispatch;
use burn::tensor::Tensor;
use rarefy_geometry::KernelMap;

use crate::autodiff::SparseOps;

/// `x · weights + bias` for `x` `[rows, in]`, `weights` `[1, in, out]` and `bias` `[out]`.
///
/// # Panics
///
/// When the widths differ, which the layers rule out by construction.
#[must_use]
pub fn linear(x: Tensor<2>, weights: Tensor<3>, bias: Tensor<1>) -> Tensor<2> {
    let ([rows, width], [taps, inputs, outputs]) = (x.dims(), weights.dims());
    assert_eq!((1, width), (taps, inputs), "width of the rows and of the weights");
    assert_eq!([outputs], bias.dims(), "width of the weights and of the bias");
    let map = Arc::new(KernelMap::identity(rows));
    let output = Dispatch::op_linear(x.into_dispatch(), weights.into_dispatch(), bias.into_dispatch(), map);
    Tensor::from_dispatch(output)
}
