//! Running a network over scans: class probabilities of every point, averaged over views.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use burn::module::Module;
use burn::tensor::Device;
use rarefy_data::scene::{IGNORED, SceneBatch, SceneLoader};
use rarefy_metrics::{AbsentClass, Segmentation};
use rarefy_models::{Mode, SegmentationNetwork, Trace};
use rarefy_sparse::Precision;

use super::{SceneConfig, Scenes, scores};
use crate::rows::{highest, softmax};
use crate::{Event, Figures, Progress, TrainError};

/// What a network says of one scan.
#[derive(Clone, Debug, PartialEq)]
pub struct Segmented<'a> {
    /// Number of the scan in its set.
    pub id: usize,
    /// Probabilities, `[points, classes]`, the mean over all views.
    pub probabilities: Vec<f32>,
    /// Number of classes.
    pub classes: usize,
    /// True classes, `[points]`; 255 where there is none.
    pub labels: &'a [u8],
    /// What it took, over all views; the scan's share of that of its batch.
    pub work: Work,
}

/// What it took to label a scan.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Work {
    /// Voxels of the first view.
    pub voxels: usize,
    /// Multiply-adds of the network.
    pub macs: u64,
    /// Wall time in milliseconds: of the network and its geometry.
    pub ms: f64,
}

impl Segmented<'_> {
    /// The class of the highest probability of each point; ties go to the lowest.
    #[must_use]
    pub fn predicted(&self) -> Vec<u8> {
        self.probabilities.chunks(self.classes).map(|row| highest(row) as u8).collect()
    }
}

/// How a network is run over a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passes {
    /// Passes, each with the scan turned to another angle; the probabilities are averaged.
    pub views: u32,
    /// How exact the factors of convolutions are.
    pub precision: Precision,
}

/// Runs `network`, in its inference form, over all scans of a sequential loader.
///
/// # Errors
///
/// When a scan cannot be read, the network does not fit the features, `stop` is set, or `sink` says so.
pub fn segment(
    network: &SegmentationNetwork,
    loader: &SceneLoader,
    passes: Passes,
    (progress, stop): (&dyn Progress, &AtomicBool),
    mut sink: impl FnMut(Segmented<'_>) -> Result<(), TrainError>,
) -> Result<(), TrainError> {
    let device = network.devices().into_iter().next().unwrap_or_else(Device::flex);
    let mut streams: Vec<_> = (0..passes.views.max(1)).map(|view| loader.repetition(view.into())).collect();
    let (mut done, total) = (0, loader.set().len());
    for _ in 0..loader.batches_per_epoch() {
        let mut sums: Vec<Vec<f64>> = Vec::new();
        let mut last = SceneBatch::default();
        let mut work = Work::default();
        for stream in &mut streams {
            if stop.load(Ordering::Relaxed) {
                return Err(TrainError::Interrupted);
            }
            let Some(batch) = stream.next() else { continue };
            last = batch?;
            if last.coords.is_empty() {
                continue;
            }
            let start = Instant::now();
            let scores = probabilities(network, &last, passes.precision, &device)?;
            work.ms += start.elapsed().as_secs_f64() * 1e3;
            work.macs += scores.macs;
            add_view(&mut sums, &scores, &last);
        }
        work.ms /= last.samples.max(1) as f64;
        work.macs /= last.samples.max(1) as u64;
        let classes = sums.first().zip(last.point_labels.first()).map_or(1, |(sum, labels)| sum.len() / labels.len());
        for (sample, sum) in sums.into_iter().enumerate() {
            let probabilities = sum.into_iter().map(|sum| (sum / streams.len() as f64) as f32).collect();
            let (id, labels) = (last.ids[sample], &last.point_labels[sample]);
            let voxels = last.coords.iter().filter(|coord| coord[0] as usize == sample).count();
            sink(Segmented { id, probabilities, classes, labels, work: Work { voxels, ..work } })?;
            done += 1;
            progress.event(Event::Evaluating { done, total });
        }
    }
    Ok(())
}

/// Probabilities of a batch's voxels.
pub(super) struct VoxelProbabilities {
    /// `[voxels, classes]`.
    values: Vec<f64>,
    /// Number of classes.
    pub(super) classes: usize,
    /// Multiply-adds of the network.
    pub(super) macs: u64,
}

pub(super) fn probabilities(
    network: &SegmentationNetwork,
    batch: &SceneBatch,
    precision: Precision,
    device: &Device,
) -> Result<VoxelProbabilities, TrainError> {
    let mut trace = Trace::on();
    let scores = scores(network, batch, (Mode::Evaluation, precision), &mut trace, device)?;
    let classes = scores.dims()[1];
    let mut values: Vec<f64> = scores.into_data().iter::<f64>().collect();
    values.chunks_mut(classes).for_each(softmax);
    let macs = trace.into_records().iter().map(|layer| layer.macs).sum();
    Ok(VoxelProbabilities { values, classes, macs })
}

/// Adds a view's probabilities to those of each point of each sample.
pub(super) fn add_view(sums: &mut Vec<Vec<f64>>, of_voxels: &VoxelProbabilities, batch: &SceneBatch) {
    let classes = of_voxels.classes;
    for (sample, rows) in batch.row_of_point.iter().enumerate() {
        if sums.len() == sample {
            sums.push(vec![0.0; rows.len() * classes]);
        }
        for (sum, &row) in sums[sample].chunks_mut(classes).zip(rows) {
            let parts = &of_voxels.values[row as usize * classes..][..classes];
            sum.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part);
        }
    }
}

/// The figures over all points of the validation scans.
pub(super) fn measure(
    scenes: &Scenes,
    config: &SceneConfig,
    network: &SegmentationNetwork,
    progress: &dyn Progress,
    stop: &AtomicBool,
) -> Result<Figures, TrainError> {
    let mut counts = Segmentation::new(scenes.names.len(), IGNORED.into());
    let (mut loss, mut known) = (0.0, 0_u64);
    segment(network, &scenes.test, config.passes(), (progress, stop), |scan| {
        counts.add(scan.labels, &scan.predicted())?;
        for (row, &label) in scan.probabilities.chunks(scan.classes).zip(scan.labels) {
            if label != IGNORED {
                loss -= f64::from(row[usize::from(label)]).max(1e-30).ln();
                known += 1;
            }
        }
        Ok(())
    })?;
    let report = counts.report();
    Ok(Figures::of([
        ("loss", Some(loss / known.max(1) as f64)),
        ("accuracy", Some(report.accuracy)),
        ("mean_class_accuracy", Some(report.mean_class_accuracy)),
        ("mean_iou", Some(counts.mean_iou(AbsentClass::LeftOut))),
        ("mean_iou_official", Some(report.mean_iou_official)),
        ("mean_iou_repository", Some(report.mean_iou_repository)),
    ]))
}
