//! A compiled network on one geometry after another.

use std::sync::Arc;

use rarefy_geometry::{KernelMap, VoxelSet, check_memory};
use rayon::prelude::*;

use super::buffers::Sharing;
use super::error::CompiledError;
use super::network::{CompiledNetwork, Step, Value};
use crate::convolution::{ConvPlan, Epilogue, conv_inference};
use crate::shape::ShapeError;
use crate::storage::Storage;

/// Rows that one task of a concatenation copies.
const ROWS: usize = 1024;

/// A network with the geometry and the buffers of its passes.
///
/// Buffers grow to the largest cloud that was seen and are kept until the session is dropped.
pub struct Session<S: Storage> {
    network: Arc<CompiledNetwork<S>>,
    prepared: Option<Prepared>,
    buffers: Vec<Vec<S>>,
}

/// What belongs to one voxel set.
struct Prepared {
    levels: Vec<Arc<VoxelSet>>,
    /// Of every step that is a convolution.
    plans: Vec<Option<ConvPlan<Arc<KernelMap>>>>,
    /// Rows of every value.
    rows: Vec<usize>,
    sharing: Sharing,
}

/// What a pass gives; the features stay in the session's buffer until the next pass.
#[derive(Clone, Copy, Debug)]
pub struct CompiledOutput<'a, S> {
    /// Where the rows lie.
    pub voxels: &'a Arc<VoxelSet>,
    /// `[voxels, channels]`.
    pub features: &'a [S],
}

impl<S: Storage> Session<S> {
    /// A session without geometry.
    #[must_use]
    pub fn new(network: Arc<CompiledNetwork<S>>) -> Self {
        Self { network, prepared: None, buffers: Vec::new() }
    }

    /// Runs the network over `features` `[voxels, channels]`, rows in the order of `voxels`.
    ///
    /// Sets, maps and tiles are built where `voxels` is another set than in the pass before. A pass over the same set
    /// allocates nothing.
    ///
    /// # Errors
    /// When the features have another shape, a window leads to impossible voxels, or maps or buffers find no memory.
    pub fn run(&mut self, voxels: &Arc<VoxelSet>, features: &[S]) -> Result<CompiledOutput<'_, S>, CompiledError> {
        let shape = [voxels.len(), self.network.kinds[0].channels];
        ShapeError::check("features", shape, features.len())?;
        let same = |prepared: &Prepared| Arc::ptr_eq(&prepared.levels[0], voxels);
        // An old geometry goes before the new one comes.
        let prepared = match self.prepared.take().filter(same) {
            Some(prepared) => prepared,
            None => self.prepare(voxels)?,
        };
        let prepared = &*self.prepared.insert(prepared);
        for (number, step) in self.network.steps.iter().enumerate() {
            let buffer = prepared.sharing.buffer_of_step[number];
            let mut out = std::mem::take(&mut self.buffers[buffer]);
            let pass = Pass { network: &self.network, prepared, buffers: &self.buffers, features };
            let done = pass.step(number, step, &mut out[..pass.len(Value(number + 1))]);
            self.buffers[buffer] = out;
            done?;
        }
        let pass = Pass { network: &self.network, prepared, buffers: &self.buffers, features: &[] };
        let level = self.network.kinds[self.network.steps.len()].level;
        Ok(CompiledOutput { voxels: &prepared.levels[level], features: pass.slice(Value(self.network.steps.len())) })
    }

    /// Bytes of the buffers.
    #[must_use]
    pub fn buffer_bytes(&self) -> usize {
        self.buffers.iter().map(|buffer| buffer.len() * size_of::<S>()).sum()
    }

    fn prepare(&mut self, voxels: &Arc<VoxelSet>) -> Result<Prepared, CompiledError> {
        let network = &self.network;
        let geometry = network.rules.build(voxels)?;
        let plans = network.steps.iter().map(|step| match step {
            Step::Convolve { map, weights, .. } => {
                Some(ConvPlan::new::<S>(Arc::clone(&geometry.maps[*map]), weights.channels()))
            }
            Step::Concatenate { .. } => None,
        });
        let plans = plans.collect();
        let rows: Vec<usize> = network.kinds.iter().map(|kind| geometry.levels[kind.level].len()).collect();
        let lengths: Vec<usize> = rows.iter().zip(&network.kinds).map(|(rows, kind)| rows * kind.channels).collect();
        let sharing = Sharing::of(network, &lengths);
        let more =
            |(buffer, &length): (usize, &usize)| length.saturating_sub(self.buffers.get(buffer).map_or(0, Vec::len));
        let elements = sharing.lengths.iter().enumerate().map(more).fold(0, usize::saturating_add);
        check_memory("the buffers of a compiled network", elements.saturating_mul(size_of::<S>()))?;
        self.buffers.resize_with(sharing.lengths.len().max(self.buffers.len()), Vec::new);
        for (buffer, &length) in self.buffers.iter_mut().zip(&sharing.lengths) {
            if buffer.len() < length {
                buffer.resize(length, S::NOUGHT);
            }
        }
        Ok(Prepared { levels: geometry.levels, plans, rows, sharing })
    }
}

/// One pass: where the values of steps that are done lie.
struct Pass<'a, S: Storage> {
    network: &'a CompiledNetwork<S>,
    prepared: &'a Prepared,
    buffers: &'a [Vec<S>],
    features: &'a [S],
}

impl<'a, S: Storage> Pass<'a, S> {
    fn len(&self, value: Value) -> usize {
        self.prepared.rows[value.0] * self.network.kinds[value.0].channels
    }

    fn slice(&self, value: Value) -> &'a [S] {
        match value.0 {
            0 => self.features,
            number => &self.buffers[self.prepared.sharing.buffer_of_step[number - 1]][..self.len(value)],
        }
    }

    fn step(&self, number: usize, step: &Step<S>, out: &mut [S]) -> Result<(), CompiledError> {
        match step {
            Step::Convolve { x, residual, weights, shift, slope, .. } => {
                let residual = residual.map(|value| self.slice(value));
                let epilogue = Epilogue { scale: None, shift: shift.as_deref(), residual, slope: *slope };
                if let Some(plan) = &self.prepared.plans[number] {
                    conv_inference(plan, weights, self.slice(*x), &epilogue, out)?;
                }
            }
            Step::Concatenate { parts } => self.concatenate(parts, self.network.kinds[number + 1].channels, out),
        }
        Ok(())
    }

    fn concatenate(&self, parts: &[Value], channels: usize, out: &mut [S]) {
        let chunks = out.par_chunks_mut((ROWS * channels).max(1)).enumerate();
        chunks.for_each(|(chunk, out)| {
            let mut first = 0;
            for &part in parts {
                let width = self.network.kinds[part.0].channels;
                if width > 0 {
                    let from = self.slice(part)[chunk * ROWS * width..].chunks_exact(width);
                    for (out, from) in out.chunks_exact_mut(channels).zip(from) {
                        out[first..first + width].copy_from_slice(from);
                    }
                }
                first += width;
            }
        });
    }
}
