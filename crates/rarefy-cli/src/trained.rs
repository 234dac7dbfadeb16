//! A trained network with all that it takes to run it on shapes: what `eval`, `predict`, `index` and `query` share.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context;
use burn::tensor::Device;
use rarefy_data::{ClassFolder, Dataset, LoadOptions, ShapeEntry, VoxelPipeline};
use rarefy_models::Network;
use rarefy_train::shapes::{InferenceOptions, Predictions, ShapeConfig, Shapes, infer};
use rarefy_train::{Event, Manifest, Progress, Which, open_checkpoint};

use crate::listener::Listener;

/// A network, its pipeline and its settings.
#[derive(Debug)]
pub(crate) struct Trained {
    /// The checkpoint's folder.
    pub(crate) folder: PathBuf,
    /// What the checkpoint says of itself.
    pub(crate) manifest: Manifest<ShapeConfig>,
    pub(crate) network: Network,
}

impl Trained {
    /// Opens a run or a checkpoint.
    pub(crate) fn open(path: &Path, which: Which) -> anyhow::Result<Self> {
        anyhow::ensure!(path.exists(), "{}: no such run or checkpoint; `rarefy train` makes one", path.display());
        let checkpoint = open_checkpoint::<Shapes>(path, which)?;
        let network = checkpoint.network(&Device::flex())?;
        Ok(Self { folder: checkpoint.folder().to_path_buf(), manifest: checkpoint.manifest().clone(), network })
    }

    /// Names of the classes.
    pub(crate) fn classes(&self) -> &[String] {
        &self.manifest.classes
    }

    /// The steps from a shape to the network's input, at this render size or the one of the training.
    pub(crate) fn pipeline(&self, render_size: Option<u32>) -> anyhow::Result<VoxelPipeline> {
        let mut pipeline = self.manifest.config.pipeline();
        pipeline.render_size = render_size.unwrap_or(pipeline.render_size);
        pipeline.check()?;
        Ok(pipeline)
    }

    /// The split of a data set with the classes of the network.
    pub(crate) fn load_split(
        &self,
        root: &Path,
        split: &str,
        fineness: u32,
        listener: &Listener,
    ) -> anyhow::Result<Arc<Dataset>> {
        let folder = ClassFolder::open(root).with_context(|| "cannot open the data set; name it with --data")?;
        if folder.classes() != self.classes() {
            let (got, expected) = (folder.classes().len(), self.classes().len());
            let odd = folder.classes().iter().find(|class| !self.classes().contains(class));
            let odd = odd.map_or_else(String::new, |class| format!("; `{class}` is unknown to it"));
            anyhow::bail!(
                "{} has other classes than the network was trained on ({got} against {expected}{odd}): \
                 give the data set of its training, or one with the same classes",
                root.display()
            );
        }
        self.load(&folder.split(split)?, self.classes(), fineness, split, listener)
    }

    /// Reads shapes of these classes, or of none; `fineness` times finer than the training did.
    pub(crate) fn load(
        &self,
        entries: &[ShapeEntry],
        classes: &[String],
        fineness: u32,
        what: &str,
        listener: &Listener,
    ) -> anyhow::Result<Arc<Dataset>> {
        let report = |done, total| listener.event(Event::Loading { split: what, done, total });
        let config = &self.manifest.config.data;
        let options = LoadOptions {
            cache_folder: (!config.cache.as_os_str().is_empty()).then_some(&config.cache),
            cache_resolution: (config.cache_resolution * fineness).min(rarefy_geometry::LARGEST_GRID),
            progress: Some(&report),
            ..LoadOptions::default()
        };
        let dataset = Dataset::load(entries, classes, &options)?;
        for skipped in &dataset.skipped {
            listener.event(Event::Warning(&format!("left out: {skipped}")));
        }
        Ok(Arc::new(dataset))
    }

    /// Runs the network over a data set.
    pub(crate) fn infer(
        &self,
        dataset: &Arc<Dataset>,
        pipeline: &VoxelPipeline,
        repeats: Option<u64>,
        listener: &Listener,
        stop: &AtomicBool,
    ) -> anyhow::Result<Predictions> {
        let config = &self.manifest.config;
        let options = InferenceOptions {
            batch: config.eval.batch,
            repeats: repeats.unwrap_or(config.eval.repeats),
            seed: config.train.seed,
            prefetch: config.prefetch(),
        };
        let predictions = infer(&self.network, dataset, pipeline, &options, listener, stop)?;
        listener.finish();
        Ok(predictions)
    }
}

/// Files and folders as entries without classes, in this order; a folder stands for all shapes in it.
pub(crate) fn entries_of(paths: &[PathBuf]) -> anyhow::Result<Vec<ShapeEntry>> {
    let mut entries = Vec::new();
    for path in paths {
        anyhow::ensure!(path.exists(), "{}: no such file or folder", path.display());
        if path.is_dir() {
            let inside = ClassFolder::open(path)?.all()?;
            entries.extend(inside.into_iter().map(|entry| ShapeEntry {
                name: entry.path.display().to_string(),
                label: 0,
                ..entry
            }));
        } else {
            entries.push(ShapeEntry { path: path.clone(), name: path.display().to_string(), label: 0 });
        }
    }
    Ok(entries)
}
