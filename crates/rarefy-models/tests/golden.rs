//! Whole networks against other engines: `minkunet_cr<W>.npz` and `spvcnn_cr<W>.npz`, found by name.

use burn::tensor::{Device, Tensor, TensorData};
use rarefy_models::{MinkUNetConfig, Mode, SegmentationConfig, SpvcnnConfig, Trace};
use rarefy_nn::{NamedTensor, Naming, StateDict};
use rarefy_sparse::PointCloud;
use rarefy_testkit::{Golden, golden_files};

/// Wanted agreement of every score, in absolute numbers.
const BOUND: f64 = 1e-4;

/// The width ratio behind `cr` in a file's name.
fn width(golden: &Golden) -> f64 {
    let text = golden.name().split_once("_cr").expect("the name tells the width").1;
    text.split('_').next().and_then(|text| text.parse().ok()).expect("a number")
}

fn state_dict(golden: &mut Golden) -> StateDict {
    golden.named("sd__").into_iter().map(|(name, shape, values)| (name, NamedTensor { shape, values })).collect()
}

fn features(golden: &mut Golden) -> (Tensor<2>, usize) {
    let (values, shape) = golden.f32s("feats");
    (Tensor::from_data(TensorData::new(values, [shape[0], shape[1]]), &Device::flex()), shape[1])
}

/// The scores of every point by the network of `config` with the state dict of the file.
fn scores(golden: &mut Golden, config: &SegmentationConfig, cloud: &PointCloud) -> Vec<f32> {
    let dict = state_dict(golden);
    let mut network = config.init(1, &Device::flex());
    let report = network.import(&dict, Naming::TorchSparse).expect("shapes of the public network");
    assert!(report.missing.is_empty(), "{}: missing {:?}", golden.name(), report.missing);
    let needless = |name: &String| name.ends_with("num_batches_tracked") || name.starts_with("point_transforms");
    assert!(report.left.iter().all(needless), "{}: left {:?}", golden.name(), report.left);
    let (features, _) = features(golden);
    let output = network.forward(cloud, features, Mode::Evaluation, &mut Trace::off()).expect("a fitting input");
    output.into_data().try_to_vec().expect("f32")
}

fn compare(golden: &mut Golden, array: &str, found: &[f32]) {
    let (wanted, _) = golden.f32s(array);
    assert_eq!(found.len(), wanted.len(), "{}/{array}", golden.name());
    let apart = |(a, b): (&f32, &f32)| (f64::from(*a) - f64::from(*b)).abs();
    let worst = found.iter().zip(&wanted).map(apart).fold(0.0, f64::max);
    let largest = wanted.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    println!(
        "{}/{array}: the worst of {} scores (largest {largest:.2}) is {worst:.1e} off",
        golden.name(),
        found.len()
    );
    assert!(worst < BOUND, "{}/{array}: {worst:e} off", golden.name());
}

#[test]
fn minkunet_agrees_with_three_engines_at_every_voxel() {
    for mut golden in golden_files("minkunet_cr") {
        let coords = golden.coords("coords");
        let places = coords.iter().map(|&[_, x, y, z]| [x as f32, y as f32, z as f32]).collect();
        let sample_of: Vec<i32> = coords.iter().map(|coord| coord[0]).collect();
        let samples = sample_of.iter().max().map_or(0, |&last| last as usize + 1);
        let cloud = PointCloud::new(places, sample_of, samples).expect("coordinates in range");
        let (classes, inputs) = (golden.f32s("sd__classifier.0.bias").0.len(), features(&mut golden).1);
        let config = MinkUNetConfig { features: inputs, ..MinkUNetConfig::new(classes).with_width(width(&golden)) };
        let found = scores(&mut golden, &SegmentationConfig::MinkUNet(config), &cloud);
        let engines: Vec<String> = golden.named("out__").into_iter().map(|(engine, ..)| engine).collect();
        assert!(!engines.is_empty());
        for engine in engines {
            compare(&mut golden, &format!("out__{engine}"), &found);
        }
    }
}

#[test]
fn spvcnn_agrees_with_the_public_network_at_every_point() {
    let files = golden_files("spvcnn_cr");
    if files.is_empty() {
        println!("skipped: there is no spvcnn_cr<W>.npz; composition.rs compares with plain sums");
    }
    for mut golden in files {
        let (rows, _) = golden.f32s("points_voxel_units");
        let places = rows.chunks_exact(4).map(|row| [row[0], row[1], row[2]]).collect();
        let sample_of: Vec<i32> = rows.chunks_exact(4).map(|row| row[3] as i32).collect();
        let samples = sample_of.iter().max().map_or(0, |&last| last as usize + 1);
        let cloud = PointCloud::new(places, sample_of, samples).expect("places in range");
        let (classes, inputs) = (golden.f32s("sd__classifier.0.bias").0.len(), features(&mut golden).1);
        let config = SpvcnnConfig { features: inputs, ..SpvcnnConfig::new(classes).with_width(width(&golden)) };
        let found = scores(&mut golden, &SegmentationConfig::Spvcnn(config), &cloud);
        compare(&mut golden, "out", &found);
    }
}
