//! The order of voxels: by sample, then by the Morton code of the 4×4×4 block, then by the bit inside the block.
//!
//! Only blocks are sorted. Keys are packed into 64 bits where the extent of the cloud allows it, and sorted digit by
//! digit; a cloud that spans more is sorted by comparison of 128-bit keys. Both are stable, and the order is the same.
//! Invariant: Morton codes count from even places, so that the eight blocks of a block twice as wide stand together.

use rayon::prelude::*;

use crate::Coord;

const DIGIT_BITS: u32 = 11;

/// The permutation that sorts blocks by their places (sample, x, y, z) in blocks; equal ones stay in their order.
pub(crate) fn block_permutation(blocks: &[(Coord, u64)]) -> Vec<u32> {
    let Some(extent) = Extent::of(blocks) else { return Vec::new() };
    // The outputs of a window of stride 2 come in order.
    if blocks.windows(2).all(|pair| extent.in_order(pair[0].0, pair[1].0)) {
        (0..blocks.len() as u32).collect()
    } else if extent.total_bits() <= u64::BITS {
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
    /// Where the codes of each axis count from.
    origin: [i32; 3],
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
        let axes = [1, 2, 3].map(|axis| frame(low[axis], high[axis]));
        Some(Self {
            origin: axes.map(|axis| axis.0),
            axis_bits: axes.iter().map(|axis| axis.1).max()?,
            sample_bits: u32::BITS - high[0].unsigned_abs().leading_zeros(),
        })
    }

    fn total_bits(&self) -> u32 {
        3 * self.axis_bits + self.sample_bits
    }

    /// The place from the origin along each axis.
    fn steps(&self, [_, x, y, z]: Coord) -> [u32; 3] {
        let [ox, oy, oz] = self.origin;
        [x.wrapping_sub(ox) as u32, y.wrapping_sub(oy) as u32, z.wrapping_sub(oz) as u32]
    }

    /// Whether the key of `a` is not above that of `b`: the axis with the highest bit in which they differ decides, the
    /// earlier one among equals.
    fn in_order(&self, a: Coord, b: Coord) -> bool {
        if a[0] != b[0] {
            return a[0] < b[0];
        }
        let (a, b) = (self.steps(a), self.steps(b));
        let differs = |axis: usize| a[axis] ^ b[axis];
        // Whether the highest bit of one word is below that of another.
        let below = |one: u32, other: u32| one < other && one < one ^ other;
        let mut axis = 0;
        for other in 1..3 {
            if below(differs(axis), differs(other)) {
                axis = other;
            }
        }
        a[axis] <= b[axis]
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

/// The origin for places from `low` to `high` and the bits of the steps from there: as many low bits as the places
/// differ in, with the sign above them where some are negative and some are not. Places halved have half the origin and a
/// bit less, so that a set at half its resolution is in order as it comes.
fn frame(low: i32, high: i32) -> (i32, u32) {
    let bits_of = |value: i32| u32::BITS - value.leading_zeros();
    if low < 0 && high >= 0 {
        let bits = bits_of(!low | high).max(1);
        (-1 << bits, bits + 1)
    } else {
        let bits = bits_of(low ^ high).max(1);
        (low & (-1 << bits), bits)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_from_the_origin_fit_their_bits_and_halve_with_the_places() {
        for (low, high) in [(0, 0), (-1, 0), (-3, -2), (-7, 12), (5, 6), (1000, 1027), (-1 << 27, (1 << 27) - 1)] {
            let (origin, bits) = frame(low, high);
            assert!(
                origin % 2 == 0 && origin <= low && (i64::from(high) - i64::from(origin)) < 1 << bits,
                "{low}..={high}"
            );
            if bits > 2 {
                assert_eq!(frame(low >> 1, high >> 1), (origin / 2, bits - 1), "{low}..={high}");
            }
        }
    }

    #[test]
    fn the_order_of_two_places_is_that_of_their_keys() {
        let places: Vec<(Coord, u64)> =
            (0..300_i32).map(|n| ([n * 7 % 2, n * 31 % 23 - 9, n * 17 % 40 + 3, -(n * 13 % 9)], 1)).collect();
        let extent = Extent::of(&places).unwrap();
        for (a, _) in &places {
            for (b, _) in &places {
                assert_eq!(extent.in_order(*a, *b), extent.short_key(*a) <= extent.short_key(*b));
                assert_eq!(extent.in_order(*a, *b), extent.long_key(*a) <= extent.long_key(*b));
            }
        }
    }

    #[test]
    fn blocks_of_one_block_twice_as_wide_stand_together() {
        for shift in -3..4 {
            let blocks: Vec<(Coord, u64)> = (0..7 * 6 * 5)
                .map(|n: i32| ([0, n * 11 % 7 + shift, n / 7 % 6 - 2 * shift, n / 42 + shift * shift - 9], 1))
                .collect();
            let order = block_permutation(&blocks);
            let mut coarse: Vec<Coord> = order.iter().map(|&row| blocks[row as usize].0.map(|at| at >> 1)).collect();
            coarse.dedup();
            let mut distinct = coarse.clone();
            distinct.sort_unstable();
            distinct.dedup();
            assert_eq!(coarse.len(), distinct.len(), "shifted by {shift}");
        }
    }
}
