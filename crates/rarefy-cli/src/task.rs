//! Which task a configuration or a run is about.

use std::path::Path;

use rarefy_train::scenes::{SceneConfig, Scenes};
use rarefy_train::shapes::ShapeConfig;
use rarefy_train::{RunFolder, Task, TaskConfig};

/// The tasks of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaskName {
    /// Classification and retrieval of shapes.
    Shapes,
    /// Segmentation of scans.
    Scenes,
}

impl TaskName {
    /// The task of a preset, or of a configuration file by its `preset` or its `model.name`; shapes where neither tells.
    pub(crate) fn of_config(config: &str) -> Self {
        if let Some(task) = Self::of_preset(config) {
            return task;
        }
        let table = std::fs::read_to_string(config).ok().and_then(|text| text.parse::<toml::Table>().ok());
        let Some(table) = table else { return Self::Shapes };
        let preset = table.get("preset").and_then(toml::Value::as_str).and_then(Self::of_preset);
        let model = table.get("model").and_then(|model| model.get("name"));
        let is_scenes =
            |model: &toml::Value| SceneConfig::models().iter().any(|known| known.get("name") == Some(model));
        let by_model = model.filter(|model| is_scenes(model)).map(|_| Self::Scenes);
        preset.or(by_model).unwrap_or(Self::Shapes)
    }

    fn of_preset(name: &str) -> Option<Self> {
        let shapes = ShapeConfig::preset_names().contains(&name).then_some(Self::Shapes);
        shapes.or_else(|| SceneConfig::preset_names().contains(&name).then_some(Self::Scenes))
    }

    /// The task of a run, or of a checkpoint; shapes where there is none, which whoever opens it will say.
    pub(crate) fn of_run(path: &Path) -> Self {
        let of_run = RunFolder::open(path).ok().and_then(|run| run.record().ok()).map(|record| record.task);
        match of_run.or_else(|| task_of_checkpoint(path)) {
            Some(task) if task == Scenes::NAME => Self::Scenes,
            _ => Self::Shapes,
        }
    }
}

/// What the manifest of a checkpoint says.
fn task_of_checkpoint(folder: &Path) -> Option<String> {
    let manifest: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).ok()?).ok()?;
    manifest.get("task")?.as_str().map(str::to_owned)
}

/// Names of all presets.
pub(crate) fn preset_names() -> Vec<&'static str> {
    [ShapeConfig::preset_names(), SceneConfig::preset_names()].concat()
}
