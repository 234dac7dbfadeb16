//! Weights packed into panels: a few vectors of output channels, all input channels deep, padded with zeros.
//!
//! Packed layout: [tap][panel][depth][vectors · lanes]. Invariant: packed weights never exceed [`PACKED_BYTES`], because
//! wide layers are worked off in groups of panels and large kernels in ranges of taps.

use std::borrow::Cow;
use std::ops::Range;

use rayon::prelude::*;

use crate::element::Element;
use crate::isa::InstructionSet;
use crate::vector::{Kernel, Vector};

/// Bound on the packed weights.
pub(super) const PACKED_BYTES: usize = 8 << 20;

/// Weights as a product needs them: for each tap a matrix [depth, channels] with any strides.
pub(super) struct Weights<'a, T> {
    /// Starts with the matrix of the first tap.
    pub(super) values: &'a [T],
    /// Elements from the matrix of one tap to that of the next.
    pub(super) tap_stride: usize,
    /// Channels that are summed over.
    pub(super) depth: usize,
    /// Channels of an output row.
    pub(super) channels: usize,
    /// Elements from one depth to the next.
    pub(super) depth_stride: usize,
    /// Elements from one output channel to the next.
    pub(super) channel_stride: usize,
}

impl<'a, T> Weights<'a, T> {
    /// Weights [taps, `C_in`, `C_out`] as the forward pass multiplies with them.
    pub(super) fn forward(values: &'a [T], (c_in, c_out): (usize, usize)) -> Self {
        let (depth, channels) = (c_in, c_out);
        Self { values, tap_stride: c_in * c_out, depth, channels, depth_stride: c_out, channel_stride: 1 }
    }

    /// The same weights as the gradient of the inputs multiplies with them: transposed.
    pub(super) fn transposed(values: &'a [T], (c_in, c_out): (usize, usize)) -> Self {
        let (depth, channels) = (c_out, c_in);
        Self { values, tap_stride: c_in * c_out, depth, channels, depth_stride: 1, channel_stride: c_out }
    }
}

/// A block of neighbouring output channels that a kernel keeps in registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Panel {
    /// The first channel.
    pub(super) first: usize,
    /// Number of channels.
    pub(super) channels: usize,
    /// Vectors that hold them; the last may be filled in part.
    pub(super) vectors: usize,
    /// `vectors` in elements.
    pub(super) width: usize,
}

/// How the registers of an instruction set cut channels into panels.
#[derive(Clone, Copy)]
pub(super) struct Cut {
    /// Elements in a vector.
    lanes: usize,
    /// Most vectors in a panel.
    widest: usize,
}

struct CutKernel;

impl<T: Element> Kernel<T> for CutKernel {
    type Output = Cut;

    #[inline(always)]
    #[allow(clippy::inline_always, reason = "see `vector`")]
    unsafe fn run<V: Vector<T>>(self) -> Cut {
        Cut { lanes: V::LANES, widest: if V::REGISTERS >= 32 { 4 } else { 2 } }
    }
}

impl Cut {
    /// The cut for an instruction set and an element type.
    pub(super) fn of<T: Element>(set: InstructionSet) -> Self {
        T::dispatch(set, CutKernel)
    }

    /// As few panels as there can be, of widths as equal as they can be.
    pub(super) fn panels(self, channels: usize) -> Vec<Panel> {
        let vectors = channels.div_ceil(self.lanes);
        let count = vectors.div_ceil(self.widest);
        let mut first = 0;
        (0..count)
            .map(|panel| {
                let vectors = vectors / count + usize::from(panel < vectors % count);
                let width = vectors * self.lanes;
                let panel = Panel { first, channels: width.min(channels - first), vectors, width };
                first += width;
                panel
            })
            .collect()
    }
}

