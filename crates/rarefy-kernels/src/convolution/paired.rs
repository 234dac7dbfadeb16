//! Weights of `bf16` in pairs of input channels, for the dot-product instruction of AVX512-BF16.
//!
//! The instruction multiplies two pairs at once, so a convolution takes half as many. Invariant: products are exact in f32
//! and sums run in one order whatever the number of threads; it is another order than that of [`super::conv_inference`], two
//! channels at a time, and values below 2⁻¹²⁶ count as zero, so the two differ in the last bits.

use std::ops::Range;

use half::bf16;
use rayon::prelude::*;

use super::packed::Part;
use super::panels::{self, Cut, Panel, Weights};
use crate::isa::InstructionSet;
use crate::shape::ShapeError;
use crate::storage::rounded_bf16;
use crate::vector::has_dots;

/// Weights for [`conv_inference_paired`](super::conv_inference_paired), which exist only where the machine can use them.
pub struct PairedWeights {
    taps: usize,
    channels: (usize, usize),
    parts: Vec<Part<[bf16; 2]>>,
}

impl PairedWeights {
    /// Rounds and packs `weights` `[taps, C_in, C_out]`, `channels` being (`C_in`, `C_out`); `None` where the machine lacks
    /// AVX512-BF16, other instructions are asked for, or the number of input channels is odd.
    ///
    /// # Errors
    /// When the slice has another length than its shape.
    pub fn new(weights: &[f32], taps: usize, channels: (usize, usize)) -> Result<Option<Self>, ShapeError> {
        ShapeError::check("weights", [taps, channels.0.saturating_mul(channels.1)], weights.len())?;
        if !can_pair(channels.0) {
            return Ok(None);
        }
        let weights = Weights::forward(weights, channels);
        let panels = Cut::of::<f32>(InstructionSet::Avx512).panels(channels.1);
        let part = |(taps, panels): (Range<usize>, &[Panel])| Part {
            values: pack_pairs(&weights, taps.clone(), panels),
            panels: panels.to_vec(),
            taps,
        };
        let parts = if weights.values.is_empty() {
            Vec::new()
        } else {
            pair_parts(&panels, taps, channels.0).map(part).collect()
        };
        Ok(Some(Self { taps, channels, parts }))
    }

    /// Bytes of the weights.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.parts.iter().map(|part| size_of_val(&part.values[..])).sum()
    }

    /// Number of taps.
    #[must_use]
    pub fn taps(&self) -> usize {
        self.taps
    }

    /// Input and output channels.
    #[must_use]
    pub fn channels(&self) -> (usize, usize) {
        self.channels
    }

    pub(super) fn parts(&self) -> &[Part<[bf16; 2]>] {
        &self.parts
    }
}

/// Whether products can be summed in pairs: the machine has AVX512-BF16, and no other instructions than AVX-512 are asked for.
pub(super) fn multiplies_pairs() -> bool {
    has_dots() && InstructionSet::current() == InstructionSet::Avx512
}

/// Whether products over `depth` channels can be summed in pairs of channels.
pub(super) fn can_pair(depth: usize) -> bool {
    multiplies_pairs() && depth.is_multiple_of(2)
}

/// The parts of weights over `depth` channels in pairs, see [`panels::parts`].
pub(super) fn pair_parts(
    panels: &[Panel],
    taps: usize,
    depth: usize,
) -> impl Iterator<Item = (Range<usize>, &[Panel])> {
    panels::parts::<[bf16; 2]>(panels, taps, depth / 2)
}

/// Rounded weights in the layout [tap][panel][depth / 2][width][2].
pub(super) fn pack_pairs(weights: &Weights<'_, f32>, taps: Range<usize>, panels: &[Panel]) -> Vec<[bf16; 2]> {
    let width: usize = panels.iter().map(|panel| panel.width).sum();
    let matrix = weights.depth / 2 * width;
    let mut packed = vec![[bf16::ZERO; 2]; taps.len() * matrix];
    packed.par_chunks_mut(matrix).zip(taps).for_each(|(mut to, tap)| {
        let from = &weights.values[tap * weights.tap_stride..][..weights.depth * weights.channels];
        for panel in panels {
            let (head, tail) = to.split_at_mut(weights.depth / 2 * panel.width);
            pack_panel(weights, from, panel, head);
            to = tail;
        }
    });
    packed
}

fn pack_panel(weights: &Weights<'_, f32>, from: &[f32], panel: &Panel, to: &mut [[bf16; 2]]) {
    let element = |depth, channel| depth * weights.depth_stride + (panel.first + channel) * weights.channel_stride;
    if weights.channel_stride == 1 {
        for (pair, row) in to.chunks_exact_mut(panel.width).enumerate() {
            let of = |depth| &from[element(depth, 0)..][..panel.channels];
            let factors = of(2 * pair).iter().zip(of(2 * pair + 1));
            row.iter_mut().zip(factors).for_each(|(to, (&even, &odd))| *to = [rounded_bf16(even), rounded_bf16(odd)]);
        }
        return;
    }
    // A few channels at a time: more rows of a power-of-two length would push each other out of the cache.
    for first in (0..panel.channels).step_by(8) {
        let channels = first..(first + 8).min(panel.channels);
        for (pair, row) in to.chunks_exact_mut(panel.width).enumerate() {
            for channel in channels.clone() {
                row[channel] = [2 * pair, 2 * pair + 1].map(|depth| rounded_bf16(from[element(depth, channel)]));
            }
        }
    }
}
