//! Sparse convolution on slices: forward, gradient of the inputs, gradient of the weights.
//!
//! `out[q] += Σ_k x[p_k(q)] · W[k]` over the pairs of a kernel map, without a gather or scatter buffer. Invariant: the
//! cut of the work depends on the sizes alone and every output element receives its products in one fixed order, so
//! the result is the same bits for any number of threads (SYSTEMS.md §1.4).

mod ahead;
mod columns;
mod depthwise;
mod folding;
mod grouped;
mod inference;
mod memory;
mod mixed;
mod packed;
mod paired;
mod panels;
mod rows;
mod slab;
mod tiles;
mod weight_grad;

use rarefy_geometry::KernelMap;
use rayon::prelude::*;

use crate::element::Element;
use crate::isa::InstructionSet;
use crate::shape::ShapeError;
use columns::Columns;
pub use depthwise::{depthwise_forward, depthwise_input_grad, depthwise_weight_grad};
pub use folding::{fold_batch_norm, fold_scale};
pub use grouped::{
    ChannelGroups, ChannelGroupsError, group_conv_forward, group_conv_input_grad, group_conv_weight_grad,
};
pub use inference::{ConvPlan, Epilogue, conv_inference, conv_inference_paired};
pub use memory::ConvMemory;
pub use mixed::{Precision, mixed_conv_forward, mixed_conv_input_grad, mixed_conv_weight_grad};
pub use packed::PackedWeights;
pub use paired::PairedWeights;
use panels::{Cut, Weights};
pub(crate) use rows::PANEL_BYTES;
use rows::Tile;
use tiles::Tiles;
use weight_grad::Groups;

/// Adds the convolution of `x` into `out`: `out[to] += x[from] · weights[tap]` for every pair of `map`.
///
/// `weights` is [taps, `C_in`, `C_out`], `x` is [inputs, `C_in`], `out` is [outputs, `C_out`], all row-major;
/// `channels` is (`C_in`, `C_out`).
///
/// # Errors
/// When a slice has another length than its shape; `out` is untouched then.
///
/// # Panics
/// Where the map names a row that does not exist.
pub fn conv_forward<T: Element>(
    map: &KernelMap,
    weights: &[T],
    channels: (usize, usize),
    x: &[T],
    out: &mut [T],
) -> Result<(), ShapeError> {
    check_lengths(map, channels, weights.len(), x.len(), out.len())?;
    let weights = Weights::forward(weights, channels);
    multiply(map, &[Product { weights, x: Columns::all(channels.0), out: Columns::all(channels.1) }], x, out);
    Ok(())
}

/// Adds the gradient of a convolution with respect to its input into `grad_x`.
///
/// `grad_x[from] += grad_out[to] · weights[tap]ᵀ` for every pair of `map`; shapes as in [`conv_forward`].
///
/// # Errors
/// As [`conv_forward`].
///
/// # Panics
/// As [`conv_forward`].
pub fn conv_input_grad<T: Element>(
    map: &KernelMap,
    weights: &[T],
    channels: (usize, usize),
    grad_out: &[T],
    grad_x: &mut [T],
) -> Result<(), ShapeError> {
    check_lengths(map, channels, weights.len(), grad_x.len(), grad_out.len())?;
    let weights = Weights::transposed(weights, channels);
    let product = Product { weights, x: Columns::all(channels.1), out: Columns::all(channels.0) };
    multiply(map.transposed(), &[product], grad_out, grad_x);
    Ok(())
}

/// Adds the gradient of a convolution with respect to its weights into `grad_weights`.
///
/// `grad_weights[tap] += x[from]ᵀ · grad_out[to]` for every pair of `map`; shapes as in [`conv_forward`].
///
/// # Errors
/// As [`conv_forward`].
///
/// # Panics
/// As [`conv_forward`].
pub fn conv_weight_grad<T: Element>(
    map: &KernelMap,
    channels: (usize, usize),
    x: &[T],
    grad_out: &[T],
    grad_weights: &mut [T],
) -> Result<(), ShapeError> {
    check_lengths(map, channels, grad_weights.len(), x.len(), grad_out.len())?;
    if grad_weights.is_empty() || map.pair_count() == 0 {
        return Ok(());
    }
    weight_grad::add(map, Groups::one(channels), x, grad_out, grad_weights);
    Ok(())
}

fn check_lengths(
    map: &KernelMap,
    (c_in, c_out): (usize, usize),
    weights: usize,
    x: usize,
    out: usize,
) -> Result<(), ShapeError> {
    ShapeError::check("weights", [map.taps(), c_in.saturating_mul(c_out)], weights)?;
    ShapeError::check("inputs", [map.inputs(), c_in], x)?;
    ShapeError::check("outputs", [map.outputs(), c_out], out)
}

/// One of the products that a convolution consists of: all of it, or one group.
struct Product<'a, T> {
    weights: Weights<'a, T>,
    /// The channels that are summed over.
    x: Columns,
    /// The channels that are added into.
    out: Columns,
}

/// The common part of forward and input gradient: the output rows are cut into tiles and the tiles shared out.
///
/// The products, which are of one shape and have output columns of their own, are worked off tile by tile, so that the rows
/// of a tile come from memory once.
fn multiply<T: Element>(map: &KernelMap, products: &[Product<'_, T>], x: &[T], out: &mut [T]) {
    let Some(first) = products.first() else { return };
    let (depth, channels) = (first.weights.depth, first.weights.channels);
    if out.is_empty() || depth == 0 || channels == 0 || map.pair_count() == 0 {
        return;
    }
    let set = InstructionSet::current();
    // Whole rows count even where a group is a part of them: rows far apart share the lines of a cache unevenly.
    let tiles = Tiles::new::<T>(map, (first.x.row, first.out.row));
    let row = first.out.row;
    let panels = Cut::of::<T>(set).panels(channels);
    for (taps, panels) in panels::parts::<T>(&panels, map.taps(), depth) {
        let bytes = panels::packed_bytes::<T>(taps.len(), depth, panels);
        for products in products.chunks((panels::PACKED_BYTES / bytes).max(1)) {
            let packed: Vec<_> =
                products.iter().map(|product| panels::pack(&product.weights, taps.clone(), panels)).collect();
            out.par_chunks_mut(tiles.rows() * row).enumerate().for_each(|(number, out)| {
                for (product, packed) in products.iter().zip(&packed) {
                    let (taps, packed, out) = (taps.clone(), packed.as_ref(), &mut *out);
                    let (x_columns, out_columns) = (product.x, product.out);
                    let tile =
                        Tile { map, taps, tiles: &tiles, number, x, x_columns, packed, panels, out, out_columns };
                    T::dispatch(set, tile);
                }
            });
        }
    }
}

/// Whether all `rows` lie in `range`; the check on which the unchecked reads and writes of the kernels rest.
#[inline(always)]
#[allow(clippy::inline_always, reason = "takes the target features of the kernel that it guards")]
fn all_within(rows: &[u32], range: &std::ops::Range<usize>) -> bool {
    let (mut least, mut most) = (u32::MAX, 0);
    for &row in rows {
        least = least.min(row);
        most = most.max(row);
    }
    rows.is_empty() || (least as usize >= range.start && (most as usize) < range.end)
}
