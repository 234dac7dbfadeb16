//! Maxima of rows over a [`RowMap`]: voxelisation by maximum, max pooling over present voxels. Weights are passed over.
//!
//! Invariant: entries are compared in their order and only a larger value replaces the one found so far, so the first of
//! equal rows wins.

use rarefy_geometry::RowMap;

use crate::element::Element;
use crate::pooling::{max_pool_backward, max_pool_rows};
use crate::shape::ShapeError;

/// Writes into each output the largest of the input rows that `map` names for it, channel by channel, and into
/// `argmax` the row that won.
///
/// `x` is [inputs, channels], `out` and `argmax` are [outputs, channels]; an output without entries is zero with
/// [`NO_ROW`](crate::NO_ROW).
///
/// # Errors
/// When a slice has another length than its shape.
pub fn row_max_forward<T: Element>(
    map: &RowMap,
    channels: usize,
    x: &[T],
    out: &mut [T],
    argmax: &mut [u32],
) -> Result<(), ShapeError> {
    ShapeError::check("inputs", [map.inputs(), channels], x.len())?;
    ShapeError::check("outputs", [map.outputs(), channels], out.len())?;
    ShapeError::check("winning rows", [map.outputs(), channels], argmax.len())?;
    max_pool_rows((map.starts(), map.rows()), channels, x, out, argmax)
}

/// Adds the gradient of [`row_max_forward`] into `grad_x` [inputs, channels]: each output's gradient goes to the row that
/// won.
///
/// # Errors
/// When a slice has another length than its shape.
///
/// # Panics
/// Where `argmax` names a row that does not exist, which that of the forward pass never does.
pub fn row_max_backward<T: Element>(
    map: &RowMap,
    argmax: &[u32],
    channels: usize,
    grad_out: &[T],
    grad_x: &mut [T],
) -> Result<(), ShapeError> {
    ShapeError::check("winning rows", [map.outputs(), channels], argmax.len())?;
    ShapeError::check("output gradients", [map.outputs(), channels], grad_out.len())?;
    ShapeError::check("input gradients", [map.inputs(), channels], grad_x.len())?;
    max_pool_backward(argmax, channels, grad_out, grad_x)
}
