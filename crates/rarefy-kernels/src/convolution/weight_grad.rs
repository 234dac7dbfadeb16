//! The gradient of the weights: a sum of outer products over the pairs of each tap.
//!
//! The output rows are cut into chunks, each with its own partial sums, and the input channels into blocks; a task is one
//! chunk of one block. Invariant: the cut depends on the sizes alone, a task goes through its rows in order, and the
//! partial sums are added in the order of the chunks, so the result is the same bits for any number of threads.
#![allow(clippy::inline_always, reason = "target features reach a function only where it is inlined")]
#![allow(clippy::needless_range_loop, reason = "rows and columns of a register tile index several arrays")]

use std::ops::Range;

use rarefy_geometry::{KernelMap, Pairs};
use rayon::prelude::*;

use super::all_within;
use super::columns::Columns;
use super::panels::{Cut, Panel};
use super::slab::{self, RowsInPlace, RowsInterleaved, SLAB, Slab};
use super::tiles::Tiles;
use crate::element::Element;
use crate::isa::InstructionSet;
use crate::vector::{Kernel, Vector, prefetch_elements, with_dots};

/// Bound on the partial sums of all chunks together.
const PARTIAL_BYTES: usize = 8 << 20;

/// Most chunks of output rows.
const MOST_CHUNKS: usize = 8;

/// Pairs below which another chunk costs more than it saves.
const LEAST_PAIRS: usize = 2048;

/// Tasks that a large layer is cut into.
const WANTED_TASKS: usize = 8;

/// Pairs of matrices of channels whose outer products are wanted: one, or one of every group of a convolution.
#[derive(Clone, Copy)]
pub(super) struct Groups {
    /// Number of groups.
    pub(super) count: usize,
    /// The columns of the first group, in the inputs and in the outputs; those of the others stand behind one another.
    pub(super) first: (Columns, Columns),
}

impl Groups {
    /// All channels in one group.
    pub(super) fn one((inputs, outputs): (usize, usize)) -> Self {
        Self { count: 1, first: (Columns::all(inputs), Columns::all(outputs)) }
    }

    /// Weights of one tap in one group.
    fn matrix(self) -> usize {
        self.first.0.count * self.first.1.count
    }

    /// `count` groups from group `start` on.
    fn part(self, start: usize, count: usize) -> Self {
        let behind = |columns: Columns| Columns { first: columns.first + start * columns.count, ..columns };
        Self { count, first: (behind(self.first.0), behind(self.first.1)) }
    }
}

/// How the work is cut.
struct Plan {
    chunks: usize,
    /// Tiles of a chunk.
    chunk_tiles: usize,
    /// Input channels of a block.
    block: usize,
    /// Blocks whose partial sums exist at the same time.
    blocks_at_once: usize,
}

impl Plan {
    /// For one group of (`C_in`, `C_out`) channels.
    fn new<T>(map: &KernelMap, tiles: &Tiles, (c_in, c_out): (usize, usize)) -> Self {
        let bytes = map.taps() * c_in * c_out * size_of::<T>();
        let chunks = (PARTIAL_BYTES / bytes).min(MOST_CHUNKS).min(map.pair_count() / LEAST_PAIRS).max(1);
        let chunk_tiles = tiles.count().div_ceil(chunks);
        let chunks = tiles.count().div_ceil(chunk_tiles);
        let mut block = 64;
        while block > 1 && map.taps() * block * c_out * size_of::<T>() > PARTIAL_BYTES {
            block /= 2;
        }
        while block > 16 && chunks * c_in.div_ceil(block) < WANTED_TASKS && c_in > 64 {
            block /= 2;
        }
        let block_bytes = chunks * map.taps() * block * c_out * size_of::<T>();
        let blocks_at_once = (PARTIAL_BYTES / block_bytes).clamp(1, c_in.div_ceil(block));
        Self { chunks, chunk_tiles, block, blocks_at_once }
    }
}

