//! `rarefy profile`: what each layer of a network does to shapes or scans, and what it takes.

mod scans;
mod shapes;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::console::Console;
use crate::failure::{CommandResult, WrongUse};
use crate::task::TaskName;
use crate::trained_scenes::PassArgs;

/// Turns that are drawn for each shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Turn {
    /// As the file has it
    None,
    /// About the vertical axis
    Vertical,
    /// About any axis, as in the paper
    Any,
}

const HELP: &str = "\
Figures are means for one shape, or for one pass over a scan.

Examples:
  rarefy profile meshes                                   the paper's network at the paper's size, beside its figures
  rarefy profile meshes --model s3dcnn-modern --render-size 32
  rarefy profile --model runs/quickstart                  a trained network on synthetic shapes
  rarefy profile scan.bin --model runs/spvcnn             a trained network on a scan, or on a folder of scans
  rarefy profile --model minkunet --precision bf16        a preset on synthetic streets";

/// Options of `rarefy profile`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct ProfileArgs {
    /// Folder of shapes, or a scan or folder of scans; without it, synthetic ones
    data: Option<PathBuf>,
    /// A preset, a run or a checkpoint
    #[arg(long, short, default_value = "s3dcnn")]
    model: String,
    /// Shapes: voxels over the longest side (default: as trained)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=256))]
    render_size: Option<u32>,
    /// Most shapes or scans that are measured, taken at even distances (default: 120 shapes, 10 scans)
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Shapes: how many in a batch [default: 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    batch: Option<u16>,
    /// Shapes: turn each at random (default: about any axis)
    #[arg(long, value_enum)]
    rotation: Option<Turn>,
    #[command(flatten)]
    passes: PassArgs,
    /// One line of JSON a layer
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(args: &ProfileArgs, console: Console) -> CommandResult {
    let is_run = Path::new(&args.model).is_dir();
    let task = if is_run { TaskName::of_run(Path::new(&args.model)) } else { TaskName::of_config(&args.model) };
    let (odd, other) = match task {
        TaskName::Shapes => (args.passes.given(), "scans"),
        TaskName::Scenes => {
            let size = args.render_size.map(|_| "--render-size");
            let batch = args.batch.map(|_| "--batch");
            (size.or(batch).or(args.rotation.map(|_| "--rotation")), "shapes")
        }
    };
    if let Some(option) = odd {
        return Err(WrongUse(format!("{option} is about {other}, and {} is about something else", args.model)).into());
    }
    match task {
        TaskName::Shapes => shapes::run(args, console),
        TaskName::Scenes => scans::run(args, console),
    }
}

/// `limit` of `all` items, at even distances.
fn spread<T: Clone>(all: &[T], limit: usize) -> Vec<T> {
    let count = all.len().min(limit.max(1));
    (0..count).map(|number| all[number * all.len() / count].clone()).collect()
}
