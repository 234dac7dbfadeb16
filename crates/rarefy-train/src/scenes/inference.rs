//! Running a network over scans: class probabilities of every point, averaged over views.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use rarefy_data::scene::{IGNORED, SceneBatch, SceneLoader};
use rarefy_metrics::{AbsentClass, Segmentation};
use rarefy_models::{LayerRecord, Mode, SegmentationNetwork, Trace};
use rarefy_sparse::Precision;

use super::{SceneConfig, Scenes, input};
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
    /// Norms of the features that were classified, a branch each; none unless they were asked for.
    pub norms: Vec<BranchNorm>,
    /// True classes, `[points]`; 255 where there is none.
    pub labels: &'a [u8],
    /// What it took, over all views; the scan's share of that of its batch.
    pub work: Work,
}

/// How strongly a branch of a network answers to each point.
#[derive(Clone, Debug, PartialEq)]
pub struct BranchNorm {
    /// The branch, see [`BranchedScores`](rarefy_models::BranchedScores).
    pub branch: &'static str,
    /// Euclidean norm of its last features, `[points]`, the mean over all views.
    pub norms: Vec<f32>,
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
    /// Whether the norms of the last features are wanted, too.
    pub norms: bool,
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
        let mut sums = Sums::default();
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
            let found = of_voxels(network, &last, passes, &device)?;
            work.ms += start.elapsed().as_secs_f64() * 1e3;
            work.macs += found.macs();
            sums.add(found, &last);
        }
        work.ms /= last.samples.max(1) as f64;
        work.macs /= last.samples.max(1) as u64;
        for (sample, means) in sums.means(streams.len()).into_iter().enumerate() {
            let Means { probabilities, classes, norms } = means;
            let (id, labels) = (last.ids[sample], &last.point_labels[sample]);
            let voxels = last.coords.iter().filter(|coord| coord[0] as usize == sample).count();
            sink(Segmented { id, probabilities, classes, norms, labels, work: Work { voxels, ..work } })?;
            done += 1;
            progress.event(Event::Evaluating { done, total });
        }
    }
    Ok(())
}

/// What a network says of a batch's voxels.
pub(super) struct OfVoxels {
    /// Probabilities and, behind them, the norms of the branches: `[voxels, classes + branches]`.
    values: Vec<f64>,
    classes: usize,
    branches: Vec<&'static str>,
    /// The layers of the network.
    pub(super) layers: Vec<LayerRecord>,
}

impl OfVoxels {
    /// Multiply-adds of the network.
    pub(super) fn macs(&self) -> u64 {
        self.layers.iter().map(|layer| layer.macs).sum()
    }
}

/// Runs `network` over a batch; `passes` says how, but for the views.
pub(super) fn of_voxels(
    network: &SegmentationNetwork,
    batch: &SceneBatch,
    passes: Passes,
    device: &Device,
) -> Result<OfVoxels, TrainError> {
    let mut trace = Trace::on();
    let (cloud, features) = input(batch, passes.precision, device)?;
    let (scores, branches) = if passes.norms {
        let found = network.forward_with_branches(&cloud, features, Mode::Evaluation, &mut trace)?;
        (found.scores, found.branches)
    } else {
        (network.forward(&cloud, features, Mode::Evaluation, &mut trace)?, Vec::new())
    };
    let classes = scores.dims()[1];
    let norms: Vec<Vec<f64>> = branches.iter().map(|(_, features)| row_norms(features)).collect();
    let scores: Vec<f64> = scores.into_data().iter::<f64>().collect();
    let mut values = Vec::with_capacity(scores.len() / classes * (classes + norms.len()));
    for (row, scores) in scores.chunks(classes).enumerate() {
        let first = values.len();
        values.extend_from_slice(scores);
        softmax(&mut values[first..]);
        values.extend(norms.iter().map(|norms| norms[row]));
    }
    let branches = branches.into_iter().map(|(name, _)| name).collect();
    Ok(OfVoxels { values, classes, branches, layers: trace.into_records() })
}

/// The Euclidean norm of every row.
fn row_norms(features: &Tensor<2>) -> Vec<f64> {
    let width = features.dims()[1];
    let values: Vec<f64> = features.clone().into_data().iter::<f64>().collect();
    values.chunks(width).map(|row| row.iter().map(|value| value * value).sum::<f64>().sqrt()).collect()
}

/// Sums over the views of what the network says of each point of each sample.
#[derive(Default)]
pub(super) struct Sums {
    /// `[points, classes + branches]` of each sample.
    rows: Vec<Vec<f64>>,
    classes: usize,
    branches: Vec<&'static str>,
}

/// What the network says of each point of a sample, the mean over the views.
pub(super) struct Means {
    /// `[points, classes]`.
    pub(super) probabilities: Vec<f32>,
    pub(super) classes: usize,
    pub(super) norms: Vec<BranchNorm>,
}

impl Sums {
    /// Adds a view.
    pub(super) fn add(&mut self, found: OfVoxels, batch: &SceneBatch) {
        let width = found.classes + found.branches.len();
        for (sample, voxel_of_point) in batch.row_of_point.iter().enumerate() {
            if self.rows.len() == sample {
                self.rows.push(vec![0.0; voxel_of_point.len() * width]);
            }
            for (sum, &voxel) in self.rows[sample].chunks_mut(width).zip(voxel_of_point) {
                let parts = &found.values[voxel as usize * width..][..width];
                sum.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part);
            }
        }
        (self.classes, self.branches) = (found.classes, found.branches);
    }

    /// The means over `views` views, one a sample.
    pub(super) fn means(self, views: usize) -> Vec<Means> {
        let Self { rows, classes, branches } = self;
        let width = classes + branches.len();
        let mean = |sum: f64| (sum / views as f64) as f32;
        let of_sample = |rows: Vec<f64>| Means {
            probabilities: rows.chunks(width).flat_map(|row| &row[..classes]).map(|&sum| mean(sum)).collect(),
            classes,
            norms: branches
                .iter()
                .zip(classes..)
                .map(|(&branch, column)| BranchNorm {
                    branch,
                    norms: rows.chunks(width).map(|row| mean(row[column])).collect(),
                })
                .collect(),
        };
        rows.into_iter().map(of_sample).collect()
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
