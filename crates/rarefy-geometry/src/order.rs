//! The order of voxels: by sample, then by the Morton code of the 4×4×4 block, then by the bit inside the block.
//!
//! Keys are packed into 64 bits where the extent of the cloud allows it, and sorted digit by digit; a cloud that
//! spans more is sorted by comparison of 128-bit keys. Both are stable, and the order is the same.

use rayon::prelude::*;

use crate::Coord;

/// Bits of the place of a voxel inside its block.
const INNER_BITS: u32 = 6;
const DIGIT_BITS: u32 = 11;

/// The permutation that sorts `coords`; equal coordinates stay in the order in which they came.
pub(crate) fn sorting_permutation(coords: &[Coord]) -> Vec<u32> {
    let Some(extent) = Extent::of(coords) else { return Vec::new() };
    if extent.total_bits() <= 64 {
        let mut keys: Vec<(u64, u32)> =
            coords.par_iter().enumerate().map(|(row, &coord)| (extent.key(coord) as u64, row as u32)).collect();
        radix_sort(&mut keys, extent.total_bits());
        keys.into_iter().map(|(_, row)| row).collect()
    } else {
        let mut keys: Vec<(u128, u32)> =
            coords.par_iter().enumerate().map(|(row, &coord)| (extent.key(coord), row as u32)).collect();
        // The row breaks ties, which makes the order a stable one.
        keys.par_sort_unstable();
        keys.into_iter().map(|(_, row)| row).collect()
    }
}

/// The sorting keys of blocks `(sample, block coordinate)`, equal for equal blocks.
pub(crate) fn block_permutation(blocks: &[Coord]) -> Vec<u32> {
    // A block sorts like its first voxel; the factor of four cannot overflow, see `COORDINATE_LIMIT`.
    let corners: Vec<Coord> = blocks.iter().map(|&[b, x, y, z]| [b, x * 4, y * 4, z * 4]).collect();
    sorting_permutation(&corners)
}

/// Where a cloud lies, in blocks, and how many bits its keys need.
struct Extent {
    lowest: [i32; 3],
    axis_bits: u32,
    sample_bits: u32,
}

impl Extent {
    fn of(coords: &[Coord]) -> Option<Self> {
        let first = *coords.first()?;
        let bounds = coords
            .par_iter()
            .fold(|| (first, first), |(low, high), &coord| (join(low, coord, i32::min), join(high, coord, i32::max)))
            .reduce(|| (first, first), |a, b| (join(a.0, b.0, i32::min), join(a.1, b.1, i32::max)));
        let (low, high) = (bounds.0.map(|x| x >> 2), bounds.1.map(|x| x >> 2));
        let widest = (1..4).map(|axis| (i64::from(high[axis]) - i64::from(low[axis])) as u64).max()?;
        Some(Self {
            lowest: [low[1], low[2], low[3]],
            axis_bits: u64::BITS - widest.leading_zeros(),
            sample_bits: u32::BITS - bounds.1[0].unsigned_abs().leading_zeros(),
        })
    }

    fn total_bits(&self) -> u32 {
        3 * self.axis_bits + self.sample_bits + INNER_BITS
    }

    fn key(&self, [sample, x, y, z]: Coord) -> u128 {
        let block = |value: i32, lowest: i32| ((value >> 2) - lowest) as u32;
        let [lx, ly, lz] = self.lowest;
        let morton = spread(block(x, lx)) << 2 | spread(block(y, ly)) << 1 | spread(block(z, lz));
        let place = (u128::from(sample as u32) << (3 * self.axis_bits)) | morton;
        place << INNER_BITS | u128::from(bit_in_block(x, y, z))
    }
}

/// Number of a voxel inside its 4×4×4 block, z fastest.
pub(crate) fn bit_in_block(x: i32, y: i32, z: i32) -> u32 {
    ((x & 3) << 4 | (y & 3) << 2 | (z & 3)) as u32
}

fn join(a: Coord, b: Coord, pick: fn(i32, i32) -> i32) -> Coord {
    std::array::from_fn(|axis| pick(a[axis], b[axis]))
}

/// Puts two zero bits between the bits of `value`.
fn spread(value: u32) -> u128 {
    // Twenty-one bits spread over a word at a time.
    let low = spread_word(u64::from(value) & 0x1f_ffff);
    let high = spread_word(u64::from(value) >> 21);
    u128::from(high) << 63 | u128::from(low)
}

fn spread_word(mut x: u64) -> u64 {
    x = (x | x << 32) & 0x001f_0000_0000_ffff;
    x = (x | x << 16) & 0x001f_0000_ff00_00ff;
    x = (x | x << 8) & 0x100f_00f0_0f00_f00f;
    x = (x | x << 4) & 0x10c3_0c30_c30c_30c3;
    (x | x << 2) & 0x1249_2492_4924_9249
}

/// Stable sort by the low `bits` of the key, one digit after the other from the lowest.
fn radix_sort(keys: &mut Vec<(u64, u32)>, bits: u32) {
    let digits = bits.div_ceil(DIGIT_BITS);
    let width = bits.div_ceil(digits.max(1));
    let mask = (1_u64 << width) - 1;
    let mut other = vec![(0, 0); keys.len()];
    for digit in 0..digits {
        let shift = digit * width;
        let mut starts = vec![0_usize; 1 << width];
        for (key, _) in keys.iter() {
            starts[(key >> shift & mask) as usize] += 1;
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += std::mem::replace(start, sum);
        }
        for &(key, row) in keys.iter() {
            let place = &mut starts[(key >> shift & mask) as usize];
            other[*place] = (key, row);
            *place += 1;
        }
        std::mem::swap(keys, &mut other);
    }
}
