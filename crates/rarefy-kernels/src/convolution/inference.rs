//! Convolution for inference: `out = act(conv(x) · scale + shift + residual)`, tile by tile.
//!
//! The epilogue runs over a tile of output rows while the tile is in the second-level cache. Invariants: every output
//! element receives its products in the order of [`super::conv_forward`], and a call allocates nothing, because the
//! weights are packed and the tiles are cut before. Sums and epilogue are f32 (or f64) whatever the features are stored as.

use std::borrow::Borrow;
use std::mem::MaybeUninit;

use half::bf16;
use rarefy_geometry::KernelMap;
use rayon::prelude::*;

use super::columns::Columns;
use super::packed::{PackedWeights, Part};
use super::paired::PairedWeights;
use super::rows::Tile;
use super::tiles::Tiles;
use crate::activation::leaky;
use crate::element::Element;
use crate::isa::InstructionSet;
use crate::shape::ShapeError;
use crate::storage::{Operand, Storage};
use crate::vector::{Dispatch, Kernel, Vector, with_dots};

/// A kernel map with its output rows cut into tiles, for repeated convolutions; `M` is `&KernelMap` or an `Arc` of it.
pub struct ConvPlan<M> {
    map: M,
    tiles: Tiles,
}

impl<M: Borrow<KernelMap>> ConvPlan<M> {
    /// A plan for elements `S` and `channels` (`C_in`, `C_out`); other channels give the same values, less quickly.
    ///
    /// # Panics
    /// Where the output rows of a tap are not sorted.
    #[must_use]
    pub fn new<S: Storage>(map: M, channels: (usize, usize)) -> Self {
        // Rows are counted as they are worked with: sums are not narrow.
        let tiles = Tiles::new::<S::Work>(map.borrow(), channels);
        let sums = tiles.rows().min(map.borrow().outputs()) * channels.1;
        rayon::broadcast(|_| S::make_room(sums));
        Self { map, tiles }
    }

    /// The kernel map.
    pub fn map(&self) -> &KernelMap {
        self.map.borrow()
    }
}

/// What is done to the sums of a convolution: `act(sum · scale + shift + residual)`. The default does nothing.
#[derive(Clone, Copy, Debug)]
pub struct Epilogue<'a, S: Storage> {
    /// Factors, `[C_out]`.
    pub scale: Option<&'a [S::Work]>,
    /// Summands, `[C_out]`: a bias or the rest of a batch norm.
    pub shift: Option<&'a [S::Work]>,
    /// Summands, `[outputs, C_out]`.
    pub residual: Option<&'a [S]>,
    /// Slope of the leaky ReLU for values that are not positive; 0 is ReLU, `None` no activation.
    pub slope: Option<S::Work>,
}

impl<S: Storage> Default for Epilogue<'_, S> {
    fn default() -> Self {
        Self { scale: None, shift: None, residual: None, slope: None }
    }
}

