//! Networks filled from the tensors of other programs, and written back.

mod common;

use burn::tensor::Device;
use common::{cloud, host, matrix, random_network};
use rarefy_models::{MinkUNetConfig, Mode, SegmentationConfig, SparseConvUNetConfig, SpvcnnConfig, Trace};
use rarefy_nn::{NamedTensor, Naming, StateDictError};
use rarefy_testkit::random_values;

fn minkunet() -> SegmentationConfig {
    SegmentationConfig::MinkUNet(MinkUNetConfig::new(19).with_width(0.25))
}

fn spvcnn() -> SegmentationConfig {
    SegmentationConfig::Spvcnn(SpvcnnConfig::new(19).with_width(0.25))
}

#[test]
fn what_is_exported_is_imported_again_and_gives_the_same_scores() {
    let device = Device::flex();
    for (config, naming) in
        [(minkunet(), Naming::TorchSparse), (minkunet(), Naming::Minkowski), (spvcnn(), Naming::TorchSparse)]
    {
        let (network, _) = random_network(&config, &device);
        let dict = network.export(naming).unwrap();
        let mut other = config.init(99, &device);
        let run = |network: &rarefy_models::SegmentationNetwork| {
            let features = matrix(&random_values(150 * 4, 3), 4, &device);
            host(network.forward(&cloud(150, 12.0, 1), features, Mode::Evaluation, &mut Trace::off()).unwrap())
        };
        assert_ne!(run(&network), run(&other));
        let report = other.import(&dict, naming).unwrap();
        assert_eq!(report.used, dict.keys().cloned().collect::<Vec<_>>());
        assert!(report.left.is_empty() && report.missing.is_empty(), "{report:?}");
        assert_eq!(run(&network), run(&other));
        assert_eq!(other.export(naming).unwrap(), dict);
    }
}

#[test]
fn names_and_shapes_are_the_public_ones() {
    let device = Device::flex();
    let dict = spvcnn().init(1, &device).export(Naming::TorchSparse).unwrap();
    for (name, shape) in [
        ("stem.0.kernel", &[27, 4, 8][..]),
        ("stem.4.running_var", &[8]),
        ("stage1.0.net.0.kernel", &[8, 8, 8]),
        ("stage2.1.downsample.0.kernel", &[8, 16]),
        ("stage4.2.net.4.bias", &[64]),
        ("up1.0.net.0.kernel", &[8, 64, 64]),
        ("up1.1.0.net.0.kernel", &[27, 96, 64]),
        ("up4.1.1.net.3.kernel", &[27, 24, 24]),
        ("point_transforms.0.0.weight", &[64, 8]),
        ("point_transforms.2.1.running_mean", &[24]),
        ("classifier.0.weight", &[19, 24]),
    ] {
        assert_eq!(dict[name].shape, shape, "{name}");
    }
    let config = MinkUNetConfig { stem: vec![5], blocks: vec![2, 3, 4, 6, 2, 2, 2, 2], ..MinkUNetConfig::new(20) };
    let dict = SegmentationConfig::MinkUNet(config).init(1, &device).export(Naming::Minkowski).unwrap();
    for (name, shape) in [
        ("conv0p1s1.kernel", &[125, 4, 32][..]),
        ("bn0.bn.weight", &[32]),
        ("conv4p8s2.kernel", &[8, 128, 128]),
        ("block4.5.conv2.kernel", &[27, 256, 256]),
        ("block2.0.downsample.1.bn.running_var", &[64]),
        ("convtr4p16s2.kernel", &[8, 256, 256]),
        ("bntr7.bn.bias", &[96]),
        ("block8.1.norm2.bn.weight", &[96]),
        ("final.kernel", &[96, 20]),
        ("final.bias", &[20]),
    ] {
        assert_eq!(dict[name].shape, shape, "{name}");
    }
}

#[test]
fn the_report_names_what_was_left_and_what_is_missing() {
    let device = Device::flex();
    let (_, mut dict) = random_network(&spvcnn(), &device);
    let number = |value| NamedTensor { shape: vec![], values: vec![value] };
    dict.insert("stem.1.num_batches_tracked".into(), number(12.0));
    let bias = dict.remove("classifier.0.bias").unwrap();
    let mut network = minkunet().init(1, &device);
    let before = network.export(Naming::TorchSparse).unwrap();
    let report = network.import(&dict, Naming::TorchSparse).unwrap();
    assert_eq!(report.missing, ["classifier.0.bias"]);
    assert!(report.left.contains(&"stem.1.num_batches_tracked".to_owned()));
    // Released MinkUNet checkpoints carry the point branch, three times six tensors, too.
    assert_eq!(report.left.iter().filter(|name| name.starts_with("point_transforms.")).count(), 18);
    assert_eq!(report.left.len(), 19);
    let after = network.export(Naming::TorchSparse).unwrap();
    assert_eq!(after["classifier.0.bias"], before["classifier.0.bias"]);
    assert_eq!(after["stem.0.kernel"], dict["stem.0.kernel"]);

    dict.insert("classifier.0.bias".into(), bias);
    let prefixed = dict.into_iter().map(|(name, tensor)| (format!("module.{name}"), tensor)).collect();
    let mut network = spvcnn().init(5, &device);
    let report = network.import(&prefixed, Naming::TorchSparse).unwrap();
    assert!(report.missing.is_empty(), "{report:?}");
    assert_eq!(report.left, ["module.stem.1.num_batches_tracked"]);
}

#[test]
fn a_tensor_of_another_shape_is_an_error_and_leaves_the_network_as_it_was() {
    let device = Device::flex();
    let (_, dict) = random_network(&spvcnn(), &device);
    let mut network = SegmentationConfig::Spvcnn(SpvcnnConfig::new(20).with_width(0.25)).init(1, &device);
    let before = network.export(Naming::TorchSparse).unwrap();
    let error = network.import(&dict, Naming::TorchSparse).unwrap_err();
    let (expected, got) = (vec![20, 24], vec![19, 24]);
    assert_eq!(error, StateDictError::Shape { name: "classifier.0.weight".into(), expected, got });
    assert!(error.to_string().contains("[20, 24]") && error.to_string().contains("[19, 24]"), "{error}");
    assert_eq!(network.export(Naming::TorchSparse).unwrap(), before);

    let mut damaged = dict;
    damaged.get_mut("stem.0.kernel").unwrap().values.pop();
    let error = spvcnn().init(1, &device).import(&damaged, Naming::TorchSparse).unwrap_err();
    assert!(matches!(error, StateDictError::Length { got: 863, .. }), "{error}");
}

#[test]
fn networks_without_public_names_say_so() {
    let device = Device::flex();
    let unet = SegmentationConfig::SparseConvUNet(SparseConvUNetConfig::new(20)).init(1, &device);
    for (network, naming) in [(unet, Naming::TorchSparse), (spvcnn().init(1, &device), Naming::Minkowski)] {
        let error = network.export(naming).unwrap_err();
        assert!(matches!(error, StateDictError::NoNames { .. }), "{error}");
    }
}
