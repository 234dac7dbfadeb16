//! Whole networks on synthetic shapes, in evaluation.

use burn::tensor::{Device, Tensor, TensorData};
use rarefy_data::{Batch, Pass, synthetic_dataset};
use rarefy_models::Trace;
use rarefy_sparse::SparseTensor;
use rarefy_train::RunConfig;

use super::{Clock, Row};

/// Shapes in a batch.
const BATCH: usize = 8;
/// Cells over the longest side of the meshes.
const RESOLUTION: u32 = 128;
/// Classes of the output layers.
const CLASSES: usize = 40;

/// One row a network.
pub(super) fn rows(clock: &mut Clock, tell: &(dyn Fn(&str) + Sync)) -> anyhow::Result<Vec<Row>> {
    let shapes = synthetic_dataset(BATCH, 1, RESOLUTION)?;
    let mut rows = Vec::new();
    for preset in ["s3dcnn", "s3dcnn-modern"] {
        tell(preset);
        let config = RunConfig::load(preset, &["data.root=-"])?;
        let network = config.model.clone().with_classes(CLASSES).init(1, &Device::flex());
        let ids: Vec<usize> = (0..BATCH).collect();
        let batch = Batch::prepare(&shapes, &config.pipeline(), &ids, Pass::Plain, 1);
        let input = || -> anyhow::Result<SparseTensor> {
            let features = TensorData::new(batch.features.clone(), [batch.coords.len(), batch.channels]);
            let features = Tensor::from_data(features, &Device::flex());
            Ok(SparseTensor::new(&batch.coords, batch.samples, batch.grid, features)?)
        };
        let mut trace = Trace::on();
        network.forward_traced(input()?, false, &mut trace)?;
        let macs: u64 = trace.into_records().iter().map(|record| record.macs).sum();
        let mut failed = None;
        let name = format!("{preset} forward, {BATCH} shapes");
        rows.push(clock.row(&name, None, [Some(2.0 * macs as f64 / 1e9), None], || {
            if let Err(error) = input().and_then(|input| Ok(network.forward(input, false)?)) {
                failed = Some(error);
            }
        }));
        if let Some(error) = failed {
            return Err(error);
        }
    }
    Ok(rows)
}
