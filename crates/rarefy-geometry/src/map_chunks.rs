//! Chunks of pairs, laid one behind the other within each tap.
//!
//! A chunk first tells how many pairs it has of each tap, then writes them where they belong, so that pairs are written
//! once and no chunk waits for another.

use std::ops::Range;
use std::slice::IterMut;

use rayon::prelude::*;

use crate::kernel_map::KernelMap;
use crate::{GeometryError, check_memory};

/// The pairs of some outputs.
pub(crate) trait Chunk: Send + Sync {
    /// The number of pairs of each tap.
    fn counts(&self) -> &[usize];

    /// Writes all pairs, those of each tap in the order of their outputs.
    fn write(&self, slots: &mut Slots<'_>);
}

/// Where the pairs of a chunk belong, tap by tap.
pub(crate) struct Slots<'a> {
    taps: Vec<(IterMut<'a, u32>, IterMut<'a, u32>)>,
}

impl Slots<'_> {
    /// Writes the next pair of a tap; what is beyond the counted number is dropped.
    #[inline]
    pub(crate) fn push(&mut self, tap: usize, from: u32, to: u32) {
        let (froms, tos) = &mut self.taps[tap];
        if let (Some(slot_from), Some(slot_to)) = (froms.next(), tos.next()) {
            *slot_from = from;
            *slot_to = to;
        }
    }
}

/// Pairs that are known already, tap by tap.
#[derive(Default)]
pub(crate) struct ChunkPairs {
    pub(crate) from: Vec<u32>,
    pub(crate) to: Vec<u32>,
    counts: Vec<usize>,
}

impl ChunkPairs {
    /// Marks the pairs added since the last mark as those of the next tap.
    pub(crate) fn end_tap(&mut self) {
        let before: usize = self.counts.iter().sum();
        self.counts.push(self.from.len() - before);
    }
}

impl Chunk for ChunkPairs {
    fn counts(&self) -> &[usize] {
        &self.counts
    }

    fn write(&self, slots: &mut Slots<'_>) {
        let mut start = 0;
        for ((froms, tos), count) in slots.taps.iter_mut().zip(&self.counts) {
            let range = start..start + count;
            froms.zip(&self.from[range.clone()]).for_each(|(slot, &from)| *slot = from);
            tos.zip(&self.to[range]).for_each(|(slot, &to)| *slot = to);
            start += count;
        }
    }
}

/// The map of (inputs, outputs, taps) whose pairs are those of the chunks in their order.
///
/// # Errors
///
/// When there is no memory for the pairs.
pub(crate) fn join<C: Chunk>(
    sizes: (usize, usize, usize),
    chunks: Vec<C>,
    mirrored: bool,
) -> Result<KernelMap, GeometryError> {
    let (inputs, outputs, taps) = sizes;
    let mut ranges: Vec<Range<usize>> = Vec::with_capacity(taps);
    let mut total = 0;
    for tap in 0..taps {
        let count: usize = chunks.iter().map(|chunk| chunk.counts()[tap]).sum();
        ranges.push(total..total + count);
        total += count;
    }
    check_memory("the pairs of a kernel map", 2 * total * size_of::<u32>())?;
    let (mut from, mut to) = (vec![0; total], vec![0; total]);
    let slots = slots_of(&chunks, taps, &mut from, &mut to);
    slots.into_par_iter().zip(chunks).for_each(|(mut slots, chunk)| chunk.write(&mut slots));
    Ok(KernelMap::from_parts(inputs, outputs, ranges, from, to, mirrored))
}

/// Cuts the pairs of all taps up among the chunks.
fn slots_of<'a, C: Chunk>(chunks: &[C], taps: usize, from: &'a mut [u32], to: &'a mut [u32]) -> Vec<Slots<'a>> {
    let mut slots: Vec<Slots<'a>> = chunks.iter().map(|_| Slots { taps: Vec::with_capacity(taps) }).collect();
    let (mut from, mut to) = (from, to);
    for tap in 0..taps {
        for (chunk, slots) in chunks.iter().zip(&mut slots) {
            let (froms, from_behind) = from.split_at_mut(chunk.counts()[tap]);
            let (tos, to_behind) = to.split_at_mut(chunk.counts()[tap]);
            slots.taps.push((froms.iter_mut(), tos.iter_mut()));
            (from, to) = (from_behind, to_behind);
        }
    }
    slots
}
