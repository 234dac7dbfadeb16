//! `rarefy predict`: the most probable classes of shapes, or of every point of scans, by the task of the run.

pub(crate) mod answers;
pub(crate) mod scans;
mod shapes;

use std::path::PathBuf;

use clap::Args;

use crate::console::Console;
use crate::failure::{CommandResult, WrongUse};
use crate::scan_output::OutputArgs;
use crate::task::TaskName;
use crate::trained_scenes::SegmentArgs;

const HELP: &str = "\
A run of shapes names the class of each file; a run of scans names the class of every point. Scans are .bin, .las, .laz,
.pcd, .ply, .npy, .npz; folders are searched at any depth, label files left out. Results keep the folders below the one that
all arguments share. `-` reads paths from standard input, one a line, and answers each before it reads the next.

A scan that cannot be used is told and left out; the exit code is then 1. The time a scan is that from points in memory to
labels, files left out.

Examples:
  rarefy predict runs/quickstart chair.off
  rarefy predict runs/quickstart shapes --top 1         every shape of a folder
  rarefy predict runs/quickstart a.stl b.ply --json
  rarefy predict runs/spvcnn scan.bin --out labels      labels/scan.label, one number a point
  rarefy predict runs/spvcnn drive --out seen --format ply,npz
  rarefy predict runs/spvcnn city.laz --out seen --chunk 40
  rarefy predict runs/spvcnn - --out labels --json      paths come in, a line of JSON goes out";

/// Options of `rarefy predict`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct PredictArgs {
    /// A run, or one of its checkpoints
    checkpoint: PathBuf,
    /// Files, or folders of them; `-` for scans whose paths come from standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Shapes: how many classes to name [default: 3]
    #[arg(long, short = 'k', value_name = "K")]
    top: Option<usize>,
    /// Shapes: passes over each, turned anew if the run's test augmentation says so
    #[arg(long, value_name = "N")]
    repetitions: Option<u64>,
    /// One line of JSON a shape or scan
    #[arg(long)]
    json: bool,
    /// Take the newest checkpoint of the run instead of the best
    #[arg(long)]
    last: bool,
    #[command(flatten)]
    output: OutputArgs,
    /// Scans: the classes.toml that says how classes are numbered (default: that of the run or of its data)
    #[arg(long, value_name = "FILE")]
    classes: Option<PathBuf>,
    #[command(flatten)]
    segment: SegmentArgs,
}

/// Runs the command.
pub(crate) fn run(args: &PredictArgs, console: Console) -> CommandResult {
    anyhow::ensure!(
        args.checkpoint.exists(),
        "{}: no such run or checkpoint; `rarefy train` makes one",
        args.checkpoint.display()
    );
    let (task, other, odd) = match TaskName::of_run(&args.checkpoint) {
        TaskName::Shapes => {
            let out = args.output.out.as_ref().map(|_| "--out");
            let classes = args.classes.as_ref().map(|_| "--classes");
            ("shapes", "scans", out.or(classes).or(args.segment.given()))
        }
        TaskName::Scenes => {
            let top = args.top.map(|_| "--top");
            ("scans", "shapes", top.or(args.repetitions.map(|_| "--repetitions")))
        }
    };
    if let Some(option) = odd {
        let run = args.checkpoint.display();
        return Err(WrongUse(format!("{option} is about {other}, and {run} was trained on {task}")).into());
    }
    if task == "shapes" { shapes::run(args, console) } else { scans::run(args, console) }
}
