//! The cut of the output rows into tiles whose rows stay in the second-level cache, and the pairs of each tile.
//!
//! Invariant: the cut depends on the sizes alone, never on the number of threads.

use std::ops::Range;

use rarefy_geometry::KernelMap;
use rayon::prelude::*;

/// Bytes of input and output rows in a tile: a 1 MiB second-level cache holds two, this tile and the one that is being
/// fetched, beside weights and halo.
const TILE_BYTES: usize = 384 << 10;

/// Least number of rows in a tile; below it the reading of the weights would outweigh the products.
const LEAST_ROWS: usize = 64;

/// Most rows in a tile.
const MOST_ROWS: usize = 4096;

/// Tiles that even a small tensor is cut into, so that a few threads share the work.
const WANTED_TILES: usize = 16;

/// Tiles of output rows and, for each tap, where the pairs of each tile start.
pub(super) struct Tiles {
    rows: usize,
    count: usize,
    outputs: usize,
    /// [taps, count + 1].
    starts: Vec<u32>,
}

impl Tiles {
    /// The tiles of a map whose input and output rows have so many channels.
    ///
    /// # Panics
    /// Where the output rows of a tap are not sorted.
    pub(super) fn new<T>(map: &KernelMap, (inputs, outputs): (usize, usize)) -> Self {
        // As many input rows come with an output row as there are to each in the whole map.
        let shared = inputs as u128 * map.inputs() as u128 / map.outputs().max(1) as u128;
        let bytes = (shared + outputs as u128).max(1) * size_of::<T>() as u128;
        let fitting = ((TILE_BYTES as u128 / bytes) as usize).clamp(LEAST_ROWS, MOST_ROWS);
        let rows = fitting.min(map.outputs().div_ceil(WANTED_TILES).max(LEAST_ROWS));
        let count = map.outputs().div_ceil(rows);
        let mut starts = vec![0; map.taps() * (count + 1)];
        starts.par_chunks_mut(count + 1).with_min_len(8).enumerate().for_each(|(tap, starts)| {
            let to = map.pairs(tap).to;
            let mut start = 0;
            for (tile, found) in starts.iter_mut().enumerate() {
                // A row stands at most once, so the pairs of one tile are at most `rows`.
                let near = &to[start..(start + rows).min(to.len())];
                start += near.partition_point(|&row| (row as usize) < tile * rows);
                *found = start as u32;
            }
            assert_eq!(start, to.len(), "the output rows of tap {tap} are sorted and exist");
        });
        Self { rows, count, outputs: map.outputs(), starts }
    }

    /// Bytes of the starts.
    pub(super) fn bytes(&self) -> usize {
        self.starts.len() * size_of::<u32>()
    }

    /// Rows of a tile; the last may have fewer.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Number of tiles.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The output rows of a tile.
    pub(super) fn rows_of(&self, tile: usize) -> Range<usize> {
        (tile * self.rows).min(self.outputs)..((tile + 1) * self.rows).min(self.outputs)
    }

    /// The pairs of a tap whose outputs lie in a tile.
    pub(super) fn pairs_of(&self, tile: usize, tap: usize) -> Range<usize> {
        let starts = &self.starts[tap * (self.count + 1) + tile..][..2];
        starts[0] as usize..starts[1] as usize
    }

    /// The share of the next tile's input and output rows that is to be fetched while `tap` of `tile` is worked off.
    ///
    /// Inputs and outputs are in the same order of space, so the inputs of a tile are taken to lie at the same share of
    /// their tensor; a wrong guess costs a little bandwidth and nothing else.
    pub(super) fn ahead(&self, map: &KernelMap, tile: usize, tap: usize) -> (Range<usize>, Range<usize>) {
        let next = self.rows_of(tile + 1);
        let row = |tap: usize| next.start + next.len() * tap / map.taps();
        let input = |row: usize| (row as u64 * map.inputs() as u64 / self.outputs.max(1) as u64) as usize;
        (input(row(tap))..input(row(tap + 1)), row(tap)..row(tap + 1))
    }
}
