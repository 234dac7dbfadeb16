//! A run that is stopped or killed and resumed ends in the same bits as one that was left alone, for any thread count.

mod common;

use std::path::Path;
use std::sync::atomic::AtomicBool;

use common::{End, config, end_after, synthetic};
use rarefy_train::shapes::{ShapeConfig, Shapes};
use rarefy_train::{Outcome, Silent, Summary, TaskConfig};

const MODERN: [&str; 9] = [
    "model.name=s3dcnn-modern",
    "model.features=7",
    "model.grid=16",
    "model.widths=[4, 8]",
    "model.blocks=[1, 1]",
    "model.head=12",
    "model.descriptor=6",
    "augment.rotation=vertical",
    "train.batch=6",
];

/// The small settings for the second network, without those that only the first one has.
fn modern(data: &Path) -> ShapeConfig {
    let base = ["data.render_size=12", "data.cache=", "data.cache_resolution=32", "train.epochs=2", "eval.per_class=0"];
    let more = ["data.classes_per_batch=3", "loss.triplet=0.5", "eval.repeats=2", "eval.augment.rotation=any"];
    let root = format!("data.root={}", data.display());
    let all: Vec<&str> = base.into_iter().chain(MODERN).chain(more).chain([root.as_str()]).collect();
    ShapeConfig::load("s3dcnn-modern", &all).unwrap()
}

/// All figures that must agree to the bit; wall times are no part of them.
fn figures(summary: &Summary, run: &Path) -> Vec<String> {
    let mut figures = vec![summary.weights_checksum.clone()];
    let lines = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    for line in lines.lines() {
        let record: rarefy_train::EpochRecord = serde_json::from_str(line).unwrap();
        figures.push(format!(
            "{} {} {:?} {:?} {:?} {:?}",
            record.epoch, record.step, record.lr, record.train_loss, record.train, record.test
        ));
    }
    figures
}

fn resume(run: &Path) -> Summary {
    rarefy_train::resume::<Shapes>(run, &Silent, &AtomicBool::new(false)).unwrap()
}

fn ends_in_the_same_bits(config: &ShapeConfig, folder: &Path, steps: u64) {
    let whole = folder.join("whole");
    let expected = common::train(config.clone(), &whole).unwrap();
    assert_eq!((expected.outcome, expected.steps), (Outcome::Finished, steps));
    let expected = figures(&expected, &whole);
    for end in [End::Stopped, End::Killed] {
        for step in 1..steps {
            let run = folder.join(format!("{end:?}-{step}"));
            let first =
                end_after(step, end, |progress, stop| rarefy_train::train(config.clone(), &run, progress, stop));
            assert_eq!(first.map(|summary| summary.outcome), (end == End::Stopped).then_some(Outcome::Interrupted));
            let second = resume(&run);
            assert_eq!(figures(&second, &run), expected, "{end:?} after step {step}");
        }
    }
}

#[test]
fn resumed_training_of_s3dcnn_equals_uninterrupted_training() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    synthetic(&data);
    let config = config("s3dcnn", &data, &["train.checkpoint_steps=3"]);
    ends_in_the_same_bits(&config, folder.path(), 8);
}

#[test]
fn resumed_training_with_norms_triplets_and_adam_equals_uninterrupted_training() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    synthetic(&data);
    let mut config = modern(&data);
    config.train.checkpoint_steps = 2;
    ends_in_the_same_bits(&config, folder.path(), 6);
}

#[test]
fn resumed_training_with_accumulated_gradients_and_averaged_weights_equals_uninterrupted_training() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    synthetic(&data);
    let mut config = modern(&data);
    // A stopped run saves at other steps than one that is left alone: saving must change nothing.
    config.train.checkpoint_steps = 4;
    (config.train.epochs, config.train.accumulate, config.train.ema) = (3, 2, 0.6);
    // Three batches an epoch: a step of two, and one of the one that is left.
    ends_in_the_same_bits(&config, folder.path(), 6);
}

