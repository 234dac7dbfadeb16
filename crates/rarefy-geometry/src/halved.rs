//! A voxel set seen at half its resolution: eight masks a block, one for each parity of the fine coordinates.
//!
//! Bit (X, Y, Z) of mask (px, py, pz) of a coarse block tells whether the fine voxel (2X + px, 2Y + py, 2Z + pz) is
//! active. So a tap that lies 2a + p from twice the output is a tap at a over the voxels of parity p.

use rayon::prelude::*;

use crate::Coord;
use crate::block_table::BlockTable;
use crate::hood::NO_BLOCK;
use crate::voxel_set::Block;

/// Coarse blocks whose masks one task makes.
const CHUNK: usize = 512;

/// The coarse blocks over a voxel set.
#[derive(Debug)]
pub(crate) struct Halved {
    table: BlockTable,
    /// For each coarse block, its masks by parity (4 · px + 2 · py + pz).
    masks: Vec<[u64; 8]>,
    /// For each coarse block, the fine blocks in it by octant, [`NO_BLOCK`] where there is none.
    children: Vec<[u32; 8]>,
}

impl Halved {
    /// Over the blocks of a set. Numbers are given one after another; the masks, most of the work, are made in parallel.
    pub(crate) fn new(blocks: &[Block]) -> Self {
        let mut table = BlockTable::with_capacity(blocks.len() / 2);
        let mut children: Vec<[u32; 8]> = Vec::with_capacity(blocks.len() / 2);
        // Blocks in Morton order mostly follow a sibling.
        let mut last = ([i32::MIN; 4], 0);
        for (number, block) in (0..).zip(blocks) {
            let place = coarse_place(block.place);
            if place != last.0 {
                last = (place, table.number(place) as usize);
                if last.1 == children.len() {
                    children.push([NO_BLOCK; 8]);
                }
            }
            children[last.1][octant(block.place)] = number;
        }
        let masks = |children: &[u32; 8]| {
            let mut masks = [0; 8];
            for &child in children.iter().filter(|child| **child != NO_BLOCK) {
                for (parity, mask) in masks.iter_mut().enumerate() {
                    *mask |= halved_mask(&blocks[child as usize], parity);
                }
            }
            masks
        };
        let masks = children.par_iter().with_min_len(CHUNK).map(masks).collect();
        Self { table, masks, children }
    }

    /// The number of the coarse block at `place`.
    #[inline]
    pub(crate) fn block_at(&self, place: Coord) -> Option<u32> {
        self.table.find(place)
    }

    /// The masks of a coarse block by parity.
    #[inline]
    pub(crate) fn masks(&self, number: u32) -> &[u64; 8] {
        &self.masks[number as usize]
    }

    /// The fine blocks of a coarse block by octant.
    #[inline]
    pub(crate) fn children(&self, number: u32) -> &[u32; 8] {
        &self.children[number as usize]
    }

    /// Every coarse block with the mask of the cells that hold a fine voxel, in the order in which they were met.
    pub(crate) fn occupied(&self) -> Vec<(Coord, u64)> {
        let masks = self.masks.iter().map(|masks| masks.iter().fold(0, |all, mask| all | mask));
        self.table.places().iter().copied().zip(masks).collect()
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

fn coarse_place([sample, x, y, z]: Coord) -> Coord {
    [sample, x >> 1, y >> 1, z >> 1]
}

fn octant([_, x, y, z]: Coord) -> usize {
    ((x & 1) << 2 | (y & 1) << 1 | z & 1) as usize
}

/// The voxels of one parity of a fine block as bits of its coarse block.
fn halved_mask(block: &Block, parity: usize) -> u64 {
    let first = (parity & 4) << 2 | (parity & 2) << 1 | parity & 1;
    // Every second bit along z, then y, then x, moved together.
    let every_second = block.mask >> first & 0x0000_0505_0000_0505;
    let along_z = (every_second | every_second >> 1) & 0x0000_0303_0000_0303;
    let along_y = (along_z | along_z >> 4) & 0x0000_0033_0000_0033;
    let along_x = (along_y | along_y >> 16) & 0x0000_0000_0033_0033;
    let octant = octant(block.place);
    along_x << ((octant & 4) << 3 | (octant & 2) << 2 | (octant & 1) << 1)
}
