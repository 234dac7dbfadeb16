//! The product of a tile of output rows: for each tap, a few rows at a time stay in registers through all depths.
//!
//! The kernel reads input rows and adds into output rows through their row numbers: nothing is gathered or scattered.
//! Invariant: every row number is checked against its slice before a kernel follows it.
#![allow(clippy::inline_always, reason = "target features reach a function only where it is inlined")]
#![allow(clippy::needless_range_loop, reason = "rows and columns of a register tile index several arrays")]

use std::mem::MaybeUninit;
use std::ops::Range;

use rarefy_geometry::{KernelMap, Pairs};

use super::ahead::Ahead;
use super::all_within;
use super::columns::Columns;
use super::panels::Panel;
use super::tiles::Tiles;
use crate::storage::Operand;
use crate::vector::{Kernel, Vector, prefetch};

/// Bytes of a panel that are worked through at once: they stay in a 32 KiB first-level cache beside the rows.
pub(crate) const PANEL_BYTES: usize = 20 << 10;

/// A tile of output rows and all that is added into it.
pub(super) struct Tile<'a, S: Operand> {
    pub(super) map: &'a KernelMap,
    /// The taps to be added.
    pub(super) taps: Range<usize>,
    pub(super) tiles: &'a Tiles,
    /// Number of this tile.
    pub(super) number: usize,
    /// Input rows, [inputs, `x_columns.row`].
    pub(super) x: &'a [S],
    /// The channels that are summed over.
    pub(super) x_columns: Columns,
    /// Weights packed for `taps` and `panels`.
    pub(super) packed: &'a [S],
    pub(super) panels: &'a [Panel],
    /// The rows of the tile, [rows, `out_columns.row`].
    pub(super) out: &'a mut [S::Work],
    /// The channels that are added into; panels count from their first.
    pub(super) out_columns: Columns,
}

impl<S: Operand> Kernel<S::Work> for Tile<'_, S> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<S::Work>>(mut self) {
        let depth = self.x_columns.count;
        assert_eq!(
            self.out.len(),
            self.tiles.rows_of(self.number).len() * self.out_columns.row,
            "`out` holds the tile"
        );
        let width: usize = self.panels.iter().map(|panel| panel.width).sum();
        for tap in self.taps.clone() {
            let pairs = self.pairs(tap);
            let (inputs, outputs) = self.tiles.ahead(self.map, self.number, tap);
            let back = self.tiles.rows_of(self.number).start;
            let sums = self.out_columns.share(outputs.start - back..outputs.end - back);
            let inputs = (self.x.as_ptr(), self.x_columns.share(inputs));
            let mut ahead = Ahead::new(inputs, (self.out.as_ptr(), sums), pairs.to.len(), self.panels.len());
            if pairs.to.is_empty() {
                ahead.step();
                continue;
            }
            let mut weights = &self.packed[(tap - self.taps.start) * depth * width..][..depth * width];
            for panel in self.panels {
                let (head, tail) = weights.split_at(depth * panel.width);
                // SAFETY: `pairs` checked the rows, `head` is the whole panel, and the caller vouches for `V`.
                unsafe { self.add_panel::<V>(panel, head, pairs, &mut ahead) };
                weights = tail;
            }
        }
    }
}

impl<'a, S: Operand> Tile<'a, S> {
    /// The pairs of a tap whose outputs lie in the tile, their row numbers checked.
    #[inline(always)]
    fn pairs(&self, tap: usize) -> Pairs<'a> {
        let rows = self.tiles.rows_of(self.number);
        let pairs = self.map.pairs(tap);
        let range = self.tiles.pairs_of(self.number, tap);
        let (from, to) = (&pairs.from[range.clone()], &pairs.to[range]);
        assert!(all_within(from, &(0..self.map.inputs())), "tap {tap} reads a row that does not exist");
        assert!(all_within(to, &rows), "the output rows of tap {tap} are not sorted");
        Pairs { from, to }
    }

    /// Adds one panel of output channels, in blocks of depth whose weights stay in the first-level cache.
    ///
    /// # Safety
    /// Every row of `pairs` exists in `x` and in the tile; `weights` is [depth, panel width]; `V` can run here.
    #[inline(always)]
    unsafe fn add_panel<V: Vector<S::Work>>(
        &mut self,
        panel: &Panel,
        weights: &[S],
        pairs: Pairs<'_>,
        ahead: &mut Ahead<S, S::Work>,
    ) {
        let blocks = weights.len().div_ceil((PANEL_BYTES / size_of::<S::Work>()).max(panel.width));
        let block_depth = self.x_columns.count.div_ceil(blocks).min(S::MOST_DEPTH);
        let mut wide = MaybeUninit::<S::Panel>::uninit();
        for depth in (0..self.x_columns.count).step_by(block_depth) {
            // SAFETY: the offsets lie inside the first row of `x`, inside `weights` and inside the first row of `out`.
            let block = unsafe {
                let depths = block_depth.min(self.x_columns.count - depth);
                let weights = &weights[depth * panel.width..(depth + depths) * panel.width];
                Block {
                    x: self.x.as_ptr().add(self.x_columns.first + depth),
                    x_stride: self.x_columns.row,
                    weights: S::wide_panel::<V>(weights, &mut wide),
                    depth: depths,
                    out: self.out.as_mut_ptr().add(self.out_columns.first + panel.first),
                    out_stride: self.out_columns.row,
                    first_row: self.tiles.rows_of(self.number).start,
                    last_lanes: panel.channels - (panel.vectors - 1) * V::LANES,
                }
            };
            // SAFETY: passed on from the caller.
            unsafe { block.add::<V>(panel.vectors, pairs, ahead) };
        }
    }
}

