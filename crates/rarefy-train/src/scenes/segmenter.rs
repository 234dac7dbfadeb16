//! A network that labels scans one by one: whole, or in overlapping blocks where a scan is large.
//!
//! Blocks are cut along x and y and reach a tenth of their side into each other; a point of several blocks has the mean of
//! their probabilities. Invariant: a scan that is not cut has the probabilities that [`segment`](super::segment) gives it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use burn::module::Module;
use burn::tensor::Device;
use rarefy_data::scene::{Block, Blocks, Scene, SceneBatch, ScenePipeline};
use rarefy_models::{LayerRecord, SegmentationNetwork};

use super::inference::{BranchNorm, Means, Passes, Sums, Work, of_voxels};
use crate::TrainError;
use crate::rows::highest;

/// Share of a block's side that it reaches beyond its core.
const OVERLAP: f32 = 0.1;
/// Blocks are not cut smaller than this many voxels along a side.
const SMALLEST_SIDE: f32 = 64.0;

/// A network with all that it takes to label scans.
#[derive(Clone, Debug)]
pub struct Segmenter {
    /// The network, in its inference form.
    pub network: SegmentationNetwork,
    /// The steps from scan to voxels.
    pub pipeline: ScenePipeline,
    /// How the network is run over what it sees at once.
    pub passes: Passes,
    /// Side of the blocks that every scan is cut into, in units of the file; none: only scans of more than `most_voxels`.
    pub side: Option<f32>,
    /// Voxels that the network sees at once, if the side is not given.
    pub most_voxels: usize,
}

/// What a network says of one scan.
#[derive(Clone, Debug, PartialEq)]
pub struct SegmentedScan {
    /// Probabilities, `[points, classes]`.
    pub probabilities: Vec<f32>,
    /// Number of classes.
    pub classes: usize,
    /// Norms of the features that were classified, a branch each; none unless they were asked for.
    pub norms: Vec<BranchNorm>,
    /// Blocks that the scan was cut into; 1 for a whole one.
    pub blocks: usize,
    /// What it took; the time is that from points in memory to probabilities.
    pub work: Work,
}

impl SegmentedScan {
    /// The class of the highest probability of each point; ties go to the lowest.
    #[must_use]
    pub fn predicted(&self) -> Vec<u8> {
        self.probabilities.chunks(self.classes).map(|row| highest(row) as u8).collect()
    }

    /// The highest probability of each point.
    #[must_use]
    pub fn confidence(&self) -> Vec<f32> {
        self.probabilities.chunks(self.classes).map(|row| row[highest(row)]).collect()
    }
}

impl Segmenter {
    /// Labels a scan.
    ///
    /// # Errors
    ///
    /// When the scan lacks an attribute that the network needs, is too large for the voxels, or `stop` is set.
    pub fn segment(&self, scene: &Scene, stop: &AtomicBool) -> Result<SegmentedScan, TrainError> {
        let start = Instant::now();
        let device = self.device();
        let blocks = self.blocks(scene)?;
        let mut result = match &blocks[..] {
            [] | [_] => self.views(scene, &device, stop)?,
            _ => self.join(scene, &blocks, &device, stop)?,
        };
        result.blocks = blocks.len().max(1);
        result.work.ms = start.elapsed().as_secs_f64() * 1e3;
        Ok(result)
    }

    /// What each layer of the network does to one view of a scan that it sees at once.
    ///
    /// # Errors
    ///
    /// As [`segment`](Self::segment).
    pub fn layers(&self, scene: &Scene, view: u32) -> Result<Vec<LayerRecord>, TrainError> {
        let batch = SceneBatch::of_scene(scene, &self.pipeline, view.into())?;
        Ok(of_voxels(&self.network, &batch, self.passes, &self.device())?.layers)
    }

    fn device(&self) -> Device {
        self.network.devices().into_iter().next().unwrap_or_else(Device::flex)
    }

