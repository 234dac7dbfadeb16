//! Builds kernel maps from the block masks of two voxel sets.
//!
//! Where the stride is 1 and every tap lies within one cell, see `map_near`; within three cells, `map_shift`; for stride 2,
//! `map_cells` and `map_halved`. Every other window looks its voxels up one by one (`map_lookup`). Output blocks or rows are cut into
//! chunks of a fixed size, and the pairs of the chunks stand one behind the other, so the map does not depend on the
//! number of threads.

use rayon::prelude::*;

use crate::kernel_map::KernelMap;
use crate::map_cells::CellTaps;
use crate::map_chunks::join;
use crate::map_halved::HalvedTaps;
use crate::map_lookup::looked_up_pairs;
use crate::map_near::NearTaps;
use crate::map_shift::{FARTHEST_SHIFT, Shifts, shifted_pairs};
use crate::{GeometryError, VoxelSet, Window};

/// Output blocks to a task.
const BLOCK_CHUNK: usize = 512;
/// Output rows to a task of the look-up path.
const ROW_CHUNK: usize = 8192;

impl KernelMap {
    /// The map of a submanifold kernel: outputs are the inputs, taps at −⌊(n − 1) / 2⌋ … ⌊n / 2⌋ times the dilation.
    ///
    /// # Errors
    ///
    /// When the kernel is not possible, or there is no memory for the pairs.
    pub fn submanifold(set: &VoxelSet, size: [u32; 3], dilation: [u32; 3]) -> Result<Self, GeometryError> {
        let odd = size.iter().all(|n| n % 2 == 1);
        build(set, set, &Window::centred(size, dilation), odd)
    }

    /// The pairs of `window` between the voxels of `input` and the outputs `output`.
    ///
    /// # Errors
    ///
    /// When the window is not possible, or there is no memory for the pairs.
    pub fn build(input: &VoxelSet, output: &VoxelSet, window: &Window) -> Result<Self, GeometryError> {
        build(input, output, window, false)
    }

    /// The pairs of a transposed convolution with `window` from the voxels of `input` to the finer ones of `output`:
    /// tap k joins q to q · stride − padding + k · dilation.
    ///
    /// `output` may be [`generated_voxels`](crate::generated_voxels) or any other set.
    ///
    /// # Errors
    ///
    /// When the window is not possible, or there is no memory for the pairs.
    pub fn generative(input: &VoxelSet, output: &VoxelSet, window: &Window) -> Result<Self, GeometryError> {
        let map = Self::build(output, input, window)?;
        map.check_transposed()?;
        Ok(map.into_transposed())
    }
}

fn build(input: &VoxelSet, output: &VoxelSet, window: &Window, mirrored: bool) -> Result<KernelMap, GeometryError> {
    window.check()?;
    let offsets: Vec<[i32; 3]> = (0..window.taps()).map(|tap| window.offset(tap)).collect();
    let near = NearTaps::of(&offsets).filter(|_| window.stride == [1; 3]);
    let cells = CellTaps::of(&offsets).filter(|_| window.stride == [2; 3]);
    let halved = HalvedTaps::of(&offsets).filter(|_| window.stride == [2; 3]);
    let reachable = offsets.iter().flatten().all(|offset| offset.abs() <= FARTHEST_SHIFT);
    let sizes = (input.len(), output.len(), offsets.len());
    let blocks = output.blocks().par_chunks(BLOCK_CHUNK);
    if let Some(taps) = near {
        join(sizes, blocks.map(|blocks| taps.chunk(input, blocks)).collect(), mirrored)
    } else if let Some(taps) = cells {
        let coarse = input.halved();
        let blocks = blocks.enumerate().map(|(chunk, blocks)| (chunk * BLOCK_CHUNK, blocks));
        join(sizes, blocks.map(|blocks| taps.chunk(input, coarse, blocks)).collect(), mirrored)
    } else if let Some(taps) = halved {
        let coarse = (input.halved(), input.halved().octants(input.blocks()));
        join(sizes, blocks.map(|blocks| taps.chunk(input, coarse, blocks)).collect(), mirrored)
    } else if window.stride == [1; 3] && reachable {
        let shifts = Shifts::of(window);
        join(sizes, blocks.map(|blocks| shifted_pairs(input, blocks, &offsets, &shifts)).collect(), mirrored)
    } else {
        let starts: Vec<usize> = (0..output.len()).step_by(ROW_CHUNK).collect();
        let rows = |&start: &usize| start..(start + ROW_CHUNK).min(output.len());
        let chunks = starts.par_iter().map(|start| looked_up_pairs(input, output, rows(start), window, &offsets));
        join(sizes, chunks.collect(), mirrored)
    }
}
