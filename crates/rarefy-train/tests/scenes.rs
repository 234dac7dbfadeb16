//! Segmentation of scenes: exact resume, any number of threads, what a run leaves, and errors that name the way out.

mod common;

use std::path::Path;
use std::sync::atomic::AtomicBool;

use burn::tensor::Device;
use common::{End, end_after};
use rarefy_data::scene::{ClassMap, KittiMap, LidarSensor, SyntheticStreets, write_synthetic_streets};
use rarefy_train::scenes::{SceneConfig, Scenes, segment};
use rarefy_train::shapes::Shapes;
use rarefy_train::{Outcome, Silent, Summary, Task, TaskConfig, Which, open_checkpoint};

/// Five coarse streets to train on and two to measure on.
fn streets(root: &Path) {
    let sensor = LidarSensor { azimuth_steps: 180, ..LidarSensor::with_rings(12, 3.0, -22.0) };
    let set = SyntheticStreets { sensor, train: 5, val: 2, seed: 3 };
    write_synthetic_streets(root, &set, None).unwrap();
}

fn config(preset: &str, data: &Path, more: &[&str]) -> SceneConfig {
    let root = format!("data.root={}", data.display());
    let small =
        ["model.width=0.25", "input.voxel_size=0.4", "train.epochs=2", "schedule.warmup_steps=1", root.as_str()];
    SceneConfig::load(preset, &[&small[..], more].concat()).unwrap()
}

fn train(config: &SceneConfig, run: &Path) -> Summary {
    rarefy_train::train(config.clone(), run, &Silent, &AtomicBool::new(false)).unwrap()
}

/// Checksum of the weights and all figures but wall times.
fn figures(summary: &Summary, run: &Path) -> Vec<String> {
    let lines = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let records = lines.lines().map(|line| serde_json::from_str::<rarefy_train::EpochRecord>(line).unwrap());
    let figures = records.map(|record| format!("{:?} {:?} {:?}", record.train_loss, record.train, record.test));
    figures.chain([summary.weights_checksum.clone()]).collect()
}

#[test]
fn a_stopped_or_killed_run_ends_in_the_bits_of_one_that_was_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    streets(&data);
    // Drop-out, augmentation with a partner and a limit of voxels draw random numbers, too.
    let more = ["input.augment.mix=0.5", "input.augment.point_dropout=0.2", "input.most_voxels=700"];
    let config = config("spvcnn", &data, &[&more[..], &["train.checkpoint_steps=2"]].concat());
    let whole = folder.path().join("whole");
    let expected = train(&config, &whole);
    assert_eq!((expected.outcome, expected.steps), (Outcome::Finished, 6));
    let expected = figures(&expected, &whole);
    for (end, step) in [(End::Stopped, 1), (End::Killed, 3), (End::Stopped, 4), (End::Killed, 5)] {
        let run = folder.path().join(format!("{end:?}-{step}"));
        end_after(step, end, |progress, stop| rarefy_train::train(config.clone(), &run, progress, stop));
        let rest = rarefy_train::resume::<Scenes>(&run, &Silent, &AtomicBool::new(false)).unwrap();
        assert_eq!(figures(&rest, &run), expected, "{end:?} after step {step}");
    }
}

#[test]
fn one_and_three_threads_end_in_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    streets(&data);
    let with_threads = |threads: usize| {
        let mut config = config("minkunet", &data, &[]);
        config.data.loader_threads = threads;
        let run = folder.path().join(format!("run-{threads}"));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| figures(&train(&config, &run), &run))
    };
    assert_eq!(with_threads(1), with_threads(3));
}

