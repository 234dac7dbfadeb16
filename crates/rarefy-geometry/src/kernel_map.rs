//! The kernel map: for every tap of a kernel, the pairs (input row, output row) that it connects.
//!
//! Invariant: inside a tap the pairs are sorted by output row and each output row stands at most once,
//! so that work can be split by output row without two threads ever adding into the same row.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use crate::{GeometryError, NO_ROW, check_memory};

/// The pairs of one tap, sorted by `to`; both slices have the same length.
#[derive(Clone, Copy, Debug)]
pub struct Pairs<'a> {
    /// Rows that are read.
    pub from: &'a [u32],
    /// Rows that are added into, strictly increasing.
    pub to: &'a [u32],
}

/// Which input row meets which output row under which tap of the kernel.
///
/// Taps are numbered with the last axis fastest: `tap = (kx · Ky + ky) · Kz + kz`.
#[derive(Debug)]
pub struct KernelMap {
    inputs: usize,
    outputs: usize,
    /// For each tap, its range in `from` and `to`.
    taps: Vec<Range<usize>>,
    from: Arc<Vec<u32>>,
    to: Arc<Vec<u32>>,
    /// Whether tap `k` turned round is tap `K − 1 − k` as it stands (odd submanifold kernels).
    mirrored: bool,
    transposed: OnceLock<Arc<KernelMap>>,
}

impl KernelMap {
    /// A map from the pairs of each tap; `taps[k]` is the range of tap `k` in `from` and `to`.
    ///
    /// `mirrored` promises that the pairs of tap `K − 1 − k` are those of tap `k` turned round,
    /// which holds for submanifold kernels of odd size and saves the transposition.
    #[must_use]
    pub fn from_parts(
        inputs: usize,
        outputs: usize,
        taps: Vec<Range<usize>>,
        from: Vec<u32>,
        to: Vec<u32>,
        mirrored: bool,
    ) -> Self {
        debug_assert_eq!(from.len(), to.len());
        Self { inputs, outputs, taps, from: Arc::new(from), to: Arc::new(to), mirrored, transposed: OnceLock::new() }
    }

    /// The map of a 1×1×1 kernel: every row to itself.
    #[must_use]
    pub fn identity(rows: usize) -> Self {
        let all: Vec<u32> = (0..rows).map(|row| u32::try_from(row).expect("rows fit u32")).collect();
        Self::from_parts(rows, rows, std::iter::once(0..rows).collect(), all.clone(), all, true)
    }

    /// Number of taps (the kernel volume).
    #[must_use]
    pub fn taps(&self) -> usize {
        self.taps.len()
    }

    /// Number of input rows.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Number of output rows.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Number of pairs over all taps; multiply-adds of a convolution are this × `C_in` × `C_out`.
    #[must_use]
    pub fn pair_count(&self) -> usize {
        self.taps.iter().map(Range::len).sum()
    }

    /// The pairs of tap `tap`.
    #[must_use]
    pub fn pairs(&self, tap: usize) -> Pairs<'_> {
        let range = self.taps[tap].clone();
        Pairs { from: &self.from[range.clone()], to: &self.to[range] }
    }

    /// Whether the transposed map shares its pairs with this one.
    #[must_use]
    pub fn is_mirrored(&self) -> bool {
        self.mirrored
    }

    /// Bytes of the pairs; the transposed map takes as many again where its pairs are not these.
    #[must_use]
    pub fn bytes(&self) -> usize {
        (self.from.len() + self.to.len()) * size_of::<u32>() + self.taps.len() * size_of::<Range<usize>>()
    }

    /// The same pairs with inputs and outputs exchanged, tap numbers unchanged; built once and kept.
    #[must_use]
    pub fn transposed(&self) -> &Arc<KernelMap> {
        self.transposed.get_or_init(|| Arc::new(if self.mirrored { self.mirror() } else { self.invert() }))
    }

    /// Whether there is memory for the pairs of the [`transposed`](Self::transposed) map, unless it shares these or was
    /// built already.
    ///
    /// # Errors
    ///
    /// When there is not.
    pub fn check_transposed(&self) -> Result<(), GeometryError> {
        if self.mirrored || self.transposed.get().is_some() {
            return Ok(());
        }
        // Each thread that turns pairs has an array of partners.
        let partners = rayon::current_num_threads().saturating_mul(self.inputs).saturating_mul(size_of::<u32>());
        check_memory("the pairs of a transposed kernel map", self.bytes().saturating_add(partners))
    }

    /// [`transposed`](Self::transposed) as a map of its own, which keeps this one as its transposed map.
    #[must_use]
    pub fn into_transposed(self) -> Self {
        let turned = if self.mirrored { self.mirror() } else { self.invert() };
        Self { transposed: OnceLock::from(Arc::new(self)), ..turned }
    }

    fn mirror(&self) -> Self {
        Self {
            inputs: self.outputs,
            outputs: self.inputs,
            taps: self.taps.iter().rev().cloned().collect(),
            from: Arc::clone(&self.from),
            to: Arc::clone(&self.to),
            mirrored: true,
            transposed: OnceLock::new(),
        }
    }

    /// Per tap, a row meets at most one partner, so the turned pairs are as many and are found by one scan over the inputs.
    /// Taps are shared out among the threads, each of which has one array of partners.
    fn invert(&self) -> Self {
        let (mut from, mut to) = (vec![0; self.from.len()], vec![0; self.to.len()]);
        let (mut rest, mut start) = ((&mut from[..], &mut to[..]), 0);
        let mut ranges = Vec::with_capacity(self.taps());
        let mut slots = Vec::with_capacity(self.taps());
        for tap in 0..self.taps() {
            let count = self.taps[tap].len();
            let (froms, from_behind) = rest.0.split_at_mut(count);
            let (tos, to_behind) = rest.1.split_at_mut(count);
            rest = (from_behind, to_behind);
            slots.push((self.pairs(tap), froms, tos));
            ranges.push(start..start + count);
            start += count;
        }
        let share = slots.len().div_ceil(rayon::current_num_threads()).max(1);
        slots.par_chunks_mut(share).for_each(|slots| {
            let mut partner = vec![NO_ROW; self.inputs];
            for (pairs, from, to) in slots {
                turn(*pairs, &mut partner, from, to);
            }
        });
        Self::from_parts(self.outputs, self.inputs, ranges, from, to, false)
    }
}

/// Writes the pairs of one tap turned round; `partner` holds [`NO_ROW`] for each input, before and after.
fn turn(pairs: Pairs<'_>, partner: &mut [u32], from: &mut [u32], to: &mut [u32]) {
    for (&input, &output) in pairs.from.iter().zip(pairs.to) {
        partner[input as usize] = output;
    }
    let mut slots = from.iter_mut().zip(to);
    for (input, output) in partner.iter_mut().enumerate().filter(|(_, output)| **output != NO_ROW) {
        if let Some((from, to)) = slots.next() {
            (*from, *to) = (std::mem::replace(output, NO_ROW), input as u32);
        }
    }
}
