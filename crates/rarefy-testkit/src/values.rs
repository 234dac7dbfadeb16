//! Reproducible test values without a dependency: SplitMix64.

use std::collections::BTreeSet;

fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// `count` values between −1 and 1, the same for the same seed.
#[must_use]
pub fn random_values(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    (0..count).map(|_| (next(&mut state) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0).collect()
}

/// About `count` distinct coordinates (batch, x, y, z) with spatial parts in `0..side`, in ascending order.
#[must_use]
pub fn random_coords(count: usize, samples: i32, side: i32, seed: u64) -> Vec<[i32; 4]> {
    let mut state = seed;
    let mut below = |bound: i32| (next(&mut state) % bound as u64) as i32;
    let coords: BTreeSet<_> = (0..count).map(|_| [below(samples), below(side), below(side), below(side)]).collect();
    coords.into_iter().collect()
}
