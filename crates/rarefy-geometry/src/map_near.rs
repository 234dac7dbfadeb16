//! The pairs of kernels whose taps lie at most one cell away along each axis: 3³, 2³, (3,1,1) and the like, at stride 1.
//!
//! The hood of every voxel tells which of its taps have a partner, so the work goes with the voxels and pairs that
//! exist, whatever the number of taps.

use crate::VoxelSet;
use crate::hood::{BitCounts, HOOD, HoodReads, Padded};
use crate::map_build::{ChunkPairs, FilledPairs};
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

    /// The pairs of some output blocks, tap by tap.
    pub(crate) fn pairs(&self, input: &VoxelSet, outputs: &[Block]) -> ChunkPairs {
        let blocks = input.blocks();
        let mut around: Vec<[u32; HOOD]> = Vec::with_capacity(outputs.len());
        let mut hoods: Vec<u32> = Vec::with_capacity(outputs.len() * 8);
        let mut counts = BitCounts::default();
        for block in outputs {
            let numbers = self.reads.blocks_around(block, |place| input.block_at(place));
            let padded = Padded::new(&numbers, |number| blocks[number as usize].mask);
            for bit in bits(block.mask) {
                let hood = padded.hood(bit) & self.wanted;
                counts.add(hood);
                hoods.push(hood);
            }
            around.push(numbers);
        }
        let mut pairs = FilledPairs::new(&self.counts(&counts));
        let mut hoods = hoods.into_iter();
        for (block, numbers) in outputs.iter().zip(&around) {
            for (row, (bit, hood)) in (block.base..).zip(bits(block.mask).zip(&mut hoods)) {
                for cell in bits(u64::from(hood)) {
                    let (number, inner) = self.reads.at(cell, bit);
                    let source = &blocks[numbers[usize::from(number)] as usize];
                    pairs.push(usize::from(self.tap_of[cell as usize]), source.rank(u32::from(inner)), row);
                }
            }
        }
        pairs.into_chunk()
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
