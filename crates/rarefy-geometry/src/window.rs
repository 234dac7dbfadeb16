//! Windows that slide over a grid, and the outputs that they make of a set of active voxels.
//!
//! An output is active when its window holds an active voxel (rule [`OutputRule::Spread`]) or when a voxel falls
//! into its cell (rules [`OutputRule::Floor`] and [`OutputRule::FloorInside`]). The other way round, a transposed
//! convolution that generates voxels makes every cell of every window active ([`generated_voxels`]).

use std::ops::{Range, RangeInclusive};

use rayon::prelude::*;

use crate::order::bit_in_block;
use crate::voxel_set::{Block, bits, voxel_of};
use crate::{COORDINATE_LIMIT, Coord, GeometryError, VoxelSet};

/// Blocks that one task turns into outputs: fixed, so that the order never depends on the number of threads.
const CHUNK: usize = 256;
/// No size, stride or dilation may exceed this.
const LARGEST: u32 = 1024;
/// Most taps of a window: maps keep numbers for every tap, needed or not.
const MOST_TAPS: u64 = 1 << 18;

/// A window: tap `k` of output `q` reads the voxel `q · stride − padding + k · dilation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// Taps per axis.
    pub size: [u32; 3],
    /// Step of the window per axis.
    pub stride: [u32; 3],
    /// Distance of the taps per axis.
    pub dilation: [u32; 3],
    /// Cells added before the grid per axis.
    pub padding: [i32; 3],
}

/// Which outputs become active.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OutputRule {
    /// Every output whose window holds an active voxel; with `clip`, the size of the input grid, only those inside
    /// the output grid ⌊(n + 2 · padding − dilation · (size − 1) − 1) / stride⌋ + 1.
    Spread {
        /// Size of the input grid.
        clip: Option<[i32; 3]>,
    },
    /// The outputs ⌊p / stride⌋ of the active voxels p.
    Floor,
    /// As `Floor`, but without the outputs beyond ⌊(largest p + 2 · padding − dilation · (size − 1)) / stride⌋, the
    /// largest p being that of the whole batch along each axis: TorchSparse 2.x, which so drops an odd border.
    FloorInside,
}

impl Window {
    /// A cubic window without padding and dilation.
    #[must_use]
    pub fn cubic(size: u32, stride: u32) -> Self {
        Self { size: [size; 3], stride: [stride; 3], dilation: [1; 3], padding: [0; 3] }
    }

    /// The window of a submanifold kernel: stride 1, offsets −⌊(n − 1) / 2⌋ … ⌊n / 2⌋ times the dilation.
    #[must_use]
    pub fn centred(size: [u32; 3], dilation: [u32; 3]) -> Self {
        let padding = std::array::from_fn(|axis| ((size[axis].max(1) - 1) / 2 * dilation[axis]) as i32);
        Self { size, stride: [1; 3], dilation, padding }
    }

    /// Size of the output grid over an input grid: ⌊(n + 2 · padding − dilation · (size − 1) − 1) / stride⌋ + 1, at least 0.
    #[must_use]
    pub fn output_grid(&self, grid: [i32; 3]) -> [i32; 3] {
        std::array::from_fn(|axis| {
            let reach = i64::from(self.dilation[axis]) * (i64::from(self.size[axis]) - 1) + 1;
            let room = i64::from(grid[axis]) + 2 * i64::from(self.padding[axis]) - reach;
            (room.div_euclid(i64::from(self.stride[axis].max(1))) + 1).clamp(0, i64::from(i32::MAX)) as i32
        })
    }

    /// Number of taps.
    #[must_use]
    pub fn taps(&self) -> usize {
        self.size.iter().map(|&n| n as usize).product()
    }

    /// The tap numbered `tap`, the last axis fastest.
    pub(crate) fn tap(&self, tap: usize) -> [i32; 3] {
        let [_, ny, nz] = self.size.map(|n| n as usize);
        [(tap / (ny * nz)) as i32, (tap / nz % ny) as i32, (tap % nz) as i32]
    }

