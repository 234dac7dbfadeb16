//! Configurations: presets, files, overrides, and what is said of wrong ones.

use std::path::Path;

use rarefy_nn::{OptimiserConfig, Schedule};
use rarefy_train::TaskConfig;
use rarefy_train::shapes::ShapeConfig;

const ROOT: &str = "data.root=shapes";

fn error(config: &str, overrides: &[&str]) -> String {
    ShapeConfig::load(config, overrides).unwrap_err().to_string()
}

#[test]
fn every_preset_is_complete_and_survives_being_written_out() {
    let folder = tempfile::tempdir().unwrap();
    for name in ShapeConfig::preset_names() {
        let config = ShapeConfig::load(name, &[ROOT]).unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, config.to_toml()).unwrap();
        assert_eq!(ShapeConfig::read(&path).unwrap(), config, "{name}");
        assert_eq!(ShapeConfig::load(path.to_str().unwrap(), &[] as &[&str]).unwrap(), config, "{name}");
    }
}

#[test]
fn overrides_take_literals_and_bare_words() {
    let overrides = ["data.root=a b/c", "train.epochs=7", "schedule.lr=1e-4", "augment.flip=true", "eval.best_by=map"];
    let config = ShapeConfig::load("s3dcnn", &overrides).unwrap();
    assert_eq!(config.data.root, Path::new("a b/c"));
    assert_eq!((config.train.epochs, config.schedule.highest(), config.augment.flip), (7, 1e-4, true));
}

#[test]
fn a_section_starts_anew_when_its_name_changes() {
    let overrides =
        [ROOT, "optimiser.weight_decay=0.5", "optimiser.name=adamw", "schedule.name=constant", "schedule.lr=1"];
    let config = ShapeConfig::load("s3dcnn", &overrides).unwrap();
    assert!(matches!(config.optimiser, OptimiserConfig::Adamw { weight_decay: 0.5, .. }));
    assert_eq!(config.schedule, Schedule::Constant { lr: 1.0 });
}

#[test]
fn a_file_may_build_on_a_preset() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    std::fs::write(&path, "preset = \"s3dcnn\"\n[data]\nroot = \"shapes\"\n[train]\nepochs = 3\n").unwrap();
    let config = ShapeConfig::load(path.to_str().unwrap(), &[] as &[&str]).unwrap();
    let preset = ShapeConfig::load("s3dcnn", &[ROOT, "train.epochs=3"]).unwrap();
    assert_eq!(config, preset);
}

#[test]
fn an_unknown_key_is_named_with_its_place_and_the_nearest_known_one() {
    assert_eq!(
        error("s3dcnn", &[ROOT, "train.epoch=3"]),
        "train.epoch=3: unknown key \"train.epoch\"; did you mean \"train.epochs\"?"
    );
    assert!(error("s3dcnn", &[ROOT, "epochs=3"]).contains("did you mean \"train.epochs\"?"));
    assert!(error("s3dcnn", &[ROOT, "optimiser.nesterov=true"]).contains("unknown key \"optimiser.nesterov\""));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    std::fs::write(&path, "preset = \"s3dcnn\"\n[tran]\nepochs = 3\n").unwrap();
    let message = error(path.to_str().unwrap(), &[]);
    assert_eq!(message, format!("{}: unknown key \"tran\"; did you mean \"train\"?", path.display()));
}

#[test]
fn wrong_values_are_named_with_place_key_and_way_out() {
    let wrong = [
        ("train.epochs=many", "train.epochs=many: invalid type: string \"many\", expected u64 in `train.epochs`"),
        ("train.epochs=0", "train.epochs = 0: expected 1 or more"),
        ("optimiser.name=adamm", "(known are sgd, nag-light, adam, adamw); did you mean \"adamw\"?"),
        ("model.features=3", "set model.features=1"),
        ("model.depth=99", "model.depth = 99 is out of range"),
        ("schedule.lr=-1", "schedule.lr = -1 is out of range: expected a finite number of 0 or more"),
        ("loss.softmax=0", "loss.softmax and loss.triplet are both 0"),
        ("data.classes_per_batch=3", "is no multiple of data.classes_per_batch = 3"),
        ("train.epochs", "`train.epochs` is no override; write key=value"),
        ("data.render_size=500", "render_size = 500"),
    ];
    for (text, expected) in wrong {
        let message = error("s3dcnn", &[ROOT, "train.batch=10", text]);
        assert!(message.contains(expected), "{text}: {message}");
    }
    assert!(error("s3dcnn", &[]).contains("data.root is not set"));
}

#[test]
fn an_unknown_configuration_is_answered_with_the_presets() {
    let message = error("s3dcn", &[ROOT]);
    assert!(message.contains("did you mean \"s3dcnn\"?") && message.contains("s3dcnn-modern"), "{message}");
    assert!(error("missing.toml", &[ROOT]).contains("cannot read the configuration missing.toml"));
}

#[test]
fn text_that_is_no_toml_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    std::fs::write(&path, "[train]\nepochs = = 3\n").unwrap();
    let message = error(path.to_str().unwrap(), &[]);
    assert!(message.contains("mine.toml is not valid TOML") && message.contains("line 2"), "{message}");
}
