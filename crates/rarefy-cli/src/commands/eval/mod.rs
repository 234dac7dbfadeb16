//! `rarefy eval`: the figures of a trained network on a split, by the task of the run.

mod scans;
mod shapes;

use std::path::PathBuf;

use clap::Args;

use crate::console::Console;
use crate::failure::{CommandResult, WrongUse};
use crate::task::TaskName;
use crate::trained_scenes::PassArgs;

/// Most frequent mistakes that are printed.
const MISTAKES: usize = 5;

const HELP: &str = "\
Shapes: accuracy, and retrieval: each of the first shapes of every class asks for the others of its class, by cosine of the
descriptors. Scans: overlap of every class over all points, in the official way (classes without a point count 0), in that of the
SPVNAS repository (they count 1) and over the classes present.

Examples:
  rarefy eval runs/quickstart
  rarefy eval runs/quickstart --repetitions 3 --per-class 0
  rarefy eval runs/quickstart --resolutions 10,20,30,40     mAP against resolution
  rarefy eval runs/quickstart --json figures.json
  rarefy eval runs/spvcnn                                   the validation scans of the training
  rarefy eval runs/spvcnn --split train --views 4
  rarefy eval runs/spvcnn --floors                          beside what is reached without a network
  rarefy eval runs/spvcnn --branches                        what the points see that the voxels do not
  rarefy eval runs/zoo --data semantickitti --only 08       an imported network";

/// Options of `rarefy eval`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct EvalArgs {
    /// A run, or one of its checkpoints
    checkpoint: PathBuf,
    /// The data set (default: that of the training)
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// The split (default: the test split of the training); of scans train, val or test
    #[arg(long, value_name = "NAME")]
    split: Option<String>,
    /// Shapes: passes over each, averaged; each turned anew if the run's test augmentation says so
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
    repetitions: Option<u64>,
    /// Shapes: how many of each class for retrieval, the first ones by name; 0 for all
    #[arg(long, value_name = "N")]
    per_class: Option<usize>,
    /// Shapes: measure at each of these render sizes, too
    #[arg(long, value_name = "N,N,…", value_delimiter = ',')]
    resolutions: Vec<u32>,
    #[command(flatten)]
    passes: PassArgs,
    /// Scans: measure on these sequences or rooms only
    #[arg(long, value_name = "NAME,NAME,…", value_delimiter = ',')]
    only: Vec<String>,
    /// Scans: measure a constant guess, and the nearest of 200,000 training points in height, range and intensity, too
    #[arg(long)]
    floors: bool,
    /// Scans: tell which classes each branch of the network answers to: the share of their points among the tenth of a scan
    /// with the largest norms of the last features
    #[arg(long)]
    branches: bool,
    /// Take the newest checkpoint of the run instead of the best
    #[arg(long)]
    last: bool,
    /// Write all figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &EvalArgs, console: Console) -> CommandResult {
    let run = args.checkpoint.display();
    anyhow::ensure!(args.checkpoint.exists(), "{run}: no such run or checkpoint; `rarefy train` makes one");
    let of_shapes = [
        ("--repetitions", args.repetitions.is_some()),
        ("--per-class", args.per_class.is_some()),
        ("--resolutions", !args.resolutions.is_empty()),
    ];
    let of_scans = [("--only", !args.only.is_empty()), ("--floors", args.floors), ("--branches", args.branches)];
    let first =
        |options: [(&'static str, bool); 3]| options.into_iter().find(|(_, given)| *given).map(|(option, _)| option);
    let task = TaskName::of_run(&args.checkpoint);
    let (odd, other) = match task {
        TaskName::Shapes => (args.passes.given().or(first(of_scans)), "scans"),
        TaskName::Scenes => (first(of_shapes), "shapes"),
    };
    if let Some(option) = odd {
        return Err(WrongUse(format!("{option} is about {other}, and {run} was trained on something else")).into());
    }
    match task {
        TaskName::Shapes => shapes::run(args, console),
        TaskName::Scenes => scans::run(args, console),
    }
}
