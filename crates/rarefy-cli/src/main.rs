//! The program `rarefy`: sparse 3D shapes from the command line.
//!
//! A thin shell: it reads arguments, chooses the device, shows progress and errors; everything else is done by the rooms
//! below. Exit codes: 0 done, 1 error, 2 wrong use, 130 interrupted.

mod args;
mod bench;
mod commands;
mod console;
mod failure;
mod interrupt;
mod labelled_view;
mod layers;
mod listener;
mod measure;
mod memory;
mod report;
mod scan_jobs;
mod scan_output;
mod scene_report;
mod table;
mod task;
mod trained;
mod trained_scenes;

use std::process::ExitCode;

use clap::Parser;
use console::Console;
use rarefy_kernels::InstructionSet;
use rarefy_train::TrainError;

/// Burn allocates a tensor for each operator; this allocator halves the time of its matrix products.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    rarefy_kernels::keep_freed_memory();
    failure::install_panic_message();
    let cli = args::Cli::parse();
    let console = Console::new(cli.quiet);
    let result = prepare(&cli).and_then(|()| commands::run(&cli.command, console));
    match result {
        Ok(outcome) => outcome.into(),
        Err(error) if matches!(error.downcast_ref(), Some(TrainError::Interrupted)) => {
            console.remark("interrupted");
            failure::Outcome::Interrupted.into()
        }
        Err(error) => {
            console.error(failure::story(&error));
            failure::exit_code(&error)
        }
    }
}

/// Threads, memory and instruction set, once for the whole process.
fn prepare(cli: &args::Cli) -> anyhow::Result<()> {
    InstructionSet::from_environment().map_err(|error| failure::WrongUse(format!("RAREFY_ISA: {error}")))?;
    let mut pool = rayon::ThreadPoolBuilder::new();
    if let Some(threads) = cli.threads {
        pool = pool.num_threads(threads as usize);
    }
    pool.build_global()?;
    rarefy_geometry::set_memory_limit(cli.memory.map(|mebibytes| (mebibytes as usize) << 20));
    Ok(())
}
