//! The error of this crate: what is wrong, where (file, then line or byte), and the way out.

use rarefy_geometry::MeshError;
use std::fmt;
use std::path::{Path, PathBuf};

/// The layout that a data set folder should have, for messages.
pub const EXPECTED_LAYOUT: &str = "<root>/<class>/{train,test}/*, files of type .off .ply .obj .stl .npy .npz (for example shapes/chair/train/chair_0001.off)";

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Line, from 1.
    Line(usize),
    /// Byte, from 0.
    Byte(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(out, "line {line}"),
            Self::Byte(byte) => write!(out, "byte {byte}"),
        }
    }
}

/// What can be wrong with data.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried: `read`, `write`, `list`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The reason given.
        source: std::io::Error,
    },
    /// The bytes are not what the format says.
    #[error("{}, {place}: expected {expected}, found {found}; the file is damaged or no {format} file: export it again", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Name of the format.
        format: &'static str,
        /// Where.
        place: Place,
        /// What should stand there.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// A header promises more than the file holds.
    #[error("{}: the header promises {promised} {what}, but the {bytes} bytes that follow cannot hold them; the file is truncated or damaged: copy or export it again", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// What is counted.
        what: &'static str,
        /// The count of the header.
        promised: u64,
        /// Bytes after the header.
        bytes: u64,
    },
    /// Past a limit of the reader.
    #[error("{}: {found} {what} exceed the limit of {limit}; make the file smaller, or raise the limit if you trust it", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// What is counted.
        what: &'static str,
        /// The count found.
        found: u64,
        /// The limit.
        limit: u64,
    },
    /// Vertices and triangles that make no mesh.
    #[error("{}: {source}; repair the mesh or leave the file out", path.display())]
    Mesh {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: MeshError,
    },
    /// A point with a NaN or infinite coordinate.
    #[error("{}: point {point} has a coordinate that is not a finite number; remove such points", path.display())]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// Number of the point, from 0.
        point: usize,
    },
    /// A coordinate that no scan has.
    #[error("{}: point {point} has the coordinate {coordinate:e}, farther than {limit:e} from the origin; remove such points or export the file again", path.display())]
    TooFar {
        /// The file.
        path: PathBuf,
        /// Number of the point, from 0.
        point: usize,
        /// The coordinate.
        coordinate: f32,
        /// The largest that is accepted.
        limit: f32,
    },
    /// A label file that belongs to another scan.
    #[error("{}: {labels} labels for a scan of {points} points; a label file has one entry a point: take the file of the same name and number", path.display())]
    LabelCount {
        /// The label file.
        path: PathBuf,
        /// Number of its entries.
        labels: usize,
        /// Number of the scan's points.
        points: usize,
    },
    /// Values that belong to another scan.
    #[error("{}: {values} values for a scan of {points} points; take the file that was made from this scan", path.display())]
    ValueCount {
        /// The file of the values.
        path: PathBuf,
        /// Number of its rows.
        values: usize,
        /// Number of the scan's points.
        points: usize,
    },
    /// A scan that should have labels.
    #[error("{}: has no labels; looked for {looked_for}", path.display())]
    NoLabels {
        /// The scan.
        path: PathBuf,
        /// Where labels were looked for.
        looked_for: String,
    },
    /// A label that is of no class.
    #[error("{}: point {point} has the label {label}, which is of no class; add it to a class or to the ignored labels", path.display())]
    UnlistedLabel {
        /// The file of the labels.
        path: PathBuf,
        /// The label.
        label: u32,
        /// Number of the first point that has it, from 0.
        point: usize,
    },
    /// A folder of scans without what it should hold.
    #[error("{} holds no {looked_for}", folder.display())]
    NoScenes {
        /// The folder.
        folder: PathBuf,
        /// What was looked for, and what is there.
        looked_for: String,
    },
    /// A file type that no reader of scans knows.
    #[error("{}: unknown type of scan; expected one of: .{}", path.display(), crate::scan::SCAN_EXTENSIONS.join(" ."))]
    UnknownScan {
        /// The file.
        path: PathBuf,
    },
    /// A pickle that names something which no checkpoint has a reason to name.
    #[error("{}, {place}: the file asks its reader to run `{global}`, as only an attack does; nothing was run; do not open it with a program that would, and fetch the file from a source you trust", path.display())]
    HostileGlobal {
        /// The file.
        path: PathBuf,
        /// Where.
        place: Place,
        /// Module and name.
        global: String,
    },
    /// A Python object among the weights.
    #[error("{}: {} is an object of `{class}`, which is no tensor and no plain container, and nothing of a file is run here to make one; in Python, save the plain weights: torch.save(model.state_dict(), \"weights.pt\")", path.display(), if name.is_empty() { "the whole content".into() } else { format!("`{name}`") })]
    ForeignObject {
        /// The file.
        path: PathBuf,
        /// Keys of the object, joined by dots; empty for the whole file.
        name: String,
        /// Module and name of its class or of the function that would make it.
        class: String,
    },
    /// A checkpoint in which the weights are not found.
    #[error("{}: no weights under {wanted}; the file holds {found}: say which of these holds the weights", path.display())]
    NoWeights {
        /// The file.
        path: PathBuf,
        /// Where they were looked for.
        wanted: String,
        /// What there is instead.
        found: String,
    },
    /// A file without a shape.
    #[error("{}: the shape is empty (no points, voxels or faces); leave the file out", path.display())]
    EmptyShape {
        /// The file.
        path: PathBuf,
    },
    /// A file type that no reader knows.
    #[error("{}: unknown file type; expected .off, .ply, .obj, .stl, .npy or .npz", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// A folder that should hold something.
    #[error("{} holds no {what}; expected {EXPECTED_LAYOUT}", folder.display())]
    EmptyFolder {
        /// The folder.
        folder: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
    /// A class without the split asked for.
    #[error("{} has no folder `{split}`; expected {EXPECTED_LAYOUT}", folder.display())]
    MissingSplit {
        /// The folder of the class.
        folder: PathBuf,
        /// The split asked for.
        split: String,
    },
    /// Nothing to tell apart.
    #[error("{} holds only the class `{class}`, and training needs at least two; expected {EXPECTED_LAYOUT}", folder.display())]
    OneClass {
        /// The folder of the data set.
        folder: PathBuf,
        /// The only class.
        class: String,
    },
    /// Every shape was left out.
    #[error("none of the {count} shapes could be used; the first: {first}")]
    NothingLeft {
        /// Number of shapes tried.
        count: usize,
        /// Why the first was left out.
        first: String,
    },
    /// A setting that cannot work.
    #[error("{what}")]
    Setting {
        /// What is wrong and what to do.
        what: String,
    },
}

impl DataError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { action, path, source }
    }

    pub(crate) fn setting(what: impl Into<String>) -> Self {
        Self::Setting { what: what.into() }
    }
}