/// Bytes that [`add`] takes for partial sums and, with `threads` threads, for copies of rows.
pub(super) fn workspace<T: Element>(
    map: &KernelMap,
    tiles: &Tiles,
    (c_in, c_out): (usize, usize),
    threads: usize,
) -> usize {
    if c_in == 0 || c_out == 0 || map.pair_count() == 0 {
        return 0;
    }
    let plan = Plan::new::<T>(map, tiles, (c_in, c_out));
    let partial = plan.chunks * plan.blocks_at_once * map.taps() * plan.block * c_out;
    (partial + threads * slab::elements(c_out)) * size_of::<T>()
}

/// Adds the gradient into `grad_weights` [taps, groups, `C_in`, `C_out`]; lengths are checked by the caller and nothing is
/// empty.
///
/// As many groups as the bound on partial sums lets run over a tile before the next, so that its rows come from memory once.
pub(super) fn add<T: Element>(map: &KernelMap, groups: Groups, x: &[T], grad_out: &[T], grad_weights: &mut [T]) {
    let set = InstructionSet::current();
    let run = |task: Task<'_, T>| T::dispatch(set, Chunk { slab: RowsInPlace::new(&task), task });
    add_by(&run, map, groups, (x, grad_out), grad_weights);
}

/// As [`add`] with the factors rounded to `bf16` and two pairs of rows at a time.
///
/// # Panics
/// Where the machine lacks AVX512-BF16 or another instruction set than AVX-512 is asked for.
pub(super) fn add_in_pairs(
    map: &KernelMap,
    channels: (usize, usize),
    x: &[f32],
    grad_out: &[f32],
    grad_weights: &mut [f32],
) {
    assert_eq!(InstructionSet::current(), InstructionSet::Avx512, "panels are cut for AVX-512");
    let run = |task: Task<'_, f32>| with_dots(Chunk { slab: RowsInterleaved::new(&task), task });
    add_by(&run, map, Groups::one(channels), (x, grad_out), grad_weights);
}

