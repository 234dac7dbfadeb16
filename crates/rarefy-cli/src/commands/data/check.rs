//! `rarefy data check`: every shape or scan is read as training would read it.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use clap::Args;
use rarefy_data::{ClassFolder, Dataset, LoadOptions, SurfaceCloud, read_shape};

use super::scan_check;
use super::scans::ScanArgs;
use crate::console::Console;
use crate::failure::{CommandResult, Outcome};

const HELP: &str = "\
Training leaves damaged and empty files out by itself; scans and labels that do not belong together stop it. The exit code is 1 if \
anything was found.

Examples:
  rarefy data check shapes
  rarefy data check shapes/chair/train/chair_0001.off
  rarefy data check semantickitti                        all scans and labels; the layout is seen from the folder
  rarefy data check scan.bin --labels scan.label --classes semantic-kitti";

/// Options of `rarefy data check`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct CheckArgs {
    /// Folder of shapes or of scans, or one file
    path: PathBuf,
    #[command(flatten)]
    scans: ScanArgs,
}

/// Runs the command.
pub(crate) fn run(args: &CheckArgs, console: Console) -> CommandResult {
    let path = &args.path;
    anyhow::ensure!(path.exists(), "{}: no such file or folder", path.display());
    match args.scans.scans(path)? {
        Some(scans) => scan_check::run(path, &scans, &args.scans, console),
        None if path.is_file() => check_file(path, console),
        None => check_folder(path, console),
    }
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
