//! Networks filled from the tensors of other programs, and written back.

mod common;

use burn::tensor::Device;
use common::{cloud, host, matrix, random_network};
use rarefy_models::{MinkUNetConfig, Mode, SegmentationConfig, SparseConvUNetConfig, SpvcnnConfig, Trace};
use rarefy_nn::{AxisOrder, Convention, NamedTensor, Naming, StateDictError, WeightLayout};
use rarefy_testkit::random_values;

fn minkunet() -> SegmentationConfig {
    SegmentationConfig::MinkUNet(MinkUNetConfig::new(19).with_width(0.25))
}

fn spunet() -> SegmentationConfig {
    SegmentationConfig::MinkUNet(MinkUNetConfig::new(19).with_width(0.25).as_for_spconv())
}

fn spvcnn() -> SegmentationConfig {
    SegmentationConfig::Spvcnn(SpvcnnConfig::new(19).with_width(0.25))
}

#[test]
fn what_is_exported_is_imported_again_and_gives_the_same_scores() {
    let device = Device::flex();
    let early = Convention { naming: Naming::Spconv, layout: WeightLayout::Spconv2Native, axes: AxisOrder::Zyx };
    for (config, convention) in [
        (minkunet(), Naming::TorchSparse.into()),
        (minkunet(), Naming::Minkowski.into()),
        (minkunet(), Naming::Spconv.into()),
        (spunet(), Naming::Spconv.into()),
        (spunet(), early),
        (spunet(), Naming::Minkowski.into()),
        (spvcnn(), Naming::TorchSparse.into()),
    ] {
        let (network, _) = random_network(&config, &device);
        let dict = network.export(convention).unwrap();
        let mut other = config.init(99, &device);
        let run = |network: &rarefy_models::SegmentationNetwork| {
            let features = matrix(&random_values(150 * 4, 3), 4, &device);
            host(network.forward(&cloud(150, 12.0, 1), features, Mode::Evaluation, &mut Trace::off()).unwrap())
        };
        assert_ne!(run(&network), run(&other));
        let report = other.import(&dict, convention).unwrap();
        assert_eq!(report.used, dict.keys().cloned().collect::<Vec<_>>());
        assert!(report.left.is_empty() && report.missing.is_empty(), "{report:?}");
        assert_eq!(run(&network), run(&other));
        assert_eq!(other.export(convention).unwrap(), dict);
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
    let blocks = vec![2, 3, 4, 6, 2, 2, 2, 2];
    let config = MinkUNetConfig { features: 6, blocks, ..MinkUNetConfig::new(20).as_for_spconv() };
    let network = SegmentationConfig::MinkUNet(config).init(1, &device);
    // The sum over the layers by hand: 39.2 M.
    assert_eq!(network.parameter_count(), 39_157_844);
    let dict = network.export(Naming::Spconv).unwrap();
    for (name, shape) in [
        ("conv_input.0.weight", &[32, 5, 5, 5, 6][..]),
        ("conv_input.1.running_mean", &[32]),
        ("down.0.0.weight", &[32, 2, 2, 2, 32]),
        ("down.3.0.weight", &[256, 2, 2, 2, 128]),
        ("down.3.1.bias", &[256]),
        ("enc.3.block5.conv2.weight", &[256, 3, 3, 3, 256]),
        ("enc.1.block0.bn1.weight", &[64]),
        ("up.3.0.weight", &[256, 2, 2, 2, 256]),
        ("up.0.1.running_var", &[96]),
        ("dec.3.block0.conv1.weight", &[256, 3, 3, 3, 384]),
        ("dec.0.block0.proj.0.weight", &[96, 1, 1, 1, 128]),
        ("dec.0.block0.proj.1.weight", &[96]),
        ("final.weight", &[20, 1, 1, 1, 96]),
        ("final.bias", &[20]),
    ] {
        assert_eq!(dict[name].shape, shape, "{name}");
    }
    assert!(!dict.keys().any(|name| name.starts_with("enc.") && name.contains("proj")));
}

#[test]
fn settings_of_networks_for_spconv_are_written_and_left_out_mean_the_old_ones() {
    let old: MinkUNetConfig = serde_json::from_str(r#"{"classes": 19, "width": 0.25}"#).unwrap();
    assert_eq!(old, MinkUNetConfig::new(19).with_width(0.25));
    let config = MinkUNetConfig::new(20).as_for_spconv();
    let text = serde_json::to_string(&config).unwrap();
    assert!(text.contains(r#""widen":"step","norm_epsilon":0.001,"norm_momentum":0.01"#), "{text}");
    assert_eq!(serde_json::from_str::<MinkUNetConfig>(&text).unwrap(), config);
    for (key, config) in [
        ("norm_epsilon", MinkUNetConfig { norm_epsilon: 0.0, ..config.clone() }),
        ("norm_epsilon", MinkUNetConfig { norm_epsilon: f64::NAN, ..config.clone() }),
        ("norm_momentum", MinkUNetConfig { norm_momentum: 1.5, ..config.clone() }),
    ] {
        let error = config.validate().unwrap_err();
        assert!(error.to_string().contains(key), "{error}");
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
    let spvcnn = || spvcnn().init(1, &device);
    for (network, naming) in [(unet, Naming::TorchSparse), (spvcnn(), Naming::Minkowski), (spvcnn(), Naming::Spconv)] {
        let error = network.export(naming).unwrap_err();
        assert!(matches!(error, StateDictError::NoNames { .. }), "{error}");
    }
}
