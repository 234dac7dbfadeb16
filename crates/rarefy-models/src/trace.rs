//! What each layer of a forward pass did: active sites, pairs, multiply-adds, time and bytes.

use std::time::Instant;

use burn::tensor::Tensor;
use rarefy_sparse::{SparseError, SparseTensor};

/// One layer of one forward pass.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerRecord {
    /// Name of the layer in the network.
    pub name: String,
    /// Channels of the output.
    pub channels: usize,
    /// Grid of the output; zeros in unbounded space.
    pub grid: [i32; 3],
    /// Active voxels of the output over all samples.
    pub active: usize,
    /// Samples of the batch.
    pub samples: usize,
    /// Pairs of input and output rows; 0 for element-wise layers.
    pub pairs: usize,
    /// Multiply-adds.
    pub macs: u64,
    /// Wall time, geometry included, in milliseconds.
    pub ms: f64,
    /// Bytes of the output's features.
    pub bytes: usize,
}

impl LayerRecord {
    /// Mean share of active sites over the samples; 0 in unbounded space.
    #[must_use]
    pub fn active_share(&self) -> f64 {
        let cells: f64 = self.grid.iter().map(|&n| f64::from(n)).product();
        if cells > 0.0 { self.active as f64 / (cells * self.samples as f64) } else { 0.0 }
    }
}

/// Listens to a forward pass, or not.
#[derive(Debug, Default)]
pub struct Trace {
    records: Option<Vec<LayerRecord>>,
}

impl Trace {
    /// A trace that records nothing and costs nothing.
    #[must_use]
    pub fn off() -> Self {
        Self::default()
    }

    /// A trace that records every layer.
    #[must_use]
    pub fn on() -> Self {
        Self { records: Some(Vec::new()) }
    }

    /// The records, in the order of the layers.
    #[must_use]
    pub fn into_records(self) -> Vec<LayerRecord> {
        self.records.unwrap_or_default()
    }

    /// Records `input` as it stands.
    pub(crate) fn input(&mut self, input: &SparseTensor) {
        if let Some(records) = &mut self.records {
            records.push(record("input", input, 0, 0, 0.0));
        }
    }

    /// Runs a layer on `input` and records its output.
    pub(crate) fn layer(
        &mut self,
        name: impl FnOnce() -> String,
        input: &SparseTensor,
        run: impl FnOnce(&SparseTensor) -> Result<SparseTensor, SparseError>,
    ) -> Result<SparseTensor, SparseError> {
        let Some(records) = &mut self.records else { return run(input) };
        let start = Instant::now();
        let output = run(input)?;
        let ms = start.elapsed().as_secs_f64() * 1e3;
        let pairs = output.pairs();
        let macs = pairs as u64 * input.channels() as u64 * output.channels() as u64;
        records.push(record(&name(), &output, pairs, macs, ms));
        Ok(output)
    }

    /// Runs an element-wise or pooling layer, which has no multiply-adds, and records its output.
    pub(crate) fn light(
        &mut self,
        name: impl FnOnce() -> String,
        input: &SparseTensor,
        run: impl FnOnce(&SparseTensor) -> Result<SparseTensor, SparseError>,
    ) -> Result<SparseTensor, SparseError> {
        let output = self.layer(name, input, run)?;
        if let Some(last) = self.records.as_mut().and_then(|records| records.last_mut()) {
            last.macs = 0;
        }
        Ok(output)
    }

    /// Runs a layer that gives one row a point; `input` is what a matrix is applied to, if one is.
    pub(crate) fn rows(
        &mut self,
        name: &str,
        input: Option<&Tensor<2>>,
        run: impl FnOnce() -> Result<Tensor<2>, SparseError>,
    ) -> Result<Tensor<2>, SparseError> {
        let Some(records) = &mut self.records else { return run() };
        let pairs = input.map_or(0, |input| input.dims()[0]);
        let inputs = input.map_or(0, |input| input.dims()[1]);
        let start = Instant::now();
        let output = run()?;
        let ms = start.elapsed().as_secs_f64() * 1e3;
        let [rows, channels] = output.dims();
        records.push(LayerRecord {
            name: name.to_owned(),
            channels,
            grid: [0; 3],
            active: rows,
            samples: 1,
            pairs,
            macs: (pairs * inputs * channels) as u64,
            ms,
            bytes: rows * channels * output.dtype().size(),
        });
        Ok(output)
    }
}

fn record(name: &str, tensor: &SparseTensor, pairs: usize, macs: u64, ms: f64) -> LayerRecord {
    let [rows, channels] = tensor.features().dims();
    LayerRecord {
        name: name.to_owned(),
        channels,
        grid: tensor.grid().unwrap_or_default(),
        active: tensor.voxels().len(),
        samples: tensor.voxels().samples(),
        pairs,
        macs,
        ms,
        bytes: rows * channels * tensor.features().dtype().size(),
    }
}
