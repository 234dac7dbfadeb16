//! Leaky ReLU, element by element; slope 0 is ReLU and slope 1 the identity.

use rayon::prelude::*;

use crate::element::Element;
use crate::shape::ShapeError;

/// Elements that one task works through.
const CHUNK: usize = 1 << 14;

/// `value` where it is positive, `slope · value` elsewhere.
#[inline]
pub(crate) fn leaky<T: Element>(slope: T, value: T) -> T {
    if value > T::ZERO { value } else { slope * value }
}

/// Writes the leaky ReLU of `x` into `y`.
///
/// # Errors
/// When the lengths differ.
pub fn leaky_relu_forward<T: Element>(slope: T, x: &[T], y: &mut [T]) -> Result<(), ShapeError> {
    ShapeError::check("output", [1, x.len()], y.len())?;
    y.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).for_each(|(y, x)| {
        for (y, &x) in y.iter_mut().zip(x) {
            *y = leaky(slope, x);
        }
    });
    Ok(())
}

/// Writes the gradient of the input into `grad_x`: `grad_y` where `x` is positive, `slope · grad_y` elsewhere.
///
/// For `slope ≥ 0` the output of the forward pass may stand for `x`.
///
/// # Errors
/// When the lengths differ.
pub fn leaky_relu_backward<T: Element>(slope: T, x: &[T], grad_y: &[T], grad_x: &mut [T]) -> Result<(), ShapeError> {
    ShapeError::check("output gradient", [1, x.len()], grad_y.len())?;
    ShapeError::check("input gradient", [1, x.len()], grad_x.len())?;
    let inputs = x.par_chunks(CHUNK).zip(grad_y.par_chunks(CHUNK));
    grad_x.par_chunks_mut(CHUNK).zip(inputs).for_each(|(grad_x, (x, grad_y))| {
        for ((grad_x, &x), &grad_y) in grad_x.iter_mut().zip(x).zip(grad_y) {
            *grad_x = if x > T::ZERO { grad_y } else { slope * grad_y };
        }
    });
    Ok(())
}
