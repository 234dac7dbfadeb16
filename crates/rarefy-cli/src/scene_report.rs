//! The report of a run on scenes. All figures are those of the best checkpoint on the validation scans.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use burn::tensor::Device;
use rarefy_data::scene::{ClassMap, IGNORED, SceneLoader};
use rarefy_metrics::Segmentation;
use rarefy_train::scenes::{Scenes, Segmented, segment};
use rarefy_train::{RunFolder, Silent, Task, TaskConfig, TrainError, Which, open_checkpoint};
use rarefy_view::{CloudPicture, CloudView, ReportData, ScenePicture, SkippedFile, ViewClass, ViewError, render_cloud};

use crate::console::Console;
use crate::listener::Listener;
use crate::report::{epoch_point, facts, title, write};

/// Scans that are shown: truth, prediction and mistakes of each.
const SHOWN: usize = 3;
/// Pixels of a picture: twice what it takes on the page, for fine screens.
const PICTURE: [usize; 2] = [760, 520];
/// Colours of points without a class, of right ones and of wrong ones.
const NO_CLASS: [u8; 3] = [74, 82, 96];
const RIGHT: [u8; 3] = [120, 132, 150];
const WRONG: [u8; 3] = [240, 70, 70];

/// Measures the best checkpoint of a run and writes its report; gives the page's path.
pub(crate) fn of_run(run: &RunFolder, console: Console, stop: &AtomicBool) -> anyhow::Result<PathBuf> {
    let checkpoint = open_checkpoint::<Scenes>(run.root(), Which::Best)?;
    let (manifest, network) = (checkpoint.manifest(), checkpoint.network(&Device::flex())?);
    let config = &manifest.config;
    let scenes = Scenes::load(config, &Silent)?;
    let listener = Listener::new(console);
    let record = run.record()?;
    let mut data = ReportData::new(title(run.root()), facts(&record, run, config.model.name(), &config.data.root));
    let mut counts = Segmentation::new(manifest.classes.len(), IGNORED.into());
    let every = scenes.tests().set().len().div_ceil(SHOWN);
    segment(&network, scenes.tests(), config.input.test_views.into(), (&listener, stop), |scan| {
        let predicted = scan.predicted();
        counts.add(scan.labels, &predicted)?;
        if scan.id % every == every / 2 {
            data.scenes.extend(pictures(scenes.tests(), scenes.class_map(), &scan, &predicted)?);
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
fn pictures(
    loader: &SceneLoader,
    classes: &ClassMap,
    scan: &Segmented<'_>,
    predicted: &[u8],
) -> Result<Vec<ScenePicture>, TrainError> {
    let scene = loader.set().scene(scan.id)?;
    let view = labelled_view(&scene.name, scene.scan.points.clone(), classes, scan.labels, predicted);
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

/// A cloud with the layers `truth`, `prediction` and `mistakes`.
fn labelled_view(
    name: &str,
    points: Vec<[f32; 3]>,
    classes: &ClassMap,
    labels: &[u8],
    predicted: &[u8],
) -> Result<CloudView, ViewError> {
    let mut view = CloudView::new(name, points)?;
    let mut named: Vec<ViewClass> =
        classes.classes().iter().map(|class| ViewClass::new(&class.name, class.colour)).collect();
    named.push(ViewClass::new("no class", NO_CLASS));
    let none = named.len() - 1;
    let classes_of = |labels: &[u8]| labels.iter().map(|&label| usize::from(label).min(none) as u16).collect();
    let palette = view.add_palette(named);
    view.add_classes("truth", palette, classes_of(labels))?;
    view.add_classes("prediction", palette, classes_of(predicted))?;
    let verdicts = ["right", "wrong", "no class"].into_iter().zip([RIGHT, WRONG, NO_CLASS]);
    let palette = view.add_palette(verdicts.map(|(name, colour)| ViewClass::new(name, colour)).collect());
    let verdict = |(&label, &predicted): (&u8, &u8)| if label == IGNORED { 2 } else { u16::from(label != predicted) };
    view.add_classes("mistakes", palette, labels.iter().zip(predicted).map(verdict).collect())?;
    Ok(view)
}
