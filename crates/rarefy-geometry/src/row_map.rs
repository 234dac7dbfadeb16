//! The row map: for every output row, the input rows that it sums, with a weight each or all with weight 1.
//!
//! It is a sparse matrix, stored row by row, behind every operator that moves features between points, voxels and pooled
//! voxels: voxelise, devoxelise, sum and average pooling, unpooling. Invariant: entries of an output stand in a fixed
//! order, and the transposed map, which the gradient runs over, lists them in rising order of the other side, so sums
//! are the same bits for any number of threads.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::pool_map::PoolMap;
use crate::{GeometryError, KernelMap, NO_ROW, check_memory};

/// Which input rows each output row sums.
#[derive(Debug)]
pub struct RowMap {
    inputs: usize,
    /// Where the entries of each output start, and where the last end, [outputs + 1].
    starts: Vec<u32>,
    /// [entries].
    rows: Vec<u32>,
    /// [entries]; all 1 where there are none.
    weights: Option<Vec<f32>>,
    transposed: OnceLock<Arc<RowMap>>,
}

impl RowMap {
    /// A map from the entries of each output: those of output `q` are `starts[q]..starts[q + 1]` of `rows` and
    /// `weights`.
    ///
    /// # Errors
    ///
    /// When `starts` does not rise from 0 to the number of rows, a row is not below `inputs`, or there are not as many
    /// weights as rows.
    pub fn from_parts(
        inputs: usize,
        starts: Vec<u32>,
        rows: Vec<u32>,
        weights: Option<Vec<f32>>,
    ) -> Result<Self, GeometryError> {
        if let Some(weights) = weights.as_ref().filter(|weights| weights.len() != rows.len()) {
            let (expected, got) = (rows.len(), weights.len());
            return Err(GeometryError::LengthMismatch { what: "weights of a row map", expected, got });
        }
        let whole = starts.first() == Some(&0) && starts.last().is_some_and(|&last| last as usize == rows.len());
        if !whole || !starts.is_sorted() {
            let (expected, got) = (rows.len(), starts.last().map_or(0, |&last| last as usize));
            return Err(GeometryError::LengthMismatch {
                what: "rising starts of a row map, their last",
                expected,
                got,
            });
        }
        check_rows(&rows, inputs)?;
        Ok(Self::trusted(inputs, starts, rows, weights))
    }

    /// A map whose parts are known to fit each other.
    pub(crate) fn trusted(inputs: usize, starts: Vec<u32>, rows: Vec<u32>, weights: Option<Vec<f32>>) -> Self {
        Self { inputs, starts, rows, weights, transposed: OnceLock::new() }
    }

    /// The members of each of `outputs` groups in rising order, where `group_of` names the group of each input; inputs
    /// whose group is [`NO_ROW`] are left out.
    ///
    /// # Errors
    ///
    /// When a group is not below `outputs`, or there are more inputs than a row number can count or the memory can hold.
    pub fn from_groups(group_of: &[u32], outputs: usize) -> Result<Self, GeometryError> {
        check_entries(outputs, group_of.len(), false)?;
        if let Some(&row) = group_of.iter().find(|&&group| group != NO_ROW && group as usize >= outputs) {
            return Err(GeometryError::NoSuchRow { row, rows: outputs });
        }
        let (starts, mut places) = counted(group_of, outputs);
        let mut rows = vec![0; starts[outputs] as usize];
        for (input, &group) in group_of.iter().enumerate() {
            if group != NO_ROW {
                rows[next_place(&mut places, group)] = input as u32;
            }
        }
        Ok(Self::trusted(group_of.len(), starts, rows, None))
    }

    /// The windows of a pooling: every output sums the inputs that `map` names for it, in the order of the taps.
    ///
    /// # Errors
    ///
    /// When the map has 2³² pairs or more, or more than the memory can hold, or names a row that is not there.
    pub fn from_kernel_map(map: &KernelMap) -> Result<Self, GeometryError> {
        check_entries(map.outputs(), map.pair_count(), false)?;
        for tap in 0..map.taps() {
            check_rows(map.pairs(tap).from, map.inputs())?;
            check_rows(map.pairs(tap).to, map.outputs())?;
        }
        let (starts, rows) = PoolMap::new(map, false).into_parts();
        Ok(Self::trusted(map.inputs(), starts, rows, None))
    }

