//! `rarefy predict` for runs of shapes.

use rarefy_data::EXTENSIONS;
use rarefy_data::scan::scan_extension;
use rarefy_train::Which;
use serde::Serialize;

use super::PredictArgs;
use crate::console::Console;
use crate::failure::{CommandResult, Outcome};
use crate::interrupt;
use crate::listener::Listener;
use crate::table::Table;
use crate::trained::{Trained, entries_of};

/// How many classes are named unless told otherwise.
const TOP: usize = 3;

/// One shape's answer.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    file: &'a str,
    classes: Vec<Guess<'a>>,
}

/// A class with its probability.
#[derive(Debug, Serialize)]
struct Guess<'a> {
    class: &'a str,
    probability: f32,
}

/// Whether a file is of a type that only scans have.
fn is_scan_alone(path: &std::path::Path) -> bool {
    path == std::path::Path::new("-") || scan_extension(path).is_some_and(|known| !EXTENSIONS.contains(&known))
}

/// Runs the command.
pub(super) fn run(args: &PredictArgs, console: Console) -> CommandResult {
    if let Some(scan) = args.files.iter().find(|file| is_scan_alone(file)) {
        let (scan, run) = (scan.display(), args.checkpoint.display());
        anyhow::bail!("{scan} is a scan, and {run} was trained on shapes: give a run of `rarefy train segment`");
    }
    let stop = interrupt::listen()?;
    let listener = Listener::new(console);
    let trained = Trained::open(&args.checkpoint, if args.last { Which::Last } else { Which::Best })?;
    anyhow::ensure!(
        trained.manifest.config.has_classifier(),
        "{}: trained without a softmax loss, so it knows no classes; find similar shapes with `rarefy index` and `rarefy query`",
        args.checkpoint.display()
    );
    let dataset = trained.load(&entries_of(&args.files)?, trained.classes(), 1, "the", &listener)?;
    let pipeline = trained.pipeline(None)?;
    let predictions = trained.infer(&dataset, &pipeline, args.repetitions, &listener, &stop)?;
    let mut table = Table::new(2, ["file", "class", "probability"]);
    for (sample, row) in dataset.samples.iter().zip(predictions.probabilities.chunks(predictions.classes)) {
        let mut guesses: Vec<Guess<'_>> =
            trained.classes().iter().zip(row).map(|(class, &probability)| Guess { class, probability }).collect();
        guesses.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        guesses.truncate(args.top.unwrap_or(TOP).max(1));
        if args.json {
            console.result(serde_json::to_string(&Answer { file: &sample.name, classes: guesses })?);
            continue;
        }
        for (place, guess) in guesses.iter().enumerate() {
            let name = if place == 0 { sample.name.clone() } else { String::new() };
            table.row(vec![name, guess.class.into(), format!("{:.1} %", guess.probability * 100.0)]);
        }
    }
    if !args.json {
        console.result(table);
    }
    Ok(if dataset.skipped.is_empty() { Outcome::Done } else { Outcome::NotInOrder })
}
