//! `rarefy data check`: every shape is read as training would read it.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use clap::Args;
use rarefy_data::{ClassFolder, Dataset, LoadOptions, SurfaceCloud, read_shape};

use crate::console::Console;
use crate::failure::{CommandResult, Outcome};

/// Options of `rarefy data check`.
#[derive(Debug, Args)]
#[command(
    after_help = "Training leaves such shapes out by itself. The exit code is 1 if any was found.\n\nExamples:\n  rarefy data check shapes\n  rarefy data check shapes/chair/train/chair_0001.off"
)]
pub(crate) struct CheckArgs {
    /// Folder of shapes, or one file
    path: PathBuf,
}

/// Runs the command.
pub(crate) fn run(args: &CheckArgs, console: Console) -> CommandResult {
    anyhow::ensure!(args.path.exists(), "{}: no such file or folder", args.path.display());
    if args.path.is_file() { check_file(&args.path, console) } else { check_folder(&args.path, console) }
}

fn check_file(path: &Path, console: Console) -> CommandResult {
    SurfaceCloud::from_shape(path, read_shape(path)?, LoadOptions::default().cache_resolution)?;
    console.result(format_args!("{}: in order", path.display()));
    Ok(Outcome::Done)
}

fn check_folder(path: &Path, console: Console) -> CommandResult {
    let folder = ClassFolder::open(path)?;
    let entries = folder.all()?;
    let bar = Mutex::new(console.progress("reading", entries.len() as u64));
    let report = |done: usize, _total: usize| {
        if let Ok(mut bar) = bar.try_lock() {
            bar.set(done as u64, "");
        }
    };
    let options = LoadOptions { progress: Some(&report), ..LoadOptions::default() };
    let dataset = Dataset::load(&entries, folder.classes(), &options)?;
    drop(bar);
    for skipped in &dataset.skipped {
        console.result(skipped);
    }
    let count = dataset.skipped.len();
    console.result(format_args!("{} shapes read, {} in order, {count} damaged", entries.len(), dataset.len()));
    Ok(if count == 0 { Outcome::Done } else { Outcome::NotInOrder })
}
