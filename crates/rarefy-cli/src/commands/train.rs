//! `rarefy train`: a new run, or the rest of an old one.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use rarefy_train::scenes::{SceneConfig, Scenes};
use rarefy_train::shapes::{ShapeConfig, Shapes};
use rarefy_train::{ConfigError, Outcome as RunOutcome, RunFolder, Summary, TaskConfig, TrainError};

use crate::console::Console;
use crate::failure::{CommandResult, Outcome, WrongUse};
use crate::interrupt;
use crate::listener::Listener;
use crate::report;
use crate::scene_report;
use crate::task::{TaskName, preset_names};

const HELP: &str = "\
A configuration is a preset, or a TOML file; key=value after it changes single settings. Shapes are laid out as
<root>/<class>/{train,test}/*, in OFF, PLY, OBJ, STL, NPY or NPZ. Scans are laid out as data.layout says: semantic-kitti,
scannet, or folder (a classes.toml beside them). Ctrl-C saves and ends with exit code 130.

Examples:
  rarefy train --list                                        the presets
  rarefy train s3dcnn data.root=shapes                       the network of the paper
  rarefy train s3dcnn-modern data.root=shapes train.epochs=10 --name first
  rarefy train segment minkunet data.root=semantickitti      a class for every point of a scan
  rarefy train mine.toml train.minutes=60                    ends after an hour
  rarefy train s3dcnn data.root=shapes --dry-run             print the resolved configuration only
  rarefy train --resume runs/first                           go on; ends in the same bits as without the break";

/// Options of `rarefy train`.
#[derive(Debug, Args)]
#[command(after_help = HELP, arg_required_else_help = true)]
pub(crate) struct TrainArgs {
    /// A preset or a configuration file, then settings key=value
    #[arg(value_name = "CONFIG|KEY=VALUE")]
    words: Vec<String>,
    /// Folder of the run
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["name", "resume"])]
    run_dir: Option<PathBuf>,
    /// Name of the run, which goes to runs/NAME
    #[arg(long, value_name = "NAME", conflicts_with = "resume")]
    name: Option<String>,
    /// Go on with the run in this folder
    #[arg(long, value_name = "RUN", conflicts_with_all = ["words", "seed", "dry_run", "list"])]
    resume: Option<PathBuf>,
    /// The same as train.seed=N
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Print the resolved configuration and stop
    #[arg(long)]
    dry_run: bool,
    /// Print the names of the presets and stop
    #[arg(long)]
    list: bool,
    /// Write no report.html at the end
    #[arg(long)]
    no_report: bool,
}

/// Runs the command.
pub(crate) fn run(args: &TrainArgs, console: Console) -> CommandResult {
    if args.list {
        console.result(preset_names().join("\n"));
        return Ok(Outcome::Done);
    }
    if let Some(run) = &args.resume {
        let imported = RunFolder::open(run).and_then(|run| run.record()).is_ok_and(|record| record.is_imported());
        anyhow::ensure!(
            !imported,
            "{} holds an imported network, which has no training to go on with: use it with `rarefy predict` and `rarefy eval`",
            run.display()
        );
        return match TaskName::of_run(run) {
            TaskName::Shapes => {
                follow(console, !args.no_report, |listener, stop| rarefy_train::resume::<Shapes>(run, listener, stop))
            }
            TaskName::Scenes => {
                follow(console, !args.no_report, |listener, stop| rarefy_train::resume::<Scenes>(run, listener, stop))
            }
        };
    }
    let (config, overrides) = config_words(&args.words, args.seed)?;
    match TaskName::of_config(config) {
        TaskName::Shapes => start::<ShapeConfig>(config, &overrides, args, console),
        TaskName::Scenes => start::<SceneConfig>(config, &overrides, args, console),
    }
}

fn start<C: TaskConfig>(name: &str, overrides: &[String], args: &TrainArgs, console: Console) -> CommandResult {
    let config = C::load(name, overrides).map_err(|error| wrong_config(naming_all_presets(error)))?;
    if args.dry_run {
        console.result(config.to_toml());
        return Ok(Outcome::Done);
    }
    let run = match (&args.run_dir, &args.name) {
        (Some(folder), _) => folder.clone(),
        (None, Some(name)) => named_run(name)?,
        (None, None) => free_run(Path::new("runs"), name),
    };
    follow(console, !args.no_report, |listener, stop| rarefy_train::train(config, &run, listener, stop))
}

/// The name of the configuration and the overrides; `segment` and `classify` before it say what is plain from the name.
fn config_words(words: &[String], seed: Option<u64>) -> anyhow::Result<(&str, Vec<String>)> {
    let words = match words {
        [task, rest @ ..] if ["segment", "classify"].contains(&task.as_str()) => rest,
        words => words,
    };
    let (config, overrides) = match words {
        [first, rest @ ..] if !first.contains('=') => (first.as_str(), rest),
        _ => {
            let known = preset_names().join(", ");
            let message = format!("name a preset ({known}) or a configuration file first, then key=value settings");
            return Err(WrongUse(message).into());
        }
    };
    let mut overrides = overrides.to_vec();
    overrides.extend(seed.map(|seed| format!("train.seed={seed}")));
    Ok((config, overrides))
}

/// A name that no task knows is answered with the presets of all.
fn naming_all_presets(error: ConfigError) -> ConfigError {
    let ConfigError::UnknownConfig { name, suggestion, .. } = error else { return error };
    let of_scenes = || match SceneConfig::load::<&str>(&name, &[]) {
        Err(ConfigError::UnknownConfig { suggestion, .. }) => suggestion,
        _ => None,
    };
    let suggestion = suggestion.or_else(of_scenes);
    ConfigError::UnknownConfig { name, known: preset_names(), suggestion }
}

/// An unreadable file is an error, a wrong word wrong use.
pub(crate) fn wrong_config(error: ConfigError) -> anyhow::Error {
    match error {
        ConfigError::Io { .. } => error.into(),
        other => WrongUse(other.to_string()).into(),
    }
}

fn named_run(name: &str) -> anyhow::Result<PathBuf> {
    if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
        return Err(WrongUse(format!("\"{name}\" is no name; give a folder with --run-dir instead")).into());
    }
    Ok(Path::new("runs").join(name))
}

/// `runs/<config>`, or the same with the first number that is free.
fn free_run(runs: &Path, config: &str) -> PathBuf {
    let stem = Path::new(config).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let name = |copy: usize| if copy == 1 { stem.clone() } else { format!("{stem}-{copy}") };
    (1..=usize::MAX).map(|copy| runs.join(name(copy))).find(|run| !run.exists()).unwrap_or_else(|| runs.join(&stem))
}

/// Runs a training with progress and Ctrl-C, then writes its report.
pub(crate) fn follow(
    console: Console,
    with_report: bool,
    work: impl FnOnce(&Listener, &std::sync::atomic::AtomicBool) -> Result<Summary, TrainError>,
) -> CommandResult {
    let stop = interrupt::listen()?;
    let listener = Listener::new(console);
    let result = work(&listener, &stop);
    listener.finish();
    let summary = match result {
        Err(TrainError::Config(error)) => return Err(wrong_config(error)),
        Err(TrainError::RunExists { folder }) => {
            let folder = folder.display();
            anyhow::bail!(
                "{folder} holds a run already: go on with `rarefy train --resume {folder}`, or give another --name"
            );
        }
        Err(TrainError::Interrupted) => {
            console.remark("interrupted");
            return Ok(Outcome::Interrupted);
        }
        other => other?,
    };
    if summary.outcome == RunOutcome::Interrupted {
        let (epoch, run) = (summary.epochs + 1, summary.run.display());
        console.remark(format_args!(
            "interrupted in epoch {epoch}; everything is saved. Go on with: rarefy train --resume {run}"
        ));
        return Ok(Outcome::Interrupted);
    }
    tell(&summary, console);
    if with_report {
        let run = RunFolder::open(&summary.run)?;
        let page = match TaskName::of_run(run.root()) {
            TaskName::Shapes => report::of_run(&run, console, &stop),
            TaskName::Scenes => scene_report::of_run(&run, console, &stop),
        };
        let page = page.context("the run is whole, but its report could not be written")?;
        console.result(format_args!("report    {}", page.display()));
    }
    Ok(Outcome::Done)
}

fn tell(summary: &Summary, console: Console) {
    if summary.outcome == RunOutcome::OutOfTime {
        console.remark("train.minutes are used up; the run ended early");
    }
    if let Some(best) = &summary.best {
        let named = [
            ("accuracy", "accuracy"),
            ("mean_class_accuracy", "mean class accuracy"),
            ("mean_iou", "mean IoU"),
            ("map", "mAP"),
        ];
        let figures = named.iter().filter_map(|(key, name)| {
            let share = best.figures.get(key)?;
            Some(format!("{name} {:.2} %", share * 100.0))
        });
        let figures = figures.collect::<Vec<_>>().join(", ");
        console.result(format_args!("best      epoch {}: {figures}", best.epoch));
    }
    console.result(format_args!("time      {:.1} minutes, {} epochs", summary.minutes, summary.epochs));
    console.result(format_args!("checksum  {}", summary.weights_checksum));
    console.result(format_args!("run       {}", summary.run.display()));
}
