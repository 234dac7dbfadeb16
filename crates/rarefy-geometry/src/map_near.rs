//! The pairs of kernels whose taps lie at most one cell away along each axis: 3³, 2³, (3,1,1) and the like, at stride 1.
//!
//! The hood of every voxel tells which of its taps have a partner, so the work goes with the voxels and pairs that
//! exist, whatever the number of taps.

use crate::VoxelSet;
use crate::hood::{BitCounts, HOOD, HoodReads, Padded, Surroundings};
use crate::map_chunks::{Chunk, Slots};
use crate::voxel_set::{Block, bits};

/// No tap reads this cell of the hood.
const NO_TAP: u8 = u8::MAX;

/// What the taps of a kernel read, cell by cell of the hood.
pub(crate) struct NearTaps {
    taps: usize,
    /// The tap that reads each cell of the hood.
    tap_of: [u8; HOOD],
    /// The cells of the hood that some tap reads.
    wanted: u32,
    reads: HoodReads,
}

impl NearTaps {
    /// `None` where a tap lies farther away.
    pub(crate) fn of(offsets: &[[i32; 3]]) -> Option<Self> {
        if offsets.iter().flatten().any(|offset| offset.abs() > 1) {
            return None;
        }
        let mut near = Self { taps: offsets.len(), tap_of: [NO_TAP; HOOD], wanted: 0, reads: HoodReads::default() };
        for (tap, &offset) in offsets.iter().enumerate() {
            let cell = near.reads.add(offset);
            near.tap_of[cell] = tap as u8;
            near.wanted |= 1 << cell;
        }
        Some(near)
    }

    /// The pairs of some output blocks, counted.
    pub(crate) fn chunk<'a>(&'a self, input: &'a VoxelSet, outputs: &'a [Block]) -> NearChunk<'a> {
        let blocks = input.blocks();
        let mut around = Surroundings::default();
        let mut hoods: Vec<u32> = Vec::with_capacity(outputs.len() * 8);
        let mut counts = BitCounts::default();
        for block in outputs {
            self.reads.find_around(block, &mut around, |place| input.block_at(place));
            let padded = Padded::new(around.last().map(|(place, number)| (place, blocks[number as usize].mask)));
            for bit in bits(block.mask) {
                let hood = padded.hood(bit) & self.wanted;
                counts.add(hood);
                hoods.push(hood);
            }
        }
        NearChunk { taps: self, input, outputs, around, hoods, counts: self.counts(&counts) }
    }

    /// The number of pairs of each tap.
    fn counts(&self, counts: &BitCounts) -> Vec<usize> {
        let mut of_tap = vec![0; self.taps];
        for (cell, &tap) in self.tap_of.iter().enumerate().filter(|(_, tap)| **tap != NO_TAP) {
            of_tap[usize::from(tap)] = counts.of(cell);
        }
        of_tap
    }
}

/// The hoods of some output blocks.
pub(crate) struct NearChunk<'a> {
    taps: &'a NearTaps,
    input: &'a VoxelSet,
    outputs: &'a [Block],
    around: Surroundings,
    /// The hood of every voxel of the outputs.
    hoods: Vec<u32>,
    /// The number of pairs of each tap.
    counts: Vec<usize>,
}

impl Chunk for NearChunk<'_> {
    fn counts(&self) -> &[usize] {
        &self.counts
    }

    fn write(&self, slots: &mut Slots<'_>) {
        let mut hoods = self.hoods.iter();
        let mut sources: [Block; HOOD] = [Block::default(); HOOD];
        for (block, around) in self.outputs.iter().zip(self.around.each()) {
            for (place, number) in around {
                sources[place] = self.input.blocks()[number as usize];
            }
            for (row, (bit, &hood)) in (block.base..).zip(bits(block.mask).zip(&mut hoods)) {
                for cell in bits(u64::from(hood)) {
                    let (place, inner) = self.taps.reads.at(cell, bit);
                    let from = sources[usize::from(place)].rank(u32::from(inner));
                    slots.push(usize::from(self.taps.tap_of[cell as usize]), from, row);
                }
            }
        }
    }
}
