//! Builds kernel maps from the block masks of two voxel sets.
//!
//! Where the stride is 1 and every tap lies within one cell, see `map_near`, and `map_halved` for stride 2. Where it lies within three cells, the
//! neighbours of all voxels of a block under one tap are found at once by shifting the masks of the 27 blocks around it.
//! Every other window looks its voxels up one by one. Output blocks (or rows) are cut into chunks of a fixed size; the pairs of the chunks are laid one behind
//! the other, so the map does not depend on the number of threads.

use std::ops::Range;

use rayon::prelude::*;

use crate::halved::Halved;
use crate::kernel_map::KernelMap;
use crate::map_halved::HalvedTaps;
use crate::map_near::NearTaps;
use crate::order::bit_in_block;
use crate::voxel_set::{Block, RowFinder, bits};
use crate::{Coord, GeometryError, VoxelSet, Window};

/// Output blocks to a task of the shifting path.
const BLOCK_CHUNK: usize = 512;
/// Output rows to a task of the look-up path.
const ROW_CHUNK: usize = 8192;
/// Farthest tap that the shifting path can reach: a block and its neighbour.
const FARTHEST_SHIFT: i32 = 3;
/// No block stands there.
pub(crate) const NO_BLOCK: u32 = u32::MAX;

impl KernelMap {
    /// The map of a submanifold kernel: outputs are the inputs, taps at −⌊(n − 1) / 2⌋ … ⌊n / 2⌋ times the dilation.
    ///
    /// # Errors
    ///
    /// When the kernel is not possible.
    pub fn submanifold(set: &VoxelSet, size: [u32; 3], dilation: [u32; 3]) -> Result<Self, GeometryError> {
        let odd = size.iter().all(|n| n % 2 == 1);
        build(set, set, &Window::centred(size, dilation), odd)
    }

    /// The pairs of `window` between the voxels of `input` and the outputs `output`.
    ///
    /// # Errors
    ///
    /// When the window is not possible.
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
    /// When the window is not possible.
    pub fn generative(input: &VoxelSet, output: &VoxelSet, window: &Window) -> Result<Self, GeometryError> {
        Ok(Self::build(output, input, window)?.into_transposed())
    }
}

fn build(input: &VoxelSet, output: &VoxelSet, window: &Window, mirrored: bool) -> Result<KernelMap, GeometryError> {
    window.check()?;
    let offsets: Vec<[i32; 3]> = (0..window.taps()).map(|tap| window.offset(tap)).collect();
    let near = NearTaps::of(&offsets).filter(|_| window.stride == [1; 3]);
    let reachable = offsets.iter().flatten().all(|offset| offset.abs() <= FARTHEST_SHIFT);
    let chunks: Vec<ChunkPairs> = if let Some(near) = near {
        output.blocks().par_chunks(BLOCK_CHUNK).map(|blocks| near.pairs(input, blocks)).collect()
    } else if let Some(taps) = HalvedTaps::of(&offsets).filter(|_| window.stride == [2; 3]) {
        let halved = Halved::new(input);
        output.blocks().par_chunks(BLOCK_CHUNK).map(|blocks| taps.pairs(input, &halved, blocks)).collect()
    } else if window.stride == [1; 3] && reachable {
        let shifts = Shifts::of(window);
        output.blocks().par_chunks(BLOCK_CHUNK).map(|blocks| shifted_pairs(input, blocks, &offsets, &shifts)).collect()
    } else {
        let starts: Vec<usize> = (0..output.len()).step_by(ROW_CHUNK).collect();
        let rows = |&start: &usize| start..(start + ROW_CHUNK).min(output.len());
        starts.par_iter().map(|start| looked_up_pairs(input, output, rows(start), window, &offsets)).collect()
    };
    Ok(join(input.len(), output.len(), offsets.len(), &chunks, mirrored))
}

/// The pairs of one chunk of outputs, tap by tap.
#[derive(Default)]
pub(crate) struct ChunkPairs {
    from: Vec<u32>,
    to: Vec<u32>,
    /// Where the pairs of each tap end.
    ends: Vec<usize>,
}

impl ChunkPairs {
    fn tap(&self, tap: usize) -> Range<usize> {
        let start = if tap == 0 { 0 } else { self.ends[tap - 1] };
        start..self.ends[tap]
    }
}

/// The pairs of a chunk while they are filled in, once the number of pairs of each tap is known.
pub(crate) struct FilledPairs {
    chunk: ChunkPairs,
    /// Where the next pair of each tap goes.
    next: Vec<usize>,
}

impl FilledPairs {
    /// Room for `counts` pairs of each tap.
    pub(crate) fn new(counts: &[usize]) -> Self {
        let ends: Vec<usize> =
            counts.iter().scan(0, |end, count| Some(std::mem::replace(end, *end + count) + count)).collect();
        let next = ends.iter().zip(counts).map(|(end, count)| end - count).collect();
        let total = ends.last().copied().unwrap_or(0);
        Self { chunk: ChunkPairs { from: vec![0; total], to: vec![0; total], ends }, next }
    }

