//! Convolutions of f32 whose factors are rounded to `bf16`, for machines that multiply pairs of them in one instruction.
//!
//! Sums and results are f32. With AVX512-BF16 the products are added two at a time, two channels of a row or, in the gradient
//! of the weights, two rows, and factors below 2⁻¹²⁶ count as zero. Elsewhere the rounded factors run through the kernels of
//! f32: the same result to the rounding of the sums, and no quicker. Invariant: the same bits for any number of threads.

use std::fmt;

use half::bf16;
use rarefy_geometry::KernelMap;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::columns::Columns;
use super::paired::{can_pair, multiplies_pairs, pack_pairs, pair_parts};
use super::panels::{Cut, Weights};
use super::rows::Tile;
use super::tiles::Tiles;
use super::weight_grad::{self, Groups};
use super::{Product, check_lengths, multiply};
use crate::isa::InstructionSet;
use crate::shape::ShapeError;
use crate::storage::{round_all, rounded_bf16};
use crate::vector::with_dots;

/// Values that a thread rounds at once.
const CHUNK: usize = 1 << 15;

/// How exact the factors of a convolution are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// As they are stored.
    #[default]
    F32,
    /// Rounded to `bf16`, eight significant bits; sums in f32.
    Bf16,
}

impl fmt::Display for Precision {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        })
    }
}

impl Precision {
    /// Whether this machine, with the instruction set in use, has instructions of its own for such factors.
    #[must_use]
    pub fn has_instructions(self) -> bool {
        self == Self::F32 || multiplies_pairs()
    }
}

/// As [`conv_forward`](super::conv_forward) with inputs and weights rounded to `bf16`.
///
/// # Errors
/// As there.
///
/// # Panics
/// As there.
pub fn mixed_conv_forward(
    map: &KernelMap,
    weights: &[f32],
    channels: (usize, usize),
    x: &[f32],
    out: &mut [f32],
) -> Result<(), ShapeError> {
    check_lengths(map, channels, weights.len(), x.len(), out.len())?;
    mixed_multiply(map, &Weights::forward(weights, channels), x, out);
    Ok(())
}

/// As [`conv_input_grad`](super::conv_input_grad) with weights and gradients rounded to `bf16`.
///
/// # Errors
/// As there.
///
/// # Panics
/// As there.
pub fn mixed_conv_input_grad(
    map: &KernelMap,
    weights: &[f32],
    channels: (usize, usize),
    grad_out: &[f32],
    grad_x: &mut [f32],
) -> Result<(), ShapeError> {
    check_lengths(map, channels, weights.len(), grad_x.len(), grad_out.len())?;
    mixed_multiply(map.transposed(), &Weights::transposed(weights, channels), grad_out, grad_x);
    Ok(())
}

/// As [`conv_weight_grad`](super::conv_weight_grad) with inputs and gradients rounded to `bf16`.
///
/// # Errors
/// As there.
///
/// # Panics
/// As there.
pub fn mixed_conv_weight_grad(
    map: &KernelMap,
    channels: (usize, usize),
    x: &[f32],
    grad_out: &[f32],
    grad_weights: &mut [f32],
) -> Result<(), ShapeError> {
    check_lengths(map, channels, grad_weights.len(), x.len(), grad_out.len())?;
    if grad_weights.is_empty() || map.pair_count() == 0 {
        return Ok(());
    }
    // Pairs are of rows here, of which the last may stand alone.
    if multiplies_pairs() {
        weight_grad::add_in_pairs(map, channels, x, grad_out, grad_weights);
    } else {
        weight_grad::add(map, Groups::one(channels), &rounded(x), &rounded(grad_out), grad_weights);
    }
    Ok(())
}

/// The common part of forward and input gradient.
fn mixed_multiply(map: &KernelMap, weights: &Weights<'_, f32>, x: &[f32], out: &mut [f32]) {
    let (depth, channels) = (weights.depth, weights.channels);
    if out.is_empty() || depth == 0 || map.pair_count() == 0 {
        return;
    }
    if !can_pair(depth) {
        let weights = Weights { values: &rounded(weights.values), ..*weights };
        let product = Product { weights, x: Columns::all(depth), out: Columns::all(channels) };
        return multiply(map, &[product], &rounded(x), out);
    }
    let x = narrowed(x);
    let x = x.as_chunks().0;
    let tiles = Tiles::new::<f32>(map, (depth, channels));
    let panels = Cut::of::<f32>(InstructionSet::Avx512).panels(channels);
    let (x_columns, out_columns) = (Columns::all(depth / 2), Columns::all(channels));
    for (taps, panels) in pair_parts(&panels, map.taps(), depth) {
        let packed = &pack_pairs(weights, taps.clone(), panels)[..];
        out.par_chunks_mut(tiles.rows() * channels).enumerate().for_each(|(number, out)| {
            let (taps, tiles) = (taps.clone(), &tiles);
            with_dots(Tile { map, taps, tiles, number, x, x_columns, packed, panels, out, out_columns });
        });
    }
}

/// The values as `bf16`.
fn narrowed(values: &[f32]) -> Vec<bf16> {
    let mut narrow = Vec::with_capacity(values.len());
    let room = &mut narrow.spare_capacity_mut()[..values.len()];
    room.par_chunks_mut(CHUNK).zip(values.par_chunks(CHUNK)).for_each(|(room, values)| {
        round_all(values, room);
    });
    // SAFETY: the chunks, which `round_all` has filled, are the room of as many values.
    unsafe { narrow.set_len(values.len()) };
    narrow
}

/// The values that `bf16` has next to these.
fn rounded(values: &[f32]) -> Vec<f32> {
    values.par_iter().with_min_len(CHUNK).map(|&value| rounded_bf16(value).to_f32()).collect()
}