/// Cuts the work into tasks, which `run` does.
fn add_by<T: Element>(
    run: &(impl Fn(Task<'_, T>) + Sync),
    map: &KernelMap,
    groups: Groups,
    (x, grad_out): (&[T], &[T]),
    grad_weights: &mut [T],
) {
    let (inputs, outputs) = groups.first;
    let tiles = Tiles::new::<T>(map, (inputs.row, outputs.row));
    let plan = Plan::new::<T>(map, &tiles, (inputs.count, outputs.count));
    let bytes = plan.chunks * plan.blocks_at_once * map.taps() * plan.block * outputs.count * size_of::<T>();
    let at_once = (PARTIAL_BYTES / bytes).clamp(1, groups.count);
    for start in (0..groups.count).step_by(at_once) {
        let part = groups.part(start, at_once.min(groups.count - start));
        add_part(run, map, (&tiles, &plan), part, (x, grad_out), (groups.count, start), grad_weights);
    }
}

/// As [`add_by`] for some groups: those from group `start` of `all` on.
fn add_part<T: Element>(
    run: &(impl Fn(Task<'_, T>) + Sync),
    map: &KernelMap,
    (tiles, plan): (&Tiles, &Plan),
    groups: Groups,
    (x, grad_out): (&[T], &[T]),
    (all, start): (usize, usize),
    grad_weights: &mut [T],
) {
    let (c_in, c_out) = (groups.first.0.count, groups.first.1.count);
    let panels = Cut::of::<T>(InstructionSet::current()).panels(c_out);
    let blocks: Vec<Range<usize>> =
        (0..c_in).step_by(plan.block).map(|start| start..(start + plan.block).min(c_in)).collect();
    for round in blocks.chunks(plan.blocks_at_once) {
        let of_group = map.taps() * plan.block * c_out;
        let stride = groups.count * of_group;
        let mut partial = vec![T::ZERO; plan.chunks * round.len() * stride];
        partial.par_chunks_mut(stride).enumerate().for_each(|(task, sums)| {
            let chunk = task % plan.chunks;
            let range = chunk * plan.chunk_tiles..((chunk + 1) * plan.chunk_tiles).min(tiles.count());
            let block = round[task / plan.chunks].clone();
            run(Task { map, groups, x, grad_out, tiles, range, block, panels: &panels, sums });
        });
        for (block, partial) in round.iter().zip(partial.chunks(plan.chunks * stride)) {
            grad_weights.par_chunks_mut(all * groups.matrix()).enumerate().for_each(|(tap, grad)| {
                let size = block.len() * c_out;
                for group in 0..groups.count {
                    let first = (start + group) * groups.matrix();
                    let grad = &mut grad[first + block.start * c_out..first + block.end * c_out];
                    let own = group * of_group + tap * size..group * of_group + (tap + 1) * size;
                    add_partial(partial.chunks(stride).map(|chunk| &chunk[own.clone()]), grad);
                }
            });
        }
    }
}

/// Adds the partial sums of one tap and block of input channels, in the order of the chunks.
fn add_partial<'a, T: Element>(chunks: impl Iterator<Item = &'a [T]>, grad: &mut [T]) {
    for chunk in chunks {
        for (total, &value) in grad.iter_mut().zip(chunk) {
            *total += value;
        }
    }
}

/// One chunk of output rows and one block of input channels.
pub(super) struct Task<'a, T> {
    map: &'a KernelMap,
    pub(super) groups: Groups,
    x: &'a [T],
    grad_out: &'a [T],
    tiles: &'a Tiles,
    /// The tiles of the chunk.
    range: Range<usize>,
    /// Input channels of every group.
    pub(super) block: Range<usize>,
    panels: &'a [Panel],
    /// [groups, taps, block, `C_out`].
    sums: &'a mut [T],
}

/// A task with the room in which the rows of a few pairs are made ready.
struct Chunk<'a, T, S> {
    task: Task<'a, T>,
    slab: S,
}

impl<T: Element, S: Slab<T>> Kernel<T> for Chunk<'_, T, S> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<T>>(self) {
        let Self { mut task, mut slab } = self;
        let columns = task.groups.first;
        for tile in task.range.clone() {
            for tap in 0..task.map.taps() {
                let (inputs, outputs) = task.tiles.ahead(task.map, tile, tap);
                prefetch_elements(task.x.as_ptr(), task.shared(columns.0, inputs));
                prefetch_elements(task.grad_out.as_ptr(), task.shared(columns.1, outputs));
                let pairs = task.map.pairs(tap);
                let range = task.tiles.pairs_of(tile, tap);
                for start in range.clone().step_by(SLAB) {
                    let part = start..(start + SLAB).min(range.end);
                    let part = Pairs { from: &pairs.from[part.clone()], to: &pairs.to[part] };
                    task.check(part);
                    slab.fill(&task, part);
                    for group in 0..task.groups.count {
                        // SAFETY: the slab points at whole rows of all groups; the caller vouches for `V`.
                        unsafe { task.add_slab::<V>(group, tap, slab.rows()) };
                    }
                }
            }
        }
    }
}

impl<T: Element> Task<'_, T> {
    /// The elements that these groups fetch of some rows, given the columns of the first.
    fn shared(&self, columns: Columns, rows: Range<usize>) -> Range<usize> {
        Columns { count: self.groups.count * columns.count, ..columns }.share(rows)
    }

    /// Output channels of all groups.
    pub(super) fn output_channels(&self) -> usize {
        self.groups.count * self.groups.first.1.count
    }

    /// Checks the numbers of rows, on which the kernels rest.
    #[inline(always)]
    fn check(&self, pairs: Pairs<'_>) {
        assert!(all_within(pairs.from, &(0..self.map.inputs())), "the map reads a row that does not exist");
        assert!(all_within(pairs.to, &(0..self.map.outputs())), "the map writes a row that does not exist");
    }

    /// The input row `from` from the first channel of the block on.
    #[inline(always)]
    pub(super) fn x_row(&self, from: u32) -> &[T] {
        let inputs = self.groups.first.0;
        &self.x[from as usize * inputs.row + inputs.first + self.block.start..]
    }

    /// The row `to` of output gradients from the first channel of the first group on.
    #[inline(always)]
    pub(super) fn grad_row(&self, to: u32) -> &[T] {
        let outputs = self.groups.first.1;
        &self.grad_out[to as usize * outputs.row + outputs.first..]
    }

    /// # Safety
    /// The pointers come from a [`Slab`] filled with this task; `V` can run here.
    #[inline(always)]
    unsafe fn add_slab<V: Vector<T>>(&mut self, group: usize, tap: usize, (x, grad): (&[*const T], &[*const T])) {
        let (c_in, c_out) = (self.groups.first.0.count, self.groups.first.1.count);
        let size = self.block.len() * c_out;
        let of_group = self.sums.len() / self.groups.count;
        let sums = &mut self.sums[group * of_group..(group + 1) * of_group][tap * size..(tap + 1) * size];
        for panel in self.panels {
            let block = Outer {
                x,
                grad,
                first: group * c_in,
                panel: group * c_out + panel.first,
                sums: sums[panel.first..].as_mut_ptr(),
                stride: c_out,
                last_lanes: panel.channels - (panel.vectors - 1) * V::LANES,
            };
            let depth = self.block.len();
            // SAFETY: passed on from the caller; `sums` is [depth, `C_out`].
            unsafe {
                match (V::REGISTERS >= 32, panel.vectors) {
                    (true, 1) => block.add::<V, 16, 1>(depth),
                    (true, 2) => block.add::<V, 12, 2>(depth),
                    (true, 3) => block.add::<V, 8, 3>(depth),
                    (true, _) => block.add::<V, 6, 4>(depth),
                    (false, 1) => block.add::<V, 8, 1>(depth),
                    (false, _) => block.add::<V, 6, 2>(depth),
                }
            }
        }
    }
}

