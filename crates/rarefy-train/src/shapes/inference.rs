//! Running a network over a split: descriptors and class probabilities, averaged over repetitions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use burn::tensor::Device;
use rarefy_data::{Dataset, Loader, Prefetch, Sampler, VoxelPipeline};
use rarefy_models::Network;

use super::sparse_input;
use crate::rows::{highest, softmax};
use crate::{Event, Progress, TrainError};

/// How a network is run over a split.
#[derive(Clone, Copy, Debug)]
pub struct InferenceOptions {
    /// Samples in a batch.
    pub batch: usize,
    /// Passes over each sample, each augmented anew by the pipeline's test augmentation.
    pub repeats: u64,
    /// Determines the augmentation.
    pub seed: u64,
    /// Background threads.
    pub prefetch: Prefetch,
}

/// What a network says of every sample of a split.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictions {
    /// Descriptors, [samples, width].
    pub descriptors: Vec<f32>,
    /// Width of a descriptor.
    pub width: usize,
    /// Probabilities, [samples, classes].
    pub probabilities: Vec<f32>,
    /// Number of classes.
    pub classes: usize,
    /// The true class of each sample.
    pub labels: Vec<u32>,
}

impl Predictions {
    /// The most probable class of each sample; ties go to the lowest.
    #[must_use]
    pub fn predicted(&self) -> Vec<u32> {
        self.probabilities.chunks(self.classes).map(|row| highest(row) as u32).collect()
    }

    /// Mean negative logarithm of the probability of the true class.
    #[must_use]
    pub fn loss(&self) -> f64 {
        let rows = self.probabilities.chunks(self.classes).zip(&self.labels);
        let sum: f64 = rows.map(|(row, &label)| -f64::from(row[label as usize]).max(1e-30).ln()).sum();
        sum / self.labels.len().max(1) as f64
    }
}

/// Runs `network` over all samples of `dataset`, in their order.
///
/// The network should be the inference form of one (`network.valid()` of a trained one), on the device of its weights.
///
/// # Errors
///
/// When the network does not fit the pipeline, or `stop` is set.
pub fn infer(
    network: &Network,
    dataset: &Arc<Dataset>,
    pipeline: &VoxelPipeline,
    options: &InferenceOptions,
    progress: &dyn Progress,
    stop: &AtomicBool,
) -> Result<Predictions, TrainError> {
    let sampler = Sampler::Sequential { batch: options.batch };
    let loader = Loader::new(Arc::clone(dataset), pipeline.clone(), sampler, options.seed, options.prefetch)?;
    let device = device_of(network);
    let total = dataset.len() * options.repeats as usize;
    let (mut descriptors, mut probabilities) = (Mean::default(), Mean::default());
    for repetition in 0..options.repeats {
        let mut done = 0;
        for batch in loader.repetition(repetition) {
            if stop.load(Ordering::Relaxed) {
                return Err(TrainError::Interrupted);
            }
            let samples = batch.samples;
            let output = network.forward(sparse_input(batch, &device)?, false)?;
            descriptors.add(done, &output.descriptors);
            probabilities.add_softmax(done, &output.logits);
            done += samples;
            let done = done + dataset.len() * repetition as usize;
            progress.event(Event::Evaluating { done, total });
        }
    }
    let (width, classes) = (descriptors.width, probabilities.width);
    Ok(Predictions {
        descriptors: descriptors.finish(options.repeats),
        width,
        probabilities: probabilities.finish(options.repeats),
        classes,
        labels: dataset.labels(),
    })
}

/// The device that holds the weights.
fn device_of(network: &Network) -> Device {
    use burn::module::Module;
    network.devices().into_iter().next().unwrap_or_else(Device::flex)
}

/// Mean of rows over repetitions.
#[derive(Default)]
struct Mean {
    sums: Vec<f64>,
    width: usize,
}

impl Mean {
    fn add(&mut self, first: usize, rows: &burn::tensor::Tensor<2>) {
        self.width = rows.dims()[1];
        let values = rows.clone().into_data();
        self.add_values(first, values.iter::<f64>());
    }

    fn add_softmax(&mut self, first: usize, logits: &burn::tensor::Tensor<2>) {
        self.width = logits.dims()[1];
        let mut values: Vec<f64> = logits.clone().into_data().iter::<f64>().collect();
        values.chunks_mut(self.width).for_each(softmax);
        self.add_values(first, values.into_iter());
    }

    fn add_values(&mut self, first: usize, values: impl Iterator<Item = f64>) {
        for (place, value) in (first * self.width..).zip(values) {
            if place == self.sums.len() {
                self.sums.push(value);
            } else {
                self.sums[place] += value;
            }
        }
    }

    fn finish(self, repeats: u64) -> Vec<f32> {
        self.sums.into_iter().map(|sum| (sum / repeats as f64) as f32).collect()
    }
}