/// A block of depths of one panel.
#[derive(Clone, Copy)]
struct Block<S: Operand> {
    x: *const S,
    x_stride: usize,
    weights: *const S::Work,
    depth: usize,
    out: *mut S::Work,
    out_stride: usize,
    first_row: usize,
    /// Channels in the last vector of the panel.
    last_lanes: usize,
}

impl<S: Operand> Block<S> {
    /// Adds the products of all pairs, with as many rows at a time as the registers hold.
    ///
    /// # Safety
    /// As [`Tile::add_panel`].
    #[inline(always)]
    unsafe fn add<V: Vector<S::Work>>(self, vectors: usize, pairs: Pairs<'_>, ahead: &mut Ahead<S, S::Work>) {
        // SAFETY: passed on from the caller.
        unsafe {
            match (V::REGISTERS >= 32, vectors) {
                (_, 1) => self.add_rows::<V, 8, 1>(pairs, ahead),
                (true, 2) => self.add_rows::<V, 8, 2>(pairs, ahead),
                (true, 3) => self.add_rows::<V, 8, 3>(pairs, ahead),
                (true, _) => self.add_rows::<V, 6, 4>(pairs, ahead),
                (false, _) => self.add_rows::<V, 6, 2>(pairs, ahead),
            }
        }
    }

    /// # Safety
    /// As [`Tile::add_panel`], with panels of `N` vectors.
    #[inline(always)]
    unsafe fn add_rows<V: Vector<S::Work>, const M: usize, const N: usize>(
        self,
        pairs: Pairs<'_>,
        ahead: &mut Ahead<S, S::Work>,
    ) {
        let (from, to) = (pairs.from, pairs.to);
        let whole = to.len() - to.len() % M;
        let mut wide = MaybeUninit::uninit();
        let wide = &mut wide;
        // SAFETY: the slices handed on have the lengths that the kernels ask for; the rest comes from the caller.
        unsafe {
            for start in (0..whole).step_by(M) {
                ahead.step();
                self.prefetch(&from[(start + M).min(from.len())..(start + 2 * M).min(from.len())]);
                self.add_tile::<V, M, N>(&from[start..start + M], &to[start..start + M], wide);
            }
            ahead.step();
            let (mut from, mut to) = (&from[whole..], &to[whole..]);
            if M > 4 && to.len() >= 4 {
                self.add_tile::<V, 4, N>(&from[..4], &to[..4], wide);
                (from, to) = (&from[4..], &to[4..]);
            }
            if M > 2 && to.len() >= 2 {
                self.add_tile::<V, 2, N>(&from[..2], &to[..2], wide);
                (from, to) = (&from[2..], &to[2..]);
            }
            if !to.is_empty() {
                self.add_tile::<V, 1, N>(from, to, wide);
            }
        }
    }

    /// Brings the rows of the next tile near while this one is multiplied.
    #[inline(always)]
    fn prefetch(self, from: &[u32]) {
        let line = 64 / size_of::<S>();
        for &row in from {
            for element in (0..self.depth).step_by(line) {
                prefetch(self.x.wrapping_add(row as usize * self.x_stride + element));
            }
        }
    }

    /// The kernel: `M` rows times `N` vectors of channels stay in registers through all depths of the block.
    ///
    /// # Safety
    /// As [`Tile::add_panel`]; `from` and `to` hold `M` rows.
    #[inline(always)]
    unsafe fn add_tile<V: Vector<S::Work>, const M: usize, const N: usize>(
        self,
        from: &[u32],
        to: &[u32],
        wide: &mut MaybeUninit<S::Rows>,
    ) {
        // SAFETY: rows of `from` lie in `x` and rows of `to` in the tile, with whole strides behind both pointers;
        // the panel holds `depth · N` vectors; the last vector of an output row is cut to its channels.
        unsafe {
            let mut x = [self.x; M];
            for row in 0..M {
                x[row] = self.x.add(*from.get_unchecked(row) as usize * self.x_stride);
            }
            let x = S::wide_rows::<V, M>(x, self.depth, wide);
            let mut sums = [[V::zero(); N]; M];
            let mut weights = self.weights;
            for depth in 0..self.depth {
                let mut w = [V::zero(); N];
                for column in 0..N {
                    w[column] = V::load(weights.add(column * V::LANES));
                }
                for row in 0..M {
                    let value = V::splat(x[row].add(depth).read_unaligned());
                    for column in 0..N {
                        sums[row][column] = sums[row][column].add_product(value, w[column]);
                    }
                }
                weights = weights.add(N * V::LANES);
            }
            for row in 0..M {
                let out = self.out.add((*to.get_unchecked(row) as usize - self.first_row) * self.out_stride);
                for column in 0..N {
                    let out = out.add(column * V::LANES);
                    if column + 1 < N || self.last_lanes == V::LANES {
                        sums[row][column].plus(V::load(out)).store(out);
                    } else {
                        sums[row][column].plus(V::load_first(out, self.last_lanes)).store_first(out, self.last_lanes);
                    }
                }
            }
        }
    }
}
