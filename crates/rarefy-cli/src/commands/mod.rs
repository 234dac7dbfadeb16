//! One file a command: its options, and the few lines that call the rooms below.

pub(crate) mod bench;
pub(crate) mod data;
pub(crate) mod doctor;
pub(crate) mod eval;
pub(crate) mod import;
pub(crate) mod index;
pub(crate) mod predict;
pub(crate) mod profile;
pub(crate) mod query;
pub(crate) mod quickstart;
pub(crate) mod submit;
pub(crate) mod train;
pub(crate) mod view;

use crate::args::Command;
use crate::console::Console;
use crate::failure::CommandResult;

/// Runs the command that was asked for.
pub(crate) fn run(command: &Command, console: Console) -> CommandResult {
    match command {
        Command::Quickstart(args) => quickstart::run(args, console),
        Command::Train(args) => train::run(args, console),
        Command::Eval(args) => eval::run(args, console),
        Command::Predict(args) => predict::run(args, console),
        Command::Import(args) => import::run(args, console),
        Command::Submit(args) => submit::run(args, console),
        Command::Profile(args) => profile::run(args, console),
        Command::Index(args) => index::run(args, console),
        Command::Query(args) => query::run(args, console),
        Command::Data(args) => data::run(args, console),
        Command::View(args) => view::run(args, console),
        Command::Bench(args) => bench::run(args, console),
        Command::Doctor(args) => doctor::run(args, console),
    }
}
