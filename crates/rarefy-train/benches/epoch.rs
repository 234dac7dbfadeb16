//! One epoch of training on all of ModelNet40 as points: S3DCNN and s3dcnn-modern with their presets, augmentation and
//! optimiser included, beside the multiply-add peak of the same run.
//!
//! `cargo bench -p rarefy-train [-- NAME]`; the data are looked for at `RAREFY_REALDATA`.

use std::sync::atomic::AtomicBool;

use rarefy_kernels::{InstructionSet, multiply_add_peak};
use rarefy_train::shapes::ShapeConfig;
use rarefy_train::{Event, Progress, TaskConfig};

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Warnings about shapes do not matter here.
struct Quiet;

impl Progress for Quiet {
    fn event(&self, _event: Event<'_>) {}
}

fn main() {
    rarefy_kernels::keep_freed_memory();
    let Some(data) = rarefy_testkit::real_data_folder() else { return };
    let asked: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let threads = rayon::current_num_threads();
    println!("{threads} thread(s), {}, {:.1} GFLOP/s", InstructionSet::current(), multiply_add_peak(threads, 20));
    println!("network        shapes      s  shapes/s");
    for name in ["s3dcnn", "s3dcnn-modern"] {
        if asked.is_empty() || asked.iter().any(|asked| asked == name) {
            epoch(name, &data.join("modelnet40_points"));
        }
    }
}

fn epoch(name: &str, data: &std::path::Path) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = format!("data.root={}", data.display());
    // Test shapes are measured after the epoch, which is not timed.
    let config = ShapeConfig::load(name, &[root.as_str(), "data.cache=", "train.epochs=1"]).expect("a preset");
    let summary = rarefy_train::train(config, &folder.path().join("run"), &Quiet, &AtomicBool::new(false));
    let last = summary.expect("the run ends").last.expect("one epoch");
    let shapes = last.seconds * last.samples_per_second;
    println!("{name:13} {shapes:7.0} {:6.1} {:9.0}", last.seconds, last.samples_per_second);
}
