//! `rarefy data convert`: from any format that is read to one that is written; meshes may become points or voxels.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};
use rarefy_data::{ClassFolder, Shape, SurfaceCloud, read_shape, write_shape};
use rarefy_geometry::{Affine, sample_surface};

use crate::console::Console;
use crate::failure::{CommandResult, Outcome, WrongUse};

/// Most points that one mesh may become.
const POINT_LIMIT: usize = 10_000_000;

/// A format that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Triangle meshes as text
    Off,
    /// Triangle meshes or points, binary
    Ply,
    /// Points or voxel indices as a `numpy` array
    Npy,
}

impl Format {
    fn extension(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Ply => "ply",
            Self::Npy => "npy",
        }
    }
}

/// Options of `rarefy data convert`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  rarefy data convert chair.stl chair.off\n  rarefy data convert meshes voxels --to npy --voxels 64     a whole folder, 64 voxels over the longest side\n  rarefy data convert chair.off chair.npy --spacing 0.02    points at most 0.02 apart, the longest side being 2"
)]
pub(crate) struct ConvertArgs {
    /// A shape file, or a folder of them
    from: PathBuf,
    /// The new file (its extension names the format), or the new folder
    to: PathBuf,
    /// Format of the files in the new folder
    #[arg(long = "to", value_name = "FORMAT", id = "format")]
    format: Option<Format>,
    /// Voxelise meshes: voxels over the longest side
    #[arg(long, value_name = "N", conflicts_with = "spacing", value_parser = clap::value_parser!(u32).range(2..=512))]
    voxels: Option<u32>,
    /// Turn meshes into points this far apart, with the longest side scaled to 2 (the cube from -1 to 1)
    #[arg(long, value_name = "DISTANCE")]
    spacing: Option<f32>,
}

/// Runs the command.
pub(crate) fn run(args: &ConvertArgs, console: Console) -> CommandResult {
    if args.spacing.is_some_and(|spacing| !(spacing > 0.0 && spacing.is_finite())) {
        return Err(WrongUse("--spacing must be a number above 0".into()).into());
    }
    if !args.from.is_dir() {
        convert_file(&args.from, &args.to, args)?;
        console.result(format_args!("wrote {}", args.to.display()));
        return Ok(Outcome::Done);
    }
    let Some(format) = args.format else {
        return Err(WrongUse("converting a folder needs --to off, --to ply or --to npy".into()).into());
    };
    let entries = ClassFolder::open(&args.from)?.all()?;
    let mut bar = console.progress("converting", entries.len() as u64);
    let mut failed = 0;
    for (done, entry) in entries.iter().enumerate() {
        let target = args.to.join(&entry.name).with_extension(format.extension());
        if let Err(error) = convert_file(&entry.path, &target, args) {
            // A full disk will not become better with the next shape.
            if is_write_failure(&error) {
                return Err(error);
            }
            failed += 1;
            console.warning(crate::failure::story(&error));
        }
        bar.set(done as u64 + 1, "");
    }
    drop(bar);
    let done = entries.len() - failed;
    console.result(format_args!("wrote {done} shapes below {}, left {failed} out", args.to.display()));
    Ok(if failed == 0 { Outcome::Done } else { Outcome::NotInOrder })
}

fn is_write_failure(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref::<WriteFailure>().is_some())
}

#[derive(Debug, thiserror::Error)]
#[error("the conversion stopped")]
struct WriteFailure;

fn convert_file(from: &Path, to: &Path, args: &ConvertArgs) -> anyhow::Result<()> {
    let shape = reshape(from, read_shape(from)?, args)?;
    write_shape(to, &shape).map_err(|error| match error {
        rarefy_data::DataError::Io { .. } => anyhow::Error::new(WriteFailure).context(error.to_string()),
        other => other.into(),
    })
}

/// Meshes as points or voxels where that was asked for; points and voxels stay what they are.
fn reshape(path: &Path, shape: Shape, args: &ConvertArgs) -> anyhow::Result<Shape> {
    let Shape::Mesh(mesh) = shape else { return Ok(shape) };
    if let Some(resolution) = args.voxels {
        let SurfaceCloud::Cells(cells) = SurfaceCloud::from_shape(path, Shape::Mesh(mesh), resolution)? else {
            anyhow::bail!("{}: a mesh gave no voxels", path.display());
        };
        return Ok(Shape::Voxels(cells.into_iter().map(|cell| cell.map(i32::from)).collect()));
    }
    if let Some(spacing) = args.spacing {
        let cube_from_mesh: Affine = mesh.bounds().normalised_to(2.0);
        let points = sample_surface(&mesh, &cube_from_mesh, spacing, POINT_LIMIT)
            .with_context(|| format!("{}: choose a larger --spacing", path.display()))?;
        return Ok(Shape::Points(points));
    }
    Ok(Shape::Mesh(mesh))
}
