//! Trains a run: `train RUN_FOLDER CONFIG [key=value ...]`, or `train RUN_FOLDER resume`.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use rarefy_train::{Event, Progress, RunConfig};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A line every ten seconds.
struct Lines(Mutex<Instant>);

impl Progress for Lines {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Step(step) => {
                let mut last = self.0.lock().unwrap();
                if last.elapsed().as_secs() >= 10 || step.step == step.steps {
                    *last = Instant::now();
                    println!(
                        "epoch {}/{} step {}/{} loss {:.4} accuracy {:.3} active {:?} lr {:.2e} {:.1} samples/s, {:.0} s left",
                        step.epoch,
                        step.epochs,
                        step.step,
                        step.steps,
                        step.loss,
                        step.accuracy,
                        step.active_triples.map(|share| (share * 1e3).round() / 1e3),
                        step.lr,
                        step.samples_per_second,
                        step.seconds_left
                    );
                }
            }
            Event::Epoch(record) => println!("{record:?}"),
            Event::Warning(text) => println!("warning: {text}"),
            Event::Started { .. } => println!("{event:?}"),
            _ => {}
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [run, config, overrides @ ..] = &arguments[..] else {
        return Err("usage: train RUN_FOLDER CONFIG [key=value ...], or train RUN_FOLDER resume".into());
    };
    let (progress, stop) = (Lines(Mutex::new(Instant::now())), AtomicBool::new(false));
    let summary = if config == "resume" {
        rarefy_train::resume(Path::new(run), &progress, &stop)?
    } else {
        rarefy_train::train(RunConfig::load(config, overrides)?, Path::new(run), &progress, &stop)?
    };
    println!("{summary:#?}");
    Ok(())
}
