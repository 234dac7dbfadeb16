//! A voxel set seen at half its resolution: the coarse blocks with the fine blocks in each, and, for windows that overlap,
//! eight masks a block, one for each parity of the fine coordinates.
//!
//! Bit (X, Y, Z) of mask (px, py, pz) of a coarse block tells whether the fine voxel (2X + px, 2Y + py, 2Z + pz) is
//! active. So a tap that lies 2a + p from twice the output is a tap at a over the voxels of parity p.

use std::ops::Range;
use std::sync::OnceLock;

use rayon::prelude::*;

use crate::Coord;
use crate::hood::NO_BLOCK;
use crate::voxel_set::{Block, build_table, look_up};

/// Coarse blocks whose masks one task makes.
const CHUNK: usize = 512;

/// The coarse blocks over a voxel set, in the order of their fine blocks.
#[derive(Debug)]
pub(crate) struct Halved {
    /// Every coarse block with the mask of the cells that hold a fine voxel.
    occupied: Vec<(Coord, u64)>,
    /// Where the fine blocks of each coarse block start, and where the last end.
    starts: Vec<u32>,
    /// From place to number; made where a window first reads beyond its own cell.
    table: OnceLock<Vec<u32>>,
    /// Made where a window first overlaps with another.
    octants: OnceLock<Vec<Octants>>,
}

/// A coarse block taken apart.
#[derive(Debug)]
pub(crate) struct Octants {
    /// Its masks by parity, 4 · px + 2 · py + pz.
    pub(crate) masks: [u64; 8],
    /// The fine blocks in it by octant, [`NO_BLOCK`] where there is none.
    pub(crate) children: [u32; 8],
}

impl Halved {
    /// Over the blocks of a set, of which those of one coarse block stand together (see `order`).
    pub(crate) fn new(blocks: &[Block]) -> Self {
        let mut occupied: Vec<(Coord, u64)> = Vec::with_capacity(blocks.len() / 2);
        let mut starts: Vec<u32> = Vec::with_capacity(blocks.len() / 2 + 1);
        let (mut last, mut mask) = ([i32::MIN; 4], 0);
        for (number, block) in (0..).zip(blocks) {
            let place = coarse_place(block.place);
            if place != last {
                starts.push(number);
                if number > 0 {
                    occupied.push((last, mask));
                }
                (last, mask) = (place, 0);
            }
            mask |= occupied_mask(block);
        }
        starts.push(blocks.len() as u32);
        if !blocks.is_empty() {
            occupied.push((last, mask));
        }
        Self { occupied, starts, table: OnceLock::new(), octants: OnceLock::new() }
    }

    /// Every coarse block with the mask of the cells that hold a fine voxel, in their order.
    pub(crate) fn occupied(&self) -> &[(Coord, u64)] {
        &self.occupied
    }

    /// The number of the coarse block at `place`.
    #[inline]
    pub(crate) fn block_at(&self, place: Coord) -> Option<u32> {
        let table = self.table.get_or_init(|| build_table(self.occupied.iter().map(|block| block.0)));
        look_up(table, place, |number| self.occupied[number as usize].0)
    }

    /// As [`block_at`](Self::block_at), without a look in the table where block `guess` is the one.
    #[inline]
    pub(crate) fn block_near(&self, place: Coord, guess: usize) -> Option<u32> {
        let hit = self.occupied.get(guess).is_some_and(|block| block.0 == place);
        if hit { Some(guess as u32) } else { self.block_at(place) }
    }

    /// The numbers of the fine blocks of a coarse block.
    #[inline]
    pub(crate) fn fine_blocks(&self, number: u32) -> Range<usize> {
        self.starts[number as usize] as usize..self.starts[number as usize + 1] as usize
    }

    /// All coarse blocks taken apart; `blocks` are those that this was made of. Not to be called from parallel tasks, one of
    /// which would wait for the others.
    pub(crate) fn octants(&self, blocks: &[Block]) -> &[Octants] {
        let take_apart = |number| {
            let mut octants = Octants { masks: [0; 8], children: [NO_BLOCK; 8] };
            for child in self.fine_blocks(number) {
                octants.children[octant(blocks[child].place)] = child as u32;
                for (parity, mask) in octants.masks.iter_mut().enumerate() {
                    *mask |= halved_mask(&blocks[child], parity);
                }
            }
            octants
        };
        let all = 0..self.occupied.len() as u32;
        self.octants.get_or_init(|| all.into_par_iter().with_min_len(CHUNK).map(take_apart).collect())
    }
}

/// For each parity and bit of a coarse block: the octant of the fine block and the bit in it.
pub(crate) fn fine_cells() -> [[(u8, u8); 64]; 8] {
    std::array::from_fn(|parity| {
        std::array::from_fn(|bit| {
            let fine = |axis: usize| (bit >> (2 * axis) & 3) * 2 + (parity >> axis & 1);
            let [z, y, x] = [fine(0), fine(1), fine(2)];
            let octant = (x >> 2) << 2 | (y >> 2) << 1 | z >> 2;
            (octant as u8, ((x & 3) << 4 | (y & 3) << 2 | z & 3) as u8)
        })
    })
}

/// For each octant and bit of a fine block: 8 · bit of the coarse block + parity; the inverse of [`fine_cells`].
pub(crate) fn cells_of_fine() -> [[u16; 64]; 8] {
    let mut cells = [[0; 64]; 8];
    for (parity, fine) in fine_cells().iter().enumerate() {
        for (bit, &(octant, fine)) in fine.iter().enumerate() {
            cells[usize::from(octant)][usize::from(fine)] = (8 * bit + parity) as u16;
        }
    }
    cells
}

fn coarse_place([sample, x, y, z]: Coord) -> Coord {
    [sample, x >> 1, y >> 1, z >> 1]
}

/// Which eighth of its coarse block a fine block is, 4 · x + 2 · y + z.
pub(crate) fn octant([_, x, y, z]: Coord) -> usize {
    ((x & 1) << 2 | (y & 1) << 1 | z & 1) as usize
}

/// The voxels of one parity of a fine block as bits of its coarse block.
fn halved_mask(block: &Block, parity: usize) -> u64 {
    let first = (parity & 4) << 2 | (parity & 2) << 1 | parity & 1;
    every_second(block.mask >> first, octant(block.place))
}

/// The cells of the coarse block that hold a voxel of a fine block.
fn occupied_mask(block: &Block) -> u64 {
    let along_z = block.mask | block.mask >> 1;
    let along_y = along_z | along_z >> 4;
    every_second(along_y | along_y >> 16, octant(block.place))
}

/// Every second bit along z, then y, then x, moved together and into an octant.
fn every_second(mask: u64, octant: usize) -> u64 {
    let every_second = mask & 0x0000_0505_0000_0505;
    let along_z = (every_second | every_second >> 1) & 0x0000_0303_0000_0303;
    let along_y = (along_z | along_z >> 4) & 0x0000_0033_0000_0033;
    let along_x = (along_y | along_y >> 16) & 0x0000_0000_0033_0033;
    along_x << ((octant & 4) << 3 | (octant & 2) << 2 | (octant & 1) << 1)
}