#[test]
fn two_accumulated_batches_are_one_of_twice_the_size() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    synthetic(&data);
    let losses = |name: &str, more: &[&str]| -> Vec<f64> {
        let run = folder.path().join(name);
        common::train(config("s3dcnn", &data, more), &run).unwrap();
        let lines = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
        let record = |line| serde_json::from_str::<rarefy_train::EpochRecord>(line).unwrap().train_loss;
        lines.lines().map(record).collect()
    };
    let whole = losses("whole", &["train.batch=6"]);
    let parts = losses("parts", &["train.batch=3", "train.accumulate=2"]);
    let other = losses("other", &["train.batch=3"]);
    assert!(whole.iter().zip(&parts).all(|(a, b)| (a - b).abs() < 1e-5 * a), "{whole:?} {parts:?}");
    assert!((whole[1] - other[1]).abs() > 1e-3 * whole[1], "{whole:?} {other:?}");
}

#[test]
fn what_is_saved_for_use_is_the_average_and_it_lags_behind() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    synthetic(&data);
    let weights = |name: &str, more: &[&str]| {
        let run = folder.path().join(name);
        let summary = common::train(config("s3dcnn", &data, more), &run).unwrap();
        let checkpoint = rarefy_train::open_checkpoint::<Shapes>(&run, rarefy_train::Which::Last).unwrap();
        let network = checkpoint.network(&burn::tensor::Device::flex()).unwrap();
        assert_eq!(rarefy_train::weights_checksum(&network), summary.weights_checksum);
        let training = checkpoint.folder().join("training.safetensors");
        let loss = summary.last.unwrap().train_loss;
        (summary.weights_checksum, loss, training.exists())
    };
    let (plain, plain_loss, plain_file) = weights("plain", &[]);
    let (averaged, averaged_loss, averaged_file) = weights("averaged", &["train.ema=0.9"]);
    assert_eq!((plain_file, averaged_file), (false, true));
    assert_ne!(plain, averaged);
    // Training itself does not see the average.
    assert!((plain_loss - averaged_loss).abs() < 1e-12, "{plain_loss} {averaged_loss}");
}

#[test]
fn a_run_that_is_stopped_again_and_again_ends_in_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let (data, whole, broken) = (folder.path().join("data"), folder.path().join("whole"), folder.path().join("broken"));
    synthetic(&data);
    let config = config("s3dcnn", &data, &[]);
    let expected = figures(&common::train(config.clone(), &whole).unwrap(), &whole);
    end_after(1, End::Stopped, |progress, stop| rarefy_train::train(config, &broken, progress, stop));
    let last = loop {
        let summary =
            end_after(1, End::Stopped, |progress, stop| rarefy_train::resume::<Shapes>(&broken, progress, stop))
                .unwrap();
        if summary.outcome == Outcome::Finished {
            break summary;
        }
    };
    assert_eq!(figures(&last, &broken), expected);
}

#[test]
fn one_and_two_threads_end_in_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    synthetic(&data);
    for (name, config) in [("s3dcnn", config("s3dcnn", &data, &[])), ("modern", modern(&data))] {
        let with_threads = |threads: usize| {
            let run = folder.path().join(format!("{name}-{threads}"));
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut config = config.clone();
            config.data.loader_threads = threads;
            let summary = pool.install(|| common::train(config, &run)).unwrap();
            figures(&summary, &run)
        };
        assert_eq!(with_threads(1), with_threads(2), "{name}");
    }
}

#[test]
fn a_finished_run_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (data, run) = (folder.path().join("data"), folder.path().join("run"));
    synthetic(&data);
    let first = common::train(config("s3dcnn", &data, &["train.epochs=1"]), &run).unwrap();
    assert_eq!(resume(&run), first);
}

#[test]
fn a_run_that_is_out_of_time_ends_with_a_measurement() {
    let folder = tempfile::tempdir().unwrap();
    let (data, run) = (folder.path().join("data"), folder.path().join("run"));
    synthetic(&data);
    let summary =
        common::train(config("s3dcnn", &data, &["train.epochs=100000", "train.minutes=0.002"]), &run).unwrap();
    assert_eq!(summary.outcome, Outcome::OutOfTime);
    assert!(summary.last.unwrap().test.is_some());
}
