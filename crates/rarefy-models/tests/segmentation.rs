//! The networks that label points: sizes, what seeds decide, and how often geometry is built.
//! Not tested here: values (composition.rs, golden.rs) and gradients (gradients.rs).

mod common;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use common::{cloud, host, matrix};
use rarefy_models::{
    MinkUNetConfig, Mode, SegmentationConfig, SparseConvUNetConfig, SparseResNet21dConfig, SpvcnnConfig, Trace,
};
use rarefy_nn::{Initialiser, ParameterCount};
use rarefy_sparse::{PointCloud, Reduction, SparseError, SparseTensor};
use rarefy_testkit::random_values;

fn features(rows: usize, columns: usize, device: &Device) -> Tensor<2> {
    matrix(&random_values(rows * columns, 7), columns, device)
}

/// A small network of each kind.
fn small() -> [SegmentationConfig; 3] {
    [
        SegmentationConfig::MinkUNet(MinkUNetConfig::new(5).with_width(0.125)),
        SegmentationConfig::Spvcnn(SpvcnnConfig::new(5).with_width(0.125)),
        SegmentationConfig::SparseConvUNet(SparseConvUNetConfig {
            features: 4,
            channels: 3,
            residual: true,
            ..SparseConvUNetConfig::new(5)
        }),
    ]
}

#[test]
fn parameter_counts_are_those_of_the_specification() {
    let device = Device::flex();
    let count = |config: SegmentationConfig| config.init(1, &device).parameter_count();
    for (width, minkunet, spvcnn) in
        [(1.0, 21_723_315, 21_778_003), (0.64, 8_771_298, 8_793_617), (0.5, 5_435_235, 5_449_267)]
    {
        let config = MinkUNetConfig::new(19).with_width(width);
        assert_eq!(count(SegmentationConfig::MinkUNet(config)), minkunet, "MinkUNet at {width}");
        let config = SpvcnnConfig::new(19).with_width(width);
        assert_eq!(count(SegmentationConfig::Spvcnn(config)), spvcnn, "SPVCNN at {width}");
    }
    assert_eq!(MinkUNetConfig::new(19).with_width(0.64).widths(), [20, 20, 40, 81, 163, 163, 81, 61, 61]);
    let plain = SparseConvUNetConfig { final_norm: false, ..SparseConvUNetConfig::new(20) };
    assert_eq!(count(SegmentationConfig::SparseConvUNet(plain)), 2_689_828);
    assert_eq!(count(SegmentationConfig::SparseConvUNet(SparseConvUNetConfig::new(20))), 2_689_828 + 32);
}

#[test]
fn sparse_resnet21d_has_21_convolutions_on_five_grids() {
    let device = Device::flex();
    let network = SparseResNet21dConfig::default().init(&mut Initialiser::new(1, &device));
    let mut count = ParameterCount::default();
    network.visit(&mut count);
    // Kernels, then two values a channel for each of the 21 norms.
    let strided = 27 * (4 * 16 + 16 * 32 + 32 * 64 + 64 * 128) + 3 * 128 * 128;
    let blocks = 4 * 27 * (16 * 16 + 32 * 32 + 64 * 64 + 128 * 128);
    assert_eq!(count.total(), strided + blocks + 2 * (5 * (16 + 32 + 64 + 128) + 128));
    let input = SparseTensor::voxelise(&cloud(300, 20.0, 3), features(300, 4, &device), [1; 3], Reduction::Mean);
    let mut trace = Trace::on();
    let outputs = network.forward(&input.unwrap(), Mode::Evaluation, &mut trace).unwrap();
    assert_eq!(outputs.iter().map(SparseTensor::channels).collect::<Vec<_>>(), [16, 32, 64, 128, 128]);
    assert_eq!(trace.into_records().iter().filter(|layer| layer.macs > 0).count(), 21);
    // The last grid is halved along the second axis alone: every voxel has a parent there, and no other axis moves.
    let (before, after) = (outputs[3].voxels().coords(), outputs[4].voxels().coords());
    for &[sample, x, y, z] in before {
        assert!(after.contains(&[sample, x, y.div_euclid(2), z]));
    }
    let xz = |coords: &[[i32; 4]]| coords.iter().map(|c| (c[0], c[1], c[3])).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(xz(before), xz(after));
}

