//! The pairs of kernels whose taps lie at most three cells away, at stride 1.
//!
//! The neighbours of all voxels of a block under one tap are found at once by shifting the masks of the 27 blocks around
//! it.

use crate::hood::{NO_BLOCK, neighbour};
use crate::map_chunks::ChunkPairs;
use crate::order::bit_in_block;
use crate::voxel_set::{Block, bits};
use crate::{Coord, VoxelSet, Window};

/// Farthest tap that shifting can reach: a block and its neighbour.
pub(crate) const FARTHEST_SHIFT: i32 = 3;

/// Which of the neighbouring blocks the taps can reach along each axis.
struct Around {
    low: [i32; 3],
    high: [i32; 3],
}

impl Around {
    fn of(offsets: &[[i32; 3]]) -> Self {
        let axis = |axis: usize| offsets.iter().map(move |offset| offset[axis]);
        Self {
            low: std::array::from_fn(|a| axis(a).min().unwrap_or(0).signum().min(0)),
            high: std::array::from_fn(|a| axis(a).max().unwrap_or(0).signum().max(0)),
        }
    }

    /// Numbers of the 27 blocks around `place` in `input`, [`NO_BLOCK`] where there is none or none is needed.
    fn blocks(&self, input: &VoxelSet, [sample, x, y, z]: Coord) -> [u32; 27] {
        let mut found = [NO_BLOCK; 27];
        for dx in self.low[0]..=self.high[0] {
            for dy in self.low[1]..=self.high[1] {
                for dz in self.low[2]..=self.high[2] {
                    let number = input.block_at([sample, x + dx, y + dy, z + dz]);
                    found[neighbour(dx, dy, dz)] = number.unwrap_or(NO_BLOCK);
                }
            }
        }
        found
    }
}

/// For each bit of a block, the neighbouring block (0 … 26) and the bit in it that lies `offset` away.
fn reads([x, y, z]: [i32; 3]) -> [(u8, u8); 64] {
    std::array::from_fn(|bit| {
        let [x, y, z] = [x + (bit as i32 >> 4), y + (bit as i32 >> 2 & 3), z + (bit as i32 & 3)];
        (neighbour(x >> 2, y >> 2, z >> 2) as u8, bit_in_block(x, y, z) as u8)
    })
}

/// Moves the cells of three blocks in a row by an offset of −3 … 3 along one axis and cuts out the middle block.
#[derive(Clone, Copy)]
struct Shift {
    offset: i32,
    /// Bits by which the part that stays in the middle block moves, and those by which the other part moves.
    by: (u32, u32),
    /// Cells of the middle block, after the move, that come from the middle block.
    kept: u64,
}

impl Shift {
    /// `step` bits lie between two cells of the axis; `first` has the bits of its first cell.
    fn new(offset: i32, step: u32, first: u64) -> Self {
        let distance = offset.unsigned_abs();
        let kept = (0..4 - distance).map(|cell| if offset > 0 { cell } else { cell + distance });
        Self {
            offset,
            by: (distance * step, (4 - distance) * step),
            kept: kept.fold(0, |mask, cell| mask | first << (cell * step)),
        }
    }

    fn apply(self, low: u64, middle: u64, high: u64) -> u64 {
        match self.offset {
            0 => middle,
            // Cell i reads cell i + offset, of the next block where that is beyond the last.
            1.. => middle >> self.by.0 & self.kept | high << self.by.1 & !self.kept,
            _ => middle << self.by.0 & self.kept | low >> self.by.1 & !self.kept,
        }
    }
}

/// The shifts of all taps of a stride-1 window, axis by axis.
pub(crate) struct Shifts {
    axes: [Vec<Shift>; 3],
}

impl Shifts {
    pub(crate) fn of(window: &Window) -> Self {
        let axis = |axis: usize, step: u32, first: u64| {
            let offset = |tap: u32| (tap * window.dilation[axis]) as i32 - window.padding[axis];
            (0..window.size[axis]).map(|tap| Shift::new(offset(tap), step, first)).collect()
        };
        Self {
            axes: [
                axis(0, 16, 0x0000_0000_0000_ffff),
                axis(1, 4, 0x000f_000f_000f_000f),
                axis(2, 1, 0x1111_1111_1111_1111),
            ],
        }
    }

    /// For each tap, the bits of a block whose voxel, moved by the tap's offset, is active in the masks around it.
    fn present(&self, masks: &[u64; 27], out: &mut Vec<u64>, scratch: &mut Scratch) {
        let [xs, ys, zs] = &self.axes;
        scratch.along_z.clear();
        for column in masks.chunks_exact(3) {
            scratch.along_z.extend(zs.iter().map(|shift| shift.apply(column[0], column[1], column[2])));
        }
        // [x of the block][tap y][tap z]
        scratch.along_y.clear();
        for plane in scratch.along_z.chunks_exact(3 * zs.len()) {
            let (low, rest) = plane.split_at(zs.len());
            let (middle, high) = rest.split_at(zs.len());
            for shift in ys {
                let columns = low.iter().zip(middle).zip(high);
                scratch.along_y.extend(columns.map(|((&low, &middle), &high)| shift.apply(low, middle, high)));
            }
        }
        let (low, rest) = scratch.along_y.split_at(ys.len() * zs.len());
        let (middle, high) = rest.split_at(ys.len() * zs.len());
        for shift in xs {
            let planes = low.iter().zip(middle).zip(high);
            out.extend(planes.map(|((&low, &middle), &high)| shift.apply(low, middle, high)));
        }
    }
}

/// Masks between two axes, kept from block to block.
#[derive(Default)]
struct Scratch {
    along_z: Vec<u64>,
    along_y: Vec<u64>,
}

/// The pairs of some output blocks, tap by tap.
pub(crate) fn shifted_pairs(input: &VoxelSet, outputs: &[Block], offsets: &[[i32; 3]], shifts: &Shifts) -> ChunkPairs {
    let blocks = input.blocks();
    let around = Around::of(offsets);
    let surroundings: Vec<[u32; 27]> = outputs.iter().map(|block| around.blocks(input, block.place)).collect();
    let mut present = Vec::with_capacity(outputs.len() * offsets.len());
    let mut scratch = Scratch::default();
    for numbers in &surroundings {
        let masks = numbers.map(|number| if number == NO_BLOCK { 0 } else { blocks[number as usize].mask });
        shifts.present(&masks, &mut present, &mut scratch);
    }
    let mut pairs = ChunkPairs::default();
    for (tap, &offset) in offsets.iter().enumerate() {
        let reads = reads(offset);
        let masks = present.chunks_exact(offsets.len()).map(|taps| taps[tap]);
        for ((block, numbers), mask) in outputs.iter().zip(&surroundings).zip(masks) {
            for bit in bits(block.mask & mask) {
                let (neighbour, inner) = reads[bit as usize];
                let source = &blocks[numbers[neighbour as usize] as usize];
                pairs.from.push(source.rank(u32::from(inner)));
                pairs.to.push(block.rank(bit));
            }
        }
        pairs.end_tap();
    }
    pairs
}
