//! Draws every kind of picture and a whole report from points on disk, for people to look at.
//!
//! `cargo run --release -p rarefy-view --example gallery -- <folder of class folders with train/*.npy> <output folder>`

use std::error::Error;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use rarefy_metrics::{Confusion, evaluate_retrieval};
use rarefy_view::{
    Background, EpochPoint, Paint, RenderOptions, ReportData, ResolutionPoint, RetrievalSheet, RunFacts, SheetHit,
    SheetItem, SheetRow, SkippedFile, SparsityRow, Up, VoxelPicture, confusion_heat_map, render_voxels, report_html,
    retrieval_sheet_png,
};

type Outcome<T> = Result<T, Box<dyn Error>>;

const CLASSES: [&str; 12] = [
    "airplane",
    "bathtub",
    "bed",
    "bottle",
    "car",
    "chair",
    "guitar",
    "lamp",
    "night_stand",
    "sofa",
    "table",
    "toilet",
];

fn main() -> Outcome<()> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [data, out] = &arguments[..] else { return Err("usage: gallery <data folder> <output folder>".into()) };
    fs::create_dir_all(out)?;
    let shapes: Vec<Vec<SheetItem>> = CLASSES.iter().map(|class| load_class(data, class, 6)).collect::<Outcome<_>>()?;
    for (class, items) in CLASSES.iter().zip(&shapes) {
        let options = RenderOptions::new(420).with_up(UP).with_background(Background::Solid([255, 255, 255]));
        fs::write(out.join(format!("{class}.png")), render_voxels(&items[0].voxels, &options)?.to_png()?)?;
    }
    let ring: Vec<[i32; 3]> = ring(20, 7);
    let options = RenderOptions::new(420).with_paint(Paint::Solid([150, 160, 175]));
    fs::write(out.join("ring.png"), render_voxels(&ring, &options)?.to_png()?)?;
    let report = invented_report(&shapes)?;
    if let Some(sheet) = &report.sheet {
        fs::write(out.join("sheet.png"), retrieval_sheet_png(sheet)?.to_png()?)?;
    }
    if let Some(confusion) = &report.confusion {
        fs::write(out.join("confusion.svg"), confusion_heat_map(confusion, &report.classes))?;
    }
    fs::write(out.join("report.html"), report_html(&report)?)?;
    Ok(())
}

/// Of the shapes on disk.
const UP: Up = Up::Z;

fn load_class(data: &Path, class: &str, count: usize) -> Outcome<Vec<SheetItem>> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(data.join(class).join("train"))?.map(|entry| Ok(entry?.path())).collect::<Outcome<_>>()?;
    files.sort();
    let item = |path: &PathBuf| {
        let name = path.file_stem().map_or(String::new(), |stem| stem.to_string_lossy().into_owned());
        Ok(SheetItem { name, class: Some(class.to_owned()), voxels: voxels_of(path, 32)? })
    };
    files.iter().take(count).map(item).collect()
}

fn voxels_of(path: &Path, size: i32) -> Outcome<Vec<[i32; 3]>> {
    let values: Vec<f32> = npyz::NpyFile::new(BufReader::new(File::open(path)?))?.into_vec()?;
    let cell = |value: &f32| (((value + 1.0) / 2.0 * size as f32) as i32).clamp(0, size - 1);
    let mut voxels: Vec<[i32; 3]> = values.chunks_exact(3).map(|p| [cell(&p[0]), cell(&p[1]), cell(&p[2])]).collect();
    voxels.sort_unstable();
    voxels.dedup();
    Ok(voxels)
}

/// A lying ring, which shows shadows and occlusion.
fn ring(large: i32, small: i32) -> Vec<[i32; 3]> {
    let reach = large + small;
    let mut voxels = Vec::new();
    for x in -reach..=reach {
        for y in -reach..=reach {
            for z in -small..=small {
                let round = f64::from(x * x + y * y).sqrt() - f64::from(large);
                if round * round + f64::from(z * z) <= f64::from(small * small) {
                    voxels.push([x, y, z]);
                }
            }
        }
    }
    voxels
}