impl<S: Storage> Epilogue<'_, S> {
    fn check(&self, outputs: usize, channels: usize) -> Result<(), ShapeError> {
        let check =
            |what, rows, got: Option<usize>| got.map_or(Ok(()), |got| ShapeError::check(what, [rows, channels], got));
        check("scale", 1, self.scale.map(<[_]>::len))?;
        check("shift", 1, self.shift.map(<[_]>::len))?;
        check("residual", outputs, self.residual.map(<[_]>::len))
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
pub fn conv_inference<S: Storage, M: Borrow<KernelMap>>(
    plan: &ConvPlan<M>,
    weights: &PackedWeights<S>,
    x: &[S],
    epilogue: &Epilogue<'_, S>,
    out: &mut [S],
) -> Result<(), ShapeError> {
    check(plan, (weights.taps(), weights.channels()), x, epilogue, out)?;
    let set = weights.instruction_set();
    let depth = weights.channels().0;
    each_tile(plan, (set, weights.parts()), (x, depth), epilogue, out, |tile| S::Work::dispatch(set, tile));
    Ok(())
}

/// As [`conv_inference`] with weights in pairs, in about half the time where the products are what takes it.
///
/// # Errors
/// As [`conv_inference`].
///
/// # Panics
/// As [`conv_inference`].
pub fn conv_inference_paired<M: Borrow<KernelMap>>(
    plan: &ConvPlan<M>,
    weights: &PairedWeights,
    x: &[bf16],
    epilogue: &Epilogue<'_, bf16>,
    out: &mut [bf16],
) -> Result<(), ShapeError> {
    check(plan, (weights.taps(), weights.channels()), x, epilogue, out)?;
    // The channels are even in number, so that pairs fill the rows.
    let (pairs, depth) = (x.as_chunks().0, weights.channels().0 / 2);
    each_tile(plan, (InstructionSet::Avx512, weights.parts()), (pairs, depth), epilogue, out, |tile| with_dots(tile));
    Ok(())
}

fn check<S: Storage, M: Borrow<KernelMap>>(
    plan: &ConvPlan<M>,
    (taps, channels): (usize, (usize, usize)),
    x: &[S],
    epilogue: &Epilogue<'_, S>,
    out: &[S],
) -> Result<(), ShapeError> {
    let map = plan.map();
    let matrix = channels.0 * channels.1;
    ShapeError::check("weights", [map.taps(), matrix], taps * matrix)?;
    ShapeError::check("inputs", [map.inputs(), channels.0], x.len())?;
    ShapeError::check("outputs", [map.outputs(), channels.1], out.len())?;
    epilogue.check(map.outputs(), channels.1)
}

/// Writes tile after tile of `out`: `multiply` adds the products, then comes the epilogue. Rows of `x` are `depth` long.
fn each_tile<S: Storage, O: Operand<Work = S::Work>, M: Borrow<KernelMap>>(
    plan: &ConvPlan<M>,
    (set, parts): (InstructionSet, &[Part<O>]),
    (x, depth): (&[O], usize),
    epilogue: &Epilogue<'_, S>,
    out: &mut [S],
    multiply: impl Fn(Tile<'_, O>) + Sync,
) {
    let (map, tiles) = (plan.map(), &plan.tiles);
    if out.is_empty() {
        return;
    }
    let channels = out.len() / map.outputs();
    let (x_columns, out_columns) = (Columns::all(depth), Columns::all(channels));
    let step = tiles.rows() * channels;
    out.par_chunks_mut(step).enumerate().for_each(|(number, out)| {
        let residual = epilogue.residual.map(|residual| &residual[number * step..][..out.len()]);
        S::with_sums(set, out, |sums| {
            sums.fill(S::Work::ZERO);
            for part in parts {
                let (taps, packed, panels) = (part.taps.clone(), &part.values[..], &part.panels[..]);
                multiply(Tile { map, taps, tiles, number, x, x_columns, packed, panels, out: &mut *sums, out_columns });
            }
            S::Work::dispatch(set, Finish { epilogue: Epilogue { residual, ..*epilogue }, channels, sums });
        });
    });
}

/// The epilogue over the rows of one tile.
struct Finish<'a, S: Storage> {
    /// With the residual of the tile.
    epilogue: Epilogue<'a, S>,
    channels: usize,
    /// The sums of the tile, \[rows, channels\].
    sums: &'a mut [S::Work],
}

impl<S: Storage> Kernel<S::Work> for Finish<'_, S> {
    type Output = ();

    // Plain loops: the compiler turns them into vectors of the caller's instructions, and products and sums are rounded
    // one by one, so that the fused epilogue gives the bits of the separate operations.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "see `vector`")]
    unsafe fn run<V: Vector<S::Work>>(self) {
        let Self { epilogue: Epilogue { scale, shift, residual, slope }, channels, sums } = self;
        for (number, sums) in sums.chunks_exact_mut(channels).enumerate() {
            if let Some(scale) = scale {
                for (sum, &scale) in sums.iter_mut().zip(scale) {
                    *sum = *sum * scale;
                }
            }
            if let Some(shift) = shift {
                for (sum, &shift) in sums.iter_mut().zip(shift) {
                    *sum += shift;
                }
            }
            if let Some(residual) = residual {
                let most = <S as Storage>::MOST_DEPTH.min(channels);
                let residual = residual[number * channels..][..channels].chunks(most);
                for (sums, residual) in sums.chunks_mut(most).zip(residual) {
                    let mut room = MaybeUninit::uninit();
                    // SAFETY: the chunk has at most `MOST_DEPTH` elements, which are all widened; the caller vouches for `V`.
                    let wide = unsafe {
                        let [wide] = <S as Storage>::wide_rows::<V, 1>([residual.as_ptr()], residual.len(), &mut room);
                        std::slice::from_raw_parts(wide, residual.len())
                    };
                    for (sum, &residual) in sums.iter_mut().zip(wide) {
                        *sum += residual;
                    }
                }
            }
            if let Some(slope) = slope {
                for sum in sums.iter_mut() {
                    *sum = leaky(slope, *sum);
                }
            }
        }
    }
}
