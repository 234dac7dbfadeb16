//! What a run leaves behind, and what is said of a run that is not what it was.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use burn::tensor::Device;
use common::{config, synthetic};
use rarefy_train::shapes::{ShapeConfig, Shapes};
use rarefy_train::{Silent, TaskConfig, TrainError, Which, open_checkpoint, weights_checksum};

/// A folder with data and a run of one epoch.
struct Fixture {
    _folder: tempfile::TempDir,
    data: PathBuf,
    run: PathBuf,
}

fn trained() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let (data, run) = (folder.path().join("data"), folder.path().join("run"));
    synthetic(&data);
    common::train(config("s3dcnn", &data, &["train.epochs=1"]), &run).unwrap();
    Fixture { _folder: folder, data, run }
}

fn resume_error(run: &Path) -> String {
    rarefy_train::resume::<Shapes>(run, &Silent, &AtomicBool::new(false)).unwrap_err().to_string()
}

#[test]
fn a_run_leaves_what_it_says() {
    let fixture = trained();
    for file in ["config.toml", "run.json", "metrics.csv", "metrics.jsonl", "summary.json"] {
        assert!(fixture.run.join(file).is_file(), "{file}");
    }
    assert_eq!(fs::read_to_string(fixture.run.join("metrics.csv")).unwrap().lines().count(), 2);
    let saved = ShapeConfig::read(&fixture.run.join("config.toml")).unwrap();
    assert_eq!(saved.model.classes(), 3);
    let summary: rarefy_train::Summary =
        serde_json::from_slice(&fs::read(fixture.run.join("summary.json")).unwrap()).unwrap();
    let checkpoint = open_checkpoint::<Shapes>(&fixture.run, Which::Best).unwrap();
    assert_eq!(checkpoint.manifest().weights_checksum, summary.weights_checksum);
    assert_eq!(weights_checksum(&checkpoint.network(&Device::flex()).unwrap()), summary.weights_checksum);
    assert_eq!(checkpoint.manifest().classes.len(), 3);
}

#[test]
fn a_run_is_never_written_over() {
    let fixture = trained();
    let again = common::train(config("s3dcnn", &fixture.data, &["train.epochs=1"]), &fixture.run);
    assert!(matches!(again, Err(TrainError::RunExists { .. })));
}

#[test]
fn a_changed_byte_in_any_file_of_a_checkpoint_is_found() {
    let fixture = trained();
    let folder = open_checkpoint::<Shapes>(&fixture.run, Which::Last).unwrap().folder().to_path_buf();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let whole = fs::read(&path).unwrap();
        for place in [0, whole.len() / 2, whole.len() - 1] {
            let mut damaged = whole.clone();
            damaged[place] ^= 0x20;
            fs::write(&path, damaged).unwrap();
            let error = resume_error(&fixture.run);
            assert!(error.contains("damaged") && error.contains("`best`"), "{}: {error}", path.display());
        }
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert!(resume_error(&fixture.run).contains("damaged"));
        fs::remove_file(&path).unwrap();
        let error = resume_error(&fixture.run);
        assert!(error.contains(path.file_name().unwrap().to_str().unwrap()), "{error}");
        fs::write(&path, &whole).unwrap();
    }
    assert!(open_checkpoint::<Shapes>(&fixture.run, Which::Last).is_ok());
}

#[test]
fn a_checkpoint_of_another_network_is_refused_by_the_name_of_a_parameter() {
    let fixture = trained();
    let checkpoint = open_checkpoint::<Shapes>(&fixture.run, Which::Last).unwrap();
    let wider = config("s3dcnn", &fixture.data, &["model.width=6"]).model.with_classes(3);
    let error = checkpoint.load_into(wider.init(1, &Device::flex())).unwrap_err().to_string();
    assert!(error.contains("blocks.0.bias is [4] in the checkpoint and [6] in the network"), "{error}");
    let deeper = config("s3dcnn", &fixture.data, &["model.depth=3"]).model.with_classes(3);
    let error = checkpoint.load_into(deeper.init(1, &Device::flex())).unwrap_err().to_string();
    assert!(error.contains("blocks.3.bias is absent in the checkpoint and [16] in the network"), "{error}");
}

#[test]
fn a_folder_without_a_checkpoint_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = open_checkpoint::<Shapes>(folder.path(), Which::Best).unwrap_err().to_string();
    assert!(error.contains("is no checkpoint of Rarefy"), "{error}");
    assert!(resume_error(folder.path()).contains("holds no run"));
    fs::write(folder.path().join("manifest.json"), "{}").unwrap();
    let error = open_checkpoint::<Shapes>(folder.path(), Which::Best).unwrap_err().to_string();
    assert!(error.contains("manifest.sha256"), "{error}");
}

#[test]
fn a_run_goes_on_only_with_its_own_settings_and_data() {
    let fixture = trained();
    let path = fixture.run.join("config.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("epochs = 1", "epochs = 7")).unwrap();
    let error = resume_error(&fixture.run);
    assert!(error.contains("config.toml of the run was changed"), "{error}");
    fs::write(&path, text).unwrap();
    let class = fs::read_dir(&fixture.data).unwrap().next().unwrap().unwrap().path();
    let shape = fs::read_dir(class.join("train")).unwrap().next().unwrap().unwrap().path();
    fs::remove_file(shape).unwrap();
    let error = resume_error(&fixture.run);
    assert!(error.contains("the training split") && error.contains("has changed"), "{error}");
}

#[test]
fn what_a_killed_process_left_half_written_is_removed() {
    let fixture = trained();
    let checkpoints = fixture.run.join("checkpoints");
    fs::create_dir(checkpoints.join(".step-00000009.partial")).unwrap();
    fs::write(checkpoints.join(".step-00000009.partial/model.safetensors"), "half").unwrap();
    fs::create_dir(checkpoints.join("step-00000008")).unwrap();
    fs::write(fixture.run.join(".metrics.csv.partial"), "half").unwrap();
    rarefy_train::resume::<Shapes>(&fixture.run, &Silent, &AtomicBool::new(false)).unwrap();
    let names = |folder: &Path| -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&checkpoints), ["best", "last", "step-00000004"]);
    assert!(names(&fixture.run).iter().all(|name| !name.ends_with(".partial")));
}

#[test]
fn a_loss_that_leaves_the_numbers_is_an_error_and_the_last_checkpoint_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (data, run) = (folder.path().join("data"), folder.path().join("run"));
    synthetic(&data);
    let settings = ["schedule.name=constant", "schedule.lr=1e30", "train.checkpoint_steps=1"];
    let error = common::train(config("s3dcnn", &data, &settings), &run).unwrap_err();
    assert!(matches!(error, TrainError::NotFinite { epoch: 1, .. }), "{error}");
    assert!(error.to_string().contains("lower schedule.lr"));
    assert!(open_checkpoint::<Shapes>(&run, Which::Last).is_ok());
}
