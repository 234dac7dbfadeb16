//! A block of 4×4×4 voxels with one layer of cells around it, and the 27 cells around each of its voxels.
//!
//! The padded block is six words of bits, one to an x, rows of y nine bits apart. Three shifts cut the neighbours of a
//! voxel out of them, the *hood*: bit `9 · (dy + 1) + 3 · (dx + 1) + dz + 1`.

use crate::Coord;
use crate::order::bit_in_block;
use crate::voxel_set::{Block, bits};

/// No block stands there.
pub(crate) const NO_BLOCK: u32 = u32::MAX;
/// Cells of a hood.
pub(crate) const HOOD: usize = 27;
/// Bits from one row of y to the next in a padded word, chosen so that three hood rows interleave without meeting.
const PITCH: u32 = 9;

/// The number of a block among the 27 around another.
pub(crate) fn neighbour(dx: i32, dy: i32, dz: i32) -> usize {
    ((dx + 1) * 9 + (dy + 1) * 3 + dz + 1) as usize
}

/// Where the cells of a hood lie, for those that are read.
pub(crate) struct HoodReads {
    /// For each cell of the hood and each bit of a block: the neighbouring block (0 … 26) and the bit read in it.
    reads: Vec<[(u8, u8); 64]>,
    /// For each of the 27 blocks around: the bits of the middle block that read it.
    readers: [u64; HOOD],
    /// Those of the 27 blocks around that some bit reads, with their steps from the middle one.
    steps: Vec<(usize, [i32; 3])>,
}

impl Default for HoodReads {
    fn default() -> Self {
        Self { reads: vec![[(0, 0); 64]; HOOD], readers: [0; HOOD], steps: Vec::new() }
    }
}

impl HoodReads {
    /// Adds a cell that is read, −1 … 1 away along each axis, and tells its number.
    pub(crate) fn add(&mut self, [dx, dy, dz]: [i32; 3]) -> usize {
        let cell = (9 * (dy + 1) + 3 * (dx + 1) + dz + 1) as usize;
        for bit in 0..64 {
            let [x, y, z] = [(bit >> 4) + dx, (bit >> 2 & 3) + dy, (bit & 3) + dz];
            let block = neighbour(x >> 2, y >> 2, z >> 2);
            self.reads[cell][bit as usize] = (block as u8, bit_in_block(x, y, z) as u8);
            self.readers[block] |= 1 << bit;
        }
        let step = |place: usize| [place / 9, place / 3 % 3, place % 3].map(|step| step as i32 - 1);
        self.steps = (0..HOOD).filter(|&place| self.readers[place] != 0).map(|place| (place, step(place))).collect();
        cell
    }

    /// The neighbouring block (0 … 26) and the bit in it that `bit` of a block reads in a cell of its hood.
    #[inline]
    pub(crate) fn at(&self, cell: u32, bit: u32) -> (u8, u8) {
        self.reads[cell as usize][bit as usize]
    }

    /// Adds the blocks around `block` that exist and that some voxel reads.
    pub(crate) fn find_around(&self, block: &Block, around: &mut Surroundings, find: impl Fn(Coord) -> Option<u32>) {
        let [sample, x, y, z] = block.place;
        let mut present = 0;
        for &(place, [dx, dy, dz]) in &self.steps {
            if block.mask & self.readers[place] != 0
                && let Some(number) = find([sample, x + dx, y + dy, z + dz])
            {
                present |= 1 << place;
                around.numbers.push(number);
            }
        }
        around.present.push(present);
    }
}

/// The blocks around each of some blocks.
#[derive(Default)]
pub(crate) struct Surroundings {
    /// For each block, which of the 27 are there.
    present: Vec<u32>,
    /// The numbers of those that are there, one block behind the other.
    numbers: Vec<u32>,
}

impl Surroundings {
    /// The place (0 … 26) and number of each block around the one added last.
    pub(crate) fn last(&self) -> impl Iterator<Item = (usize, u32)> {
        let present = self.present.last().copied().unwrap_or(0);
        let numbers = &self.numbers[self.numbers.len() - present.count_ones() as usize..];
        bits(u64::from(present)).map(|place| place as usize).zip(numbers.iter().copied())
    }

    /// The places (0 … 26) and numbers of the blocks around, block after block.
    pub(crate) fn each(&self) -> impl Iterator<Item = impl Iterator<Item = (usize, u32)>> {
        let mut numbers = &self.numbers[..];
        self.present.iter().map(move |&present| {
            let (own, behind) = numbers.split_at(present.count_ones() as usize);
            numbers = behind;
            bits(u64::from(present)).map(|place| place as usize).zip(own.iter().copied())
        })
    }
}

/// A block with the layer of cells around it: words x = −1 … 4, bit `9 · (y + 1) + z + 1`.
pub(crate) struct Padded([u64; 6]);

impl Padded {
    /// From the places (0 … 26) and masks of the blocks around.
    #[inline]
    pub(crate) fn new(around: impl Iterator<Item = (usize, u64)>) -> Self {
        let mut words = [0; 6];
        for (index, mask) in around.filter(|around| around.1 != 0) {
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
    pub(crate) fn hood(&self, bit: u32) -> u32 {
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
pub(crate) struct BitCounts([u32; 32]);

impl BitCounts {
    #[inline]
    pub(crate) fn add(&mut self, bits: u32) {
        let mut carry = bits;
        for plane in &mut self.0 {
            if carry == 0 {
                return;
            }
            (*plane, carry) = (*plane ^ carry, *plane & carry);
        }
    }

    pub(crate) fn of(&self, bit: usize) -> usize {
        self.0.iter().rev().fold(0, |count, plane| count << 1 | (plane >> bit & 1) as usize)
    }
}
