//! Points sorted into voxels by way of their blocks.
//!
//! Only blocks are sorted, of which there are several times fewer than points: every chunk of points collects its blocks
//! with their masks in a table of its own, the blocks of all chunks are sorted and united, and a point finds its row by
//! counting bits in the mask of its block. Invariant: rows depend on the set of coordinates alone, so neither chunks nor
//! threads show in them.

use rayon::prelude::*;

use crate::order::bit_in_block;
use crate::voxel_set::{EMPTY, check, hash};
use crate::{Coord, GeometryError, Quantised, VoxelSet};

/// Points whose blocks one task collects.
const CHUNK: usize = 1 << 15;

impl VoxelSet {
    /// The set of `coords` with the row of every point and the first point of every row.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn quantise(coords: &[Coord], samples: usize) -> Result<Quantised, GeometryError> {
        check(coords, samples)?;
        let mut part_of_point = vec![0; coords.len()];
        let chunks: Vec<BlockTable> = coords
            .par_chunks(CHUNK)
            .zip(part_of_point.par_chunks_mut(CHUNK))
            .map(|(coords, parts)| BlockTable::collect(coords, parts))
            .collect();
        let counts = chunks.iter().map(|chunk| chunk.blocks.len());
        let first_parts: Vec<usize> = counts.scan(0, |sum, count| Some(std::mem::replace(sum, *sum + count))).collect();
        let parts = chunks.iter().map(|chunk| &chunk.blocks[..]).collect::<Vec<_>>().concat();
        let (set, block_of_part) = Self::from_parts(&parts, samples)?;
        let points = coords.par_chunks(CHUNK).zip(part_of_point.par_chunks_mut(CHUNK)).zip(first_parts);
        points.for_each(|((coords, parts), first)| {
            for (&[_, x, y, z], part) in coords.iter().zip(parts) {
                let block = &set.blocks()[block_of_part[first + *part as usize] as usize];
                *part = block.rank(bit_in_block(x, y, z));
            }
        });
        let voxel_from_point = part_of_point;
        let mut first_point = vec![0; set.len()];
        for (point, &row) in voxel_from_point.iter().enumerate().rev() {
            first_point[row as usize] = point as u32;
        }
        Ok(Quantised { set, voxel_from_point, first_point })
    }
}

/// Blocks with their masks, in the order in which they were met.
struct BlockTable {
    blocks: Vec<(Coord, u64)>,
    /// Open addressing with linear probing, at most half full.
    slots: Vec<u32>,
}

impl BlockTable {
    /// The blocks of `coords`; the number of each point's block goes into `parts`.
    fn collect(coords: &[Coord], parts: &mut [u32]) -> Self {
        let slots = vec![EMPTY; (coords.len() / 4).next_power_of_two().max(16)];
        let mut table = Self { blocks: Vec::with_capacity(coords.len() / 8), slots };
        // Neighbouring points tend to share a block.
        let (mut last, mut number) = ([i32::MIN; 4], 0);
        for (&[sample, x, y, z], part) in coords.iter().zip(parts) {
            let place = [sample, x >> 2, y >> 2, z >> 2];
            if place != last {
                (last, number) = (place, table.number(place));
            }
            table.blocks[number as usize].1 |= 1 << bit_in_block(x, y, z);
            *part = number;
        }
        table
    }

    /// The number of the block at `place`, which is added where it is new.
    fn number(&mut self, place: Coord) -> u32 {
        let wrap = self.slots.len() - 1;
        let mut slot = hash(place) & wrap;
        loop {
            let number = self.slots[slot];
            if number == EMPTY {
                break;
            }
            if self.blocks[number as usize].0 == place {
                return number;
            }
            slot = (slot + 1) & wrap;
        }
        let number = self.blocks.len() as u32;
        self.slots[slot] = number;
        self.blocks.push((place, 0));
        if self.blocks.len() * 2 > self.slots.len() {
            self.grow();
        }
        number
    }

    fn grow(&mut self) {
        self.slots = vec![EMPTY; self.slots.len() * 2];
        let wrap = self.slots.len() - 1;
        for (number, block) in self.blocks.iter().enumerate() {
            let mut slot = hash(block.0) & wrap;
            while self.slots[slot] != EMPTY {
                slot = (slot + 1) & wrap;
            }
            self.slots[slot] = number as u32;
        }
    }
}