    /// Adds a pair of a tap; those of one tap come in the order of their outputs.
    #[inline]
    pub(crate) fn push(&mut self, tap: usize, from: u32, to: u32) {
        let at = self.next[tap];
        self.chunk.from[at] = from;
        self.chunk.to[at] = to;
        self.next[tap] = at + 1;
    }

    /// The pairs, all of which were added.
    pub(crate) fn into_chunk(self) -> ChunkPairs {
        debug_assert_eq!(self.next, self.chunk.ends);
        self.chunk
    }
}

/// Lays the chunks one behind the other within each tap.
fn join(inputs: usize, outputs: usize, taps: usize, chunks: &[ChunkPairs], mirrored: bool) -> KernelMap {
    let mut ranges = Vec::with_capacity(taps);
    let mut total = 0;
    for tap in 0..taps {
        let count: usize = chunks.iter().map(|chunk| chunk.tap(tap).len()).sum();
        ranges.push(total..total + count);
        total += count;
    }
    let gather = |pick: fn(&ChunkPairs) -> &[u32]| {
        let mut all = vec![0; total];
        let mut places = Vec::with_capacity(taps * chunks.len());
        let mut rest = &mut all[..];
        for tap in 0..taps {
            for chunk in chunks {
                let source = &pick(chunk)[chunk.tap(tap)];
                let (place, behind) = std::mem::take(&mut rest).split_at_mut(source.len());
                places.push((place, source));
                rest = behind;
            }
        }
        places.into_par_iter().with_min_len(taps).for_each(|(place, source)| place.copy_from_slice(source));
        all
    };
    let (from, to) = (gather(|chunk| &chunk.from), gather(|chunk| &chunk.to));
    KernelMap::from_parts(inputs, outputs, ranges, from, to, mirrored)
}

/// Which of the neighbouring blocks the taps can reach along each axis.
struct Around {
    low: [i32; 3],
    high: [i32; 3],
}

impl Around {
    fn of(offsets: &[[i32; 3]]) -> Self {
        let axis = |axis: usize| offsets.iter().map(move |offset| offset[axis]);
        Self {
            low: std::array::from_fn(|a| axis(a).min().unwrap_or(0).signum().min(0)),
            high: std::array::from_fn(|a| axis(a).max().unwrap_or(0).signum().max(0)),
        }
    }

    /// Numbers of the 27 blocks around `place` in `input`, [`NO_BLOCK`] where there is none or none is needed.
    fn blocks(&self, input: &VoxelSet, [sample, x, y, z]: Coord) -> [u32; 27] {
        let mut found = [NO_BLOCK; 27];
        for dx in self.low[0]..=self.high[0] {
            for dy in self.low[1]..=self.high[1] {
                for dz in self.low[2]..=self.high[2] {
                    let number = input.block_at([sample, x + dx, y + dy, z + dz]);
                    found[neighbour(dx, dy, dz)] = number.unwrap_or(NO_BLOCK);
                }
            }
        }
        found
    }
}

/// The number of a block among the 27 around another.
pub(crate) fn neighbour(dx: i32, dy: i32, dz: i32) -> usize {
    ((dx + 1) * 9 + (dy + 1) * 3 + dz + 1) as usize
}

/// For each bit of a block, the neighbouring block (0 … 26) and the bit in it that lies `offset` away.
fn reads([x, y, z]: [i32; 3]) -> [(u8, u8); 64] {
    std::array::from_fn(|bit| {
        let [x, y, z] = [x + (bit as i32 >> 4), y + (bit as i32 >> 2 & 3), z + (bit as i32 & 3)];
        (neighbour(x >> 2, y >> 2, z >> 2) as u8, bit_in_block(x, y, z) as u8)
    })
}

/// Moves the cells of three blocks in a row by an offset of −3 … 3 along one axis and cuts out the middle block.
#[derive(Clone, Copy)]
struct Shift {
    offset: i32,
    /// Bits by which the part that stays in the middle block moves, and those by which the other part moves.
    by: (u32, u32),
    /// Cells of the middle block, after the move, that come from the middle block.
    kept: u64,
}

impl Shift {
    /// `step` bits lie between two cells of the axis; `first` has the bits of its first cell.
    fn new(offset: i32, step: u32, first: u64) -> Self {
        let distance = offset.unsigned_abs();
        let kept = (0..4 - distance).map(|cell| if offset > 0 { cell } else { cell + distance });
        Self {
            offset,
            by: (distance * step, (4 - distance) * step),
            kept: kept.fold(0, |mask, cell| mask | first << (cell * step)),
        }
    }

    fn apply(self, low: u64, middle: u64, high: u64) -> u64 {
        match self.offset {
            0 => middle,
            // Cell i reads cell i + offset, of the next block where that is beyond the last.
            1.. => middle >> self.by.0 & self.kept | high << self.by.1 & !self.kept,
            _ => middle << self.by.0 & self.kept | low >> self.by.1 & !self.kept,
        }
    }
}

