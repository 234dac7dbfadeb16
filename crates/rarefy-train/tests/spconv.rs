//! A network that spconv itself has run (`data/spconv/make.py`): its checkpoint comes in and labels every voxel as it did there.

use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor, TensorData};
use rarefy_data::scene::{KittiMap, SceneFeature};
use rarefy_models::{MinkUNetConfig, Mode, SegmentationConfig, Trace, Widen};
use rarefy_nn::{NamedTensor, StateDict};
use rarefy_sparse::PointCloud;
use rarefy_testkit::Golden;
use rarefy_train::scenes::import::{
    AxisOrder, Convention, Fate, ForeignWeights, ImportClasses, ImportError, ImportModel, ImportOptions, Imported,
    Naming, WeightLayout, import,
};
use rarefy_train::weights_checksum;

/// Wanted agreement of every score, as a share of the largest.
const BOUND: f32 = 1e-4;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/spconv").join(name)
}

fn options() -> ImportOptions {
    ImportOptions {
        model: ImportModel::MinkUNet,
        width: None,
        naming: None,
        axes: AxisOrder::Xyz,
        norm_epsilon: None,
        classes: ImportClasses::SemanticKitti(KittiMap::Official),
        features: Vec::new(),
        voxel_size: None,
        intensity_scale: 1.0,
    }
}

fn checkpoint() -> ForeignWeights {
    ForeignWeights::read(&file("spunet.pth")).unwrap()
}

/// The tensors of the checkpoint, changed.
fn changed(change: impl Fn(&mut StateDict)) -> ForeignWeights {
    let mut weights = checkpoint();
    change(&mut weights.tensors);
    weights
}

fn error_of(weights: &ForeignWeights, options: &ImportOptions) -> ImportError {
    import(weights, options).unwrap_err()
}