#[test]
fn factors_of_bf16_train_nearly_as_those_of_f32_and_end_in_the_same_bits_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    streets(&data);
    let [exact, rounded] = ["f32", "bf16"].map(|precision| {
        let precision = format!("precision=\"{precision}\"");
        config("spvcnn", &data, &["train.checkpoint_steps=2", &precision])
    });
    let run = folder.path().join("whole");
    let summary = train(&rounded, &run);
    let expected = figures(&summary, &run);
    let broken = folder.path().join("broken");
    end_after(3, End::Killed, |progress, stop| rarefy_train::train(rounded, &broken, progress, stop));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let rest = pool.install(|| rarefy_train::resume::<Scenes>(&broken, &Silent, &AtomicBool::new(false)).unwrap());
    assert_eq!(figures(&rest, &broken), expected);
    let other = train(&exact, &folder.path().join("exact"));
    assert_ne!(other.weights_checksum, summary.weights_checksum);
    let [exact, rounded] = [&other, &summary].map(|summary| summary.last.as_ref().unwrap().train_loss);
    assert!((exact - rounded).abs() < 0.02 * exact, "{exact} {rounded}");
}

#[test]
fn a_trained_network_labels_every_point_and_views_are_averaged() {
    let folder = tempfile::tempdir().unwrap();
    let (data, run) = (folder.path().join("data"), folder.path().join("run"));
    streets(&data);
    let summary = train(&config("minkunet", &data, &["input.test_views=2", "train.epochs=1"]), &run);
    let measured = summary.best.unwrap().figures;
    let checkpoint = open_checkpoint::<Scenes>(&run, Which::Last).unwrap();
    let config = &checkpoint.manifest().config;
    let (network, scenes) = (checkpoint.network(&Device::flex()).unwrap(), Scenes::load(config, &Silent).unwrap());
    let (mut right, mut known, mut seen) = (0_u64, 0_u64, Vec::new());
    segment(&network, scenes.tests(), config.passes(), (&Silent, &AtomicBool::new(false)), |scan| {
        let points = scenes.tests().set().scene(scan.id).unwrap().scan.len();
        assert_eq!(scan.probabilities.len(), points * 19);
        for row in scan.probabilities.chunks(19) {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        }
        for (label, predicted) in scan.labels.iter().zip(scan.predicted()) {
            known += u64::from(*label != 255);
            right += u64::from(*label == predicted);
        }
        seen.push(scan.id);
        Ok(())
    })
    .unwrap();
    assert_eq!(seen, [0, 1]);
    assert_eq!(measured.get("accuracy"), Some(right as f64 / known as f64));
}

#[test]
fn wrong_settings_and_checkpoints_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let (data, run) = (folder.path().join("data"), folder.path().join("run"));
    let refused = |more: &[&str]| SceneConfig::load("minkunet", more).unwrap_err().to_string();
    assert!(refused(&[]).contains("data.root is not set"));
    assert!(refused(&["data.root=x", "input.features=[\"colour\"]"]).contains("set model.features=3"));
    assert!(refused(&["data.root=x", "loss.lovas=1"]).contains("did you mean \"loss.lovasz\""));
    assert!(refused(&["data.root=x", "loss.lovasz=0", "loss.cross_entropy=0"]).contains("both 0"));
    let load = |config: &SceneConfig| Scenes::load(config, &Silent).unwrap_err().to_string();
    assert!(load(&config("minkunet", Path::new("nowhere"), &[])).contains("nowhere"));
    streets(&data);
    assert!(load(&config("minkunet", &data, &["data.val=[\"77\"]"])).contains("77"));
    assert!(load(&config("minkunet-rooms", &data, &[])).contains("scans"));
    train(&config("minkunet", &data, &["train.epochs=1"]), &run);
    let other = open_checkpoint::<Shapes>(&run, Which::Last).unwrap_err().to_string();
    assert!(other.contains("`scenes`") && other.contains("`shapes`"), "{other}");
    assert_eq!(&ClassMap::read(&run.join("classes.toml")).unwrap(), &ClassMap::semantic_kitti(KittiMap::Official));
    std::fs::rename(data.join("sequences/08"), data.join("sequences/42")).unwrap();
    let lacking = load(&config("minkunet", &data, &[]));
    assert!(lacking.contains("(08)") && lacking.contains("42"), "{lacking}");
}
