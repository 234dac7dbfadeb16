//! `rarefy data`: looking at, checking, converting and making shapes and scans.

mod check;
mod convert;
mod info;
mod scan_check;
mod scan_info;
mod scans;
mod shape_info;
mod synth;

use clap::{Args, Subcommand};

use crate::console::Console;
use crate::failure::CommandResult;

/// Options of `rarefy data`.
#[derive(Debug, Args)]
pub(crate) struct DataArgs {
    #[command(subcommand)]
    command: DataCommand,
}

#[derive(Debug, Subcommand)]
enum DataCommand {
    /// Count the shapes or scans of a folder by class and split, or describe one file
    Info(info::InfoArgs),
    /// Read every shape or scan of a folder and name those that are damaged, empty, not finite or badly labelled
    Check(check::CheckArgs),
    /// Convert a shape or a whole folder to another format: meshes, points or voxels
    Convert(convert::ConvertArgs),
    /// Make a data set of synthetic shapes, streets or rooms from a seed
    Synth(synth::SynthArgs),
}

/// Runs the command.
pub(crate) fn run(args: &DataArgs, console: Console) -> CommandResult {
    match &args.command {
        DataCommand::Info(args) => info::run(args, console),
        DataCommand::Check(args) => check::run(args, console),
        DataCommand::Convert(args) => convert::run(args, console),
        DataCommand::Synth(args) => synth::run(args, console),
    }
}
