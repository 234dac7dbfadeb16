//! The command line: one structure a command, from which parsing and `--help` follow.

use clap::{Parser, Subcommand};

use crate::commands::{
    bench, data, doctor, eval, import, index, predict, profile, query, quickstart, submit, train, view,
};

const EXAMPLES: &str = "\
Start here:
  rarefy quickstart                              train on shapes that the program makes itself; about 3 minutes
  rarefy doctor                                  what this machine offers

With your own shapes (OFF, PLY, OBJ, STL, NPY, NPZ), laid out as shapes/<class>/{train,test}/*:
  rarefy data check shapes                       are all files in order?
  rarefy train s3dcnn data.root=shapes           train; the run goes to runs/<name>
  rarefy eval runs/<name>                        accuracy, mAP and more on the test split
  rarefy predict runs/<name> chair.off           what is this?
  rarefy index runs/<name> shapes -o shapes.idx  descriptors of a whole folder
  rarefy query shapes.idx chair.off              what looks like this?

With scans (.bin, .las, .laz, .pcd, .ply, .npy, .npz), laid out as SemanticKITTI, ScanNet or beside a classes.toml:
  rarefy data check scans                        are all scans and labels in order?
  rarefy view scans/sequences/08/velodyne        look at them in the browser
  rarefy train segment spvcnn data.root=scans    train; the report shows the overlap of every class
  rarefy predict runs/<name> scans --out labels  a label for every point
  rarefy import weights.pt --model spvcnn --classes semantic-kitti --out runs/zoo

Exit codes: 0 done, 1 error, 2 wrong use, 130 interrupted (Ctrl-C saves a checkpoint first).";

/// Deep learning on sparse 3D data: classify and find shapes, label the points of scans, on a plain CPU
#[derive(Debug, Parser)]
#[command(name = "rarefy", version, after_help = EXAMPLES, arg_required_else_help = true, max_term_width = 110)]
pub(crate) struct Cli {
    /// Threads to compute with (default: all); results are the same bits for any number
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) threads: Option<u32>,
    /// Most mebibytes that one map or tensor may take (default: what is free)
    #[arg(long, global = true, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) memory: Option<u32>,
    /// Say nothing but results, warnings and errors
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// What to do
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Everything that the program does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train a small network on synthetic shapes, measure it, write a report
    Quickstart(quickstart::QuickstartArgs),
    /// Train a network on a folder of shapes or scans, or resume a run
    Train(train::TrainArgs),
    /// Measure a trained network: accuracy, mAP, overlap of every class, confusion
    Eval(eval::EvalArgs),
    /// Name the class of shapes, or of every point of scans
    Predict(predict::PredictArgs),
    /// Make a run of the weights of a network that another program has trained
    Import(import::ImportArgs),
    /// Write the labels of SemanticKITTI scans as the benchmark takes them, or check such a submission
    Submit(submit::SubmitArgs),
    /// Show what each layer does: active sites, pairs, multiply-adds, milliseconds, bytes
    Profile(profile::ProfileArgs),
    /// Make a file of descriptors from a folder of shapes
    Index(index::IndexArgs),
    /// Find the shapes of an index that are most like a given one
    Query(query::QueryArgs),
    /// Look at scans in the browser, or as a picture: labels, predictions, mistakes, any value of the points
    View(view::ViewArgs),
    /// Look at, check, convert and make data
    Data(data::DataArgs),
    /// Measure how fast the engine is on a cloud, beside what the machine could reach
    Bench(bench::BenchArgs),
    /// Report what this machine offers and whether the program works on it
    Doctor(doctor::DoctorArgs),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
