//! `rarefy predict`: the most probable classes of shapes.

use std::path::PathBuf;

use clap::Args;
use rarefy_train::Which;
use serde::Serialize;

use crate::console::Console;
use crate::failure::{CommandResult, Outcome};
use crate::interrupt;
use crate::listener::Listener;
use crate::table::Table;
use crate::trained::{Trained, entries_of};

/// Options of `rarefy predict`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  rarefy predict runs/quickstart chair.off\n  rarefy predict runs/quickstart shapes --top 1         every shape of a folder\n  rarefy predict runs/quickstart a.stl b.ply --json"
)]
pub(crate) struct PredictArgs {
    /// A run, or one of its checkpoints
    checkpoint: PathBuf,
    /// Shape files, or folders of them
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How many classes to name
    #[arg(long, short = 'k', default_value_t = 3, value_name = "K")]
    top: usize,
    /// Passes over each shape, each turned anew if the run's test augmentation says so
    #[arg(long, value_name = "N")]
    repetitions: Option<u64>,
    /// One line of JSON a shape
    #[arg(long)]
    json: bool,
}

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

/// Runs the command.
pub(crate) fn run(args: &PredictArgs, console: Console) -> CommandResult {
    let stop = interrupt::listen()?;
    let listener = Listener::new(console);
    let trained = Trained::open(&args.checkpoint, Which::Best)?;
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
        guesses.truncate(args.top.max(1));
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
