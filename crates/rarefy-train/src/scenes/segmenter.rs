//! A network that labels scans one by one: whole, or in overlapping blocks where a scan is large.
//!
//! Blocks are cut along x and y and reach a tenth of their side into each other; a point of several blocks has the mean of
//! their probabilities. Invariant: a scan that is not cut has the probabilities that [`segment`](super::segment) gives it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use burn::module::Module;
use burn::tensor::Device;
use rarefy_data::scene::{Block, Blocks, Scene, SceneBatch, ScenePipeline};
use rarefy_models::SegmentationNetwork;

use super::inference::{Passes, Work, add_view, probabilities};
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
        let device = self.network.devices().into_iter().next().unwrap_or_else(Device::flex);
        let blocks = self.blocks(scene)?;
        let mut result = match &blocks[..] {
            [] | [_] => self.views(scene, &device, stop)?,
            _ => self.join(scene, &blocks, &device, stop)?,
        };
        result.blocks = blocks.len().max(1);
        result.work.ms = start.elapsed().as_secs_f64() * 1e3;
        Ok(result)
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
        let mut joined = SegmentedScan { probabilities: Vec::new(), classes: 1, blocks: 1, work: Work::default() };
        let mut times = vec![0_u16; points];
        for block in blocks {
            let part = self.views(&scene.select(&block.points), device, stop)?;
            let classes = part.classes;
            joined.classes = classes;
            joined.probabilities.resize(points * classes, 0.0);
            for (row, &point) in part.probabilities.chunks(classes).zip(&block.points) {
                let point = point as usize;
                times[point] += 1;
                let sums = &mut joined.probabilities[point * classes..][..classes];
                sums.iter_mut().zip(row).for_each(|(sum, part)| *sum += part);
            }
            joined.work.voxels += part.work.voxels;
            joined.work.macs += part.work.macs;
        }
        for (row, &times) in joined.probabilities.chunks_mut(joined.classes).zip(&times) {
            for sum in row {
                *sum /= f32::from(times);
            }
        }
        Ok(joined)
    }

    /// The mean over the views of a scene that the network sees at once.
    fn views(&self, scene: &Scene, device: &Device, stop: &AtomicBool) -> Result<SegmentedScan, TrainError> {
        let (Passes { views, precision }, mut sums) = (self.passes, Vec::new());
        let (mut classes, mut work) = (1, Work::default());
        for view in 0..views {
            if stop.load(Ordering::Relaxed) {
                return Err(TrainError::Interrupted);
            }
            let batch = SceneBatch::of_scene(scene, &self.pipeline, view.into())?;
            let scores = probabilities(&self.network, &batch, precision, device)?;
            classes = scores.classes;
            work.macs += scores.macs;
            if view == 0 {
                work.voxels = batch.coords.len();
            }
            add_view(&mut sums, &scores, &batch);
        }
        let sums = sums.into_iter().next().unwrap_or_default();
        let probabilities = sums.into_iter().map(|sum| (sum / f64::from(views)) as f32).collect();
        Ok(SegmentedScan { probabilities, classes, blocks: 1, work })
    }
}

/// Number of voxels that a block's points lie in.
fn distinct(block: &Block, voxel_of_point: &[u32]) -> usize {
    let mut voxels: Vec<u32> = block.points.iter().map(|&point| voxel_of_point[point as usize]).collect();
    voxels.sort_unstable();
    voxels.dedup();
    voxels.len()
}