/// A report whose figures are made up and whose shapes are real.
fn invented_report(shapes: &[Vec<SheetItem>]) -> Outcome<ReportData> {
    let facts = RunFacts {
        model: "s3dcnn-modern".into(),
        parameters: 582_088,
        data: "modelnet40_points: 9,843 train, 2,468 test".into(),
        device: "CPU, AVX-512, 2 threads".into(),
        commit: "8a5ffce".into(),
        minutes: 41.7,
        finished: "2026-11-21 09:50 UTC".into(),
        command: "rarefy train configs/modelnet40-modern.toml seed=17".into(),
        ..RunFacts::new(17)
    };
    let mut report = ReportData::new("modelnet40-modern", facts);
    report.description = "Softmax classification on point clouds at 40 voxels. These figures are made up.".into();
    report.configuration = "name = \"modelnet40-modern\"\nseed = 17\n\n[data]\nroot = \"modelnet40_points\"\nrender_size = 40\n\n[model]\nname = \"s3dcnn-modern\"\nwidth = 32\n\n[optimiser]\nname = \"adamw\"\nlearning_rate = 0.002\n".into();
    report.classes = CLASSES.iter().map(|&class| class.to_owned()).collect();
    report.epochs = (1..=30).map(invented_epoch).collect();
    let labels: Vec<u32> = (0..1200).map(|item| item % 12).collect();
    let wrong = |item: u32| if item * 7 % 11 < 1 { (item * 5 + item / 36) % 12 } else { item % 12 };
    report.confusion = Some(Confusion::from_predictions(12, &labels, &(0..1200).map(wrong).collect::<Vec<_>>())?);
    let descriptors: Vec<f32> = (0..240u32).flat_map(|item| invented_descriptor(item, item % 12)).collect();
    let of_classes: Vec<u32> = (0..240).map(|item| item % 12).collect();
    report.retrieval = Some(evaluate_retrieval(&descriptors, 12, &of_classes)?);
    report.resolution = [(16, 0.52), (24, 0.61), (32, 0.68), (40, 0.714), (56, 0.722), (80, 0.715)]
        .map(|(render_size, map)| ResolutionPoint { render_size, map })
        .to_vec();
    report.samples = shapes.iter().map(|items| picture(&items[1])).collect();
    report.sheet = Some(invented_sheet(shapes));
    report.sparsity = invented_sparsity();
    report.skipped = (1..=3)
        .map(|n| SkippedFile { path: format!("desk/train/desk_{n:04}.npz"), reason: "no filled voxel".into() })
        .collect();
    Ok(report)
}

fn picture(item: &SheetItem) -> VoxelPicture {
    let note = format!("{} voxels", item.voxels.len());
    VoxelPicture { note, up: UP, ..VoxelPicture::new(item.class.clone().unwrap_or_default(), item.voxels.clone()) }
}

fn invented_epoch(epoch: u32) -> EpochPoint {
    let t = f64::from(epoch) / 30.0;
    let noise = f64::from(epoch * 37 % 11) / 11.0 - 0.5;
    EpochPoint {
        epoch,
        train_loss: Some(0.15 + 2.6 * (-4.5 * t).exp()),
        test_loss: Some(0.42 + 2.0 * (-4.0 * t).exp() + 0.08 * noise),
        train_accuracy: Some(0.97 - 0.6 * (-4.5 * t).exp()),
        test_accuracy: Some(0.9 - 0.5 * (-4.5 * t).exp() + 0.015 * noise),
        map: epoch.is_multiple_of(5).then(|| 0.72 - 0.5 * (-3.0 * t).exp()),
        mean_iou: None,
        active_triplets: None,
        learning_rate: Some(0.002 * (1.0 + (std::f64::consts::PI * t).cos()) / 2.0 + 1e-6),
    }
}

fn invented_descriptor(item: u32, class: u32) -> Vec<f32> {
    let noise = |at: u32| (item.wrapping_mul(2_654_435_761).wrapping_add(at.wrapping_mul(40_503)) >> 8) % 1000;
    (0..12).map(|at| noise(at) as f32 / 1000.0 + if at == class { 0.7 } else { 0.0 }).collect()
}

fn invented_sheet(shapes: &[Vec<SheetItem>]) -> RetrievalSheet {
    let row = |class: usize| {
        let hit = |rank: usize| {
            let from = if rank > 4 && (rank + class).is_multiple_of(3) { (class + 4) % shapes.len() } else { class };
            let item = shapes[from][1 + rank % 5].clone();
            SheetHit { item, distance: 0.031 * rank as f32 + 0.012, right: Some(from == class) }
        };
        SheetRow { query: shapes[class][0].clone(), hits: (0..10).map(hit).collect() }
    };
    RetrievalSheet { rows: [0, 2, 5, 6, 11].into_iter().map(row).collect(), up: UP }
}

fn invented_sparsity() -> Vec<SparsityRow> {
    let layers = [
        ("0", "input", 1, 126, 0.0018),
        ("1", "conv 2/1", 32, 125, 0.0035),
        ("3", "pool 3/2", 32, 62, 0.0069),
        ("4", "conv 2/1", 64, 61, 0.0107),
        ("6", "pool 3/2", 64, 30, 0.0193),
        ("7", "conv 2/1", 96, 29, 0.0326),
        ("9", "pool 3/2", 96, 14, 0.0732),
        ("10", "conv 2/1", 128, 13, 0.1514),
        ("12", "pool 3/2", 128, 6, 0.463),
        ("13", "conv 2/1", 160, 5, 0.9754),
        ("15", "pool 3/2", 160, 2, 1.0),
        ("16", "conv 2/1", 192, 1, 1.0),
    ];
    let row = |(layer, operator, channels, spatial, paper): (&str, &str, u32, u32, f64)| SparsityRow {
        layer: format!("{layer} {operator}"),
        channels,
        spatial,
        active_sites: paper * 0.93 * f64::from(spatial).powi(3),
        active_share: paper * 0.93,
        paper_share: Some(paper),
        pairs: u64::from(spatial).pow(3) / 9,
        macs: u64::from(spatial * channels).pow(2) * 90,
        milliseconds: f64::from(channels) * 0.031,
        bytes: u64::from(spatial).pow(3) * u64::from(channels),
    };
    layers.into_iter().map(row).collect()
}
