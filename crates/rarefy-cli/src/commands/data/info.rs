//! `rarefy data info`: what a folder or a file holds.

use std::path::PathBuf;

use clap::Args;

use super::scans::ScanArgs;
use super::{scan_info, shape_info};
use crate::console::Console;
use crate::failure::CommandResult;

const HELP: &str = "\
Examples:
  rarefy data info shapes
  rarefy data info shapes/chair/train/chair_0001.off
  rarefy data info semantickitti                       points, voxels and classes of each part
  rarefy data info drive.laz --voxel-size 0.1";

/// Options of `rarefy data info`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct InfoArgs {
    /// Folder ROOT/CLASS/{train,test}/*, any folder of shapes, a folder of scans, or one file
    path: PathBuf,
    #[command(flatten)]
    scans: ScanArgs,
}

/// Runs the command.
pub(crate) fn run(args: &InfoArgs, console: Console) -> CommandResult {
    anyhow::ensure!(args.path.exists(), "{}: no such file or folder", args.path.display());
    match args.scans.scans(&args.path)? {
        Some(scans) => scan_info::run(&args.path, &scans, &args.scans, console),
        None => shape_info::run(&args.path, console),
    }
}
