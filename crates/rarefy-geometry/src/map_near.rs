//! The pairs of kernels whose taps lie at most one cell away along each axis: 3³, 2³, (3,1,1) and the like, at stride 1.
//!
//! A block of 4×4×4 voxels with one layer of cells around it is six words of bits, one to an x, rows of y nine bits
//! apart. Three shifts cut the 27 neighbours of a voxel out of them, the *hood*: bit `9 · (dy + 1) + 3 · (dx + 1) + dz + 1`.
//! So the work goes with the voxels and pairs that exist, whatever the number of taps.

use crate::map_build::{ChunkPairs, NO_BLOCK, neighbour};
use crate::order::bit_in_block;
use crate::voxel_set::{Block, bits};
use crate::{Coord, VoxelSet};

/// Cells of a hood.
const HOOD: usize = 27;
/// No tap reads this cell of the hood.
const NO_TAP: u8 = u8::MAX;
/// Bits from one row of y to the next in a padded word, chosen so that three hood rows interleave without meeting.
const PITCH: u32 = 9;

/// What the taps of a kernel read, cell by cell of the hood.
pub(crate) struct NearTaps {
    taps: usize,
    /// The tap that reads each cell of the hood.
    tap_of: [u8; HOOD],
    /// The cells of the hood that some tap reads.
    wanted: u32,
    /// For each cell of the hood and each bit of a block: the neighbouring block (0 … 26) and the bit read in it.
    reads: Vec<[(u8, u8); 64]>,
    /// For each of the 27 blocks around: the bits of the middle block that read it.
    readers: [u64; HOOD],
}

impl NearTaps {
    /// `None` where a tap lies farther away.
    pub(crate) fn of(offsets: &[[i32; 3]]) -> Option<Self> {
        if offsets.iter().flatten().any(|offset| offset.abs() > 1) {
            return None;
        }
        let mut near = Self {
            taps: offsets.len(),
            tap_of: [NO_TAP; HOOD],
            wanted: 0,
            reads: vec![[(0, 0); 64]; HOOD],
            readers: [0; HOOD],
        };
        for (tap, &[dx, dy, dz]) in offsets.iter().enumerate() {
            let cell = (9 * (dy + 1) + 3 * (dx + 1) + dz + 1) as usize;
            near.tap_of[cell] = tap as u8;
            near.wanted |= 1 << cell;
            for bit in 0..64 {
                let [x, y, z] = [(bit >> 4) + dx, (bit >> 2 & 3) + dy, (bit & 3) + dz];
                let block = neighbour(x >> 2, y >> 2, z >> 2);
                near.reads[cell][bit as usize] = (block as u8, bit_in_block(x, y, z) as u8);
                near.readers[block] |= 1 << bit;
            }
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
            let numbers = self.blocks_around(input, block);
            let padded = Padded::new(&numbers, blocks);
            for bit in bits(block.mask) {
                let hood = padded.hood(bit) & self.wanted;
                counts.add(hood);
                hoods.push(hood);
            }
            around.push(numbers);
        }
        let mut pairs = self.places(&counts);
        let mut hoods = hoods.into_iter();
        for (block, numbers) in outputs.iter().zip(&around) {
            for (row, (bit, hood)) in (block.base..).zip(bits(block.mask).zip(&mut hoods)) {
                for cell in bits(u64::from(hood)) {
                    let (number, inner) = self.reads[cell as usize][bit as usize];
                    let source = &blocks[numbers[usize::from(number)] as usize];
                    pairs.push(cell as usize, source.rank(u32::from(inner)), row);
                }
            }
        }
        pairs.chunk
    }

    /// Numbers of the 27 blocks around `block` in `input`, [`NO_BLOCK`] where there is none or no voxel reads it.
    fn blocks_around(&self, input: &VoxelSet, block: &Block) -> [u32; HOOD] {
        let [sample, x, y, z] = block.place;
        let mut found = [NO_BLOCK; HOOD];
        for (number, (found, readers)) in (0..).zip(found.iter_mut().zip(self.readers)) {
            if block.mask & readers != 0 {
                let place: Coord = [sample, x + number / 9 - 1, y + number / 3 % 3 - 1, z + number % 3 - 1];
                *found = input.block_at(place).unwrap_or(NO_BLOCK);
            }
        }
        found
    }

