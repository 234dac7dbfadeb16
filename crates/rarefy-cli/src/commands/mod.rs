//! One file a command: its options, and the few lines that call the rooms below.

pub(crate) mod data;
pub(crate) mod doctor;

use crate::args::Command;
use crate::console::Console;
use crate::failure::CommandResult;

/// Runs the command that was asked for.
pub(crate) fn run(command: &Command, console: Console) -> CommandResult {
    match command {
        Command::Data(args) => data::run(args, console),
        Command::Doctor(args) => doctor::run(args, console),
    }
}
