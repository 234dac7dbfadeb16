//! Whole networks in evaluation: those that describe shapes on synthetic ones, those that label points on the cloud.

use burn::tensor::{Device, Tensor, TensorData};
use rarefy_data::{Batch, Pass, synthetic_dataset};
use rarefy_models::{LayerRecord, MinkUNetConfig, Mode, SegmentationConfig, SpvcnnConfig, Trace};
use rarefy_sparse::{PointCloud, Precision, SparseTensor};
use rarefy_train::TaskConfig;
use rarefy_train::shapes::ShapeConfig;

use super::{Clock, Cloud, Row};

/// Shapes in a batch.
const BATCH: usize = 8;
/// Cells over the longest side of the meshes.
const RESOLUTION: u32 = 128;
/// Classes of the output layers.
const CLASSES: usize = 40;

/// Classes of the networks that label points, as in SemanticKITTI.
const POINT_CLASSES: usize = 19;
/// Width of the networks that label points: that of the smaller ones that are published.
const POINT_WIDTH: f64 = 0.5;

/// One row a network.
pub(super) fn rows(cloud: &Cloud, clock: &mut Clock, tell: &(dyn Fn(&str) + Sync)) -> anyhow::Result<Vec<Row>> {
    let mut rows = of_shapes(clock, tell)?;
    rows.extend(of_points(cloud, clock, tell)?);
    Ok(rows)
}

/// Networks that label every point, on the cloud, its voxels and maps included.
fn of_points(cloud: &Cloud, clock: &mut Clock, tell: &(dyn Fn(&str) + Sync)) -> anyhow::Result<Vec<Row>> {
    let (device, points) = (Device::flex(), cloud.points());
    let mut rows = Vec::new();
    for config in [
        SegmentationConfig::MinkUNet(MinkUNetConfig::new(POINT_CLASSES).with_width(POINT_WIDTH)),
        SegmentationConfig::Spvcnn(SpvcnnConfig::new(POINT_CLASSES).with_width(POINT_WIDTH)),
    ] {
        tell(config.name());
        let network = config.init(1, &device);
        let features = Tensor::<2>::ones([points, config.features()], &device);
        for (precision, suffix) in [(Precision::F32, ""), (Precision::Bf16, ", bf16")] {
            let pass = |trace: &mut Trace| -> anyhow::Result<()> {
                let cloud = PointCloud::new(cloud.places().to_vec(), vec![0; points], 1)?.with_precision(precision);
                network.forward(&cloud, features.clone(), Mode::Evaluation, trace)?;
                Ok(())
            };
            let mut trace = Trace::on();
            pass(&mut trace)?;
            let gflop = giga_operations(&trace.into_records());
            let mut failed = None;
            let name = format!("{} × {POINT_WIDTH} forward, the cloud{suffix}", config.name());
            rows.push(clock.row(&name, None, [Some(gflop), None], || {
                failed = pass(&mut Trace::off()).err();
            }));
            if let Some(error) = failed {
                return Err(error);
            }
        }
    }
    Ok(rows)
}

/// 10⁹ floating-point operations of the layers.
fn giga_operations(layers: &[LayerRecord]) -> f64 {
    2.0 * layers.iter().map(|layer| layer.macs).sum::<u64>() as f64 / 1e9
}

/// Networks that describe shapes.
fn of_shapes(clock: &mut Clock, tell: &(dyn Fn(&str) + Sync)) -> anyhow::Result<Vec<Row>> {
    let shapes = synthetic_dataset(BATCH, 1, RESOLUTION)?;
    let mut rows = Vec::new();
    for preset in ["s3dcnn", "s3dcnn-modern"] {
        tell(preset);
        let config = ShapeConfig::load(preset, &["data.root=-"])?;
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
        let gflop = giga_operations(&trace.into_records());
        let mut failed = None;
        let name = format!("{preset} forward, {BATCH} shapes");
        rows.push(clock.row(&name, None, [Some(gflop), None], || {
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