/// The outer products of a slab for one panel of output channels.
struct Outer<'a, T> {
    x: &'a [*const T],
    grad: &'a [*const T],
    /// Where the input channels stand behind the pointers in `x`.
    first: usize,
    /// Where the channels of the panel stand behind the pointers in `grad`.
    panel: usize,
    /// At the first channel of the panel, [block, stride].
    sums: *mut T,
    stride: usize,
    last_lanes: usize,
}

impl<T: Element> Outer<'_, T> {
    /// Adds for `depth` input channels, `M` at a time and the rest by halves.
    ///
    /// # Safety
    /// `x` points at `depth` elements each, `grad` at whole vectors up to the end of the panel, `sums` at
    /// [`depth`, `stride`]; the panel has `N` vectors; `V` can run here.
    #[inline(always)]
    unsafe fn add<V: Vector<T>, const M: usize, const N: usize>(&self, depth: usize) {
        let mut first = 0;
        // SAFETY: `first + M ≤ depth` wherever a kernel for `M` channels is called.
        unsafe {
            while first + M <= depth {
                self.add_channels::<V, M, N>(first);
                first += M;
            }
            if M > 8 && first + 8 <= depth {
                self.add_channels::<V, 8, N>(first);
                first += 8;
            }
            if M > 4 && first + 4 <= depth {
                self.add_channels::<V, 4, N>(first);
                first += 4;
            }
            if M > 2 && first + 2 <= depth {
                self.add_channels::<V, 2, N>(first);
                first += 2;
            }
            while first < depth {
                self.add_channels::<V, 1, N>(first);
                first += 1;
            }
        }
    }

    /// The kernel: `M` input channels times `N` vectors of output channels stay in registers through all pairs.
    ///
    /// # Safety
    /// As [`Outer::add`], and channels `first..first + M` exist.
    #[inline(always)]
    unsafe fn add_channels<V: Vector<T>, const M: usize, const N: usize>(&self, first: usize) {
        // SAFETY: passed on from the caller; the last vector of a row of sums is cut to its channels.
        unsafe {
            let mut sums = [[V::zero(); N]; M];
            for (&x, &grad) in self.x.iter().zip(self.grad) {
                let (x, grad) = (x.add(self.first + first), grad.add(self.panel));
                let mut g = [V::zero(); N];
                for column in 0..N {
                    g[column] = V::load(grad.add(column * V::LANES));
                }
                for row in 0..M {
                    let value = V::splat(*x.add(row));
                    for column in 0..N {
                        sums[row][column] = sums[row][column].add_product(value, g[column]);
                    }
                }
            }
            for row in 0..M {
                for column in 0..N {
                    let to = self.sums.add((first + row) * self.stride + column * V::LANES);
                    if column + 1 < N || self.last_lanes == V::LANES {
                        sums[row][column].plus(V::load(to)).store(to);
                    } else {
                        sums[row][column].plus(V::load_first(to, self.last_lanes)).store_first(to, self.last_lanes);
                    }
                }
            }
        }
    }
}
