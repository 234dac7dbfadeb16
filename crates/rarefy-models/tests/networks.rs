//! Shapes of the networks, and that the same seed gives the same network.

use burn::tensor::{Device, Tensor, TensorData};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rarefy_models::{ModelConfig, S3dcnnConfig, S3dcnnModernConfig, Trace};
use rarefy_sparse::SparseTensor;

fn batch(samples: usize, grid: i32, channels: usize, device: &Device) -> SparseTensor {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut coords = std::collections::BTreeSet::new();
    for sample in 0..samples as i32 {
        // A noisy shell in the middle of the grid.
        for _ in 0..400 {
            let direction: [f32; 3] = std::array::from_fn(|_| rng.random_range(-1.0..1.0f32));
            let norm = direction.iter().map(|x| x * x).sum::<f32>().sqrt().max(0.1);
            let radius = grid as f32 / 7.0;
            let [x, y, z] = direction.map(|x| (grid as f32 / 2.0 + x / norm * radius) as i32);
            coords.insert([sample, x, y, z]);
        }
    }
    let coords: Vec<_> = coords.into_iter().collect();
    let features = vec![1f32; coords.len() * channels];
    let features = Tensor::from_data(TensorData::new(features, [coords.len(), channels]), device);
    SparseTensor::new(&coords, samples, [grid; 3], features).unwrap()
}

#[test]
fn s3dcnn_has_the_sizes_and_parameters_of_table_1() {
    let device = Device::flex();
    let config = ModelConfig::S3dcnn(S3dcnnConfig::new(40));
    let network = config.init(3, &device);
    assert_eq!(network.parameter_count(), 582_088);
    let mut trace = Trace::on();
    let output = network.forward_traced(batch(2, 126, 1, &device), false, &mut trace).unwrap();
    assert_eq!(output.descriptors.dims(), [2, 192]);
    assert_eq!(output.logits.dims(), [2, 40]);
    let sizes: Vec<i32> = trace.into_records().iter().map(|layer| layer.grid[0]).collect();
    assert_eq!(sizes, [126, 125, 125, 62, 61, 61, 30, 29, 29, 14, 13, 13, 6, 5, 5, 2, 1, 1]);
}

#[test]
fn active_share_rises_from_layer_to_layer() {
    let device = Device::flex();
    let network = ModelConfig::S3dcnn(S3dcnnConfig::new(40)).init(3, &device);
    let mut trace = Trace::on();
    network.forward_traced(batch(2, 126, 1, &device), false, &mut trace).unwrap();
    let shares: Vec<f64> = trace.into_records().iter().map(rarefy_models::LayerRecord::active_share).collect();
    assert!(shares.is_sorted(), "{shares:?}");
    assert!((shares[shares.len() - 1] - 1.0).abs() < 1e-12);
}

#[test]
fn s3dcnn_modern_runs_and_its_norms_follow_the_batches() {
    let device = Device::flex();
    let config = S3dcnnModernConfig {
        classes: 5,
        features: 2,
        grid: 40,
        widths: vec![8, 16],
        blocks: vec![1, 1],
        head: 32,
        descriptor: 12,
    };
    let network = ModelConfig::S3dcnnModern(config).init(3, &device);
    let before = network.forward(batch(2, 40, 2, &device), false).unwrap().logits.into_data();
    network.forward(batch(2, 40, 2, &device), true).unwrap();
    let after = network.forward(batch(2, 40, 2, &device), false).unwrap();
    assert_eq!(after.descriptors.dims(), [2, 12]);
    assert_ne!(before, after.logits.into_data(), "a training pass moves the running statistics");
}

#[test]
fn the_same_seed_gives_the_same_network() {
    let device = Device::flex();
    let config = ModelConfig::S3dcnn(S3dcnnConfig::new(10));
    let run = |seed| config.init(seed, &device).forward(batch(1, 126, 1, &device), false).unwrap().logits.into_data();
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn settings_out_of_range_are_named() {
    let config = ModelConfig::S3dcnn(S3dcnnConfig { depth: 9, ..S3dcnnConfig::new(40) });
    assert_eq!(config.validate().unwrap_err().to_string(), "model.depth = 9 is out of range: it must lie in 1..=7");
}