/// How far the worst score is off, as a share of the largest; `scores` names what spconv gave.
fn worst(imported: &Imported, scores: &str) -> f32 {
    let mut golden = Golden::open(&file("spunet.npz"));
    let coords = golden.coords("coords");
    let places = coords.iter().map(|&[_, x, y, z]| [x as f32, y as f32, z as f32]).collect();
    let cloud = PointCloud::new(places, coords.iter().map(|coord| coord[0]).collect(), 2).unwrap();
    let (values, shape) = golden.f32s("feats");
    let features = Tensor::from_data(TensorData::new(values, [shape[0], shape[1]]), &Device::flex());
    let found = imported.network.forward(&cloud, features, Mode::Evaluation, &mut Trace::off()).unwrap();
    let found: Vec<f32> = found.into_data().try_to_vec().unwrap();
    let wanted = golden.f32s(scores).0;
    assert_eq!(found.len(), wanted.len());
    let largest = wanted.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let off = found.iter().zip(&wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / largest;
    println!("{scores}: the worst of {} scores (largest {largest:.2}) is off by {off:.1e} of it", found.len());
    off
}

#[test]
fn the_network_of_spconv_agrees_at_every_voxel() {
    let imported = import(&checkpoint(), &options()).unwrap();
    let expected = Convention { naming: Naming::Spconv, layout: WeightLayout::Spconv2, axes: AxisOrder::Xyz };
    assert_eq!(imported.convention, expected);
    let model = MinkUNetConfig {
        classes: 19,
        features: 4,
        width: 0.063,
        stem: vec![5],
        blocks: vec![1, 2, 1, 1, 1, 1, 2, 1],
        widen: Widen::Step,
        norm_epsilon: 0.001,
        norm_momentum: 0.01,
    };
    assert_eq!(imported.config.model, SegmentationConfig::MinkUNet(model));
    // 1 + 4 + 4 steps and 10 blocks of two, of which the first of every stage up has a third way past: 33 norms.
    let [used, left, missing] = [Fate::Used, Fate::Left, Fate::Missing].map(|fate| imported.count(fate));
    assert_eq!((used, left, missing), (33 * 5 + 2, 33, 0));
    assert!(imported.tensors.iter().all(|tensor| tensor.is_counter() == (tensor.fate == Fate::Left)));
    assert!(worst(&imported, "scores") < BOUND);
}

#[test]
fn the_epsilon_of_the_norms_can_be_told() {
    let torch = ImportOptions { norm_epsilon: Some(1e-5), ..options() };
    let off = worst(&import(&checkpoint(), &torch).unwrap(), "scores");
    assert!(off > 2.0 * BOUND, "0.00001 and 0.001 differ by {off} only");
    let told = ImportOptions { norm_epsilon: Some(1e-3), ..options() };
    assert!(worst(&import(&checkpoint(), &told).unwrap(), "scores") < BOUND);
    let wrong = ImportOptions { norm_epsilon: Some(-1.0), ..options() };
    assert!(error_of(&checkpoint(), &wrong).to_string().contains("norm_epsilon"));
}

#[test]
fn kernels_whose_first_axis_is_z_are_turned_round() {
    let turned = import(&checkpoint(), &ImportOptions { axes: AxisOrder::Zyx, ..options() }).unwrap();
    assert!(worst(&turned, "scores_zyx") < BOUND);
    assert!(worst(&turned, "scores") > 0.1);
    let plain = import(&checkpoint(), &options()).unwrap();
    assert!(worst(&plain, "scores_zyx") > 0.1);
}

/// Moves the axes of every kernel from `[out, k1, k2, k3, in]`: axis `n` becomes the one that was at `axes[n]`. Kernels of one
/// tap keep their values, which every version of spconv takes for `[in, out]`.
fn permuted(weights: &mut StateDict, axes: [usize; 5]) {
    for NamedTensor { shape, values } in weights.values_mut().filter(|tensor| tensor.shape.len() == 5) {
        let strides: Vec<usize> = (0..5).map(|axis| shape[axis + 1..].iter().product()).collect();
        let moved = axes.map(|axis| shape[axis]);
        let place = |mut rest: usize| {
            let mut place = 0;
            for axis in (0..5).rev() {
                place += rest % moved[axis] * strides[axes[axis]];
                rest /= moved[axis];
            }
            place
        };
        if shape[1] > 1 {
            *values = (0..values.len()).map(|n| values[place(n)]).collect();
        }
        *shape = moved.to_vec();
    }
}

#[test]
fn older_layouts_are_told_from_the_shapes() {
    let expected = weights_checksum(&import(&checkpoint(), &options()).unwrap().network);
    for (layout, axes, first) in [
        (WeightLayout::Spconv2, [0, 1, 2, 3, 4], [2, 5, 5, 5, 4]),
        (WeightLayout::Spconv1, [1, 2, 3, 4, 0], [5, 5, 5, 4, 2]),
        (WeightLayout::Spconv2Native, [1, 2, 3, 0, 4], [5, 5, 5, 2, 4]),
    ] {
        let weights = changed(|dict| permuted(dict, axes));
        assert_eq!(weights.tensors["backbone.conv_input.0.weight"].shape, first);
        let imported = import(&weights, &options()).unwrap();
        assert_eq!(imported.convention.layout, layout);
        assert_eq!(weights_checksum(&imported.network), expected, "{layout}");
        assert!(worst(&imported, "scores") < BOUND);

        // Of the errors of three layouts that of the right one is told.
        let mut damaged = weights;
        let kernel = damaged.tensors.get_mut("backbone.up.1.0.weight").unwrap();
        kernel.shape[2] = 1;
        kernel.values.truncate(kernel.values.len() / 2);
        let error = error_of(&damaged, &options());
        assert!(matches!(error, ImportError::StateDict(_)) && error.to_string().contains("up.1.0.weight"), "{error}");
        let shape = layout.tensor_shape(rarefy_nn::WeightShape::new([2; 3], (8, 6)));
        assert!(error.to_string().contains(&format!("the network has {shape:?}")), "{error}");
    }
}

#[test]
fn six_channels_on_scannet_are_colour_and_normal() {
    use SceneFeature::{Colour, Normal, Position, SignedColour};
    let rooms = MinkUNetConfig { features: 6, ..MinkUNetConfig::new(20).with_width(0.125).as_for_spconv() };
    let network = SegmentationConfig::MinkUNet(rooms).init(1, &Device::flex());
    let scannet = ImportOptions { classes: ImportClasses::Scannet, ..options() };
    let features_of = |naming: Naming, options: &ImportOptions| {
        let tensors = network.export(naming).unwrap();
        let imported = import(&ForeignWeights { tensors, kind: "test", not_run: Vec::new() }, options).unwrap();
        assert_eq!(weights_checksum(&imported.network), weights_checksum(&network));
        imported.config.input.features
    };
    assert_eq!(features_of(Naming::Spconv, &scannet), [Colour, Normal]);
    assert_eq!(features_of(Naming::Minkowski, &scannet), [Position, Colour]);
    let older = ImportOptions { features: vec![SignedColour, Normal], ..scannet };
    assert_eq!(features_of(Naming::Spconv, &older), [SignedColour, Normal]);
}

#[test]
fn what_does_not_fit_is_told() {
    for (naming, first) in [(Naming::TorchSparse, "stem.0.kernel"), (Naming::Minkowski, "conv0p1s1.kernel")] {
        let error = error_of(&checkpoint(), &ImportOptions { naming: Some(naming), ..options() });
        assert!(matches!(error, ImportError::UnknownNames { .. }) && error.to_string().contains(first), "{error}");
    }
    let spvcnn = ImportOptions { model: ImportModel::Spvcnn, ..options() };
    assert!(error_of(&checkpoint(), &spvcnn).to_string().contains("spvcnn has no names in Spconv"));
    let wide = ImportOptions { width: Some(0.125), ..options() };
    assert!(matches!(error_of(&checkpoint(), &wide), ImportError::StateDict(_)));

    let flat = changed(|dict| {
        let kernel = dict.get_mut("backbone.conv_input.0.weight").unwrap();
        (kernel.shape, kernel.values) = (vec![2, 5, 5, 1, 4], vec![0.0; 200]);
    });
    let error = error_of(&flat, &options()).to_string();
    assert!(error.contains("[2, 5, 5, 1, 4]") && error.contains("spconv 2 [out, k1, k2, k3, in]"), "{error}");
    let detector = changed(|dict| dict.retain(|name, _| !name.contains("enc.2")));
    let error = error_of(&detector, &options()).to_string();
    assert!(error.contains("enc.2.block0.conv1.weight"), "{error}");

    let folder = tempfile::tempdir().unwrap();
    let less = changed(|dict| drop(dict.remove("backbone.dec.0.block0.proj.1.weight")));
    let imported = import(&less, &options()).unwrap();
    let error = imported.save(&folder.path().join("run")).unwrap_err().to_string();
    assert!(error.contains("dec.0.block0.proj.1.weight") && !folder.path().join("run").exists(), "{error}");
}
