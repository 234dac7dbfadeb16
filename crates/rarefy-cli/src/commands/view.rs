//! `rarefy view`: scans in the browser, in a page of their own, or as a picture.

mod http;
mod scan;
mod serve;

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use rarefy_data::scene::scans_in;
use rarefy_data::write_atomically;
use rarefy_view::{Camera, CloudPage, CloudPicture, CloudView, cloud_page, cloud_sheet};

use crate::console::Console;
use crate::failure::{CommandResult, Outcome, WrongUse};
use scan::Sources;
pub(crate) use scan::classes_named;
use serve::Shelf;

const HELP: &str = "\
Labels are found beside a scan (drive.label, drive.labels.npy, a folder labels, ...) or inside it; a classes.toml beside it or above
it, and the layouts of SemanticKITTI and ScanNet, say what they mean. Numbers of no known meaning are shown as they are.

Examples:
  rarefy view drive.las                                                  in the browser; Ctrl-C ends
  rarefy view semantickitti/sequences/08/velodyne --prediction runs/a    step through a folder; predictions by the scans' names
  rarefy view scan.bin --prediction scan.npz --by prediction,mistakes    two layers side by side
  rarefy view scan.bin --value features.npy --html scan.html             one page that needs nothing else
  rarefy view scan.bin --png scan.png --size 1600x900 --elevation 60     a picture, without a display";

/// Options of `rarefy view`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct ViewArgs {
    /// Scans (.bin .npy .npz .ply .pcd .las .laz), or folders of them
    #[arg(required = true, value_name = "SCAN")]
    scans: Vec<PathBuf>,
    #[command(flatten)]
    sources: Sources,
    /// What colours the points: truth, prediction, mistakes, intensity, height, colour, or the name of a value; two stand
    /// side by side
    #[arg(long, value_name = "LAYER[,LAYER]", value_delimiter = ',')]
    by: Vec<String>,
    /// Write the page to a file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Draw a picture without a display
    #[arg(long, value_name = "FILE")]
    png: Option<PathBuf>,
    #[command(flatten)]
    look: Look,
    /// Port of the page's address on this machine (default: any free one)
    #[arg(long, default_value_t = 0, value_name = "N", hide_default_value = true)]
    port: u16,
    /// Do not open the browser
    #[arg(long)]
    no_open: bool,
}

/// Where one looks from, and how a picture is drawn.
#[derive(Clone, Debug, Args)]
struct Look {
    /// Pixels of the picture
    #[arg(long, value_name = "WIDTHxHEIGHT", default_value = "1600x1000", value_parser = size)]
    size: [usize; 2],
    /// Direction that one looks from, round the vertical axis, in degrees; -90 is from the front
    #[arg(long, value_name = "DEGREES", allow_negative_numbers = true)]
    azimuth: Option<f32>,
    /// Angle that one looks down by, in degrees; 90 is from above
    #[arg(long, value_name = "DEGREES", allow_negative_numbers = true)]
    elevation: Option<f32>,
    /// How much nearer one is than where the whole cloud is seen
    #[arg(long, value_name = "FACTOR")]
    zoom: Option<f32>,
    /// Diameter of a point in the picture, in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 3.0)]
    point_size: f32,
}

fn size(text: &str) -> Result<[usize; 2], String> {
    let sides = text.split_once('x').and_then(|(width, height)| Some([width.parse().ok()?, height.parse().ok()?]));
    let fits = |sides: &[usize; 2]| sides.iter().all(|side| (64..=8192).contains(side));
    sides.filter(fits).ok_or_else(|| "expected WIDTHxHEIGHT, each 64 to 8192, such as 1600x900".into())
}

impl Look {
    fn check(&self) -> Result<(), WrongUse> {
        let wrong = |option: &str, expected: &str| Err(WrongUse(format!("--{option}: expected {expected}")));
        if !self.azimuth.is_none_or(f32::is_finite) {
            return wrong("azimuth", "a number of degrees");
        }
        if !self.elevation.is_none_or(|angle| (-90.0..=90.0).contains(&angle)) {
            return wrong("elevation", "-90 to 90 degrees");
        }
        if !self.zoom.is_none_or(|zoom| (0.01..=1000.0).contains(&zoom)) {
            return wrong("zoom", "0.01 to 1000");
        }
        if !(0.5..=50.0).contains(&self.point_size) {
            return wrong("point-size", "0.5 to 50 pixels");
        }
        Ok(())
    }

