//! The report of a run: `report.html`, and its plots one by one in `plots/`.
//!
//! All figures are those of the best checkpoint on the test split.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context;
use rarefy_data::{Dataset, Pass, VoxelPipeline, write_atomically};
use rarefy_metrics::{l2_normalise, nearest};
use rarefy_train::shapes::Predictions;
use rarefy_train::{EpochRecord, RunFolder, RunRecord, TaskConfig, Which};
use rarefy_view::{
    EpochPoint, ReportData, ResolutionPoint, RetrievalSheet, RunFacts, SheetHit, SheetItem, SheetRow, SkippedFile,
    SparsityRow, VoxelPicture, accuracy_curves, confusion_heat_map, learning_rate_curve, loss_curves,
    map_against_resolution, map_curve, mean_iou_curve, precision_recall_curve, report_html, retrieval_sheet_png,
    sparsity_bars,
};

use crate::console::Console;
use crate::layers::{self, Layer};
use crate::listener::Listener;
use crate::measure::{Measurement, descriptor};
use crate::trained::Trained;

/// Rows of the retrieval sheet.
const QUERIES: usize = 8;
/// Answers beside each query.
const ANSWERS: usize = 10;
/// Shapes in the gallery.
const SAMPLES: usize = 12;
/// Shapes that the sparsity table is measured on.
const PROFILED: usize = 32;
/// Shapes in a batch of it.
const PROFILE_BATCH: usize = 8;
/// Parts of the render size that retrieval is measured at, beside the whole.
const RESOLUTIONS: [f64; 3] = [0.25, 0.5, 0.75];

/// Measures the best checkpoint of a run and writes its report; gives the page's path.
pub(crate) fn of_run(run: &RunFolder, console: Console, stop: &AtomicBool) -> anyhow::Result<PathBuf> {
    let listener = Listener::new(console);
    let trained = Trained::open(run.root(), Which::Best)?;
    let config = &trained.manifest.config.data;
    let tests = trained.load_split(&config.root, &config.test_split, 1, &Listener::new(console.silent()))?;
    let pipeline = trained.pipeline(None)?;
    let predictions = trained.infer(&tests, &pipeline, None, &listener, stop)?;
    let per_class = trained.manifest.config.eval.per_class;
    let has_classifier = trained.manifest.config.has_classifier();
    let measured = Measurement::of(&predictions, &tests, per_class, has_classifier)?;

    let record = run.record()?;
    let mut data =
        ReportData::new(title(run.root()), facts(&record, run, trained.manifest.config.model.name(), &config.root));
    data.description = format!(
        "{} classes, {} shapes for training and {} for testing, seen at {} voxels over the longest side. The figures are \
         those of epoch {} on the test split.",
        record.classes.len(),
        record.train_samples,
        record.test_samples,
        pipeline.render_size,
        trained.manifest.epoch
    );
    data.configuration = trained.manifest.config.to_toml();
    data.epochs = run.history()?.iter().map(epoch_point).collect();
    data.classes = trained.classes().to_vec();
    data.resolution = resolutions(&trained, &tests, &measured, (&listener, stop))?;
    data.samples = gallery(&tests, &pipeline);
    data.sheet = Some(sheet(&tests, &pipeline, &predictions, &measured.searched));
    let spread = spread(tests.len(), PROFILED);
    let network = (&trained.network, &trained.manifest.config.model);
    let profiled = layers::measure(network, (&tests, &spread), &pipeline, PROFILE_BATCH, console)?;
    data.sparsity = with_activations(profiled).iter().map(sparsity_row).collect();
    let skipped = record.skipped.into_iter().map(|(path, reason)| SkippedFile { path, reason });
    data.skipped = skipped.collect();
    data.confusion = measured.classes.map(|classes| classes.confusion);
    data.retrieval = measured.retrieval;
    write(run.root(), &data)
}

