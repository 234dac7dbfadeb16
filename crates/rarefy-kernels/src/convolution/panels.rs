//! Weights packed into panels: a few vectors of output channels, all input channels deep, padded with zeros.
//!
//! Packed layout: [tap][panel][depth][vectors · lanes]. Invariant: packed weights never exceed [`PACKED_BYTES`] unless
//! one panel alone does, because wide layers are worked off in groups of panels.

use std::borrow::Cow;

use rayon::prelude::*;

use crate::element::Element;
use crate::isa::InstructionSet;
use crate::vector::{Kernel, Vector};

/// Bound on the packed weights.
const PACKED_BYTES: usize = 8 << 20;

/// Weights as a product needs them: for each tap a matrix [depth, channels] with any strides.
pub(super) struct Weights<'a, T> {
    /// [taps, depth · channels].
    pub(super) values: &'a [T],
    /// Channels that are summed over.
    pub(super) depth: usize,
    /// Channels of an output row.
    pub(super) channels: usize,
    /// Elements from one depth to the next.
    pub(super) depth_stride: usize,
    /// Elements from one output channel to the next.
    pub(super) channel_stride: usize,
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

/// Cuts the panels into groups whose packed weights fit the bound; `rows` is taps · depth.
pub(super) fn groups<T>(panels: &[Panel], rows: usize) -> impl Iterator<Item = &[Panel]> {
    let widest = panels.iter().map(|panel| panel.width).max().unwrap_or(1);
    panels.chunks((PACKED_BYTES / (rows * widest * size_of::<T>())).max(1))
}

/// Packs the weights of a group of panels; weights that lie packed already are lent as they are.
pub(super) fn pack<'a, T: Element>(weights: &Weights<'a, T>, taps: usize, panels: &[Panel]) -> Cow<'a, [T]> {
    let width: usize = panels.iter().map(|panel| panel.width).sum();
    if panels.len() == 1 && width == weights.channels && weights.channel_stride == 1 {
        return Cow::Borrowed(weights.values);
    }
    let mut packed = vec![T::ZERO; taps * weights.depth * width];
    packed.par_chunks_mut(weights.depth * width).enumerate().for_each(|(tap, mut to)| {
        let from = &weights.values[tap * weights.depth * weights.channels..][..weights.depth * weights.channels];
        for panel in panels {
            let (head, tail) = to.split_at_mut(weights.depth * panel.width);
            pack_panel(weights, from, panel, head);
            to = tail;
        }
    });
    Cow::Owned(packed)
}

fn pack_panel<T: Element>(weights: &Weights<'_, T>, from: &[T], panel: &Panel, to: &mut [T]) {
    for (depth, row) in to.chunks_exact_mut(panel.width).enumerate() {
        let from = &from[depth * weights.depth_stride + panel.first * weights.channel_stride..];
        if weights.channel_stride == 1 {
            row[..panel.channels].copy_from_slice(&from[..panel.channels]);
        } else {
            for (value, source) in row.iter_mut().zip(from.iter().step_by(weights.channel_stride)).take(panel.channels)
            {
                *value = *source;
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
    fn groups_of_panels_stay_inside_the_bound() {
        let panels = Cut { lanes: 16, widest: 4 }.panels(512);
        let rows = 27 * 512;
        let groups: Vec<_> = groups::<f32>(&panels, rows).collect();
        assert_eq!(groups.iter().map(|group| group.len()).sum::<usize>(), panels.len());
        for group in groups {
            let width: usize = group.iter().map(|panel| panel.width).sum();
            assert!(rows * width * 4 <= PACKED_BYTES);
        }
    }
}