#[test]
fn every_point_gets_scores_and_the_seed_decides_them() {
    let device = Device::flex();
    let cloud = cloud(200, 20.0, 1);
    for config in small() {
        config.validate().unwrap();
        let run = |seed| {
            let network = config.init(seed, &device);
            let scores = network.forward(&cloud, features(200, 4, &device), Mode::Evaluation, &mut Trace::off());
            scores.unwrap().into_data()
        };
        assert_eq!(run(7).shape().to_vec(), [200, 5], "{}", config.name());
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
    }
}

#[test]
fn the_features_of_the_branches_are_those_that_the_scores_are_made_of() {
    let device = Device::flex();
    let (cloud, x) = (cloud(200, 20.0, 1), features(200, 4, &device));
    for config in small() {
        let network = config.init(3, &device);
        let found = network.forward_with_branches(&cloud, x.clone(), Mode::Evaluation, &mut Trace::off()).unwrap();
        let scores = network.forward(&cloud, x.clone(), Mode::Evaluation, &mut Trace::off()).unwrap();
        assert_eq!(host(found.scores.clone()), host(scores));
        let names: Vec<&str> = found.branches.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, if config.name() == "spvcnn" { vec!["voxels", "points"] } else { vec!["voxels"] });
        // The classifier is linear: points of equal features, summed over the branches, have equal scores, others have not.
        let sum = found.branches.iter().map(|(_, features)| features.clone()).reduce(|a, b| a + b).unwrap();
        let (width, classes) = (sum.dims()[1], found.scores.dims()[1]);
        let (sum, scores) = (host(sum), host(found.scores));
        let rows = |values: &[f64], width: usize, row: usize| values[row * width..][..width].to_vec();
        for (a, b) in (1..cloud.len()).map(|point| (point - 1, point)) {
            let same = rows(&sum, width, a) == rows(&sum, width, b);
            assert_eq!(same, rows(&scores, classes, a) == rows(&scores, classes, b), "{}", config.name());
        }
    }
}

#[test]
fn training_moves_the_running_statistics_and_follows_its_seed() {
    let device = Device::flex();
    let cloud = cloud(200, 20.0, 1);
    for config in small() {
        let network = config.init(3, &device);
        let run = |mode| host(network.forward(&cloud, features(200, 4, &device), mode, &mut Trace::off()).unwrap());
        let before = run(Mode::Evaluation);
        let trained = run(Mode::Training { seed: 1 });
        assert_ne!(before, run(Mode::Evaluation), "{}: a training pass moves the running statistics", config.name());
        assert_eq!(trained, run(Mode::Training { seed: 1 }), "training does not depend on the running statistics");
        let dropped = matches!(config, SegmentationConfig::Spvcnn(_));
        assert_eq!(trained != run(Mode::Training { seed: 2 }), dropped, "{}: drop-out", config.name());
    }
}

#[test]
fn scores_and_gradients_are_the_same_bits_for_any_number_of_threads() {
    let device = Device::flex().autodiff();
    let cloud = cloud(3000, 40.0, 1);
    for config in small() {
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let network = config.init(3, &device);
                let input = features(3000, 4, &device).require_grad();
                let scores = network.forward(&cloud, input.clone(), Mode::Training { seed: 1 }, &mut Trace::off());
                let scores = scores.unwrap();
                let weights = features(3000, 5, &device);
                let gradients = (scores.clone() * weights).sum().backward();
                (scores.into_data(), input.grad(&gradients).unwrap().into_data())
            })
        };
        let one = run(1);
        assert_eq!(one, run(2), "{}", config.name());
        assert_eq!(one, run(3), "{}", config.name());
    }
}

#[test]
fn each_geometry_of_a_pass_is_built_once() {
    let device = Device::flex();
    let cloud = cloud(400, 40.0, 1);
    let input = SparseTensor::voxelise(&cloud, features(400, 4, &device), [1; 3], Reduction::Mean).unwrap();
    let built = input.cache().built();
    let network = MinkUNetConfig::new(5).with_width(0.125).init(&mut Initialiser::new(1, &device));
    let scores = network.forward(&input, Mode::Evaluation, &mut Trace::off()).unwrap();
    // Five submanifold maps, four coarser sets and four maps to them, which serve the way back as well.
    assert_eq!(scores.cache().built() - built, 13);
    assert!(std::sync::Arc::ptr_eq(scores.voxels(), input.voxels()));
}