    /// The map with the first entry of every output alone.
    #[must_use]
    pub fn first_only(&self) -> Self {
        let first = |output: usize| self.entries(output).start;
        let filled: Vec<usize> = (0..self.outputs()).filter(|&output| !self.entries(output).is_empty()).collect();
        let mut starts = Vec::with_capacity(self.starts.len());
        starts.push(0);
        for output in 0..self.outputs() {
            starts.push(starts[output] + u32::from(!self.entries(output).is_empty()));
        }
        let rows = filled.iter().map(|&output| self.rows[first(output)]).collect();
        let weights =
            self.weights.as_ref().map(|weights| filled.iter().map(|&output| weights[first(output)]).collect());
        Self::trusted(self.inputs, starts, rows, weights)
    }

    /// Number of input rows.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Number of output rows.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.starts.len() - 1
    }

    /// Where the entries of each output start, and where the last end, [outputs + 1].
    #[must_use]
    pub fn starts(&self) -> &[u32] {
        &self.starts
    }

    /// The input row of every entry, \[entries\].
    #[must_use]
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// The weight of every entry, \[entries\]; `None` where all are 1.
    #[must_use]
    pub fn weights(&self) -> Option<&[f32]> {
        self.weights.as_deref()
    }

    /// The numbers of the entries of an output.
    ///
    /// # Panics
    ///
    /// When the output does not exist.
    #[must_use]
    pub fn entries(&self, output: usize) -> Range<usize> {
        self.starts[output] as usize..self.starts[output + 1] as usize
    }

    /// The same entries with inputs and outputs exchanged; built once and kept.
    #[must_use]
    pub fn transposed(&self) -> &Arc<RowMap> {
        self.transposed.get_or_init(|| Arc::new(self.transpose()))
    }

    /// Whether there is memory for the [`transposed`](Self::transposed) map, unless it was built already.
    ///
    /// # Errors
    ///
    /// When there is not.
    pub fn check_transposed(&self) -> Result<(), GeometryError> {
        match self.transposed.get() {
            Some(_) => Ok(()),
            None => check_entries(self.inputs, self.rows.len(), self.weights.is_some()),
        }
    }

    fn transpose(&self) -> Self {
        let (starts, mut places) = counted(&self.rows, self.inputs);
        let mut rows = vec![0; self.rows.len()];
        let mut weights = self.weights.as_ref().map(|weights| vec![0.0; weights.len()]);
        for output in 0..self.outputs() {
            for entry in self.entries(output) {
                let place = next_place(&mut places, self.rows[entry]);
                rows[place] = output as u32;
                if let (Some(to), Some(from)) = (&mut weights, &self.weights) {
                    to[place] = from[entry];
                }
            }
        }
        Self::trusted(self.outputs(), starts, rows, weights)
    }
}

/// Entry numbers are u32, and starts and entries have to fit the memory; with `weighted`, every entry has a weight.
pub(crate) fn check_entries(outputs: usize, entries: usize, weighted: bool) -> Result<(), GeometryError> {
    if u32::try_from(entries).is_err() {
        return Err(GeometryError::TooManyVoxels { count: entries });
    }
    let numbers = outputs.saturating_add(1).saturating_add(entries.saturating_mul(1 + usize::from(weighted)));
    check_memory("the entries of a row map", numbers.saturating_mul(size_of::<u32>()))
}

fn check_rows(named: &[u32], rows: usize) -> Result<(), GeometryError> {
    match named.iter().find(|&&row| row as usize >= rows) {
        Some(&row) => Err(GeometryError::NoSuchRow { row, rows }),
        None => Ok(()),
    }
}

/// Where each of `groups` starts (and the last ends), and a copy without the end to count places with.
fn counted(group_of: &[u32], groups: usize) -> (Vec<u32>, Vec<u32>) {
    let mut starts = vec![0_u32; groups + 1];
    group_of.iter().filter(|&&group| group != NO_ROW).for_each(|&group| starts[group as usize + 1] += 1);
    for group in 0..groups {
        starts[group + 1] += starts[group];
    }
    let places = starts[..groups].to_vec();
    (starts, places)
}

fn next_place(places: &mut [u32], group: u32) -> usize {
    let place = &mut places[group as usize];
    *place += 1;
    *place as usize - 1
}
