//! A small data set, small networks, and a listener that stops a run where a test wants it.
#![allow(dead_code, unreachable_pub, reason = "each test file takes what it needs")]

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rarefy_data::{SyntheticSet, write_synthetic};
use rarefy_train::shapes::ShapeConfig;
use rarefy_train::{Event, Progress, Silent, Summary, TaskConfig, TrainError};

/// Settings that make the paper's network small.
pub const SMALL: [&str; 8] = [
    "model.depth=2",
    "model.width=4",
    "data.render_size=12",
    "data.cache=",
    "data.cache_resolution=32",
    "train.epochs=2",
    "train.batch=5",
    "eval.per_class=0",
];

/// Three classes with six training and two test shapes each.
pub fn synthetic(root: &Path) {
    let set = SyntheticSet { classes: 3, train_per_class: 6, test_per_class: 2, seed: 5 };
    write_synthetic(root, set).unwrap();
}

/// A preset with the small settings and more of them, on the shapes in `data`.
pub fn config(preset: &str, data: &Path, more: &[&str]) -> ShapeConfig {
    let mut overrides: Vec<String> = SMALL.iter().chain(more).map(|&text| text.to_owned()).collect();
    overrides.push(format!("data.root={}", data.display()));
    ShapeConfig::load(preset, &overrides).unwrap()
}

/// Trains without anyone listening.
pub fn train(config: ShapeConfig, run: &Path) -> Result<Summary, TrainError> {
    rarefy_train::train(config, run, &Silent, &AtomicBool::new(false))
}

/// What happens to a run after some steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum End {
    /// The stop flag is set, as by Ctrl-C.
    Stopped,
    /// The process dies without another word, as by `kill -9`.
    Killed,
}

/// Ends a run after a number of steps.
pub struct EndAfter<'a> {
    pub steps: u64,
    pub end: End,
    pub stop: &'a AtomicBool,
    pub seen: AtomicU64,
}

impl Progress for EndAfter<'_> {
    fn event(&self, event: Event<'_>) {
        if matches!(event, Event::Step(_)) && self.seen.fetch_add(1, Ordering::SeqCst) + 1 == self.steps {
            match self.end {
                End::Stopped => self.stop.store(true, Ordering::SeqCst),
                End::Killed => std::panic::resume_unwind(Box::new("killed")),
            }
        }
    }
}

/// Runs `work` with a listener that ends it after `steps`; none if it was killed.
pub fn end_after(
    steps: u64,
    end: End,
    work: impl FnOnce(&dyn Progress, &AtomicBool) -> Result<Summary, TrainError>,
) -> Option<Summary> {
    let stop = AtomicBool::new(false);
    let listener = EndAfter { steps, end, stop: &stop, seen: AtomicU64::new(0) };
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(&listener, &stop)));
    outcome.ok().map(Result::unwrap)
}
