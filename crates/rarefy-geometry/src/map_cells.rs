//! The pairs of kernels at stride 2 whose taps lie 0 or 1 from twice the output: 2/2, each output reads its own cell alone.
//!
//! A coarse block and its fine blocks tell all of its pairs: the row of every fine voxel is written down by cell and
//! parity, and then the cells are gone through in the order of the outputs.

use crate::VoxelSet;
use crate::halved::{Halved, cells_of_fine, octant};
use crate::map_chunks::ChunkPairs;
use crate::voxel_set::{Block, bits};

/// Cells of a block.
const CELLS: usize = 64;
/// Voxels of a cell, one of each parity.
const PARITIES: usize = 8;
/// Pairs of a parity that are kept near: twice those of a block and more.
const FRESH: usize = 4 * CELLS;

/// Which tap reads the voxels of which parity.
pub(crate) struct CellTaps {
    /// For each tap, the parity that it reads.
    parities: Vec<usize>,
    /// For each octant and bit of a fine block: 8 · bit of the coarse block + parity.
    cells: [[u16; CELLS]; 8],
}

impl CellTaps {
    /// `None` where a tap lies outside of the cell.
    pub(crate) fn of(offsets: &[[i32; 3]]) -> Option<Self> {
        if offsets.iter().flatten().any(|offset| !(0..=1).contains(offset)) {
            return None;
        }
        let parities = offsets.iter().map(|[x, y, z]| (x << 2 | y << 1 | z) as usize).collect();
        Some(Self { parities, cells: cells_of_fine() })
    }

    /// The pairs of the output blocks `outputs`, of which the first is block `first`; `halved` is made of `input`.
    pub(crate) fn chunk(&self, input: &VoxelSet, halved: &Halved, (first, outputs): (usize, &[Block])) -> ChunkPairs {
        let mut pairs: [ParityPairs; PARITIES] = Default::default();
        let mut rows = [0; CELLS * PARITIES];
        for (guess, block) in (first..).zip(outputs) {
            // Outputs made of the halved set are its blocks in their order.
            let Some(number) = halved.block_near(block.place, guess) else { continue };
            let mut present = [0_u8; CELLS];
            for fine in &input.blocks()[halved.fine_blocks(number)] {
                let cells = &self.cells[octant(fine.place)];
                for (row, bit) in (fine.base..).zip(bits(fine.mask)) {
                    let cell = usize::from(cells[bit as usize]) % (CELLS * PARITIES);
                    rows[cell] = row;
                    present[cell / PARITIES] |= 1 << (cell % PARITIES);
                }
            }
            for (row, bit) in (block.base..).zip(bits(block.mask)) {
                let bit = bit as usize % CELLS;
                for (parity, pairs) in pairs.iter_mut().enumerate() {
                    pairs.put(rows[bit * PARITIES + parity], row, present[bit] >> parity & 1 != 0);
                }
            }
            pairs.iter_mut().filter(|pairs| pairs.fresh >= FRESH / 2).for_each(ParityPairs::store);
        }
        let mut chunk = ChunkPairs::default();
        pairs.iter_mut().for_each(ParityPairs::store);
        for &parity in &self.parities {
            chunk.from.extend_from_slice(&pairs[parity].from);
            chunk.to.extend_from_slice(&pairs[parity].to);
            chunk.end_tap();
        }
        chunk
    }
}

/// Pairs of one parity. Fresh ones are written without a branch on whether they exist, which is as hard to foresee as a coin.
struct ParityPairs {
    fresh_from: [u32; FRESH],
    fresh_to: [u32; FRESH],
    fresh: usize,
    from: Vec<u32>,
    to: Vec<u32>,
}

impl Default for ParityPairs {
    fn default() -> Self {
        Self { fresh_from: [0; FRESH], fresh_to: [0; FRESH], fresh: 0, from: Vec::new(), to: Vec::new() }
    }
}

impl ParityPairs {
    /// Adds a pair where `exists`; there has to be room for it.
    #[inline]
    fn put(&mut self, from: u32, to: u32, exists: bool) {
        self.fresh_from[self.fresh % FRESH] = from;
        self.fresh_to[self.fresh % FRESH] = to;
        self.fresh += usize::from(exists);
    }

    /// Makes room.
    fn store(&mut self) {
        self.from.extend_from_slice(&self.fresh_from[..self.fresh]);
        self.to.extend_from_slice(&self.fresh_to[..self.fresh]);
        self.fresh = 0;
    }
}