    /// Where tap `tap` lies from `q · stride`.
    pub(crate) fn offset(&self, tap: usize) -> [i32; 3] {
        let tap = self.tap(tap);
        std::array::from_fn(|axis| tap[axis] * self.dilation[axis] as i32 - self.padding[axis])
    }

    pub(crate) fn check(&self) -> Result<(), GeometryError> {
        let Self { size, stride, dilation, padding } = *self;
        let good = |values: [u32; 3]| values.iter().all(|value| (1..=LARGEST).contains(value));
        let few = size.iter().fold(1, |taps: u64, &n| taps.saturating_mul(u64::from(n))) <= MOST_TAPS;
        let padded = padding.iter().all(|value| value.unsigned_abs() <= LARGEST * LARGEST);
        if good(size) && good(stride) && good(dilation) && few && padded {
            Ok(())
        } else {
            Err(GeometryError::ImpossibleWindow { size, stride, dilation })
        }
    }

    /// Outputs along `axis` whose window may hold the voxel at `p`, before dilation is looked at.
    fn candidates(&self, axis: usize, p: i32) -> RangeInclusive<i32> {
        let (stride, reach) = (self.stride[axis] as i32, (self.size[axis] - 1) * self.dilation[axis]);
        let at = p + self.padding[axis];
        -(reach as i32 - at).div_euclid(stride)..=at.div_euclid(stride)
    }

    /// Voxels along `axis` under the window of the output at `q`.
    fn generated(&self, axis: usize, q: i32) -> impl Iterator<Item = i32> {
        let first = i64::from(q) * i64::from(self.stride[axis]) - i64::from(self.padding[axis]);
        let taps = (0..i64::from(self.size[axis])).map(move |tap| first + tap * i64::from(self.dilation[axis]));
        // What lies beyond the limit is told of when the set is made, and need not fit i32 until then.
        let limit = i64::from(COORDINATE_LIMIT);
        taps.map(move |p| p.clamp(-limit, limit) as i32)
    }

    fn is_tap(&self, axis: usize, q: i32, p: i32) -> bool {
        (p + self.padding[axis] - q * self.stride[axis] as i32) % self.dilation[axis] as i32 == 0
    }
}

/// The active outputs of `window` over `input`.
///
/// # Errors
///
/// When the window is not possible or the outputs are too many.
pub fn output_voxels(input: &VoxelSet, window: &Window, rule: OutputRule) -> Result<VoxelSet, GeometryError> {
    window.check()?;
    if window.stride == [2; 3] && is_floor(window, rule) {
        return VoxelSet::from_blocks(input.halved().occupied(), input.samples());
    }
    reached_voxels(input, &Reach::of_rule(input, window, rule))
}

/// Whether the outputs are ⌊p / stride⌋: by the rule, or because windows neither overlap nor leave gaps.
fn is_floor(window: &Window, rule: OutputRule) -> bool {
    let tiles = window.size == window.stride && window.dilation == [1; 3] && window.padding == [0; 3];
    rule == OutputRule::Floor || (tiles && rule == OutputRule::Spread { clip: None })
}

/// The voxels that a transposed convolution generates: every q · stride − padding + k · dilation for the active voxels
/// q of `input` and the taps k of `window`; with `clip`, the size of the output grid, only those inside it.
///
/// The map that goes with them is [`KernelMap::generative`](crate::KernelMap::generative).
///
/// # Errors
///
/// When the window is not possible or the voxels are too many or too far.
pub fn generated_voxels(input: &VoxelSet, window: &Window, clip: Option<[i32; 3]>) -> Result<VoxelSet, GeometryError> {
    window.check()?;
    let inside = std::array::from_fn(|axis| clip.map_or(i32::MIN..i32::MAX, |grid| 0..grid[axis]));
    reached_voxels(input, &Reach { window, kind: ReachKind::Generate, inside })
}

fn reached_voxels(input: &VoxelSet, reach: &Reach<'_>) -> Result<VoxelSet, GeometryError> {
    let parts: Vec<Vec<(Coord, u64)>> =
        input.blocks().par_chunks(CHUNK).map(|blocks| chunk_outputs(blocks, reach)).collect();
    VoxelSet::from_blocks(&parts.concat(), input.samples())
}

