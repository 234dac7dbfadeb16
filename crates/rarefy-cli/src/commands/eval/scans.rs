//! `rarefy eval` for runs of scans: overlap of every class, the worst confusions, time a scan, and floors.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rarefy_data::scene::{IGNORED, SceneSet, Split};
use rarefy_data::write_atomically;
use rarefy_metrics::{Activation, Segmentation, SegmentationReport};
use rarefy_sparse::Precision;
use rarefy_train::scenes::{Floors, Passes, SceneConfig, floors, load_part, segment};
use serde::Serialize;
use serde_json::json;

use super::{EvalArgs, MISTAKES};
use crate::console::Console;
use crate::failure::{CommandResult, Outcome, WrongUse};
use crate::interrupt;
use crate::listener::Listener;
use crate::table::Table;
use crate::trained_scenes::TrainedScenes;

/// Share of a scan's points that count as those that a branch answers to.
const STRONG: f64 = 0.1;
/// Training points that the nearest neighbour is looked for among.
const SAMPLE: usize = 200_000;

/// The figures of the network, and what it took.
#[derive(Debug, Serialize)]
struct Measured {
    #[serde(skip)]
    counts: Segmentation,
    figures: SegmentationReport,
    scans: usize,
    /// Mean time of the network and its geometry.
    ms_a_scan: f64,
    gmacs_a_scan: f64,
    /// Of the factors of convolutions.
    precision: Precision,
    /// For each branch, if asked for, the share of each class's points among the strongest.
    branches: Vec<BranchShares>,
}

/// The classes that a branch answers to.
#[derive(Debug, Serialize)]
struct BranchShares {
    branch: &'static str,
    /// Of each class; none where there is no point of it.
    shares: Vec<Option<f64>>,
}

/// Runs the command.
pub(super) fn run(args: &EvalArgs, console: Console) -> CommandResult {
    let stop = interrupt::listen()?;
    let listener = Listener::new(console);
    let trained = TrainedScenes::open(&args.checkpoint, args.last)?;
    let part = split(args)?;
    let config = data_config(args, &trained.manifest.config, part)?;
    let set = load_part(&config, part, &listener)?;
    trained.check_classes(set.classes())?;
    let measured = measure(&trained, &set, args, (&listener, &stop))?;
    console.result(format_args!(
        "{} on {} scans ({}) of {}",
        trained.folder.display(),
        set.len(),
        part.folder(),
        config.data.root.display()
    ));
    show(&measured, &trained.manifest.classes, console);
    let floors = if args.floors {
        let train = load_part(&config, Split::Train, &listener)?;
        listener.finish();
        Some(floors((&train, &set), SAMPLE, config.train.seed, &stop)?)
    } else {
        None
    };
    if let Some(floors) = &floors {
        show_floors(&measured, floors, &trained.manifest.classes, console);
    }
    if let Some(path) = &args.json {
        let floors = floors.as_ref().map(|floors| {
            json!({"most_frequent": floors.most_frequent, "sample": floors.sample,
                   "constant": floors.constant.report(), "nearest": floors.nearest.report()})
        });
        let all = json!({"checkpoint": trained.folder, "split": part.folder(), "classes": trained.manifest.classes,
                         "measured": measured, "confusion": measured.counts.confusion(), "floors": floors});
        let text = serde_json::to_string_pretty(&all)?;
        write_atomically(path, |out| out.write_all(text.as_bytes()))?;
    }
    Ok(Outcome::Done)
}

fn split(args: &EvalArgs) -> anyhow::Result<Split> {
    let parts = [Split::Train, Split::Val, Split::Test];
    let name = args.split.as_deref().unwrap_or(Split::Val.folder());
    let found = parts.into_iter().find(|part| part.folder() == name);
    found.ok_or_else(|| WrongUse(format!("--split {name}: scans have the splits train, val and test")).into())
}

/// The settings of the training with the data that are asked for.
fn data_config(args: &EvalArgs, config: &SceneConfig, part: Split) -> anyhow::Result<SceneConfig> {
    let mut config = config.clone();
    if let Some(root) = &args.data {
        config.data.root.clone_from(root);
    }
    if config.data.root.as_os_str().is_empty() {
        return Err(WrongUse("the run names no data: name the folder of labelled scans with --data".into()).into());
    }
    if !args.only.is_empty() {
        match part {
            Split::Train => config.data.train.clone_from(&args.only),
            Split::Val => config.data.val.clone_from(&args.only),
            Split::Test => return Err(WrongUse("--only is for --split train and --split val".into()).into()),
        }
    }
    Ok(config)
}

