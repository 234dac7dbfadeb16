//! The order of voxels: by sample, then by the Morton code of the 4×4×4 block, then by the bit inside the block.
//!
//! Only blocks are sorted. Keys are packed into 64 bits where the extent of the cloud allows it, and sorted digit by
//! digit; a cloud that spans more is sorted by comparison of 128-bit keys. Both are stable, and the order is the same.

use rayon::prelude::*;

use crate::Coord;

const DIGIT_BITS: u32 = 11;

/// The permutation that sorts blocks by their places (sample, x, y, z) in blocks; equal ones stay in their order.
pub(crate) fn block_permutation(blocks: &[(Coord, u64)]) -> Vec<u32> {
    let Some(extent) = Extent::of(blocks) else { return Vec::new() };
    if extent.total_bits() <= u64::BITS {
        let mut keys: Vec<(u64, u32)> =
            blocks.par_iter().enumerate().map(|(row, block)| (extent.short_key(block.0), row as u32)).collect();
        radix_sort(&mut keys, extent.total_bits());
        keys.into_iter().map(|(_, row)| row).collect()
    } else {
        let mut keys: Vec<(u128, u32)> =
            blocks.par_iter().enumerate().map(|(row, block)| (extent.long_key(block.0), row as u32)).collect();
        // The row breaks ties, which makes the order a stable one.
        keys.par_sort_unstable();
        keys.into_iter().map(|(_, row)| row).collect()
    }
}

/// Where the blocks lie, and how many bits their keys need.
struct Extent {
    lowest: [i32; 3],
    axis_bits: u32,
    sample_bits: u32,
}

impl Extent {
    fn of(blocks: &[(Coord, u64)]) -> Option<Self> {
        let first = blocks.first()?.0;
        let (low, high) = blocks
            .par_iter()
            .with_min_len(1 << 14)
            .fold(
                || (first, first),
                |(low, high), &(place, _)| (join(low, place, i32::min), join(high, place, i32::max)),
            )
            .reduce(|| (first, first), |a, b| (join(a.0, b.0, i32::min), join(a.1, b.1, i32::max)));
        let widest = (1..4).map(|axis| (i64::from(high[axis]) - i64::from(low[axis])) as u64).max()?;
        Some(Self {
            lowest: [low[1], low[2], low[3]],
            axis_bits: u64::BITS - widest.leading_zeros(),
            sample_bits: u32::BITS - high[0].unsigned_abs().leading_zeros(),
        })
    }

    fn total_bits(&self) -> u32 {
        3 * self.axis_bits + self.sample_bits
    }

    /// The place from the lowest along each axis.
    fn steps(&self, [_, x, y, z]: Coord) -> [u32; 3] {
        let [lx, ly, lz] = self.lowest;
        [(x - lx) as u32, (y - ly) as u32, (z - lz) as u32]
    }

    /// The key where it fits 64 bits; an axis then has no more than the 21 bits that one word spreads.
    fn short_key(&self, place: Coord) -> u64 {
        let [x, y, z] = self.steps(place).map(|step| spread_word(u64::from(step)));
        // A shift by 64 bits would overflow; it is asked for where all blocks are those of sample 0.
        let sample = if self.sample_bits == 0 { 0 } else { u64::from(place[0] as u32) << (3 * self.axis_bits) };
        sample | x << 2 | y << 1 | z
    }

    fn long_key(&self, place: Coord) -> u128 {
        let [x, y, z] = self.steps(place).map(spread);
        u128::from(place[0] as u32) << (3 * self.axis_bits) | x << 2 | y << 1 | z
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
