//! Points sorted into voxels by way of their blocks.
//!
//! Only blocks are sorted, of which there are several times fewer than points: every chunk of points collects its blocks
//! with their masks in a table of its own, the blocks of all chunks are sorted and united, and a point finds its row by
//! counting bits in the mask of its block. Invariant: rows depend on the set of coordinates alone, so neither chunks nor
//! threads show in them.

use rayon::prelude::*;

use crate::block_table::BlockTable;
use crate::order::bit_in_block;
use crate::voxel_set::check;
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
        let chunks: Vec<Vec<(Coord, u64)>> = coords
            .par_chunks(CHUNK)
            .zip(part_of_point.par_chunks_mut(CHUNK))
            .map(|(coords, parts)| collect_blocks(coords, parts))
            .collect();
        let counts = chunks.iter().map(Vec::len);
        let first_parts: Vec<usize> = counts.scan(0, |sum, count| Some(std::mem::replace(sum, *sum + count))).collect();
        let parts = chunks.concat();
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

/// The blocks of `coords` with their masks; the number of each point's block goes into `parts`.
fn collect_blocks(coords: &[Coord], parts: &mut [u32]) -> Vec<(Coord, u64)> {
    let mut table = BlockTable::with_capacity(coords.len() / 8);
    let mut masks: Vec<u64> = Vec::with_capacity(coords.len() / 8);
    // Neighbouring points tend to share a block.
    let (mut last, mut number) = ([i32::MIN; 4], 0);
    for (&[sample, x, y, z], part) in coords.iter().zip(parts) {
        let place = [sample, x >> 2, y >> 2, z >> 2];
        if place != last {
            (last, number) = (place, table.number(place));
            masks.resize(table.places().len(), 0);
        }
        masks[number as usize] |= 1 << bit_in_block(x, y, z);
        *part = number;
    }
    table.places().iter().copied().zip(masks).collect()
}
