//! Weights of other programs: the golden network comes in and computes what it computed there; names, shapes and files that
//! do not fit are refused.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use rarefy_data::scene::{ClassMap, KittiMap, SceneClass, SceneFeature, Unlisted};
use rarefy_models::{MinkUNetConfig, Mode, SegmentationConfig, SpvcnnConfig, Trace};
use rarefy_nn::{NamedTensor, Naming, StateDict};
use rarefy_sparse::PointCloud;
use rarefy_testkit::{Golden, golden_files, golden_folder};
use rarefy_train::scenes::import::{
    AxisOrder, Fate, ForeignWeights, ImportClasses, ImportError, ImportModel, ImportOptions, Imported, import,
};
use rarefy_train::scenes::{SceneLayout, Scenes};
use rarefy_train::{Task, Which, open_checkpoint, weights_checksum};
use safetensors::tensor::{Dtype, TensorView};

fn options(model: ImportModel) -> ImportOptions {
    ImportOptions {
        model,
        width: None,
        naming: None,
        axes: AxisOrder::Xyz,
        norm_epsilon: None,
        classes: ImportClasses::SemanticKitti(KittiMap::Repository),
        features: Vec::new(),
        voxel_size: None,
        intensity_scale: 1.0,
    }
}

fn weights(tensors: StateDict) -> ForeignWeights {
    ForeignWeights { tensors, kind: "test", not_run: Vec::new() }
}

fn model_of(name: &str) -> ImportModel {
    if name.starts_with("spvcnn") { ImportModel::Spvcnn } else { ImportModel::MinkUNet }
}

/// The class scores of the golden cloud by a network that was imported, saved and opened again.
fn scores_of_saved(imported: &Imported, golden: &mut Golden, cloud: &PointCloud) -> Vec<f32> {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    imported.save(&run).unwrap();
    let checkpoint = open_checkpoint::<Scenes>(&run, Which::Best).unwrap();
    assert_eq!(checkpoint.manifest().weights_checksum, weights_checksum(&imported.network));
    let network = checkpoint.network(&Device::flex()).unwrap();
    let (values, shape) = golden.f32s("feats");
    let features = Tensor::from_data(TensorData::new(values, [shape[0], shape[1]]), &Device::flex());
    let output = network.forward(cloud, features, Mode::Evaluation, &mut Trace::off()).unwrap();
    output.into_data().try_to_vec().unwrap()
}

fn highest(row: &[f32]) -> usize {
    (1..row.len()).fold(0, |best, class| if row[class] > row[best] { class } else { best })
}

