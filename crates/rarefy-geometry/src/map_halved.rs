//! The pairs of kernels at stride 2 whose taps lie −2 … 3 from twice the output: 3/2, 4/2. For 2/2 see `map_cells`.
//!
//! The input is seen at half its resolution ([`Halved`]), where every parity of the taps is a near kernel of its own.

use crate::VoxelSet;
use crate::halved::{Halved, Octants, fine_cells};
use crate::hood::{BitCounts, HOOD, HoodReads, Padded, Surroundings};
use crate::map_chunks::{Chunk, Slots};
use crate::voxel_set::{Block, bits};

/// No tap reads this cell.
const NO_TAP: u8 = u8::MAX;
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

    /// The pairs of some output blocks, counted; `halved` and its octants are made of `input`.
    pub(crate) fn chunk<'a>(
        &'a self,
        input: &'a VoxelSet,
        (halved, octants): (&'a Halved, &'a [Octants]),
        outputs: &'a [Block],
    ) -> HalvedChunk<'a> {
        let mut around = Surroundings::default();
        let mut hoods: Vec<[u32; PARITIES]> = Vec::with_capacity(outputs.len() * 8);
        let mut counts: [BitCounts; PARITIES] = Default::default();
        for block in outputs {
            self.reads.find_around(block, &mut around, |place| halved.block_at(place));
            let first = hoods.len();
            hoods.resize(first + block.mask.count_ones() as usize, [0; PARITIES]);
            for parity in (0..PARITIES).filter(|&parity| self.wanted[parity] != 0) {
                let padded =
                    Padded::new(around.last().map(|(place, number)| (place, octants[number as usize].masks[parity])));
                for (hoods, bit) in hoods[first..].iter_mut().zip(bits(block.mask)) {
                    hoods[parity] = padded.hood(bit) & self.wanted[parity];
                    counts[parity].add(hoods[parity]);
                }
            }
        }
        HalvedChunk { taps: self, input, octants, outputs, around, hoods, counts: self.counts(&counts) }
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

    /// The row of the fine voxel of `parity` in the cell `bit` of a coarse block.
    #[inline]
    fn fine_row(&self, input: &VoxelSet, children: &[u32; 8], parity: usize, bit: u32) -> u32 {
        let (octant, fine) = self.fine_cells[parity][bit as usize];
        input.blocks()[children[usize::from(octant)] as usize].rank(u32::from(fine))
    }
}

/// The hoods of some output blocks.
pub(crate) struct HalvedChunk<'a> {
    taps: &'a HalvedTaps,
    input: &'a VoxelSet,
    octants: &'a [Octants],
    outputs: &'a [Block],
    around: Surroundings,
    /// The hoods of every voxel of the outputs, by parity.
    hoods: Vec<[u32; PARITIES]>,
    /// The number of pairs of each tap.
    counts: Vec<usize>,
}

impl Chunk for HalvedChunk<'_> {
    fn counts(&self) -> &[usize] {
        &self.counts
    }

    fn write(&self, slots: &mut Slots<'_>) {
        let mut hoods = self.hoods.iter();
        let mut sources = [0; HOOD];
        for (block, around) in self.outputs.iter().zip(self.around.each()) {
            for (place, number) in around {
                sources[place] = number;
            }
            for (row, (bit, hoods)) in (block.base..).zip(bits(block.mask).zip(&mut hoods)) {
                for (parity, &hood) in hoods.iter().enumerate() {
                    for cell in bits(u64::from(hood)) {
                        let (place, inner) = self.taps.reads.at(cell, bit);
                        let children = &self.octants[sources[usize::from(place)] as usize].children;
                        let from = self.taps.fine_row(self.input, children, parity, u32::from(inner));
                        slots.push(usize::from(self.taps.tap_of[parity][cell as usize]), from, row);
                    }
                }
            }
        }
    }
}
