//! The block index: voxels sorted by 4×4×4 block, a 64-bit mask a block, and a hash table from block to mask.
//!
//! Invariants: rows are sorted by sample, then by the Morton code of the block, then by bit; a block's `base` is the
//! row of its first voxel, so that the row of any voxel is `base + popcount(mask & (bit − 1))`.

use std::ops::Range;
use std::sync::OnceLock;

use rayon::prelude::*;

use crate::halved::Halved;
use crate::order::{bit_in_block, block_permutation};
use crate::{COORDINATE_LIMIT, GeometryError, check_memory};

/// A voxel: (sample of the batch, x, y, z).
pub type Coord = [i32; 4];

/// No block stands in this slot of the table.
pub(crate) const EMPTY: u32 = u32::MAX;

/// Blocks whose voxels one task lists.
const BLOCK_CHUNK: usize = 1024;

/// Coordinates that one task checks.
const CHECK_CHUNK: usize = 1 << 14;

/// Sixty-four voxels of one sample.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Block {
    /// (sample, x, y, z) of the block, in blocks.
    pub(crate) place: Coord,
    /// Which voxels are active; bit `16 · x + 4 · y + z`.
    pub(crate) mask: u64,
    /// Row of the first active voxel.
    pub(crate) base: u32,
}

impl Block {
    /// The row of an active voxel of the block.
    #[inline]
    pub(crate) fn rank(&self, bit: u32) -> u32 {
        self.base + (self.mask & ((1 << bit) - 1)).count_ones()
    }
}

/// A set of active voxels with a row number each.
#[derive(Debug)]
pub struct VoxelSet {
    coords: Vec<Coord>,
    blocks: Vec<Block>,
    table: Vec<u32>,
    samples: usize,
    /// Made where a window of stride 2 first asks for it: for its outputs, and again for its map.
    halved: OnceLock<Halved>,
}

/// Points sorted into voxels.
#[derive(Debug)]
pub struct Quantised {
    /// The voxels that hold a point.
    pub set: VoxelSet,
    /// The row of each point's voxel.
    pub voxel_from_point: Vec<u32>,
    /// The first point of each row's voxel.
    pub first_point: Vec<u32>,
}

impl VoxelSet {
    /// The set of `coords`, in which duplicates are one voxel, for a batch of `samples`.
    ///
    /// # Errors
    ///
    /// When a coordinate lies outside of ±[`COORDINATE_LIMIT`] or a batch index outside of `0..samples`.
    pub fn new(coords: &[Coord], samples: usize) -> Result<Self, GeometryError> {
        Ok(Self::quantise(coords, samples)?.set)
    }

    /// The set of blocks with their masks; blocks that stand several times are united.
    pub(crate) fn from_blocks(parts: &[(Coord, u64)], samples: usize) -> Result<Self, GeometryError> {
        Ok(Self::from_parts(parts, samples)?.0)
    }

    /// As [`from_blocks`](Self::from_blocks), with the number of the block that each part went into.
    pub(crate) fn from_parts(parts: &[(Coord, u64)], samples: usize) -> Result<(Self, Vec<u32>), GeometryError> {
        let mut blocks: Vec<Block> = Vec::with_capacity(parts.len());
        let mut block_of_part = vec![0; parts.len()];
        for part in block_permutation(parts) {
            let (place, mask) = parts[part as usize];
            match blocks.last_mut() {
                Some(last) if last.place == place => last.mask |= mask,
                _ => blocks.push(Block { place, mask, base: 0 }),
            }
            block_of_part[part as usize] = blocks.len() as u32 - 1;
        }
        let mut count = 0;
        for block in &mut blocks {
            block.base = count as u32;
            count += block.mask.count_ones() as usize;
        }
        check_count(count)?;
        check_memory("the coordinates of a voxel set", count * size_of::<Coord>())?;
        let coords = coords_of(&blocks, count);
        // A block at the limit holds voxels on either side of it; there are none in any usual cloud.
        let limit = COORDINATE_LIMIT >> 2;
        if blocks.iter().any(|block| block.place[1..].iter().any(|&at| at <= -limit || at >= limit)) {
            let far = |(_, coord): &(usize, &Coord)| coord[1..].iter().any(|&at| is_far(at));
            if let Some((point, &coord)) = coords.iter().enumerate().find(far) {
                return Err(GeometryError::CoordinateOutOfRange { point, coord });
            }
        }
        let table = build_table(blocks.iter().map(|block| block.place));
        Ok((Self { coords, blocks, table, samples, halved: OnceLock::new() }, block_of_part))
    }

    /// Number of voxels, which is the number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.coords.len()
    }

    /// Whether there is no voxel.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.coords.is_empty()
    }

    /// The voxel of each row.
    #[must_use]
    pub fn coords(&self) -> &[Coord] {
        &self.coords
    }

    /// Number of samples of the batch, those without voxels included.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// The rows of sample `sample`; empty where it has none.
    #[must_use]
    pub fn rows_of_sample(&self, sample: usize) -> Range<usize> {
        let before = |sample: usize| self.coords.partition_point(|coord| (coord[0] as usize) < sample);
        before(sample)..before(sample + 1)
    }

    /// The row of a voxel, if it is active.
    #[must_use]
    pub fn row_of(&self, [sample, x, y, z]: Coord) -> Option<u32> {
        let block = self.block_at([sample, x >> 2, y >> 2, z >> 2])?;
        row_in_block(&self.blocks[block as usize], bit_in_block(x, y, z))
    }

    pub(crate) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The set at half its resolution; made once and kept.
    pub(crate) fn halved(&self) -> &Halved {
        self.halved.get_or_init(|| Halved::new(&self.blocks))
    }

    /// The number of the block at `place`, in blocks.
    pub(crate) fn block_at(&self, place: Coord) -> Option<u32> {
        look_up(&self.table, place, |block| self.blocks[block as usize].place)
    }
}