    /// The blocks of a scan; none where it stays whole.
    fn blocks(&self, scene: &Scene) -> Result<Vec<Block>, TrainError> {
        let points = &scene.scan.points;
        if let Some(side) = self.side {
            return Ok(Blocks { side, overlap: side * OVERLAP }.split(points)?);
        }
        if points.len() <= self.most_voxels {
            return Ok(Vec::new());
        }
        let voxels = self.pipeline.voxelise(scene)?;
        if voxels.cells.len() <= self.most_voxels {
            return Ok(Vec::new());
        }
        let cells = (0..2).map(|axis| voxels.cells.iter().map(|cell| cell[axis]).max().unwrap_or(0)).max();
        let mut side = cells.unwrap_or(0) as f32;
        loop {
            side = (side / 2.0).max(SMALLEST_SIDE);
            let units = side * self.pipeline.voxel_size;
            let blocks = Blocks { side: units, overlap: units * OVERLAP }.split(points)?;
            let fits = |block: &Block| distinct(block, &voxels.voxel_of_point) <= self.most_voxels;
            if side <= SMALLEST_SIDE || blocks.iter().all(fits) {
                return Ok(blocks);
            }
        }
    }

    /// The means over the blocks that hold a point.
    fn join(
        &self,
        scene: &Scene,
        blocks: &[Block],
        device: &Device,
        stop: &AtomicBool,
    ) -> Result<SegmentedScan, TrainError> {
        let points = scene.scan.len();
        let mut joined: Option<SegmentedScan> = None;
        let mut times = vec![0_u16; points];
        for block in blocks {
            let part = self.views(&scene.select(&block.points), device, stop)?;
            let joined = joined.get_or_insert_with(|| part.nothing_on(points));
            joined.add(&part, &block.points);
            block.points.iter().for_each(|&point| times[point as usize] += 1);
        }
        let mut joined = joined.expect("there are blocks to join");
        joined.divide(&times);
        Ok(joined)
    }

    /// The mean over the views of a scene that the network sees at once.
    fn views(&self, scene: &Scene, device: &Device, stop: &AtomicBool) -> Result<SegmentedScan, TrainError> {
        let (mut sums, mut work) = (Sums::default(), Work::default());
        let views = self.passes.views.max(1);
        for view in 0..views {
            if stop.load(Ordering::Relaxed) {
                return Err(TrainError::Interrupted);
            }
            let batch = SceneBatch::of_scene(scene, &self.pipeline, view.into())?;
            let found = of_voxels(&self.network, &batch, self.passes, device)?;
            work.macs += found.macs();
            if view == 0 {
                work.voxels = batch.coords.len();
            }
            sums.add(found, &batch);
        }
        let means = sums.means(views as usize).into_iter().next();
        let Means { probabilities, classes, norms } = means.expect("a batch of one scene has one sample");
        Ok(SegmentedScan { probabilities, classes, norms, blocks: 1, work })
    }
}

impl SegmentedScan {
    /// Zeros for so many points, of the classes and branches of this one.
    fn nothing_on(&self, points: usize) -> Self {
        let zeros = |norm: &BranchNorm| BranchNorm { branch: norm.branch, norms: vec![0.0; points] };
        Self {
            probabilities: vec![0.0; points * self.classes],
            classes: self.classes,
            norms: self.norms.iter().map(zeros).collect(),
            blocks: 1,
            work: Work::default(),
        }
    }

    /// Adds what is said of a part of the points.
    fn add(&mut self, part: &Self, points: &[u32]) {
        for (row, &point) in part.probabilities.chunks(part.classes).zip(points) {
            let sums = &mut self.probabilities[point as usize * part.classes..][..part.classes];
            sums.iter_mut().zip(row).for_each(|(sum, part)| *sum += part);
        }
        for (sums, part) in self.norms.iter_mut().zip(&part.norms) {
            points.iter().zip(&part.norms).for_each(|(&point, norm)| sums.norms[point as usize] += norm);
        }
        self.work.voxels += part.work.voxels;
        self.work.macs += part.work.macs;
    }

    /// Turns sums into means over as many parts as each point was in.
    fn divide(&mut self, times: &[u16]) {
        for (row, &times) in self.probabilities.chunks_mut(self.classes).zip(times) {
            for sum in row {
                *sum /= f32::from(times);
            }
        }
        for sums in &mut self.norms {
            sums.norms.iter_mut().zip(times).for_each(|(sum, &times)| *sum /= f32::from(times));
        }
    }
}

/// Number of voxels that a block's points lie in.
fn distinct(block: &Block, voxel_of_point: &[u32]) -> usize {
    let mut voxels: Vec<u32> = block.points.iter().map(|&point| voxel_of_point[point as usize]).collect();
    voxels.sort_unstable();
    voxels.dedup();
    voxels.len()
}
