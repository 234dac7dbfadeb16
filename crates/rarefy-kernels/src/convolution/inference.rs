//! Convolution for inference: `out = act(conv(x) · scale + shift + residual)`, tile by tile.
//!
//! The epilogue runs over a tile of output rows while the tile is in the second-level cache. Invariants: every output
//! element receives its products in the order of [`super::conv_forward`], and a call allocates nothing, because the
//! weights are packed and the tiles are cut before.

use std::borrow::Borrow;

use rarefy_geometry::KernelMap;
use rayon::prelude::*;

use super::columns::Columns;
use super::packed::PackedWeights;
use super::rows::Tile;
use super::tiles::Tiles;
use crate::activation::leaky;
use crate::element::Element;
use crate::shape::ShapeError;
use crate::vector::{Kernel, Vector};

/// A kernel map with its output rows cut into tiles, for repeated convolutions; `M` is `&KernelMap` or an `Arc` of it.
pub struct ConvPlan<M> {
    map: M,
    tiles: Tiles,
}

impl<M: Borrow<KernelMap>> ConvPlan<M> {
    /// A plan for elements `T` and `channels` (`C_in`, `C_out`); other channels give the same values, less quickly.
    ///
    /// # Panics
    /// Where the output rows of a tap are not sorted.
    #[must_use]
    pub fn new<T: Element>(map: M, channels: (usize, usize)) -> Self {
        let tiles = Tiles::new::<T>(map.borrow(), channels.0.saturating_add(channels.1).max(1));
        Self { map, tiles }
    }

    /// The kernel map.
    pub fn map(&self) -> &KernelMap {
        self.map.borrow()
    }
}

/// What is done to the sums of a convolution: `act(sum · scale + shift + residual)`. The default does nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Epilogue<'a, T> {
    /// Factors, `[C_out]`.
    pub scale: Option<&'a [T]>,
    /// Summands, `[C_out]`: a bias or the rest of a batch norm.
    pub shift: Option<&'a [T]>,
    /// Summands, `[outputs, C_out]`.
    pub residual: Option<&'a [T]>,
    /// Slope of the leaky ReLU for values that are not positive; 0 is ReLU, `None` no activation.
    pub slope: Option<T>,
}

impl<T> Epilogue<'_, T> {
    fn check(&self, outputs: usize, channels: usize) -> Result<(), ShapeError> {
        let check = |what, rows, slice: Option<&[T]>| {
            slice.map_or(Ok(()), |slice| ShapeError::check(what, [rows, channels], slice.len()))
        };
        check("scale", 1, self.scale)?;
        check("shift", 1, self.shift)?;
        check("residual", outputs, self.residual)
    }
}

/// Writes the convolution of `x`, with its epilogue, into `out`; what `out` held before is lost. Allocates nothing.
///
/// `x` is `[inputs, C_in]`, `out` is `[outputs, C_out]`.
///
/// # Errors
/// When a slice has another length than its shape, or the weights have another number of taps than the map; `out` is
/// untouched then.
///
/// # Panics
/// Where the map names a row that does not exist.
pub fn conv_inference<T: Element, M: Borrow<KernelMap>>(
    plan: &ConvPlan<M>,
    weights: &PackedWeights<T>,
    x: &[T],
    epilogue: &Epilogue<'_, T>,
    out: &mut [T],
) -> Result<(), ShapeError> {
    let (map, tiles, channels) = (plan.map.borrow(), &plan.tiles, weights.channels());
    let matrix = channels.0 * channels.1;
    ShapeError::check("weights", [map.taps(), matrix], weights.taps() * matrix)?;
    ShapeError::check("inputs", [map.inputs(), channels.0], x.len())?;
    ShapeError::check("outputs", [map.outputs(), channels.1], out.len())?;
    epilogue.check(map.outputs(), channels.1)?;
    if out.is_empty() {
        return Ok(());
    }
    let set = weights.instruction_set();
    let (x_columns, out_columns) = (Columns::all(channels.0), Columns::all(channels.1));
    let step = tiles.rows() * channels.1;
    out.par_chunks_mut(step).enumerate().for_each(|(number, out)| {
        out.fill(T::ZERO);
        for part in weights.parts() {
            let (taps, packed, panels) = (part.taps.clone(), &part.values[..], &part.panels[..]);
            let out = &mut *out;
            T::dispatch(set, Tile { map, taps, tiles, number, x, x_columns, packed, panels, out, out_columns });
        }
        let residual = epilogue.residual.map(|residual| &residual[number * step..][..out.len()]);
        T::dispatch(set, Finish { epilogue: Epilogue { residual, ..*epilogue }, channels: channels.1, out });
    });
    Ok(())
}

/// The epilogue over the rows of one tile.
struct Finish<'a, T> {
    /// With the residual of the tile.
    epilogue: Epilogue<'a, T>,
    channels: usize,
    /// The rows of the tile, [rows, channels].
    out: &'a mut [T],
}

impl<T: Element> Kernel<T> for Finish<'_, T> {
    type Output = ();

    // Plain loops: the compiler turns them into vectors of the caller's instructions, and products and sums are rounded
    // one by one, so that the fused epilogue gives the bits of the separate operations.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "see `vector`")]
    unsafe fn run<V: Vector<T>>(self) {
        let Self { epilogue: Epilogue { scale, shift, residual, slope }, channels, out } = self;
        for (number, out) in out.chunks_exact_mut(channels).enumerate() {
            if let Some(scale) = scale {
                for (out, &scale) in out.iter_mut().zip(scale) {
                    *out = *out * scale;
                }
            }
            if let Some(shift) = shift {
                for (out, &shift) in out.iter_mut().zip(shift) {
                    *out += shift;
                }
            }
            if let Some(residual) = residual {
                for (out, &residual) in out.iter_mut().zip(&residual[number * channels..][..channels]) {
                    *out += residual;
                }
            }
            if let Some(slope) = slope {
                for out in out.iter_mut() {
                    *out = leaky(slope, *out);
                }
            }
        }
    }
}
