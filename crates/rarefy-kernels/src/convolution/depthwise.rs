//! Depthwise convolution: every channel has its own kernel, `out[q, c] += Σ_k x[p_k(q), c] · W[k, c]`.
//!
//! Invariant: the cut into tiles and chunks depends on the sizes alone, an output row is summed by one task, and partial
//! sums of the weights are added in the order of the chunks: the same bits for any number of threads.
#![allow(clippy::inline_always, reason = "target features reach a function only where it is inlined")]

use std::ops::Range;

use rarefy_geometry::{KernelMap, Pairs};
use rayon::prelude::*;

use super::tiles::Tiles;
use crate::element::Element;
use crate::isa::InstructionSet;
use crate::shape::ShapeError;
use crate::vector::{Kernel, Vector};

/// Bound on the partial sums of all chunks together.
const PARTIAL_BYTES: usize = 8 << 20;

/// Most chunks of output rows in the gradient of the weights.
const MOST_CHUNKS: usize = 16;

/// Pairs that are summed at one go; a longer plain sum in f32 would show its rounding errors.
const RUN: usize = 512;

/// Adds the depthwise convolution of `x` into `out`.
///
/// `weights` is [taps, channels], `x` is [inputs, channels], `out` [outputs, channels].
///
/// # Errors
/// When a slice has another length than its shape.
///
/// # Panics
/// Where the map names a row that does not exist.
pub fn depthwise_forward<T: Element>(
    map: &KernelMap,
    weights: &[T],
    channels: usize,
    x: &[T],
    out: &mut [T],
) -> Result<(), ShapeError> {
    check(map, channels, weights.len(), x.len(), out.len())?;
    add_products(map, weights, channels, x, out);
    Ok(())
}

/// Adds the gradient of [`depthwise_forward`] with respect to its input into `grad_x`; shapes as there.
///
/// # Errors
/// As [`depthwise_forward`].
///
/// # Panics
/// As [`depthwise_forward`].
pub fn depthwise_input_grad<T: Element>(
    map: &KernelMap,
    weights: &[T],
    channels: usize,
    grad_out: &[T],
    grad_x: &mut [T],
) -> Result<(), ShapeError> {
    check(map, channels, weights.len(), grad_x.len(), grad_out.len())?;
    add_products(map.transposed(), weights, channels, grad_out, grad_x);
    Ok(())
}

/// Adds the gradient of [`depthwise_forward`] with respect to its weights into `grad_weights`; shapes as there.
///
/// # Errors
/// As [`depthwise_forward`].
///
/// # Panics
/// As [`depthwise_forward`].
pub fn depthwise_weight_grad<T: Element>(
    map: &KernelMap,
    channels: usize,
    x: &[T],
    grad_out: &[T],
    grad_weights: &mut [T],
) -> Result<(), ShapeError> {
    check(map, channels, grad_weights.len(), x.len(), grad_out.len())?;
    if grad_weights.is_empty() || map.pair_count() == 0 {
        return Ok(());
    }
    let set = InstructionSet::current();
    let tiles = Tiles::new::<T>(map, (channels, channels));
    let chunks = (PARTIAL_BYTES / size_of_val(grad_weights)).clamp(1, MOST_CHUNKS);
    let chunk_tiles = tiles.count().div_ceil(chunks);
    let starts: Vec<usize> = (0..tiles.count()).step_by(chunk_tiles).collect();
    let partial: Vec<Vec<T>> = starts
        .into_par_iter()
        .map(|start| {
            let range = start..(start + chunk_tiles).min(tiles.count());
            T::dispatch(set, WeightSums { map, tiles: &tiles, range, channels, x, grad_out })
        })
        .collect();
    for sums in partial {
        for (grad, sum) in grad_weights.iter_mut().zip(sums) {
            *grad += sum;
        }
    }
    Ok(())
}

fn check(map: &KernelMap, channels: usize, weights: usize, x: usize, out: usize) -> Result<(), ShapeError> {
    ShapeError::check("weights", [map.taps(), channels], weights)?;
    ShapeError::check("inputs", [map.inputs(), channels], x)?;
    ShapeError::check("outputs", [map.outputs(), channels], out)
}

/// The common part of forward and input gradient.
fn add_products<T: Element>(map: &KernelMap, weights: &[T], channels: usize, x: &[T], out: &mut [T]) {
    if out.is_empty() || map.pair_count() == 0 {
        return;
    }
    let set = InstructionSet::current();
    let tiles = Tiles::new::<T>(map, (channels, channels));
    out.par_chunks_mut(tiles.rows() * channels).enumerate().for_each(|(number, out)| {
        T::dispatch(set, Products { map, tiles: &tiles, number, weights, channels, x, out });
    });
}

/// The pairs of a tap whose outputs lie in a tile.
fn pairs_of<'a>(map: &'a KernelMap, tiles: &Tiles, tile: usize, tap: usize) -> Pairs<'a> {
    let pairs = map.pairs(tap);
    let range = tiles.pairs_of(tile, tap);
    Pairs { from: &pairs.from[range.clone()], to: &pairs.to[range] }
}

/// A tile of output rows and all that is added into it.
struct Products<'a, T> {
    map: &'a KernelMap,
    tiles: &'a Tiles,
    /// Number of the tile.
    number: usize,
    /// [taps, channels].
    weights: &'a [T],
    channels: usize,
    x: &'a [T],
    /// The rows of the tile, [rows, channels].
    out: &'a mut [T],
}

impl<T: Element> Kernel<T> for Products<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<T>>(self) {
        let Self { map, tiles, number, weights, channels, x, out } = self;
        let first = tiles.rows_of(number).start;
        for (tap, weights) in weights.chunks_exact(channels).enumerate() {
            let pairs = pairs_of(map, tiles, number, tap);
            for (&from, &to) in pairs.from.iter().zip(pairs.to) {
                let x = &x[from as usize * channels..][..channels];
                let out = &mut out[(to as usize - first) * channels..][..channels];
                for ((out, &x), &weight) in out.iter_mut().zip(x).zip(weights) {
                    *out += x * weight;
                }
            }
        }
    }
}

/// The sums of some tiles for the gradient of the weights.
struct WeightSums<'a, T> {
    map: &'a KernelMap,
    tiles: &'a Tiles,
    /// Numbers of the tiles.
    range: Range<usize>,
    channels: usize,
    x: &'a [T],
    grad_out: &'a [T],
}

impl<T: Element> Kernel<T> for WeightSums<'_, T> {
    /// [taps, channels].
    type Output = Vec<T>;

    #[inline(always)]
    unsafe fn run<V: Vector<T>>(self) -> Vec<T> {
        let Self { map, tiles, range, channels, x, grad_out } = self;
        let mut sums = vec![T::ZERO; map.taps() * channels];
        let mut run_sum = vec![T::ZERO; channels];
        for tile in range {
            for (tap, sums) in sums.chunks_exact_mut(channels).enumerate() {
                let pairs = pairs_of(map, tiles, tile, tap);
                for (from, to) in pairs.from.chunks(RUN).zip(pairs.to.chunks(RUN)) {
                    run_sum.fill(T::ZERO);
                    for (&from, &to) in from.iter().zip(to) {
                        let x = &x[from as usize * channels..][..channels];
                        let grad = &grad_out[to as usize * channels..][..channels];
                        for ((sum, &x), &grad) in run_sum.iter_mut().zip(x).zip(grad) {
                            *sum += x * grad;
                        }
                    }
                    for (sum, &run) in sums.iter_mut().zip(&run_sum) {
                        *sum += run;
                    }
                }
            }
        }
        sums
    }
}
