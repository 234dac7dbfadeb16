//! The rows that each pooling window covers, in the order of its taps.

use crate::KernelMap;

/// For every output row, its input rows in tap order.
///
/// With ground state, the number one past the last input row stands once in each window that has an inactive cell, at
/// the place of the first of them: later ones hold the same value and cannot win a tie.
#[derive(Debug)]
pub struct PoolMap {
    starts: Vec<u32>,
    rows: Vec<u32>,
}

impl PoolMap {
    /// The windows of `map`; `ground` tells whether inactive cells count.
    ///
    /// # Panics
    ///
    /// When the map has 2³² pairs or more, which is beyond the memory of the machines that this runs on.
    #[must_use]
    pub fn new(map: &KernelMap, ground: bool) -> Self {
        let counts = pair_counts(map);
        let mut starts = Vec::with_capacity(map.outputs() + 1);
        let mut total = 0_usize;
        for &count in &counts {
            starts.push(total as u32);
            total += count as usize + usize::from(ground && (count as usize) < map.taps());
        }
        assert!(u32::try_from(total).is_ok(), "pooling windows of {total} cells in one batch");
        starts.push(total as u32);
        let rows = fill(map, ground, &starts, total);
        Self { starts, rows }
    }

    /// Starts and rows, as [`starts`](Self::starts) and [`rows`](Self::rows) lend them.
    pub(crate) fn into_parts(self) -> (Vec<u32>, Vec<u32>) {
        (self.starts, self.rows)
    }

    /// Where the rows of each output start, and where the last ends.
    #[must_use]
    pub fn starts(&self) -> &[u32] {
        &self.starts
    }

    /// The input rows of all outputs, one output behind the other.
    #[must_use]
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }
}

fn pair_counts(map: &KernelMap) -> Vec<u32> {
    let mut counts = vec![0; map.outputs()];
    for tap in 0..map.taps() {
        map.pairs(tap).to.iter().for_each(|&output| counts[output as usize] += 1);
    }
    counts
}

fn fill(map: &KernelMap, ground: bool, starts: &[u32], total: usize) -> Vec<u32> {
    let ground_row = map.inputs() as u32;
    let mut rows = vec![ground_row; total];
    // Pairs of each output seen so far: as many as taps while no cell was absent.
    let mut filled = vec![0_u32; map.outputs()];
    for tap in 0..map.taps() {
        let pairs = map.pairs(tap);
        for (&input, &output) in pairs.from.iter().zip(pairs.to) {
            let seen = &mut filled[output as usize];
            // Behind the first absent cell, whose place already holds the ground row, everything moves up by one.
            let moved = u32::from(ground && *seen < tap as u32);
            rows[(starts[output as usize] + *seen + moved) as usize] = input;
            *seen += 1;
        }
    }
    rows
}
