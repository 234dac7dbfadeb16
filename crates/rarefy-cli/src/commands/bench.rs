//! `rarefy bench`: how fast the engine is on a user's own cloud and machine, beside what the machine could reach.

use std::path::{Path, PathBuf};

use clap::Args;
use rarefy_data::{Shape, SurfaceCloud, read_shape, synthetic_mesh, write_atomically};
use rarefy_geometry::Bounds;
use rarefy_kernels::InstructionSet;
use rarefy_view::{Roofline, RooflinePoint};
use serde_json::json;

use crate::bench::{self, Cloud, Measured, Plan, Row};
use crate::console::Console;
use crate::failure::{CommandResult, Outcome, WrongUse};
use crate::table::Table;

/// Cells over the longest side of a mesh.
const MESH_CELLS: u32 = 400;
/// Voxels over the longest side of a cloud, where no size is given.
const VOXELS: f32 = 400.0;

/// Options of `rarefy bench`.
#[derive(Debug, Args)]
#[command(
    after_help = "Each time is the least of several runs; the peak is measured between them. The convolution is compared with plain\nsums in double precision before anything is timed.\n\nExamples:\n  rarefy bench                                              on a shape that the program makes\n  rarefy bench scan.npy --voxel-size 0.1 --svg roofline.svg\n  rarefy bench scan.ply --widths 32,64 --thread-counts 1 --json figures.json"
)]
pub(crate) struct BenchArgs {
    /// A cloud or mesh (NPY, NPZ, PLY, OFF, OBJ, STL); without it, a synthetic one
    cloud: Option<PathBuf>,
    /// Side of a voxel in the units of the file (default: a 400th of the longest side)
    #[arg(long, value_name = "SIZE")]
    voxel_size: Option<f32>,
    /// Channels of the convolutions
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', default_value = "16,32,64,96,128,256", value_parser = clap::value_parser!(u16).range(1..=1024))]
    widths: Vec<u16>,
    /// Numbers of threads (default: one, and all)
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..=1024))]
    thread_counts: Vec<u16>,
    /// Runs of each operator, of which the quickest counts
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    repeats: u16,
    /// Leave whole networks out
    #[arg(long)]
    no_networks: bool,
    /// Write all figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw the roofline picture of the most threads into this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &BenchArgs, console: Console) -> CommandResult {
    let (name, points) = points(args.cloud.as_deref())?;
    let cloud = Cloud::new(&points, voxel_size(args.voxel_size, &points)?)?;
    bench::check(&cloud)?;
    let pairs = cloud.pairs()?;
    console.result(format_args!(
        "{name}: {} points, {} voxels, {pairs} pairs; {}\n",
        cloud.points(),
        cloud.voxels(),
        InstructionSet::current()
    ));
    let widths = args.widths.iter().map(|&width| usize::from(width)).collect();
    let plan = Plan { widths, repeats: usize::from(args.repeats), networks: !args.no_networks };
    let mut all = Vec::new();
    for threads in thread_counts(&args.thread_counts) {
        let measured = bench::measure(&cloud, &plan, threads, &|what| {
            console.remark(format_args!("measuring with {threads} thread(s): {what}"));
        })?;
        show(&measured, console);
        all.push(measured);
    }
    if let Some(path) = &args.json {
        let machine = rarefy_train::Machine::here();
        let cloud = json!({"name": name, "points": cloud.points(), "voxels": cloud.voxels(), "pairs": pairs});
        let text = serde_json::to_string_pretty(&json!({"machine": machine, "cloud": cloud, "measured": all}))?;
        write_atomically(path, |out| std::io::Write::write_all(out, text.as_bytes()))?;
    }
    if let (Some(path), Some(last)) = (&args.svg, all.last()) {
        let svg = roofline(last, &name).to_svg();
        write_atomically(path, |out| std::io::Write::write_all(out, svg.as_bytes()))?;
    }
    Ok(Outcome::Done)
}

