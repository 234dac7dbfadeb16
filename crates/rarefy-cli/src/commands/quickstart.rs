//! `rarefy quickstart`: the whole journey on shapes that the program makes itself.

use std::path::{Path, PathBuf};

use clap::Args;
use rarefy_data::{SyntheticSet, write_synthetic};
use rarefy_train::TaskConfig;
use rarefy_train::shapes::ShapeConfig;

use crate::commands::train::{follow, wrong_config};
use crate::console::Console;
use crate::failure::{CommandResult, Outcome, WrongUse};

/// Options of `rarefy quickstart`.
#[derive(Debug, Args)]
#[command(
    after_help = "Makes meshes of chairs, mugs, rockets and others, trains a small S3DCNN to tell them apart and to find similar ones,\nmeasures it on shapes that it has not seen, and writes a report. The same seed gives the same figures.\n\nExamples:\n  rarefy quickstart\n  rarefy quickstart --classes 20 --epochs 40 --folder runs/longer"
)]
pub(crate) struct QuickstartArgs {
    /// Folder for the run; the shapes go to FOLDER-shapes
    #[arg(long, value_name = "FOLDER", default_value = "runs/quickstart")]
    folder: PathBuf,
    /// Classes of shapes
    #[arg(long, value_name = "N", default_value_t = 10)]
    classes: usize,
    /// Training shapes of each class
    #[arg(long, value_name = "N", default_value_t = 60)]
    train: usize,
    /// Test shapes of each class
    #[arg(long, value_name = "N", default_value_t = 20)]
    test: usize,
    /// Epochs to train
    #[arg(long, value_name = "N", default_value_t = 20)]
    epochs: u64,
    /// Seed of shapes and training
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// Runs the command.
pub(crate) fn run(args: &QuickstartArgs, console: Console) -> CommandResult {
    let run = free_folder(&args.folder);
    let shapes = sibling(&run, "-shapes");
    let overrides = [
        format!("data.root={}", shapes.display()),
        format!("train.epochs={}", args.epochs),
        format!("train.seed={}", args.seed),
        format!("data.classes_per_batch={}", args.classes.min(10)),
        format!("train.batch={}", 4 * args.classes.min(10)),
    ];
    if args.classes < 2 {
        return Err(WrongUse("--classes must be 2 or more: there is nothing to tell apart".into()).into());
    }
    let config = ShapeConfig::load("quickstart", &overrides).map_err(wrong_config)?;
    let (train_per_class, test_per_class) = (args.train, args.test);
    console.remark(format_args!("making {} meshes in {}", args.classes * (args.train + args.test), shapes.display()));
    write_synthetic(&shapes, SyntheticSet { classes: args.classes, train_per_class, test_per_class, seed: args.seed })?;
    let outcome = follow(console, true, |listener, stop| rarefy_train::train(config, &run, listener, stop))?;
    if outcome == Outcome::Done {
        next_steps(&run, &shapes, console);
    }
    Ok(outcome)
}

/// The folder, or the same with the first number for which neither run nor shapes are there.
fn free_folder(folder: &Path) -> PathBuf {
    let name = |copy: usize| if copy == 1 { folder.to_path_buf() } else { sibling(folder, &format!("-{copy}")) };
    let is_free = |run: &PathBuf| !run.exists() && !sibling(run, "-shapes").exists();
    (1..=usize::MAX).map(name).find(is_free).unwrap_or_else(|| folder.to_path_buf())
}

/// The path with `end` after its last part.
fn sibling(folder: &Path, end: &str) -> PathBuf {
    let mut name = folder.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn next_steps(run: &Path, shapes: &Path, console: Console) {
    let (run, shapes) = (run.display(), shapes.display());
    console.remark(format_args!(
        "\nNext:\n  open {run}/report.html in a browser\n  rarefy index {run} {shapes} -o {run}/shapes.idx\n  rarefy query {run}/shapes.idx <a shape file of yours> --html found.html\n  rarefy profile --model {run}\n  rarefy train s3dcnn data.root=<your shapes>"
    ));
}