/// How outputs come from a voxel.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ReachKind {
    Spread,
    Floor,
    Generate,
}

/// Which outputs a voxel reaches along each axis.
struct Reach<'a> {
    window: &'a Window,
    kind: ReachKind,
    /// The outputs that are kept, per axis.
    inside: [Range<i32>; 3],
}

impl<'a> Reach<'a> {
    fn of_rule(input: &VoxelSet, window: &'a Window, rule: OutputRule) -> Self {
        // The last output whose window ends at `last`, the last cell with the padding counted.
        let fitting = |axis: usize, last: i32| {
            let last = i64::from(last) + 2 * i64::from(window.padding[axis]);
            let reach = i64::from(window.dilation[axis]) * (i64::from(window.size[axis]) - 1);
            let after = (last - reach).div_euclid(i64::from(window.stride[axis])) + 1;
            after.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
        };
        let (kind, inside) = match rule {
            OutputRule::Spread { clip: Some(grid) } => {
                let inside = |axis: usize| 0..fitting(axis, grid[axis].saturating_sub(1));
                (ReachKind::Spread, std::array::from_fn(inside))
            }
            OutputRule::Spread { clip: None } => (ReachKind::Spread, std::array::from_fn(|_| i32::MIN..i32::MAX)),
            OutputRule::Floor => (ReachKind::Floor, std::array::from_fn(|_| i32::MIN..i32::MAX)),
            OutputRule::FloorInside => {
                let largest = |axis: usize| input.coords().iter().map(|coord| coord[axis + 1]).max().unwrap_or(0);
                (ReachKind::Floor, std::array::from_fn(|axis| i32::MIN..fitting(axis, largest(axis))))
            }
        };
        Self { window, kind, inside }
    }

    /// The outputs along `axis` for the voxel at `p`, rising.
    fn along(&self, axis: usize, p: i32, out: &mut Vec<i32>) {
        out.clear();
        match self.kind {
            ReachKind::Floor => out.push(p.div_euclid(self.window.stride[axis] as i32)),
            ReachKind::Spread => {
                let range = self.window.candidates(axis, p);
                out.extend(range.filter(|&q| self.window.is_tap(axis, q, p)));
            }
            ReachKind::Generate => out.extend(self.window.generated(axis, p)),
        }
        out.retain(|q| self.inside[axis].contains(q));
    }
}

/// The outputs of the voxels of some blocks, as masks by output block.
fn chunk_outputs(blocks: &[Block], reach: &Reach<'_>) -> Vec<(Coord, u64)> {
    let mut parts = Vec::with_capacity(blocks.len() * 2);
    let mut lines: [[Vec<i32>; 4]; 3] = Default::default();
    let mut masks: Vec<([i32; 3], u64)> = Vec::new();
    for block in blocks {
        let [sample, corner @ ..] = voxel_of(block.place, 0);
        for (axis, lines) in lines.iter_mut().enumerate() {
            for (step, line) in lines.iter_mut().enumerate() {
                reach.along(axis, corner[axis] + step as i32, line);
            }
        }
        for bit in bits(block.mask) {
            let [xs, ys, zs] =
                [&lines[0][bit as usize >> 4], &lines[1][bit as usize >> 2 & 3], &lines[2][bit as usize & 3]];
            add_box(&mut masks, xs, ys, zs);
        }
        parts.extend(masks.drain(..).map(|([x, y, z], mask)| ([sample, x, y, z], mask)));
    }
    parts
}

/// Marks every output of the product of three lines; there are only a few output blocks to a block.
fn add_box(masks: &mut Vec<([i32; 3], u64)>, xs: &[i32], ys: &[i32], zs: &[i32]) {
    for &x in xs {
        for &y in ys {
            for &z in zs {
                let place = [x >> 2, y >> 2, z >> 2];
                let bit = 1 << bit_in_block(x, y, z);
                match masks.iter_mut().rev().find(|part| part.0 == place) {
                    Some(part) => part.1 |= bit,
                    None => masks.push((place, bit)),
                }
            }
        }
    }
}