/// Looks rows up one after another; the block found last is tried first, since neighbours tend to follow each other.
pub(crate) struct RowFinder<'a> {
    set: &'a VoxelSet,
    place: Coord,
    block: Option<u32>,
}

impl<'a> RowFinder<'a> {
    pub(crate) fn new(set: &'a VoxelSet) -> Self {
        Self { set, place: [i32::MIN; 4], block: None }
    }

    /// The row of a voxel, if it is active.
    #[inline]
    pub(crate) fn row_of(&mut self, [sample, x, y, z]: Coord) -> Option<u32> {
        let place = [sample, x >> 2, y >> 2, z >> 2];
        if place != self.place {
            (self.place, self.block) = (place, self.set.block_at(place));
        }
        row_in_block(&self.set.blocks[self.block? as usize], bit_in_block(x, y, z))
    }
}

/// The row of voxel `bit` of a block.
pub(crate) fn row_in_block(block: &Block, bit: u32) -> Option<u32> {
    (block.mask >> bit & 1 != 0).then(|| block.rank(bit))
}

/// The voxels of all blocks.
fn coords_of(blocks: &[Block], count: usize) -> Vec<Coord> {
    let mut coords = vec![[0; 4]; count];
    let mut rest = &mut coords[..];
    let chunks: Vec<_> = blocks
        .chunks(BLOCK_CHUNK)
        .map(|blocks| {
            let count = blocks.iter().map(|block| block.mask.count_ones() as usize).sum();
            let (coords, behind) = std::mem::take(&mut rest).split_at_mut(count);
            rest = behind;
            (blocks, coords)
        })
        .collect();
    chunks.into_par_iter().for_each(|(blocks, coords)| {
        let mut coords = coords.iter_mut();
        for block in blocks {
            for (bit, coord) in bits(block.mask).zip(&mut coords) {
                *coord = voxel_of(block.place, bit);
            }
        }
    });
    coords
}

/// The numbers of the bits that are set, rising.
pub(crate) fn bits(mut mask: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let bit = (mask != 0).then(|| mask.trailing_zeros())?;
        mask &= mask - 1;
        Some(bit)
    })
}

/// The voxel of `bit` in the block at `place`.
pub(crate) fn voxel_of([sample, x, y, z]: Coord, bit: u32) -> Coord {
    let bit = bit as i32;
    [sample, x * 4 + (bit >> 4), y * 4 + (bit >> 2 & 3), z * 4 + (bit & 3)]
}

#[inline]
fn is_far(value: i32) -> bool {
    value.unsigned_abs() >= COORDINATE_LIMIT as u32
}

pub(crate) fn check(coords: &[Coord], samples: usize) -> Result<(), GeometryError> {
    check_count(coords.len())?;
    // A negative sample becomes one beyond all.
    let samples_u32 = samples.min(1 << 31) as u32;
    let wrong = |&[sample, x, y, z]: &Coord| {
        let far = x.unsigned_abs().max(y.unsigned_abs()).max(z.unsigned_abs());
        sample as u32 >= samples_u32 || far >= COORDINATE_LIMIT as u32
    };
    // The search for the first one stops at every coordinate, so it is left to clouds that have one.
    if coords.par_chunks(CHECK_CHUNK).all(|coords| !coords.iter().fold(false, |any, coord| any | wrong(coord))) {
        return Ok(());
    }
    match coords.iter().enumerate().find(|(_, coord)| wrong(coord)) {
        None => Ok(()),
        Some((point, &coord)) if (0..samples as i64).contains(&i64::from(coord[0])) => {
            Err(GeometryError::CoordinateOutOfRange { point, coord })
        }
        Some((point, coord)) => Err(GeometryError::SampleOutOfRange { point, batch: coord[0], samples }),
    }
}

fn check_count(count: usize) -> Result<(), GeometryError> {
    // The last row number is the mark of an empty slot, and pooling uses one past the last row.
    if count < EMPTY as usize { Ok(()) } else { Err(GeometryError::TooManyVoxels { count }) }
}

/// A table of distinct places, numbered in their order: open addressing with linear probing, at most half full.
pub(crate) fn build_table(places: impl ExactSizeIterator<Item = Coord>) -> Vec<u32> {
    let mut table = vec![EMPTY; (places.len() * 2).next_power_of_two().max(4)];
    let wrap = table.len() - 1;
    for (number, place) in places.enumerate() {
        let mut slot = hash(place) & wrap;
        while table[slot] != EMPTY {
            slot = (slot + 1) & wrap;
        }
        table[slot] = number as u32;
    }
    table
}

/// The number of a place in a table of [`build_table`], where `place_of` tells the place of each number.
#[inline]
pub(crate) fn look_up(table: &[u32], place: Coord, place_of: impl Fn(u32) -> Coord) -> Option<u32> {
    let wrap = table.len() - 1;
    let mut slot = hash(place) & wrap;
    loop {
        let number = table[slot];
        if number == EMPTY {
            return None;
        }
        if place_of(number) == place {
            return Some(number);
        }
        slot = (slot + 1) & wrap;
    }
}

#[inline]
pub(crate) fn hash([sample, x, y, z]: Coord) -> usize {
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    let pair = |a: i32, b: i32| u64::from(a as u32) << 32 | u64::from(b as u32);
    let mixed = (pair(sample, x).wrapping_mul(MIX) ^ pair(y, z)).wrapping_mul(MIX);
    (mixed ^ mixed >> 32) as usize
}
