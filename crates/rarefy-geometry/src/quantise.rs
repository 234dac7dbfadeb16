//! Points sorted into voxels by way of their blocks.
//!
//! Only blocks are sorted, of which there are several times fewer than points: every chunk of points collects its blocks
//! with their masks in a table of its own, the blocks of all chunks are sorted and united, and a point finds its row by
//! counting bits in the mask of its block. Invariant: rows depend on the set of coordinates alone, so neither chunks nor
//! threads show in them.

use rayon::prelude::*;

use crate::block_table::BlockTable;
use crate::order::bit_in_block;
use crate::points::PointGrid;
use crate::voxel_set::check;
use crate::{Coord, GeometryError, Points, Quantised, VoxelSet};

/// Points whose blocks one task collects.
const CHUNK: usize = 1 << 15;
/// Bits that tell a voxel inside its block.
const BIT_BITS: u32 = 6;

impl VoxelSet {
    /// The set of `coords` with the row of every point and the first point of every row.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn quantise(coords: &[Coord], samples: usize) -> Result<Quantised, GeometryError> {
        check(coords, samples)?;
        quantise(coords.len(), samples, |point| coords[point])
    }
}

impl Points<'_> {
    /// The voxels that hold a point at `stride`, in units of it, with the row of every point and the first point of
    /// every row: [`VoxelSet::quantise`] of the [`cells`](Self::cells), which are not stored.
    ///
    /// # Errors
    ///
    /// When a stride is 0 or above 1024.
    pub fn quantise(&self, stride: [u32; 3]) -> Result<Quantised, GeometryError> {
        let grid = PointGrid::new(*self, stride)?;
        quantise(self.len(), self.samples(), |point| grid.cell(point).0)
    }
}

/// Sorts `count` points, whose coordinates are known to be good, into voxels.
fn quantise(count: usize, samples: usize, coord: impl Fn(usize) -> Coord + Sync) -> Result<Quantised, GeometryError> {
    let mut places = vec![0; count];
    let chunks: Vec<Vec<(Coord, u64)>> = places
        .par_chunks_mut(CHUNK)
        .enumerate()
        .map(|(chunk, places)| collect_blocks(places, |point| coord(chunk * CHUNK + point)))
        .collect();
    let counts = chunks.iter().map(Vec::len);
    let first_parts: Vec<usize> = counts.scan(0, |sum, count| Some(std::mem::replace(sum, *sum + count))).collect();
    let (set, block_of_part) = VoxelSet::from_parts(&chunks.concat(), samples)?;
    places.par_chunks_mut(CHUNK).zip(first_parts).for_each(|(places, first)| {
        for place in places {
            let part = first + (*place >> BIT_BITS) as usize;
            *place = set.blocks()[block_of_part[part] as usize].rank(*place & ((1 << BIT_BITS) - 1));
        }
    });
    let voxel_from_point = places;
    let mut first_point = vec![0; set.len()];
    for (point, &row) in voxel_from_point.iter().enumerate().rev() {
        first_point[row as usize] = point as u32;
    }
    Ok(Quantised { set, voxel_from_point, first_point })
}

/// The blocks of some points with their masks; the number of each point's block and its bit there go into `places`.
fn collect_blocks(places: &mut [u32], coord: impl Fn(usize) -> Coord) -> Vec<(Coord, u64)> {
    let mut table = BlockTable::with_capacity(places.len() / 8);
    let mut masks: Vec<u64> = Vec::with_capacity(places.len() / 8);
    // Neighbouring points tend to share a block.
    let (mut last, mut number) = ([i32::MIN; 4], 0);
    for (point, place) in places.iter_mut().enumerate() {
        let [sample, x, y, z] = coord(point);
        let block = [sample, x >> 2, y >> 2, z >> 2];
        if block != last {
            (last, number) = (block, table.number(block));
            masks.resize(table.places().len(), 0);
        }
        let bit = bit_in_block(x, y, z);
        masks[number as usize] |= 1 << bit;
        *place = number << BIT_BITS | bit;
    }
    table.places().iter().copied().zip(masks).collect()
}
