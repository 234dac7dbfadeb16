//! `rarefy doctor`: what this machine offers, in the words that a fault report needs.

use std::fs;

use burn::tensor::{Device, Tensor};
use clap::Args;
use rarefy_kernels::{InstructionSet, multiply_add_peak};
use rarefy_models::{ModelConfig, S3dcnnConfig};
use rarefy_sparse::{Precision, SparseTensor};

use crate::console::{Console, bytes};
use crate::failure::{CommandResult, Outcome};
use crate::table::Table;

/// Rounds of the peak measurement, of which the best counts: the first ones wait for the clock to rise.
const PEAK_ROUNDS: usize = 20;

/// Options of `rarefy doctor`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  rarefy doctor\n  RAREFY_ISA=portable rarefy doctor      how it would be without vector instructions"
)]
pub(crate) struct DoctorArgs {}

/// Runs the command.
#[expect(clippy::unnecessary_wraps, reason = "every command has this form")]
pub(crate) fn run(_args: &DoctorArgs, console: Console) -> CommandResult {
    let mut table = Table::new(2, ["", ""]);
    let mut well = true;
    let mut add = |what: &str, finding: String| table.row(vec![what.into(), finding]);
    add("rarefy", format!("{} for {}-{}", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH, std::env::consts::OS));
    add("burn", "0.22.1 (flex, on the CPU)".into());
    add("instruction sets", instruction_sets());
    add("threads", threads());
    add("memory", memory());
    add("peak, f32 multiply-add", peak());
    add("precision=bf16", bf16().into());
    match writable() {
        Ok(place) => add("this folder", place),
        Err(error) => {
            well = false;
            add("this folder", format!("cannot be written ({error}); choose another with --run-dir"));
        }
    }
    match self_test() {
        Ok(report) => add("self-test", report),
        Err(error) => {
            well = false;
            add("self-test", format!("FAILED: {error:#}"));
        }
    }
    // The heading is empty.
    console.result(table.to_string().trim_start_matches('\n'));
    console.result(if well { "\nall well" } else { "\nsomething is wrong, see above" });
    Ok(if well { Outcome::Done } else { Outcome::NotInOrder })
}

fn instruction_sets() -> String {
    let names: Vec<String> = InstructionSet::available().iter().map(ToString::to_string).collect();
    format!("{} in use; this machine has {}", InstructionSet::current(), names.join(", "))
}

fn threads() -> String {
    let cores = std::thread::available_parallelism().map_or_else(|_| "?".into(), |count| count.to_string());
    format!("{} in use; {cores} available to this process", rayon::current_num_threads())
}

/// What `bf16` in place of f32 brings here.
fn bf16() -> &'static str {
    if Precision::Bf16.has_instructions() {
        "quicker than f32: products two at a time (AVX512-BF16)"
    } else {
        "as slow as f32: no AVX512-BF16 in use"
    }
}

/// Total and free memory, where the system tells it in the way of Linux.
fn memory() -> String {
    let Ok(text) = fs::read_to_string("/proc/meminfo") else { return "not known on this system".into() };
    let field = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| bytes(kib * 1024))
    };
    match (field("MemTotal:"), field("MemAvailable:")) {
        (Some(total), Some(free)) => format!("{total}, of which {free} free"),
        _ => "not known on this system".into(),
    }
}

/// A rough figure, on one thread and on all.
fn peak() -> String {
    let threads = rayon::current_num_threads();
    let best = |threads: usize| multiply_add_peak(threads, PEAK_ROUNDS);
    format!("{:.0} GFLOP/s on one thread, {:.0} on {threads} (rough)", best(1), best(threads))
}

fn writable() -> anyhow::Result<String> {
    let folder = std::env::current_dir()?;
    let probe = folder.join(format!(".rarefy-doctor-{}.tmp", std::process::id()));
    fs::write(&probe, b"probe")?;
    fs::remove_file(&probe)?;
    Ok(format!("{} can be written", folder.display()))
}

/// A small network gives the same scores with every instruction set, up to rounding.
fn self_test() -> anyhow::Result<String> {
    let config = ModelConfig::S3dcnn(S3dcnnConfig { width: 8, depth: 2, ..S3dcnnConfig::new(4) });
    let device = Device::flex();
    let network = config.init(1, &device);
    let side = config.input_grid()[0];
    let coords: Vec<[i32; 4]> = (0..side).flat_map(|x| (0..side).map(move |y| [0, x, y, (x * y) % side])).collect();
    let scores = |set: InstructionSet| -> anyhow::Result<Vec<f32>> {
        let features = Tensor::ones([coords.len(), 1], &device);
        let input = SparseTensor::new(&coords, 1, config.input_grid(), features)?;
        let output = set.force(|| network.forward(input, false)).map_err(|error| anyhow::anyhow!("{error}"))??;
        output.logits.into_data().try_to_vec::<f32>().map_err(|error| anyhow::anyhow!("{error:?}"))
    };
    let expected = scores(InstructionSet::Portable)?;
    for set in InstructionSet::available() {
        let found = scores(set)?;
        let worst = expected.iter().zip(&found).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        anyhow::ensure!(worst < 1e-4, "{set} differs from portable code by {worst}");
    }
    Ok("a small network gives the same scores with every instruction set".into())
}