fn measure(
    trained: &TrainedScenes,
    set: &Arc<SceneSet>,
    args: &EvalArgs,
    (listener, stop): (&Listener, &AtomicBool),
) -> anyhow::Result<Measured> {
    let config = &trained.manifest.config;
    let passes = Passes { norms: args.branches, ..trained.passes(&args.passes) };
    // One scan at a time, so that the time is that of one.
    let loader = config.test_loader(Arc::clone(set), 1)?;
    let classes = trained.manifest.classes.len();
    let mut counts = Segmentation::new(classes, IGNORED.into());
    let mut activations: Vec<(&'static str, Activation)> = Vec::new();
    let (mut scans, mut ms, mut macs) = (0_usize, 0.0, 0);
    segment(&trained.network, &loader, passes, (listener, stop), |scan| {
        counts.add(scan.labels, &scan.predicted())?;
        for (number, norm) in scan.norms.iter().enumerate() {
            if activations.len() == number {
                activations.push((norm.branch, Activation::new(classes, IGNORED.into(), STRONG)));
            }
            activations[number].1.add(scan.labels, &norm.norms)?;
        }
        scans += 1;
        ms += scan.work.ms;
        macs += scan.work.macs;
        Ok(())
    })?;
    listener.finish();
    let each = scans.max(1) as f64;
    let (ms_a_scan, gmacs_a_scan) = (ms / each, macs as f64 / 1e9 / each);
    let shares = |(branch, activation): (_, Activation)| BranchShares { branch, shares: activation.shares() };
    let branches = activations.into_iter().map(shares).collect();
    let precision = passes.precision;
    Ok(Measured { figures: counts.report(), counts, scans, ms_a_scan, gmacs_a_scan, precision, branches })
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

fn show(measured: &Measured, classes: &[String], console: Console) {
    let figures = &measured.figures;
    let mut table = Table::new(1, ["figure", "value"]);
    let mut add = |name: &str, value: String| table.row(vec![name.into(), value]);
    add("accuracy", percent(figures.accuracy));
    add("mean class accuracy", percent(figures.mean_class_accuracy));
    add(&format!("mean IoU, {} classes present", figures.classes_present), percent(figures.mean_iou_present));
    add("mean IoU, official", percent(figures.mean_iou_official));
    add("mean IoU, repository", percent(figures.mean_iou_repository));
    add("points with a class", figures.points.to_string());
    add("time a scan", format!("{:.0} ms", measured.ms_a_scan));
    add("GMACs a scan", format!("{:.2}", measured.gmacs_a_scan));
    console.result(table);
    let mut table = Table::new(1, ["class", "IoU", "precision", "recall", "points"]);
    let or_dash = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), percent);
    for (name, class) in classes.iter().zip(&figures.per_class) {
        let shares = [class.iou(), class.precision(), class.recall()].map(or_dash);
        table.row([vec![name.clone()], shares.to_vec(), vec![class.points.to_string()]].concat());
    }
    console.result(format_args!("\n{table}"));
    if !measured.branches.is_empty() {
        console.result(format_args!("\n{}", branch_table(&measured.branches, classes)));
    }
    let mistakes = measured.counts.confusion().worst(MISTAKES);
    if !mistakes.is_empty() {
        let mut table = Table::new(2, ["class", "taken for", "points", "share"]);
        for pair in mistakes {
            let names = [pair.truth, pair.predicted].map(|class| classes[class].clone());
            table.row([&names[..], &[pair.count.to_string(), percent(pair.share)]].concat());
        }
        console.result(format_args!("\n{table}"));
    }
}

/// Classes that have points, and what part of these is among the strongest for each branch.
fn branch_table(branches: &[BranchShares], classes: &[String]) -> Table {
    let mut heading = vec![format!("strongest {:.0} % of", STRONG * 100.0)];
    heading.extend(branches.iter().map(|branch| branch.branch.to_owned()));
    let mut table = Table::of_row(1, heading);
    for (class, name) in classes.iter().enumerate() {
        let shares: Option<Vec<f64>> = branches.iter().map(|branch| branch.shares[class]).collect();
        if let Some(shares) = shares {
            table.row([vec![name.clone()], shares.into_iter().map(percent).collect()].concat());
        }
    }
    table
}

fn show_floors(measured: &Measured, floors: &Floors, classes: &[String], console: Console) {
    let mut table = Table::new(1, ["beside it", "accuracy", "mean class accuracy", "mean IoU, present"]);
    let mut add = |name: String, figures: &SegmentationReport| {
        let shares = [figures.accuracy, figures.mean_class_accuracy, figures.mean_iou_present].map(percent);
        table.row([vec![name], shares.to_vec()].concat());
    };
    add("the network".into(), &measured.figures);
    add(format!("always {}", classes[floors.most_frequent]), &floors.constant.report());
    add(format!("nearest of {} training points", floors.sample), &floors.nearest.report());
    console.result(format_args!("\n{table}"));
}
