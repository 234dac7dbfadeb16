//! The report of a run on scenes. All figures are those of the best checkpoint on the validation scans.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use burn::tensor::Device;
use rarefy_data::scene::{IGNORED, SceneLoader, Split};
use rarefy_metrics::Segmentation;
use rarefy_train::scenes::{Scenes, Segmented, load_part, segment};
use rarefy_train::{RunFolder, Silent, TaskConfig, TrainError, Which, open_checkpoint};
use rarefy_view::{CloudPicture, CloudView, ReportData, ScenePicture, SkippedFile, ViewError, render_cloud};

use crate::console::Console;
use crate::labelled_view::add_labels;
use crate::listener::Listener;
use crate::report::{epoch_point, facts, title, write};

/// Scans that are shown: truth, prediction and mistakes of each.
const SHOWN: usize = 3;
/// Pixels of a picture: twice what it takes on the page, for fine screens.
const PICTURE: [usize; 2] = [760, 520];

/// Measures the best checkpoint of a run and writes its report; gives the page's path.
pub(crate) fn of_run(run: &RunFolder, console: Console, stop: &AtomicBool) -> anyhow::Result<PathBuf> {
    let checkpoint = open_checkpoint::<Scenes>(run.root(), Which::Best)?;
    let (manifest, network) = (checkpoint.manifest(), checkpoint.network(&Device::flex())?);
    let config = &manifest.config;
    let tests = config.test_loader(load_part(config, Split::Val, &Silent)?, config.eval.batch)?;
    let listener = Listener::new(console);
    let record = run.record()?;
    let mut data = ReportData::new(title(run.root()), facts(&record, run, config.model.name(), &config.data.root));
    let mut counts = Segmentation::new(manifest.classes.len(), IGNORED.into());
    let every = tests.set().len().div_ceil(SHOWN);
    segment(&network, &tests, config.passes(), (&listener, stop), |scan| {
        let predicted = scan.predicted();
        counts.add(scan.labels, &predicted)?;
        if scan.id % every == every / 2 {
            data.scenes.extend(pictures(&tests, &scan, &predicted)?);
        }
        Ok(())
    })?;
    listener.finish();
    data.description = format!(
        "{} classes, {} scans for training and {} for validation, voxels of {} m. The figures are those of epoch {} over \
         all points of the validation scans.",
        manifest.classes.len(),
        record.train_samples,
        record.test_samples,
        config.input.voxel_size,
        manifest.epoch
    );
    data.configuration = config.to_toml();
    data.epochs = run.history()?.iter().map(epoch_point).collect();
    data.classes.clone_from(&manifest.classes);
    data.confusion = Some(counts.confusion().clone());
    data.segmentation = Some(counts);
    let skipped = record.skipped.into_iter().map(|(path, reason)| SkippedFile { path, reason });
    data.skipped = skipped.collect();
    write(run.root(), &data)
}

/// Truth, prediction and mistakes of a scan.
fn pictures(loader: &SceneLoader, scan: &Segmented<'_>, predicted: &[u8]) -> Result<Vec<ScenePicture>, TrainError> {
    let scene = loader.set().scene(scan.id)?;
    let view = CloudView::new(&scene.name, scene.scan.points.clone()).and_then(|mut view| {
        add_labels(&mut view, loader.set().classes(), Some(scan.labels), Some(predicted))?;
        Ok(view)
    });
    let shown = scan.labels.iter().zip(predicted).filter(|(label, _)| **label != IGNORED);
    let (right, known) = shown.fold((0, 0_u64), |(right, known), (a, b)| (right + u64::from(a == b), known + 1));
    let note = format!("{:.1} % of {known} labelled points right", 100.0 * right as f64 / known.max(1) as f64);
    let drawn = view.and_then(|view| {
        ["truth", "prediction", "mistakes"]
            .map(|layer| {
                let image = render_cloud(&view, &CloudPicture::of(layer, PICTURE))?;
                let note = if layer == "mistakes" { note.clone() } else { String::new() };
                Ok(ScenePicture { title: format!("{}: {layer}", scene.name), note, image })
            })
            .into_iter()
            .collect::<Result<Vec<_>, ViewError>>()
    });
    drawn.map_err(|error| TrainError::Sink { reason: error.to_string() })
}
