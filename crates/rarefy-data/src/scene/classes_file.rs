//! `classes.toml`: the classes of a user's own scans.

use super::classes::{ClassMap, SceneClass, Unlisted};
use crate::error::DataError;
use crate::limits::{Limits, read_file_within};
use serde::Deserialize;
use std::fmt::Write;
use std::path::Path;

/// Name of the file beside the scans.
pub const CLASSES_FILE: &str = "classes.toml";

/// What `classes.toml` may look like, for messages and as a beginning.
pub const CLASSES_EXAMPLE: &str = "\
ignore = [0]          # labels that take no part
others = \"refuse\"     # labels that stand nowhere here: \"refuse\" or \"ignore\"

[[class]]
name = \"road\"
ids = [40, 60]        # labels in the files; predictions are written as the first
colour = [255, 0, 255]

[[class]]
name = \"car\"
ids = [10]
";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClassesFile {
    #[serde(default)]
    ignore: Vec<u32>,
    #[serde(default)]
    others: Others,
    class: Vec<ClassEntry>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Others {
    #[default]
    Refuse,
    Ignore,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClassEntry {
    name: String,
    ids: Vec<u32>,
    colour: Option<[u8; 3]>,
}

impl ClassMap {
    /// Reads a `classes.toml`, see [`CLASSES_EXAMPLE`].
    pub fn read(path: &Path) -> Result<Self, DataError> {
        if !path.is_file() {
            let example = CLASSES_EXAMPLE;
            let path = path.display();
            return Err(DataError::setting(format!(
                "there is no {path}: write one that says what labels mean, such as\n\n{example}"
            )));
        }
        let bytes = read_file_within(path, &Limits { bytes: 1 << 20, ..Limits::default() })?;
        let wrong = |reason: &dyn std::fmt::Display| DataError::setting(format!("{}: {reason}", path.display()));
        let text = std::str::from_utf8(&bytes).map_err(|error| wrong(&error))?;
        Self::parse(text).map_err(|reason| wrong(&reason))
    }

    /// Parses the text of a `classes.toml`; the error is what is wrong, without the file's name.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: ClassesFile = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
        let unlisted = match file.others {
            Others::Refuse => Unlisted::Refused,
            Others::Ignore => Unlisted::Ignored,
        };
        let classes = (0..).zip(file.class).map(|(number, entry)| SceneClass {
            name: entry.name,
            ids: entry.ids,
            colour: entry.colour.unwrap_or_else(|| distinct_colour(number)),
        });
        Self::new(classes.collect(), &file.ignore, unlisted).map_err(|error| error.to_string())
    }

    /// The text of a `classes.toml` that [`parse`](Self::parse) reads as this map.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let others = match self.unlisted() {
            Unlisted::Refused => "refuse",
            Unlisted::Ignored => "ignore",
        };
        let mut text = format!("ignore = {:?}\nothers = \"{others}\"\n", self.ignored_ids());
        for SceneClass { name, ids, colour } in self.classes() {
            let name = toml::Value::from(name.as_str());
            let _ = write!(text, "\n[[class]]\nname = {name}\nids = {ids:?}\ncolour = {colour:?}\n");
        }
        text
    }
}

/// A colour for class `number`: hues a golden angle apart, in two brightnesses.
fn distinct_colour(number: u32) -> [u8; 3] {
    let hue = (number as f32 * 0.618_034).fract() * 6.0;
    let bright = if number.is_multiple_of(2) { 240.0 } else { 170.0 };
    [5.0, 3.0, 1.0].map(|shift| {
        let at = (shift + hue) % 6.0;
        let dip = at.min(4.0 - at).clamp(0.0, 1.0);
        (bright * (1.0 - 0.85 * dip)) as u8
    })
}
