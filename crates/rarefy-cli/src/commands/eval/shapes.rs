//! `rarefy eval` for runs of shapes: figures on a split, and mAP against resolution.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rarefy_data::{Dataset, write_atomically};
use rarefy_train::Which;
use serde_json::json;

use super::{EvalArgs, MISTAKES};
use crate::console::Console;
use crate::failure::{CommandResult, Outcome};
use crate::interrupt;
use crate::listener::Listener;
use crate::measure::Measurement;
use crate::table::Table;
use crate::trained::Trained;

/// Runs the command.
pub(super) fn run(args: &EvalArgs, console: Console) -> CommandResult {
    let stop = interrupt::listen()?;
    let listener = Listener::new(console);
    let trained = Trained::open(&args.checkpoint, if args.last { Which::Last } else { Which::Best })?;
    let config = &trained.manifest.config;
    let root = args.data.as_ref().unwrap_or(&config.data.root);
    let split = args.split.as_ref().unwrap_or(&config.data.test_split);
    let finest = args.resolutions.iter().copied().max().unwrap_or(0);
    let fineness = (2 * finest).div_ceil(config.data.cache_resolution).max(1);
    let dataset = trained.load_split(root, split, fineness, &listener)?;
    let measured = measure(&trained, &dataset, None, args, (&listener, &stop))?;
    console.result(format_args!(
        "{} on {} shapes of {}/*/{split}",
        trained.folder.display(),
        dataset.len(),
        root.display()
    ));
    show(&measured, &trained, console);
    let mut sweep = Vec::new();
    for &size in &args.resolutions {
        sweep.push((size, measure(&trained, &dataset, Some(size), args, (&listener, &stop))?));
    }
    if !sweep.is_empty() {
        show_sweep(&sweep, console);
    }
    if let Some(path) = &args.json {
        let sweep: Vec<_> =
            sweep.iter().map(|(size, figures)| json!({"render_size": size, "figures": figures})).collect();
        let all = json!({"checkpoint": trained.folder, "classes": trained.classes(), "figures": measured, "resolutions": sweep});
        let text = serde_json::to_string_pretty(&all)?;
        write_atomically(path, |out| std::io::Write::write_all(out, text.as_bytes()))?;
    }
    Ok(Outcome::Done)
}

fn measure(
    trained: &Trained,
    dataset: &Arc<Dataset>,
    render_size: Option<u32>,
    args: &EvalArgs,
    (listener, stop): (&Listener, &AtomicBool),
) -> anyhow::Result<Measurement> {
    let pipeline = trained.pipeline(render_size)?;
    let predictions = trained.infer(dataset, &pipeline, args.repetitions, listener, stop)?;
    let config = &trained.manifest.config;
    Measurement::of(&predictions, dataset, args.per_class.unwrap_or(config.eval.per_class), config.has_classifier())
}

fn show(measured: &Measurement, trained: &Trained, console: Console) {
    let percent = |share: f64| format!("{:.2} %", share * 100.0);
    let mut table = Table::new(1, ["figure", "value"]);
    let mut add = |name: &str, value: String| table.row(vec![name.into(), value]);
    if let Some(classes) = &measured.classes {
        add("accuracy", percent(classes.accuracy));
        add("mean class accuracy", percent(classes.mean_class_accuracy));
        add("loss", format!("{:.4}", classes.loss));
    }
    if let Some(retrieval) = &measured.retrieval {
        add("mAP", percent(retrieval.map));
        add("nearest neighbour", percent(retrieval.nn));
        add("first tier", percent(retrieval.ft));
        add("second tier", percent(retrieval.st));
        add("E", percent(retrieval.e));
        add("DCG", percent(retrieval.dcg));
        add("precision-recall AUC", percent(retrieval.auc));
        add("retrieval queries", retrieval.queries.to_string());
    }
    console.result(table);
    let mistakes = measured.classes.as_ref().map_or_else(Vec::new, |classes| classes.confusion.worst(MISTAKES));
    if !mistakes.is_empty() {
        let mut table = Table::new(2, ["class", "taken for", "times"]);
        let name = |class: usize| trained.classes()[class].clone();
        for mistake in mistakes {
            table.row(vec![name(mistake.truth), name(mistake.predicted), mistake.count.to_string()]);
        }
        console.result(format_args!("\n{table}"));
    }
}

fn show_sweep(sweep: &[(u32, Measurement)], console: Console) {
    let mut table = Table::new(0, ["render size", "accuracy %", "mAP %", "NN %"]);
    for (size, measured) in sweep {
        let percent = |share: f64| format!("{:.2}", share * 100.0);
        let retrieval = measured.retrieval.as_ref();
        let or_dash = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), percent);
        let accuracy = measured.classes.as_ref().map(|classes| classes.accuracy);
        let (map, nearest) = (retrieval.map(|found| found.map), retrieval.map(|found| found.nn));
        table.row(vec![size.to_string(), or_dash(accuracy), or_dash(map), or_dash(nearest)]);
    }
    console.result(format_args!("\n{table}"));
}