/// The shifts of all taps of a stride-1 window, axis by axis.
struct Shifts {
    axes: [Vec<Shift>; 3],
}

impl Shifts {
    fn of(window: &Window) -> Self {
        let axis = |axis: usize, step: u32, first: u64| {
            let offset = |tap: u32| (tap * window.dilation[axis]) as i32 - window.padding[axis];
            (0..window.size[axis]).map(|tap| Shift::new(offset(tap), step, first)).collect()
        };
        Self {
            axes: [
                axis(0, 16, 0x0000_0000_0000_ffff),
                axis(1, 4, 0x000f_000f_000f_000f),
                axis(2, 1, 0x1111_1111_1111_1111),
            ],
        }
    }

    /// For each tap, the bits of a block whose voxel, moved by the tap's offset, is active in the masks around it.
    fn present(&self, masks: &[u64; 27], out: &mut Vec<u64>, scratch: &mut Scratch) {
        let [xs, ys, zs] = &self.axes;
        scratch.along_z.clear();
        for column in masks.chunks_exact(3) {
            scratch.along_z.extend(zs.iter().map(|shift| shift.apply(column[0], column[1], column[2])));
        }
        // [x of the block][tap y][tap z]
        scratch.along_y.clear();
        for plane in scratch.along_z.chunks_exact(3 * zs.len()) {
            let (low, rest) = plane.split_at(zs.len());
            let (middle, high) = rest.split_at(zs.len());
            for shift in ys {
                let columns = low.iter().zip(middle).zip(high);
                scratch.along_y.extend(columns.map(|((&low, &middle), &high)| shift.apply(low, middle, high)));
            }
        }
        let (low, rest) = scratch.along_y.split_at(ys.len() * zs.len());
        let (middle, high) = rest.split_at(ys.len() * zs.len());
        for shift in xs {
            let planes = low.iter().zip(middle).zip(high);
            out.extend(planes.map(|((&low, &middle), &high)| shift.apply(low, middle, high)));
        }
    }
}

/// Masks between two axes, kept from block to block.
#[derive(Default)]
struct Scratch {
    along_z: Vec<u64>,
    along_y: Vec<u64>,
}

/// The pairs of some output blocks, tap by tap.
fn shifted_pairs(input: &VoxelSet, outputs: &[Block], offsets: &[[i32; 3]], shifts: &Shifts) -> ChunkPairs {
    let blocks = input.blocks();
    let around = Around::of(offsets);
    let surroundings: Vec<[u32; 27]> = outputs.iter().map(|block| around.blocks(input, block.place)).collect();
    let mut present = Vec::with_capacity(outputs.len() * offsets.len());
    let mut scratch = Scratch::default();
    for numbers in &surroundings {
        let masks = numbers.map(|number| if number == NO_BLOCK { 0 } else { blocks[number as usize].mask });
        shifts.present(&masks, &mut present, &mut scratch);
    }
    let mut pairs = ChunkPairs::default();
    for (tap, &offset) in offsets.iter().enumerate() {
        let reads = reads(offset);
        let masks = present.chunks_exact(offsets.len()).map(|taps| taps[tap]);
        for ((block, numbers), mask) in outputs.iter().zip(&surroundings).zip(masks) {
            for bit in bits(block.mask & mask) {
                let (neighbour, inner) = reads[bit as usize];
                let source = &blocks[numbers[neighbour as usize] as usize];
                pairs.from.push(source.rank(u32::from(inner)));
                pairs.to.push(block.rank(bit));
            }
        }
        pairs.ends.push(pairs.from.len());
    }
    pairs
}

/// The pairs of some output rows, each voxel looked up; the block found last is tried first.
fn looked_up_pairs(
    input: &VoxelSet,
    output: &VoxelSet,
    rows: Range<usize>,
    window: &Window,
    offsets: &[[i32; 3]],
) -> ChunkPairs {
    let mut pairs = ChunkPairs::default();
    let mut finder = RowFinder::new(input);
    for offset in offsets {
        for row in rows.clone() {
            let read = read_at(output.coords()[row], window, offset);
            if let Some(found) = read.and_then(|read| finder.row_of(read)) {
                pairs.from.push(found);
                pairs.to.push(row as u32);
            }
        }
        pairs.ends.push(pairs.from.len());
    }
    pairs
}

/// The voxel that an output reads; `None` where it lies beyond i32, which no voxel does.
fn read_at([sample, q @ ..]: Coord, window: &Window, offset: &[i32; 3]) -> Option<Coord> {
    let mut read = [sample; 4];
    for axis in 0..3 {
        let at = i64::from(q[axis]) * i64::from(window.stride[axis]) + i64::from(offset[axis]);
        read[axis + 1] = i32::try_from(at).ok()?;
    }
    Some(read)
}