/// Cuts taps and panels into parts whose packed weights fit the bound: ranges of taps, times groups of panels.
pub(super) fn parts<T>(panels: &[Panel], taps: usize, depth: usize) -> impl Iterator<Item = (Range<usize>, &[Panel])> {
    let widest = panels.iter().map(|panel| panel.width).max().unwrap_or(1);
    let fitting = PACKED_BYTES / (depth * widest * size_of::<T>());
    let taps_at_once = fitting.clamp(1, taps.max(1));
    let ranges = (0..taps).step_by(taps_at_once).map(move |tap| tap..(tap + taps_at_once).min(taps));
    ranges
        .flat_map(move |range| panels.chunks((fitting / taps_at_once).max(1)).map(move |group| (range.clone(), group)))
}

/// Bytes of the packed weights of some taps and panels.
pub(super) fn packed_bytes<T>(taps: usize, depth: usize, panels: &[Panel]) -> usize {
    taps * depth * panels.iter().map(|panel| panel.width).sum::<usize>() * size_of::<T>()
}

/// Packs the weights of a group of panels; weights that lie packed already are lent as they are.
pub(super) fn pack<'a, T: Element>(weights: &Weights<'a, T>, taps: Range<usize>, panels: &[Panel]) -> Cow<'a, [T]> {
    let width: usize = panels.iter().map(|panel| panel.width).sum();
    let matrix = weights.depth * weights.channels;
    if panels.len() == 1 && width == weights.channels && weights.channel_stride == 1 && weights.tap_stride == matrix {
        return Cow::Borrowed(&weights.values[taps.start * matrix..taps.end * matrix]);
    }
    let mut packed = vec![T::ZERO; taps.len() * weights.depth * width];
    packed.par_chunks_mut(weights.depth * width).enumerate().for_each(|(tap, mut to)| {
        let from = &weights.values[(taps.start + tap) * weights.tap_stride..][..matrix];
        for panel in panels {
            let (head, tail) = to.split_at_mut(weights.depth * panel.width);
            pack_panel(weights, from, panel, head);
            to = tail;
        }
    });
    Cow::Owned(packed)
}

fn pack_panel<T: Element>(weights: &Weights<'_, T>, from: &[T], panel: &Panel, to: &mut [T]) {
    let element = |depth, channel| depth * weights.depth_stride + (panel.first + channel) * weights.channel_stride;
    if weights.channel_stride == 1 {
        for (depth, row) in to.chunks_exact_mut(panel.width).enumerate() {
            row[..panel.channels].copy_from_slice(&from[element(depth, 0)..][..panel.channels]);
        }
        return;
    }
    // A few channels at a time: more rows of a power-of-two length would push each other out of the cache.
    for first in (0..panel.channels).step_by(8) {
        let channels = first..(first + 8).min(panel.channels);
        for (depth, row) in to.chunks_exact_mut(panel.width).enumerate() {
            for channel in channels.clone() {
                row[channel] = from[element(depth, channel)];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_cover_every_channel_once_and_differ_by_at_most_one_vector() {
        for lanes in [2, 4, 8, 16] {
            for widest in [2, 4] {
                for channels in 1..200 {
                    let panels = Cut { lanes, widest }.panels(channels);
                    let mut next = 0;
                    for panel in &panels {
                        assert_eq!((panel.first, panel.width), (next, panel.vectors * lanes));
                        next += panel.channels;
                    }
                    assert_eq!(next, channels);
                    let most = panels.iter().map(|panel| panel.vectors).max().unwrap();
                    let least = panels.iter().map(|panel| panel.vectors).min().unwrap();
                    assert!(most <= widest && most - least <= 1);
                }
            }
        }
    }

    #[test]
    fn parts_of_the_weights_stay_inside_the_bound_and_cover_all() {
        for (taps, depth, channels) in [(27, 512, 512), (343, 512, 512), (1, 3, 5), (27, 64, 64)] {
            let panels = Cut { lanes: 16, widest: 4 }.panels(channels);
            let mut covered = 0;
            for (taps, group) in parts::<f32>(&panels, taps, depth) {
                let width: usize = group.iter().map(|panel| panel.width).sum();
                assert!(taps.len() * depth * width * 4 <= PACKED_BYTES);
                covered += taps.len() * group.len();
            }
            assert_eq!(covered, taps * panels.len());
        }
    }
}
