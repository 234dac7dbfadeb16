//! The pairs of kernels at stride 2 whose taps lie −2 … 3 from twice the output: 2/2, 3/2, 4/2.
//!
//! The input is seen at half its resolution ([`Halved`]), where every parity of the taps is a near kernel of its own.

use crate::VoxelSet;
use crate::halved::{Halved, fine_cells};
use crate::hood::{BitCounts, HOOD, HoodReads, Padded};
use crate::map_build::{ChunkPairs, FilledPairs};
use crate::voxel_set::{Block, bits};

/// No tap reads this cell.
const NO_TAP: u8 = u8::MAX;
/// The cell of the hood that is the voxel itself.
const MIDDLE: usize = 13;
/// Parities of a coordinate.
const PARITIES: usize = 8;

/// What the taps of a kernel at stride 2 read, by parity and cell of the hood.
pub(crate) struct HalvedTaps {
    taps: usize,
    tap_of: [[u8; HOOD]; PARITIES],
    /// The cells of the hood that some tap reads, by parity.
    wanted: [u32; PARITIES],
    reads: HoodReads,
    /// For each parity and bit of a coarse block: octant and bit of the fine voxel.
    fine_cells: [[(u8, u8); 64]; PARITIES],
}

impl HalvedTaps {
    /// `None` where a tap lies farther away.
    pub(crate) fn of(offsets: &[[i32; 3]]) -> Option<Self> {
        if offsets.iter().flatten().any(|offset| !(-2..=3).contains(offset)) {
            return None;
        }
        let mut reads = HoodReads::default();
        let (mut tap_of, mut wanted) = ([[NO_TAP; HOOD]; PARITIES], [0; PARITIES]);
        for (tap, offset) in offsets.iter().enumerate() {
            let cell = reads.add(offset.map(|offset| offset >> 1));
            let [px, py, pz] = offset.map(|offset| (offset & 1) as usize);
            let parity = px << 2 | py << 1 | pz;
            tap_of[parity][cell] = tap as u8;
            wanted[parity] |= 1 << cell;
        }
        Some(Self { taps: offsets.len(), tap_of, wanted, reads, fine_cells: fine_cells() })
    }

    /// The pairs of some output blocks, tap by tap; `halved` is made of `input`.
    pub(crate) fn pairs(&self, input: &VoxelSet, halved: &Halved, outputs: &[Block]) -> ChunkPairs {
        if self.wanted.iter().all(|&cells| cells & !(1 << MIDDLE) == 0) {
            return self.pairs_inside(input, halved, outputs);
        }
        let mut around: Vec<[u32; HOOD]> = Vec::with_capacity(outputs.len());
        let mut hoods: Vec<[u32; PARITIES]> = Vec::with_capacity(outputs.len() * 8);
        let mut counts: [BitCounts; PARITIES] = Default::default();
        for block in outputs {
            let numbers = self.reads.blocks_around(block, |place| halved.block_at(place));
            let first = hoods.len();
            hoods.resize(first + block.mask.count_ones() as usize, [0; PARITIES]);
            for parity in (0..PARITIES).filter(|&parity| self.wanted[parity] != 0) {
                let padded = Padded::new(&numbers, |number| halved.masks(number)[parity]);
                for (hoods, bit) in hoods[first..].iter_mut().zip(bits(block.mask)) {
                    hoods[parity] = padded.hood(bit) & self.wanted[parity];
                    counts[parity].add(hoods[parity]);
                }
            }
            around.push(numbers);
        }
        let mut pairs = FilledPairs::new(&self.counts(&counts));
        let mut hoods = hoods.iter();
        for (block, numbers) in outputs.iter().zip(&around) {
            for (row, (bit, hoods)) in (block.base..).zip(bits(block.mask).zip(&mut hoods)) {
                for (parity, &hood) in hoods.iter().enumerate() {
                    for cell in bits(u64::from(hood)) {
                        let (number, inner) = self.reads.at(cell, bit);
                        let children = halved.children(numbers[usize::from(number)]);
                        let from = self.fine_row(input, children, parity, u32::from(inner));
                        pairs.push(usize::from(self.tap_of[parity][cell as usize]), from, row);
                    }
                }
            }
        }
        pairs.into_chunk()
    }

    /// As [`pairs`](Self::pairs) where every output reads its own cell alone, that is, the fine voxels inside it.
    fn pairs_inside(&self, input: &VoxelSet, halved: &Halved, outputs: &[Block]) -> ChunkPairs {
        let numbers: Vec<Option<u32>> = outputs.iter().map(|block| halved.block_at(block.place)).collect();
        let tap_of = |parity: usize| Some(self.tap_of[parity][MIDDLE]).filter(|&tap| tap != NO_TAP).map(usize::from);
        let parities: Vec<(usize, usize)> =
            (0..PARITIES).filter_map(|parity| Some((parity, tap_of(parity)?))).collect();
        let found = || outputs.iter().zip(&numbers).filter_map(|(block, number)| Some((block, (*number)?)));
        let mut counts = vec![0; self.taps];
        for (block, number) in found() {
            for &(parity, tap) in &parities {
                counts[tap] += (halved.masks(number)[parity] & block.mask).count_ones() as usize;
            }
        }
        let mut pairs = FilledPairs::new(&counts);
        for (block, number) in found() {
            let (masks, children) = (halved.masks(number), halved.children(number));
            for &(parity, tap) in &parities {
                for bit in bits(masks[parity] & block.mask) {
                    pairs.push(tap, self.fine_row(input, children, parity, bit), block.rank(bit));
                }
            }
        }
        pairs.into_chunk()
    }

    /// The row of the fine voxel of `parity` in the cell `bit` of a coarse block.
    #[inline]
    fn fine_row(&self, input: &VoxelSet, children: &[u32; 8], parity: usize, bit: u32) -> u32 {
        let (octant, fine) = self.fine_cells[parity][bit as usize];
        input.blocks()[children[usize::from(octant)] as usize].rank(u32::from(fine))
    }

    /// The number of pairs of each tap.
    fn counts(&self, counts: &[BitCounts; PARITIES]) -> Vec<usize> {
        let mut of_tap = vec![0; self.taps];
        for (parity, tap_of) in self.tap_of.iter().enumerate() {
            for (cell, &tap) in tap_of.iter().enumerate().filter(|(_, tap)| **tap != NO_TAP) {
                of_tap[usize::from(tap)] = counts[parity].of(cell);
            }
        }
        of_tap
    }
}