/// The points of a file, or of a synthetic shape, with a name for them.
fn points(path: Option<&Path>) -> anyhow::Result<(String, Vec<[f32; 3]>)> {
    let (path, shape) = match path {
        Some(path) => (path.to_path_buf(), read_shape(path)?),
        None => (PathBuf::from("synthetic torus knot"), Shape::Mesh(synthetic_mesh("torus-knot", 1, 0)?)),
    };
    let points = SurfaceCloud::from_shape(&path, shape, MESH_CELLS)?.points();
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    Ok((name, points))
}

fn voxel_size(asked: Option<f32>, points: &[[f32; 3]]) -> anyhow::Result<f32> {
    match asked {
        Some(size) if size.is_finite() && size > 0.0 => Ok(size),
        Some(size) => Err(WrongUse(format!("--voxel-size {size}: expected a number above 0")).into()),
        None => {
            let longest = Bounds::around(points.iter().copied()).map_or(0.0, |bounds| bounds.extent());
            Ok(if longest > 0.0 { longest / VOXELS } else { 1.0 })
        }
    }
}

fn thread_counts(asked: &[u16]) -> Vec<usize> {
    let all = rayon::current_num_threads();
    match asked {
        [] if all == 1 => vec![1],
        [] => vec![1, all],
        asked => asked.iter().map(|&count| usize::from(count)).collect(),
    }
}

fn show(measured: &Measured, console: Console) {
    let machine = measured.machine;
    let mut table = Table::new(1, ["operator", "threads", "channels", "ms", "GFLOP/s", "of peak", "of bandwidth"]);
    let blank = String::new;
    let threads = machine.threads.to_string();
    let peak = format!("{:.1}", machine.peak_gflops);
    table.row(vec!["multiply-add peak".into(), threads.clone(), blank(), blank(), peak, "100 %".into(), blank()]);
    let bandwidth = format!("{:.1} GB/s", machine.bandwidth_gbytes);
    table.row(vec!["copy".into(), threads, blank(), blank(), blank(), blank(), bandwidth]);
    for row in &measured.rows {
        table.row(cells(row, machine));
    }
    console.result(format_args!("{table}\n"));
}

fn cells(row: &Row, machine: bench::Machine) -> Vec<String> {
    let gflops = row.gflops();
    // What arithmetic bounds is told as a share of the peak, the rest as a share of the bandwidth.
    let moved = row.gbytes.filter(|_| gflops.is_none()).map(|gbytes| gbytes / row.ms * 1e3);
    let share = |rate: f64, of: f64| format!("{:.0} %", 100.0 * rate / of);
    let or_blank = |cell: Option<String>| cell.unwrap_or_default();
    vec![
        row.operator.clone(),
        row.threads.to_string(),
        or_blank(row.channels.map(|channels| channels.to_string())),
        format!("{:.2}", row.ms),
        or_blank(gflops.map(|rate| format!("{rate:.1}"))),
        or_blank(gflops.map(|rate| share(rate, machine.peak_gflops))),
        or_blank(moved.map(|rate| share(rate, machine.bandwidth_gbytes))),
    ]
}

fn roofline(measured: &Measured, name: &str) -> Roofline {
    let machine = measured.machine;
    let point = |row: &Row| {
        let (gflop, gbytes) = (row.gflop?, row.gbytes?);
        let channels = row.channels.map_or_else(String::new, |channels| format!(", {channels}"));
        let name = row.operator.replace("submanifold 3³ ", "").replace("forward + backward", "both");
        Some(RooflinePoint { name: format!("{name}{channels}"), intensity: gflop / gbytes, gflops: row.gflops()? })
    };
    Roofline {
        title: format!("{name}, {} thread(s)", machine.threads),
        peak_gflops: machine.peak_gflops,
        bandwidth_gbytes: machine.bandwidth_gbytes,
        points: measured.rows.iter().filter_map(point).collect(),
    }
}
