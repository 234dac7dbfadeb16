//! What each layer of a network does, as means over passes: the tables of `profile` and the sparsity table of a run's report.

use burn::tensor::{Device, Tensor, TensorData};
use rarefy_data::{Batch, Dataset, Pass, VoxelPipeline};
use rarefy_models::{LayerRecord, ModelConfig, Network, Trace};
use rarefy_sparse::SparseTensor;
use serde::Serialize;

use crate::console::Console;

/// Active sites in per cent of the paper's Table 1 (spec 2.2).
const PAPER: [(&str, f64); 12] = [
    ("input", 0.18),
    ("conv0", 0.35),
    ("pool0", 0.69),
    ("conv1", 1.07),
    ("pool1", 1.93),
    ("conv2", 3.26),
    ("pool2", 7.32),
    ("conv3", 15.14),
    ("pool3", 46.30),
    ("conv4", 97.54),
    ("pool4", 100.0),
    ("conv5", 100.0),
];

/// The figures of a layer, as means for one shape or scan.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Layer {
    /// Name in the network.
    pub(crate) name: String,
    /// Channels of the output.
    pub(crate) channels: usize,
    /// Grid of the output.
    pub(crate) grid: [i32; 3],
    /// Active sites of the output.
    pub(crate) active: f64,
    /// The same as a share of the grid.
    pub(crate) active_percent: f64,
    /// What the paper has in its place.
    pub(crate) paper_percent: Option<f64>,
    /// Pairs of the kernel map.
    pub(crate) pairs: f64,
    /// Multiply-adds.
    pub(crate) macs: f64,
    /// Time.
    pub(crate) ms: f64,
    /// Bytes of the output's features.
    pub(crate) bytes: f64,
}

impl Layer {
    fn new(record: &LayerRecord, paper: bool) -> Self {
        // The paper counts a convolution with the activation that follows it.
        let name = record.name.replace("lrelu", "conv");
        let figure = PAPER.iter().find(|(known, _)| paper && *known == name);
        Self {
            name: record.name.clone(),
            channels: record.channels,
            grid: record.grid,
            active: 0.0,
            active_percent: 0.0,
            paper_percent: figure.map(|(_, percent)| *percent),
            pairs: 0.0,
            macs: 0.0,
            ms: 0.0,
            bytes: 0.0,
        }
    }

    /// Adds the share of a batch in the mean over `samples`.
    fn add(&mut self, record: &LayerRecord, samples: f64) {
        self.active += record.active as f64 / samples;
        self.active_percent += record.active_share() * 100.0 * record.samples as f64 / samples;
        self.pairs += record.pairs as f64 / samples;
        self.macs += record.macs as f64 / samples;
        self.ms += record.ms / samples;
        self.bytes += record.bytes as f64 / samples;
    }
}

/// Whether the paper's table speaks of this network at this size.
fn is_of_paper(model: &ModelConfig, pipeline: &VoxelPipeline) -> bool {
    matches!(model, ModelConfig::S3dcnn(shape) if shape.depth == 5) && pipeline.render_size == 40
}

/// Adds the layers of a pass to means over `samples`; `paper`: beside the figures of the paper.
pub(crate) fn add(layers: &mut Vec<Layer>, pass: &[LayerRecord], samples: f64, paper: bool) {
    for (place, record) in pass.iter().enumerate() {
        if place == layers.len() {
            layers.push(Layer::new(record, paper));
        }
        layers[place].add(record, samples);
    }
}

/// Runs the network over shapes of `dataset`, `batch` at a time.
pub(crate) fn measure(
    (network, model): (&Network, &ModelConfig),
    (dataset, shapes): (&Dataset, &[usize]),
    pipeline: &VoxelPipeline,
    batch: usize,
    console: Console,
) -> anyhow::Result<Vec<Layer>> {
    let paper = is_of_paper(model, pipeline);
    // The first pass fills caches and starts threads; it does not count.
    forward(network, dataset, pipeline, &shapes[..batch.min(shapes.len())])?;
    let mut bar = console.progress("profiling", shapes.len() as u64);
    let mut layers: Vec<Layer> = Vec::new();
    for (number, ids) in shapes.chunks(batch).enumerate() {
        add(&mut layers, &forward(network, dataset, pipeline, ids)?, shapes.len() as f64, paper);
        bar.set((number * batch + ids.len()) as u64, "");
    }
    Ok(layers)
}

fn forward(
    network: &Network,
    dataset: &Dataset,
    pipeline: &VoxelPipeline,
    shapes: &[usize],
) -> anyhow::Result<Vec<LayerRecord>> {
    let batch = Batch::prepare(dataset, pipeline, shapes, Pass::Test { repetition: 0 }, 1);
    let features = TensorData::new(batch.features, [batch.coords.len(), batch.channels]);
    let features = Tensor::from_data(features, &Device::flex());
    let input = SparseTensor::new(&batch.coords, batch.samples, batch.grid, features)?;
    let mut trace = Trace::on();
    network.forward_traced(input, false, &mut trace)?;
    Ok(trace.into_records())
}