    fn camera(&self, view: &CloudView) -> Camera {
        let whole = view.camera();
        Camera {
            distance: whole.distance / self.zoom.unwrap_or(1.0),
            azimuth_degrees: self.azimuth.unwrap_or(whole.azimuth_degrees),
            elevation_degrees: self.elevation.unwrap_or(whole.elevation_degrees),
            ..whole
        }
    }
}

/// Runs the command.
pub(crate) fn run(args: &ViewArgs, console: Console) -> CommandResult {
    args.look.check()?;
    if args.by.len() > 2 {
        return Err(WrongUse(format!("--by: expected one or two layers, found {}", args.by.len())).into());
    }
    let scans = list(&args.scans)?;
    let to_files = args.html.is_some() || args.png.is_some();
    if scans.len() > 1 && to_files {
        let count = scans.len();
        return Err(WrongUse(format!("--html and --png take one scan, and there are {count}; name one of them")).into());
    }
    args.sources.check(scans.len())?;
    let first = args.sources.read(&scans[0], console)?;
    let shown = shown(&first, &args.by)?;
    if !to_files {
        let shelf = Shelf { scans, sources: args.sources.clone(), by: args.by.clone(), look: args.look.clone() };
        return serve::run(shelf, args.port, !args.no_open, console);
    }
    if let Some(path) = &args.html {
        let page = CloudPage { shown: shown.clone(), camera: Some(args.look.camera(&first)), series: None };
        write(path, cloud_page(&first, &page)?.as_bytes(), console)?;
    }
    if let Some(path) = &args.png {
        let (camera, point_pixels) = (Some(args.look.camera(&first)), args.look.point_size);
        let options = CloudPicture { camera, point_pixels, ..CloudPicture::of("", args.look.size) };
        let layers: Vec<&str> = shown.iter().map(String::as_str).collect();
        write(path, &cloud_sheet(&first, &layers, &options)?.to_png()?, console)?;
    }
    Ok(Outcome::Done)
}

/// The layers that are shown at first: those that were asked for, or the most telling.
fn shown(view: &CloudView, by: &[String]) -> Result<Vec<String>, WrongUse> {
    let known: Vec<&str> = view.layer_names().collect();
    if let Some(name) = by.iter().find(|name| !known.contains(&name.as_str())) {
        let way_out = match name.as_str() {
            "truth" => "; name its labels with --labels",
            "prediction" => "; name a file with --prediction",
            "mistakes" => "; they take --labels and --prediction",
            _ => "",
        };
        return Err(WrongUse(format!("--by: this scan has no `{name}`; it has {}{way_out}", known.join(", "))));
    }
    if !by.is_empty() {
        return Ok(by.to_vec());
    }
    let has = |name: &&&str| known.contains(name);
    if ["truth", "prediction"].iter().all(|name| known.contains(name)) {
        return Ok(vec!["truth".into(), "prediction".into()]);
    }
    // Values of the user's own come last.
    let last = known.last().copied().unwrap_or("height");
    let own = !["height", "intensity", "colour", "truth", "prediction", "mistakes"].contains(&last);
    let labels = ["truth", "prediction"].iter().find(has).copied();
    Ok(match (labels, own) {
        (Some(labels), true) => vec![labels.into(), last.into()],
        (Some(labels), false) => vec![labels.into()],
        (None, true) => vec![last.into()],
        (None, false) => vec![if known.contains(&"colour") { "colour".into() } else { "height".into() }],
    })
}

/// The scans that were named, and those in folders that were named.
fn list(named: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut scans = Vec::new();
    for path in named {
        anyhow::ensure!(path.exists(), "{}: no such file or folder", path.display());
        if path.is_dir() { scans.extend(scans_in(path)?) } else { scans.push(path.clone()) }
    }
    Ok(scans)
}

fn write(path: &Path, bytes: &[u8], console: Console) -> anyhow::Result<()> {
    write_atomically(path, |out| std::io::Write::write_all(out, bytes))
        .with_context(|| format!("cannot write {}", path.display()))?;
    console.result(format_args!("wrote {}", path.display()));
    Ok(())
}
