//! `rarefy data synth`: a data set of meshes made from a seed.

use std::path::PathBuf;

use clap::Args;
use rarefy_data::{SyntheticSet, synthetic_classes, write_synthetic};

use crate::console::Console;
use crate::failure::{CommandResult, Outcome};

/// Options of `rarefy data synth`.
#[derive(Debug, Args)]
#[command(
    after_help = "The same options give the same files.\n\nExamples:\n  rarefy data synth shapes                                10 classes, 40 + 10 shapes each\n  rarefy data synth shapes --classes 20 --train 200 --seed 7\n  rarefy data synth --list                                names of the classes"
)]
pub(crate) struct SynthArgs {
    /// New folder; files go to FOLDER/CLASS/{train,test}/
    #[arg(required_unless_present = "list")]
    folder: Option<PathBuf>,
    /// Number of classes
    #[arg(long, default_value_t = 10, value_name = "N")]
    classes: usize,
    /// Training shapes of each class
    #[arg(long, default_value_t = 40, value_name = "N")]
    train: usize,
    /// Test shapes of each class
    #[arg(long, default_value_t = 10, value_name = "N")]
    test: usize,
    /// Seed of all randomness
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Print the names of the classes that can be made
    #[arg(long)]
    list: bool,
}

/// Runs the command.
pub(crate) fn run(args: &SynthArgs, console: Console) -> CommandResult {
    let Some(folder) = args.folder.as_ref().filter(|_| !args.list) else {
        console.result(synthetic_classes().join("\n"));
        return Ok(Outcome::Done);
    };
    let set =
        SyntheticSet { classes: args.classes, train_per_class: args.train, test_per_class: args.test, seed: args.seed };
    write_synthetic(folder, set)?;
    let shapes = args.classes * (args.train + args.test);
    console.result(format_args!("wrote {shapes} meshes of {} classes to {}", args.classes, folder.display()));
    console.remark(format_args!("next: rarefy train s3dcnn data.root={}", folder.display()));
    Ok(Outcome::Done)
}