    /// Room for as many pairs as were counted, one tap behind the other.
    fn places(&self, counts: &BitCounts) -> HoodPairs {
        let mut next = [0; HOOD];
        let mut ends = Vec::with_capacity(self.taps);
        let mut total = 0;
        let mut cell_of = vec![0; self.taps];
        for cell in bits(u64::from(self.wanted)) {
            cell_of[usize::from(self.tap_of[cell as usize])] = cell as usize;
        }
        for cell in cell_of {
            next[cell] = total;
            total += counts.of(cell);
            ends.push(total);
        }
        HoodPairs { chunk: ChunkPairs { from: vec![0; total], to: vec![0; total], ends }, next }
    }
}

/// Pairs that are filled in cell by cell of the hood.
struct HoodPairs {
    chunk: ChunkPairs,
    /// Where the next pair of each cell goes.
    next: [usize; HOOD],
}

impl HoodPairs {
    #[inline]
    fn push(&mut self, cell: usize, from: u32, to: u32) {
        let at = self.next[cell];
        self.chunk.from[at] = from;
        self.chunk.to[at] = to;
        self.next[cell] = at + 1;
    }
}

/// A block with the layer of cells around it: words x = −1 … 4, bit `9 · (y + 1) + z + 1`.
struct Padded([u64; 6]);

impl Padded {
    fn new(numbers: &[u32; HOOD], blocks: &[Block]) -> Self {
        let mut words = [0; 6];
        for (index, &number) in numbers.iter().enumerate() {
            if number == NO_BLOCK {
                continue;
            }
            let mask = blocks[number as usize].mask;
            let (x, y, z) = (index / 9, index / 3 % 3, index % 3);
            let place = PLACES[y * 3 + z];
            match x {
                0 => words[0] |= place.apply(mask >> 48),
                1 => (0..4).for_each(|slice| words[slice + 1] |= place.apply(mask >> (16 * slice) & 0xffff)),
                _ => words[5] |= place.apply(mask & 0xffff),
            }
        }
        Self(words)
    }

    /// The hood of a voxel of the block.
    #[inline]
    fn hood(&self, bit: u32) -> u32 {
        const ROWS: u64 = 0b111 | 0b111 << PITCH | 0b111 << (2 * PITCH);
        let x = (bit >> 4) as usize;
        let shift = PITCH * (bit >> 2 & 3) + (bit & 3);
        let cut = |word: u64| word >> shift & ROWS;
        (cut(self.0[x]) | cut(self.0[x + 1]) << 3 | cut(self.0[x + 2]) << 6) as u32
    }
}

/// Where a slice of a neighbouring block comes to lie in a padded word.
#[derive(Clone, Copy)]
struct Place {
    left: u32,
    right: u32,
    kept: u64,
}

/// For the neighbours at (y, z) = −1 … 1, z fastest.
const PLACES: [Place; 9] = {
    let mut places = [Place { left: 0, right: 0, kept: 0 }; 9];
    let mut index = 0;
    while index < 9 {
        let (y, z) = (index / 3 - 1, index % 3 - 1);
        let shift = PITCH as i32 * (1 + 4 * y) + 1 + 4 * z;
        let row: u64 = [0b00_0001, 0b01_1110, 0b10_0000][(z + 1) as usize];
        let mut kept = 0;
        let mut line = 0;
        while line < 6 {
            kept |= row << (PITCH * line);
            line += 1;
        }
        let (left, right) = if shift < 0 { (0, -shift) } else { (shift, 0) };
        places[index as usize] = Place { left: left as u32, right: right as u32, kept };
        index += 1;
    }
    places
};

impl Place {
    /// `slice` has the 16 bits of one x, four rows of four.
    #[inline]
    fn apply(self, slice: u64) -> u64 {
        let pairs = (slice & 0x00ff) | (slice & 0xff00) << 10;
        let rows = (pairs & 0x003c_000f) | (pairs & 0x03c0_00f0) << 5;
        rows << self.left >> self.right & self.kept
    }
}

/// Counts how often each bit is set, all bits at a time: plane p holds bit p of every count.
#[derive(Default)]
struct BitCounts([u32; 32]);

impl BitCounts {
    #[inline]
    fn add(&mut self, bits: u32) {
        let mut carry = bits;
        for plane in &mut self.0 {
            if carry == 0 {
                return;
            }
            (*plane, carry) = (*plane ^ carry, *plane & carry);
        }
    }

    fn of(&self, bit: usize) -> usize {
        self.0.iter().rev().fold(0, |count, plane| count << 1 | (plane >> bit & 1) as usize)
    }
}