#[test]
fn multiply_adds_follow_from_pairs_and_widths() {
    let device = Device::flex();
    let cloud = cloud(300, 20.0, 1);
    let network = SegmentationConfig::Spvcnn(SpvcnnConfig::new(19)).init(1, &device);
    let mut trace = Trace::on();
    network.forward(&cloud, features(300, 4, &device), Mode::Evaluation, &mut trace).unwrap();
    let records = trace.into_records();
    let macs = |name: &str| records.iter().find(|layer| layer.name == name).expect(name).macs;
    assert_eq!(macs("classifier"), 300 * 96 * 19);
    assert_eq!(macs("point_transform0"), 300 * 32 * 256);
    assert_eq!(macs("to_points.4"), 0);
    let stem = records.iter().find(|layer| layer.name == "stem.0.conv").unwrap();
    assert_eq!(stem.macs, stem.pairs as u64 * 4 * 32);
    // The 42 layers of the name are the convolutions of 3³ and 2³ and those past a block.
    assert_eq!(records.iter().filter(|layer| layer.macs > 0).count(), 2 + 8 + 32 + 7 + 3 + 1);
}

#[test]
fn configurations_are_read_strictly_and_checked() {
    let read = |text: &str| serde_json::from_str::<SegmentationConfig>(text);
    let config = read(r#"{"name": "minkunet", "classes": 19, "width": 0.5}"#).unwrap();
    assert_eq!(config, SegmentationConfig::MinkUNet(MinkUNetConfig::new(19).with_width(0.5)));
    assert_eq!(read(&serde_json::to_string(&config).unwrap()).unwrap(), config);
    for config in small() {
        assert_eq!(read(&serde_json::to_string(&config).unwrap()).unwrap(), config);
    }
    let error = read(r#"{"name": "spvcnn", "widht": 0.5}"#).unwrap_err().to_string();
    assert!(error.contains("widht"), "{error}");
    let message = |config: &SegmentationConfig| config.validate().unwrap_err().to_string();
    let wide = SegmentationConfig::Spvcnn(SpvcnnConfig::new(19).with_width(f64::NAN));
    assert_eq!(message(&wide), "model.width = NaN is out of range: it must lie in 0.03125..=16");
    let blocks = MinkUNetConfig { blocks: vec![2; 7], ..MinkUNetConfig::new(19) };
    let got = message(&SegmentationConfig::MinkUNet(blocks));
    assert_eq!(got, "model.blocks (their number) = 7 is out of range: it must lie in 8..=8");
    let drop_out = SpvcnnConfig { drop_out: 1.0, ..SpvcnnConfig::new(19) };
    let got = message(&SegmentationConfig::Spvcnn(drop_out));
    assert_eq!(got, "model.drop_out = 1 is out of range: it must lie in 0..1");
}

#[test]
fn clouds_without_points_and_of_one_point_are_no_special_cases() {
    let device = Device::flex();
    for config in small() {
        let network = config.init(1, &device);
        for rows in [0, 1] {
            for mode in [Mode::Evaluation, Mode::Training { seed: 1 }] {
                let cloud = PointCloud::new(vec![[0.5; 3]; rows], vec![0; rows], 1).unwrap();
                let scores = network.forward(&cloud, features(rows, 4, &device), mode, &mut Trace::off()).unwrap();
                assert_eq!(scores.dims(), [rows, 5], "{}, {mode:?}", config.name());
                assert!(host(scores).iter().all(|score| score.is_finite()));
            }
        }
    }
}

#[test]
fn features_that_do_not_fit_are_errors() {
    let device = Device::flex();
    let cloud = cloud(50, 10.0, 1);
    for config in small() {
        let network = config.init(1, &device);
        let run = |rows, columns| {
            let features = features(rows, columns, &device);
            network.forward(&cloud, features, Mode::Evaluation, &mut Trace::off()).unwrap_err()
        };
        assert!(matches!(run(50, 3), SparseError::ChannelMismatch { expected: 4, got: 3 }), "{}", config.name());
        assert!(matches!(run(49, 4), SparseError::PointMismatch { rows: 49, points: 50 }), "{}", config.name());
    }
}
