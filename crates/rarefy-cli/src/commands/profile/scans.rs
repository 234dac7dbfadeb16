//! `rarefy profile` for networks that label points: what each layer does to whole scans.

use std::path::Path;

use burn::tensor::Device;
use rarefy_data::Limits;
use rarefy_data::scene::{ClassMap, KittiMap, LidarSensor, Scene, SceneFeature, ScenePipeline, lidar_scan, room_scan};
use rarefy_train::TaskConfig;
use rarefy_train::scenes::{SceneConfig, Segmenter};

use super::{ProfileArgs, spread};
use crate::console::{Console, bytes};
use crate::failure::{CommandResult, Outcome, WrongUse};
use crate::layers::{self, Layer};
use crate::scan_jobs::{ScanJob, scan_jobs};
use crate::table::Table;
use crate::trained_scenes::TrainedScenes;

/// Scans that are measured at most.
const LIMIT: usize = 10;
/// Classes of a preset, which knows no data: those of SemanticKITTI.
const CLASSES: usize = 19;
/// Points of a synthetic room.
const ROOM_POINTS: usize = 80_000;

/// Runs the command.
pub(super) fn run(args: &ProfileArgs, console: Console) -> CommandResult {
    let segmenter = subject(args)?;
    let limit = args.limit.unwrap_or(LIMIT).max(1);
    let scenes = match &args.data {
        Some(path) => Scans::Files(spread(&scan_jobs(std::slice::from_ref(path), None)?, limit)),
        None => Scans::Synthetic(limit.min(LIMIT)),
    };
    let views = segmenter.passes.views.max(1);
    let passes = scenes.len() as f64 * f64::from(views);
    let (mut layers, mut points) = (Vec::new(), 0);
    let mut bar = console.progress("profiling", scenes.len() as u64);
    for number in 0..scenes.len() {
        let scene = scenes.read(number, &segmenter.pipeline)?;
        points += scene.scan.len();
        if number == 0 {
            // The first pass fills caches and starts threads; it does not count.
            segmenter.layers(&scene, 0)?;
        }
        for view in 0..views {
            layers::add(&mut layers, &segmenter.layers(&scene, view)?, passes, false);
        }
        bar.set(number as u64 + 1, "");
    }
    drop(bar);
    if args.json {
        for layer in &layers {
            console.result(serde_json::to_string(layer)?);
        }
        return Ok(Outcome::Done);
    }
    console.result(format_args!(
        "{} on {} scan(s) of {} points, a pass over each; voxels of {}, {} parameters, {}, {} thread(s)\n",
        args.model,
        scenes.len(),
        points / scenes.len(),
        segmenter.pipeline.voxel_size,
        segmenter.network.parameter_count(),
        segmenter.passes.precision,
        rayon::current_num_threads()
    ));
    show(&layers, console);
    Ok(Outcome::Done)
}

/// The network with all that it takes to run it.
fn subject(args: &ProfileArgs) -> anyhow::Result<Segmenter> {
    if Path::new(&args.model).is_dir() {
        let trained = TrainedScenes::open(Path::new(&args.model), false)?;
        return Ok(trained.whole(&args.passes));
    }
    let config = SceneConfig::load(&args.model, &["data.root=-"]).map_err(|error| WrongUse(error.to_string()))?;
    let classes = if config.model.classes() == 0 { CLASSES } else { config.model.classes() };
    Ok(Segmenter {
        network: config.model.clone().with_classes(classes).init(1, &Device::flex()),
        passes: args.passes.or(config.passes()),
        pipeline: config.input,
        side: None,
        most_voxels: usize::MAX,
    })
}

/// What is measured on.
enum Scans {
    Files(Vec<ScanJob>),
    Synthetic(usize),
}

impl Scans {
    fn len(&self) -> usize {
        match self {
            Self::Files(jobs) => jobs.len(),
            Self::Synthetic(count) => *count,
        }
    }

    fn read(&self, number: usize, pipeline: &ScenePipeline) -> anyhow::Result<Scene> {
        let indoors = |feature: &SceneFeature| {
            matches!(feature, SceneFeature::Colour | SceneFeature::SignedColour | SceneFeature::Normal)
        };
        let scan = match self {
            Self::Files(jobs) => {
                let classes = ClassMap::semantic_kitti(KittiMap::Official);
                return Ok(jobs[number].entry(pipeline).read(&classes, &Limits::default())?);
            }
            Self::Synthetic(_) if pipeline.features.iter().any(indoors) => room_scan(1, number as u64, ROOM_POINTS)?,
            Self::Synthetic(_) => lidar_scan(&LidarSensor::default(), 1, number as u64)?,
        };
        Ok(Scene::unlabelled("synthetic", Path::new("synthetic"), scan))
    }
}

fn show(layers: &[Layer], console: Console) {
    let sum = |of: fn(&Layer) -> f64| layers.iter().map(of).sum::<f64>();
    let (macs, ms, memory) = (sum(|layer| layer.macs), sum(|layer| layer.ms), sum(|layer| layer.bytes));
    let percent = |part: f64, whole: f64| format!("{:.1} %", 100.0 * part / whole.max(f64::MIN_POSITIVE));
    let mut table = Table::new(1, ["layer", "channels", "rows", "pairs", "M MAC", "ms", "of time", "memory"]);
    for layer in layers {
        table.row(vec![
            layer.name.clone(),
            layer.channels.to_string(),
            format!("{:.0}", layer.active),
            format!("{:.0}", layer.pairs),
            format!("{:.1}", layer.macs / 1e6),
            format!("{:.2}", layer.ms),
            percent(layer.ms, ms),
            bytes(layer.bytes as u64),
        ]);
    }
    let all = format!("{:.1}", macs / 1e6);
    let blank = String::new;
    table.row(vec!["all".into(), blank(), blank(), blank(), all, format!("{ms:.2}"), blank(), bytes(memory as u64)]);
    console.result(table);
    let up: Vec<&Layer> = layers.iter().filter(|layer| layer.name.starts_with("up")).collect();
    let of_up = |of: fn(&Layer) -> f64| up.iter().map(|layer| of(layer)).sum::<f64>();
    console.result(format_args!(
        "\non the way up: {} of the multiply-adds, {} of the time",
        percent(of_up(|layer| layer.macs), macs),
        percent(of_up(|layer| layer.ms), ms)
    ));
}
