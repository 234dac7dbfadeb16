//! Weights of `bf16` in pairs of input channels, for the dot-product instruction of AVX512-BF16.
//!
//! The instruction multiplies two pairs at once, so a convolution takes half as many. Invariant: products are exact in f32
//! and sums run in one order whatever the number of threads; it is another order than that of [`super::conv_inference`], two
//! channels at a time, and values below 2⁻¹²⁶ count as zero, so the two differ in the last bits.

use half::bf16;

use super::packed::{PackedWeights, Part};
use crate::isa::InstructionSet;
use crate::vector::has_dots;

/// Weights for [`conv_inference_paired`](super::conv_inference_paired), which exist only where the machine can use them.
pub struct PairedWeights {
    taps: usize,
    channels: (usize, usize),
    parts: Vec<Part<[bf16; 2]>>,
}

impl PairedWeights {
    /// The same weights in pairs; `None` where the machine lacks AVX512-BF16, the weights are packed for other instructions
    /// than AVX-512, or the number of input channels is odd.
    #[must_use]
    pub fn new(weights: &PackedWeights<bf16>) -> Option<Self> {
        let (taps, channels) = (weights.taps(), weights.channels());
        if !has_dots() || weights.instruction_set() != InstructionSet::Avx512 || !channels.0.is_multiple_of(2) {
            return None;
        }
        Some(Self { taps, channels, parts: weights.parts().iter().map(|part| paired(part, channels.0)).collect() })
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

/// [tap][panel][depth][width] to [tap][panel][depth / 2][width][2].
fn paired(part: &Part<bf16>, depth: usize) -> Part<[bf16; 2]> {
    let mut values = Vec::with_capacity(part.values.len() / 2);
    let mut rest = &part.values[..];
    for _ in part.taps.clone() {
        for panel in &part.panels {
            let (matrix, behind) = rest.split_at(depth * panel.width);
            rest = behind;
            for rows in matrix.chunks_exact(2 * panel.width) {
                let (even, odd) = rows.split_at(panel.width);
                values.extend(even.iter().zip(odd).map(|(&even, &odd)| [even, odd]));
            }
        }
    }
    Part { taps: part.taps.clone(), panels: part.panels.clone(), values }
}
