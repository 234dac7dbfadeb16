//! Convolution with bias over a grid whose inactive cells all hold one ground-state row (Graham 2014; spec §2.3).
//!
//! With `g` the ground row, `Σ_k x[p_k] · W[k]` over all taps equals `Σ_k g · W[k]` plus the sum over the *present*
//! taps of `(x[p_k] − g) · W[k]`. So the sparse kernel runs over the active pairs alone, and the absent taps cost
//! one row a layer instead of a row a cell.

use rarefy_geometry::KernelMap;
use rayon::prelude::*;

use crate::shape::ShapeError;
use crate::{Element, column_sums, conv_forward, conv_input_grad, conv_weight_grad};

/// Whether the input and the output carry a ground-state row behind their active rows.
pub type GroundRows = (bool, bool);

/// Gradients of [`ground_conv_forward`].
#[derive(Clone, Debug)]
pub struct GroundGradients<T> {
    /// For the input, `[inputs (+ 1), C_in]`.
    pub x: Option<Vec<T>>,
    /// For the weights, `[taps, C_in, C_out]`.
    pub weights: Option<Vec<T>>,
    /// For the bias, `[C_out]`.
    pub bias: Vec<T>,
}

/// Output rows `[outputs (+ 1), C_out]` of `x` `[inputs (+ 1), C_in]`, `weights` `[taps, C_in, C_out]` and `bias`.
///
/// # Errors
/// When a slice has another length than its shape.
pub fn ground_conv_forward<T: Element>(
    map: &KernelMap,
    ground: GroundRows,
    weights: &[T],
    bias: &[T],
    channels: (usize, usize),
    x: &[T],
) -> Result<Vec<T>, ShapeError> {
    let (c_in, c_out) = channels;
    check(map, ground, channels, weights.len(), x.len(), None)?;
    ShapeError::check("bias", [1, c_out], bias.len())?;
    let (active, ground_row) = x.split_at(map.inputs() * c_in);
    let mut base = bias.to_vec();
    if ground.0 {
        for tap in weights.chunks_exact((c_in * c_out).max(1)) {
            for (&value, row) in ground_row.iter().zip(tap.chunks_exact(c_out.max(1))) {
                base.iter_mut().zip(row).for_each(|(sum, &weight)| *sum += value * weight);
            }
        }
    }
    let rows = map.outputs() + usize::from(ground.1);
    let mut out = Vec::with_capacity(rows * c_out);
    (0..rows).for_each(|_| out.extend_from_slice(&base));
    let shifted = above_ground(active, ground_row);
    conv_forward(map, weights, channels, shifted.as_deref().unwrap_or(active), &mut out[..map.outputs() * c_out])?;
    Ok(out)
}

/// Gradients for the `wanted` (input, weights) and for the bias.
///
/// # Errors
/// When a slice has another length than its shape.
pub fn ground_conv_backward<T: Element>(
    map: &KernelMap,
    ground: GroundRows,
    weights: &[T],
    channels: (usize, usize),
    x: &[T],
    grad_out: &[T],
    wanted: (bool, bool),
) -> Result<GroundGradients<T>, ShapeError> {
    let (c_in, c_out) = channels;
    check(map, ground, channels, weights.len(), x.len(), Some(grad_out.len()))?;
    let (active, ground_row) = x.split_at(map.inputs() * c_in);
    let grad_active = &grad_out[..map.outputs() * c_out];
    let bias = column_sums(grad_out, c_out)?;
    let grad_x = if wanted.0 {
        let mut grad_x = vec![T::ZERO; x.len()];
        let (rows, ground_grad) = grad_x.split_at_mut(active.len());
        conv_input_grad(map, weights, channels, grad_active, rows)?;
        if ground.0 {
            ground_gradient(weights, channels, &bias, rows, ground_grad)?;
        }
        Some(grad_x)
    } else {
        None
    };
    let grad_weights = if wanted.1 {
        let mut grad_weights = vec![T::ZERO; weights.len()];
        let shifted = above_ground(active, ground_row);
        conv_weight_grad(map, channels, shifted.as_deref().unwrap_or(active), grad_active, &mut grad_weights)?;
        if ground.0 {
            for tap in grad_weights.chunks_exact_mut((c_in * c_out).max(1)) {
                for (&value, row) in ground_row.iter().zip(tap.chunks_exact_mut(c_out.max(1))) {
                    row.iter_mut().zip(&bias).for_each(|(sum, &grad)| *sum += value * grad);
                }
            }
        }
        Some(grad_weights)
    } else {
        None
    };
    Ok(GroundGradients { x: grad_x, weights: grad_weights, bias })
}

/// Checks the lengths; `grad` is that of the output gradient, where there is one.
fn check(
    map: &KernelMap,
    ground: GroundRows,
    (c_in, c_out): (usize, usize),
    weights: usize,
    x: usize,
    grad: Option<usize>,
) -> Result<(), ShapeError> {
    ShapeError::check("weights", [map.taps(), c_in.saturating_mul(c_out)], weights)?;
    ShapeError::check("inputs", [map.inputs() + usize::from(ground.0), c_in], x)?;
    let rows = map.outputs() + usize::from(ground.1);
    grad.map_or(Ok(()), |grad| ShapeError::check("output gradients", [rows, c_out], grad))
}

/// The ground row counts in every tap of every output, and is taken off again by each active row.
fn ground_gradient<T: Element>(
    weights: &[T],
    (c_in, c_out): (usize, usize),
    out_sums: &[T],
    grad_rows: &[T],
    ground_grad: &mut [T],
) -> Result<(), ShapeError> {
    for tap in weights.chunks_exact((c_in * c_out).max(1)) {
        for (sum, row) in ground_grad.iter_mut().zip(tap.chunks_exact(c_out.max(1))) {
            *sum = row.iter().zip(out_sums).fold(*sum, |sum, (&weight, &grad)| sum + weight * grad);
        }
    }
    let taken = column_sums(grad_rows, c_in)?;
    ground_grad.iter_mut().zip(taken).for_each(|(sum, grad)| *sum = *sum - grad);
    Ok(())
}

/// The active rows less the ground row; `None` where the ground row is zero or absent.
fn above_ground<T: Element>(active: &[T], ground_row: &[T]) -> Option<Vec<T>> {
    if ground_row.iter().all(|&value| value == T::ZERO) {
        return None;
    }
    let mut shifted = vec![T::ZERO; active.len()];
    let width = ground_row.len();
    shifted.par_chunks_mut(width * 256).zip(active.par_chunks(width * 256)).for_each(|(out, rows)| {
        for (out, row) in out.chunks_exact_mut(width).zip(rows.chunks_exact(width)) {
            out.iter_mut().zip(row).zip(ground_row).for_each(|((out, &value), &ground)| *out = value - ground);
        }
    });
    Some(shifted)
}