pub(crate) fn title(run: &Path) -> String {
    run.file_name().map_or_else(|| "run".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// Where the figures of a run come from.
pub(crate) fn facts(record: &RunRecord, run: &RunFolder, model: &str, data: &Path) -> RunFacts {
    let machine = &record.machine;
    let processor = machine.processor.as_deref().unwrap_or("processor unknown");
    let minutes = run.summary().map_or(0.0, |summary| summary.minutes);
    RunFacts {
        seed: record.seed,
        model: model.to_owned(),
        parameters: record.parameters as u64,
        data: data.display().to_string(),
        device: format!("{processor}, {} thread(s), {}", machine.threads, machine.instruction_set),
        // As many digits as tell commits apart, and the sign of a changed tree.
        commit: record.commit.as_deref().map_or_else(String::new, short_commit),
        minutes,
        finished: String::new(),
        command: format!("rarefy train {}/config.toml --name again", run.root().display()),
    }
}

fn short_commit(commit: &str) -> String {
    let changed = if commit.ends_with('+') { "+" } else { "" };
    commit.chars().take(12).collect::<String>() + changed
}

pub(crate) fn epoch_point(record: &EpochRecord) -> EpochPoint {
    let test = |name: &str| record.test.as_ref().and_then(|test| test.get(name));
    EpochPoint {
        epoch: record.epoch as u32,
        train_loss: Some(record.train_loss),
        test_loss: test("loss"),
        train_accuracy: record.train.get("accuracy"),
        test_accuracy: test("accuracy"),
        map: test("map"),
        mean_iou: test("mean_iou"),
        active_triplets: record.train.get("active_triples"),
        learning_rate: Some(record.lr),
    }
}

/// mAP at parts of the render size and at the whole.
fn resolutions(
    trained: &Trained,
    tests: &Arc<Dataset>,
    whole: &Measurement,
    (listener, stop): (&Listener, &AtomicBool),
) -> anyhow::Result<Vec<ResolutionPoint>> {
    let Some(retrieval) = &whole.retrieval else { return Ok(Vec::new()) };
    let full = trained.manifest.config.data.render_size;
    let mut points = vec![ResolutionPoint { render_size: full, map: retrieval.map }];
    for part in RESOLUTIONS {
        let render_size = (f64::from(full) * part).round() as u32;
        if render_size < 4 {
            continue;
        }
        let pipeline = trained.pipeline(Some(render_size))?;
        let predictions = trained.infer(tests, &pipeline, None, listener, stop)?;
        let measured = Measurement::of(&predictions, tests, trained.manifest.config.eval.per_class, false)?;
        points.extend(measured.retrieval.map(|retrieval| ResolutionPoint { render_size, map: retrieval.map }));
    }
    Ok(points)
}

/// `count` numbers below `all` at even distances.
fn spread(all: usize, count: usize) -> Vec<usize> {
    let count = count.min(all);
    (0..count).map(|number| number * all / count).collect()
}

/// The voxels of a shape as the network sees them without augmentation.
fn voxels(tests: &Dataset, pipeline: &VoxelPipeline, sample: usize) -> Vec<[i32; 3]> {
    pipeline.voxelise(&tests.samples[sample].cloud, Pass::Plain, 0, 0).cells
}

fn gallery(tests: &Dataset, pipeline: &VoxelPipeline) -> Vec<VoxelPicture> {
    let picture = |sample: usize| {
        let (cells, item) = (voxels(tests, pipeline, sample), &tests.samples[sample]);
        let note = format!("{} voxels", cells.len());
        VoxelPicture { note, ..VoxelPicture::new(tests.classes[item.label as usize].clone(), cells) }
    };
    spread(tests.len(), SAMPLES).into_iter().map(picture).collect()
}

/// Queries at even distances among the shapes that retrieval was measured on, beside their nearest.
fn sheet(tests: &Dataset, pipeline: &VoxelPipeline, predictions: &Predictions, searched: &[usize]) -> RetrievalSheet {
    let width = predictions.width;
    let mut unit: Vec<f32> =
        searched.iter().flat_map(|&sample| descriptor(predictions, sample).iter().copied()).collect();
    l2_normalise(&mut unit, width);
    let item = |sample: usize| SheetItem {
        name: tests.samples[sample].name.clone(),
        class: Some(tests.classes[tests.samples[sample].label as usize].clone()),
        voxels: voxels(tests, pipeline, sample),
    };
    let row = |place: usize| {
        let query = searched[place];
        let found = nearest(&unit, width, &unit[place * width..][..width], ANSWERS, Some(place as u32));
        let hit = |found: &rarefy_metrics::Ranked| {
            let sample = searched[found.item as usize];
            let right = tests.samples[sample].label == tests.samples[query].label;
            SheetHit { item: item(sample), distance: 1.0 - found.similarity, right: Some(right) }
        };
        SheetRow { query: item(query), hits: found.iter().map(hit).collect() }
    };
    let rows = spread(searched.len(), QUERIES).into_iter().map(row).collect();
    RetrievalSheet { rows, ..RetrievalSheet::default() }
}

/// Layers without pairs, such as activations, change no site: their time goes to the layer before them.
fn with_activations(layers: Vec<Layer>) -> Vec<Layer> {
    let mut joined: Vec<Layer> = Vec::new();
    for layer in layers {
        match joined.last_mut() {
            Some(before) if layer.pairs == 0.0 => before.ms += layer.ms,
            _ => joined.push(layer),
        }
    }
    joined
}

fn sparsity_row(layer: &Layer) -> SparsityRow {
    SparsityRow {
        layer: layer.name.clone(),
        channels: layer.channels as u32,
        spatial: layer.grid[0].max(0) as u32,
        active_sites: layer.active,
        active_share: layer.active_percent / 100.0,
        paper_share: layer.paper_percent.map(|percent| percent / 100.0),
        pairs: layer.pairs.round() as u64,
        macs: layer.macs.round() as u64,
        milliseconds: layer.ms,
        bytes: layer.bytes.round() as u64,
    }
}

/// Writes the page and the plots.
pub(crate) fn write(run: &Path, data: &ReportData) -> anyhow::Result<PathBuf> {
    let plots = [
        ("loss", loss_curves(&data.epochs)),
        ("accuracy", accuracy_curves(&data.epochs)),
        ("map", map_curve(&data.epochs)),
        ("mean-iou", mean_iou_curve(&data.epochs)),
        ("learning-rate", learning_rate_curve(&data.epochs)),
        ("precision-recall", data.retrieval.as_ref().and_then(precision_recall_curve)),
        ("resolution", map_against_resolution(&data.resolution)),
        ("confusion", data.confusion.as_ref().map(|confusion| confusion_heat_map(confusion, &data.classes))),
        ("sparsity", sparsity_bars(&data.sparsity)),
    ];
    let folder = run.join("plots");
    for (name, plot) in plots {
        if let Some(svg) = plot {
            save(&folder.join(format!("{name}.svg")), svg.as_bytes())?;
        }
    }
    if let Some(sheet) = &data.sheet {
        save(&folder.join("retrieval.png"), &retrieval_sheet_png(sheet)?.to_png()?)?;
    }
    let page = run.join("report.html");
    save(&page, report_html(data).context("cannot draw the report")?.as_bytes())?;
    Ok(page)
}

fn save(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    Ok(write_atomically(path, |out| std::io::Write::write_all(out, bytes))?)
}
