//! `rarefy data synth`: a data set made from a seed: meshes of shapes, streets as a lidar sees them, or furnished rooms.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use clap::{Args, ValueEnum};
use rarefy_data::scene::{
    LidarSensor, SyntheticRooms, SyntheticStreets, write_synthetic_rooms, write_synthetic_streets,
};
use rarefy_data::{DataError, SyntheticSet, synthetic_classes, write_synthetic};

use crate::console::Console;
use crate::failure::{CommandResult, Outcome, WrongUse};

const HELP: &str = "\
The same options give the same files.

Examples:
  rarefy data synth shapes                                  10 classes, 40 + 10 shapes each
  rarefy data synth shapes --classes 20 --train 200 --seed 7
  rarefy data synth --list                                  names of the classes of shapes
  rarefy data synth streets --kind streets                  20 + 5 lidar scans in the layout of SemanticKITTI
  rarefy data synth streets --kind streets --train 200 --val 20 --rings 32 --steps 1024
  rarefy data synth rooms --kind rooms --points 40000       20 + 5 coloured rooms with a classes.toml";

/// Options of `rarefy data synth`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct SynthArgs {
    /// New folder
    #[arg(required_unless_present = "list")]
    folder: Option<PathBuf>,
    /// What is made
    #[arg(long, default_value = "shapes")]
    kind: Kind,
    /// Number of classes of shapes [default: 10]
    #[arg(long, value_name = "N")]
    classes: Option<usize>,
    /// Training shapes of each class [default: 40], or training scans [default: 20]
    #[arg(long, value_name = "N")]
    train: Option<usize>,
    /// Test shapes of each class [default: 10]
    #[arg(long, value_name = "N")]
    test: Option<usize>,
    /// Validation scans [default: 5]
    #[arg(long, value_name = "N")]
    val: Option<usize>,
    /// Rings of the lidar [default: 64, as KITTI's]
    #[arg(long, value_name = "N")]
    rings: Option<u32>,
    /// Beams of a ring over the full turn [default: 2048]
    #[arg(long, value_name = "N")]
    steps: Option<u32>,
    /// Points of a room at most [default: 60000]
    #[arg(long, value_name = "N")]
    points: Option<usize>,
    /// Seed of all randomness
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Print the names of the classes of shapes that can be made
    #[arg(long)]
    list: bool,
}

/// What is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Meshes in FOLDER/CLASS/{train,test}/
    Shapes,
    /// Lidar scans of streets in FOLDER/sequences/{00,08}/{velodyne,labels}/, with the 19 classes of SemanticKITTI
    Streets,
    /// Coloured rooms in FOLDER/{train,val}/ beside a classes.toml
    Rooms,
}

/// Elevations of the highest and the lowest ring, in degrees, when their number is chosen.
const RINGS_FROM_TO: [f32; 2] = [2.0, -24.8];

/// Runs the command.
pub(crate) fn run(args: &SynthArgs, console: Console) -> CommandResult {
    let Some(folder) = args.folder.as_ref().filter(|_| !args.list) else {
        console.result(synthetic_classes().join("\n"));
        return Ok(Outcome::Done);
    };
    args.check()?;
    match args.kind {
        Kind::Shapes => shapes(folder, args, console),
        Kind::Streets => streets(folder, args, console),
        Kind::Rooms => rooms(folder, args, console),
    }
}

impl SynthArgs {
    /// An option of another kind would be passed over in silence.
    fn check(&self) -> Result<(), WrongUse> {
        let given = [
            ("--classes", self.classes.is_some(), &[Kind::Shapes][..]),
            ("--test", self.test.is_some(), &[Kind::Shapes]),
            ("--val", self.val.is_some(), &[Kind::Streets, Kind::Rooms]),
            ("--rings", self.rings.is_some(), &[Kind::Streets]),
            ("--steps", self.steps.is_some(), &[Kind::Streets]),
            ("--points", self.points.is_some(), &[Kind::Rooms]),
        ];
        let name = |kind: Kind| kind.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        match given.iter().find(|(_, given, kinds)| *given && !kinds.contains(&self.kind)) {
            Some((option, _, kinds)) => {
                let kinds: Vec<String> = kinds.iter().map(|&kind| format!("--kind {}", name(kind))).collect();
                Err(WrongUse(format!("{option} goes with {}, not with --kind {}", kinds.join(" or "), name(self.kind))))
            }
            None => Ok(()),
        }
    }
}

fn shapes(folder: &Path, args: &SynthArgs, console: Console) -> CommandResult {
    let (classes, train, test) = (args.classes.unwrap_or(10), args.train.unwrap_or(40), args.test.unwrap_or(10));
    write_synthetic(folder, SyntheticSet { classes, train_per_class: train, test_per_class: test, seed: args.seed })?;
    let shapes = classes * (train + test);
    console.result(format_args!("wrote {shapes} meshes of {classes} classes to {}", folder.display()));
    console.remark(format_args!("next: rarefy train s3dcnn data.root={}", folder.display()));
    Ok(Outcome::Done)
}

fn streets(folder: &Path, args: &SynthArgs, console: Console) -> CommandResult {
    let [top, bottom] = RINGS_FROM_TO;
    let rings = args.rings.map(|rings| LidarSensor::with_rings(rings, top, bottom)).unwrap_or_default();
    let sensor = LidarSensor { azimuth_steps: args.steps.unwrap_or(rings.azimuth_steps), ..rings };
    let (train, val) = (args.train.unwrap_or(20), args.val.unwrap_or(5));
    let set = SyntheticStreets { train, val, seed: args.seed, sensor };
    with_bar(train + val, console, |progress| write_synthetic_streets(folder, &set, Some(progress)))?;
    console.result(format_args!("wrote {train} training and {val} validation scans to {}", folder.display()));
    console.remark(format_args!("next: rarefy view {}/sequences/00/velodyne", folder.display()));
    console.remark(format_args!("      rarefy train segment minkunet data.root={}", folder.display()));
    Ok(Outcome::Done)
}

fn rooms(folder: &Path, args: &SynthArgs, console: Console) -> CommandResult {
    let (train, val) = (args.train.unwrap_or(20), args.val.unwrap_or(5));
    let set = SyntheticRooms { train, val, points: args.points.unwrap_or(60_000), seed: args.seed };
    with_bar(train + val, console, |progress| write_synthetic_rooms(folder, set, Some(progress)))?;
    console.result(format_args!("wrote {train} training and {val} validation rooms to {}", folder.display()));
    console.remark(format_args!("next: rarefy view {}/train", folder.display()));
    console.remark(format_args!(
        "      rarefy train segment minkunet-rooms data.layout=folder data.root={}",
        folder.display()
    ));
    Ok(Outcome::Done)
}

fn with_bar(
    total: usize,
    console: Console,
    write: impl FnOnce(&(dyn Fn(usize, usize) + Sync)) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let bar = Mutex::new(console.progress("making", total as u64));
    write(&|done, _| {
        if let Ok(mut bar) = bar.try_lock() {
            bar.set(done as u64, "");
        }
    })
}