#[test]
fn the_golden_networks_are_imported_whole_and_agree_at_every_point() {
    let Some(folder) = golden_folder() else { return };
    for mut golden in ["minkunet_cr", "spvcnn_cr"].into_iter().flat_map(golden_files) {
        let name = golden.name().to_owned();
        let weights = ForeignWeights::read(&folder.join(format!("{name}.npz"))).unwrap();
        let imported = import(&weights, &options(model_of(&name))).unwrap();
        assert_eq!(imported.count(Fate::Missing), 0);
        let needless = |name: &str| name.ends_with("num_batches_tracked") || name.starts_with("point_transforms");
        let left = imported.tensors.iter().filter(|tensor| tensor.fate == Fate::Left);
        assert!(left.clone().all(|tensor| needless(&tensor.name)), "{:?}", left.collect::<Vec<_>>());
        let by_points = golden.has("points_voxel_units");
        let cloud = if by_points {
            let rows = golden.f32s("points_voxel_units").0;
            let places = rows.chunks_exact(4).map(|row| [row[0], row[1], row[2]]).collect();
            PointCloud::new(places, rows.chunks_exact(4).map(|row| row[3] as i32).collect(), 1).unwrap()
        } else {
            let coords = golden.coords("coords");
            let places = coords.iter().map(|&[_, x, y, z]| [x as f32, y as f32, z as f32]).collect();
            PointCloud::new(places, coords.iter().map(|coord| coord[0]).collect(), 1).unwrap()
        };
        let found = scores_of_saved(&imported, &mut golden, &cloud);
        let wanted = if by_points { golden.f32s("out").0 } else { golden.named("out__").remove(0).2 };
        let worst = found.iter().zip(&wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        println!("{name}: the worst of {} scores is {worst:.1e} off", found.len());
        assert!(worst < 1e-4 && found.len() == wanted.len(), "{name}: {worst:e} off");
        let rows = found.chunks(19).zip(wanted.chunks(19));
        let same = rows.clone().filter(|(a, b)| highest(a) == highest(b)).count();
        assert!(same * 1000 >= rows.len() * 999, "{name}: {same} of {} labels", rows.len());
    }
}

fn save_safetensors(dict: &StateDict, before: &str, path: &Path) {
    let bytes: BTreeMap<String, (Vec<usize>, Vec<u8>)> = dict
        .iter()
        .map(|(name, NamedTensor { shape, values })| {
            let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            (format!("{before}{name}"), (shape.clone(), bytes))
        })
        .collect();
    let views = bytes.iter().map(|(name, (shape, bytes))| {
        (name.clone(), TensorView::new(Dtype::F32, shape.clone(), bytes).expect("bytes of the shape"))
    });
    std::fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

#[test]
fn shapes_and_names_tell_the_network_in_every_naming() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.safetensors");
    let mine = |model| SegmentationConfig::MinkUNet(model);
    let rooms = MinkUNetConfig {
        stem: vec![5],
        blocks: vec![2, 3, 1, 1, 1, 2, 1, 2],
        features: 3,
        ..MinkUNetConfig::new(20).with_width(0.125)
    };
    for (config, naming, before, classes) in [
        (mine(MinkUNetConfig::new(19).with_width(0.64)), Naming::TorchSparse, "module.", None),
        (SegmentationConfig::Spvcnn(SpvcnnConfig::new(19).with_width(0.125)), Naming::TorchSparse, "", None),
        (mine(rooms), Naming::Minkowski, "backbone.", Some(ImportClasses::Scannet)),
    ] {
        let network = config.init(7, &Device::flex());
        save_safetensors(&network.export(naming).unwrap(), before, &path);
        let mut options = options(model_of(config.name()));
        options.classes = classes.unwrap_or(options.classes);
        let imported = import(&ForeignWeights::read(&path).unwrap(), &options).unwrap();
        assert_eq!((imported.convention.naming, &imported.config.model), (naming, &config));
        assert_eq!((imported.count(Fate::Left), imported.count(Fate::Missing)), (0, 0));
        assert_eq!(weights_checksum(&imported.network), weights_checksum(&network));
        let rooms = imported.config.data.layout == SceneLayout::Scannet;
        let features = &imported.config.input.features;
        assert_eq!(rooms, *features == [SceneFeature::Colour], "{features:?}");
        let size = if rooms { 0.02 } else { 0.05 };
        assert!((imported.config.input.voxel_size - size).abs() < 1e-6);
    }
    std::fs::write(&path, "no tensors at all").unwrap();
    let error = ForeignWeights::read(&path).unwrap_err().to_string();
    assert!(error.contains("net.safetensors") && error.contains("no safetensors file"), "{error}");
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_written() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let network = SegmentationConfig::MinkUNet(MinkUNetConfig::new(19).with_width(0.125)).init(7, &Device::flex());
    let dict = network.export(Naming::TorchSparse).unwrap();
    let options = options(ImportModel::MinkUNet);
    let error_of = |dict: &StateDict, options: &ImportOptions| import(&weights(dict.clone()), options).unwrap_err();

    let mut less = dict.clone();
    less.remove("stage2.1.net.1.running_mean").unwrap();
    let imported = import(&weights(less), &options).unwrap();
    let missing: Vec<_> = imported.tensors.iter().filter(|tensor| tensor.fate == Fate::Missing).collect();
    assert_eq!((missing.len(), missing[0].shape.as_slice()), (1, &[8][..]));
    let error = imported.save(&run).unwrap_err().to_string();
    assert!(error.contains("stage2.1.net.1.running_mean") && !run.exists(), "{error}");

    let mut broken = dict.clone();
    broken.get_mut("up1.0.net.0.kernel").unwrap().values[3] = f32::NAN;
    assert!(matches!(error_of(&broken, &options), ImportError::NotFinite { name } if name == "up1.0.net.0.kernel"));
    let renamed: StateDict = dict.iter().map(|(name, tensor)| (format!("{name}.x"), tensor.clone())).collect();
    let error = error_of(&renamed, &options).to_string();
    assert!(error.contains("stem.0.kernel") && error.contains("classifier.0.bias.x"), "{error}");
    let minkowski = ImportOptions { naming: Some(Naming::Minkowski), ..options.clone() };
    assert!(error_of(&dict, &minkowski).to_string().contains("conv0p1s1.kernel"));
    let wide = ImportOptions { width: Some(0.25), ..options.clone() };
    assert!(matches!(error_of(&dict, &wide), ImportError::StateDict(_)));
    let spvcnn = ImportOptions { model: ImportModel::Spvcnn, ..options.clone() };
    assert!(import(&weights(dict.clone()), &spvcnn).unwrap().save(&run).is_err() && !run.exists());
    let rooms = ImportOptions { classes: ImportClasses::Scannet, ..options.clone() };
    assert!(matches!(error_of(&dict, &rooms), ImportError::Classes { network: 19, given: 20 }));
    let features = ImportOptions { features: vec![SceneFeature::Colour], ..options.clone() };
    assert!(matches!(error_of(&dict, &features), ImportError::Features { expected: 4, got: 3, .. }));
    assert!(error_of(&StateDict::new(), &options).to_string().contains("stem.0.kernel"));

    let imported = import(&weights(dict), &options).unwrap();
    imported.save(&run).unwrap();
    assert!(imported.save(&run).unwrap_err().to_string().contains("holds a run already"));
}

#[test]
fn classes_of_ones_own_go_into_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let class = |(id, name): (u32, &str)| SceneClass { name: name.into(), ids: vec![id], colour: [9, 8, id as u8] };
    let classes = [(5, "rail"), (7, "sleeper")].into_iter().map(class).collect();
    let map = ClassMap::new(classes, &[0], Unlisted::Refused).unwrap();
    let network = SegmentationConfig::MinkUNet(MinkUNetConfig::new(2).with_width(0.125)).init(7, &Device::flex());
    let options = ImportOptions { classes: ImportClasses::Own(map.clone()), ..options(ImportModel::MinkUNet) };
    import(&weights(network.export(Naming::TorchSparse).unwrap()), &options).unwrap().save(&run).unwrap();
    let checkpoint = open_checkpoint::<Scenes>(&run, Which::Last).unwrap();
    assert_eq!(checkpoint.manifest().classes, ["rail", "sleeper"]);
    assert_eq!(checkpoint.manifest().task, Scenes::NAME);
    let config = &checkpoint.manifest().config;
    assert_eq!(rarefy_train::scenes::class_map(config, &[&run]).unwrap(), map);
}
