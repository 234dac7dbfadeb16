//! Data sets as folders: `<root>/<class>/{train,test}/*`, `<root>/<class>/*`, or a flat folder of shapes.
//!
//! Invariant: classes are sorted by name, files by name within their class, so that labels and sample numbers do not
//! depend on the file system. Hidden files and files of unknown types are passed over.

use crate::error::DataError;
use crate::shape::shape_extension;
use std::path::{Path, PathBuf};

/// How a folder is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `<root>/<class>/<split>/*`
    Split,
    /// `<root>/<class>/*`
    Classes,
    /// `<root>/*`
    Flat,
}

/// One shape file of a data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShapeEntry {
    /// The file.
    pub path: PathBuf,
    /// The path below the root, with `/` between the parts.
    pub name: String,
    /// Number of the class, 0 in a flat folder.
    pub label: u32,
}

/// A data set folder that was looked through.
#[derive(Clone, Debug)]
pub struct ClassFolder {
    root: PathBuf,
    layout: Layout,
    classes: Vec<String>,
}

impl ClassFolder {
    /// Looks at the folder and finds its layout and classes.
    pub fn open(root: &Path) -> Result<Self, DataError> {
        let folders = sorted_names(root, Kind::Folder)?;
        let (layout, classes) = if folders.is_empty() {
            (Layout::Flat, Vec::new())
        } else {
            let mut split = false;
            for class in &folders {
                split = split || !sorted_names(&root.join(class), Kind::Folder)?.is_empty();
            }
            (if split { Layout::Split } else { Layout::Classes }, folders)
        };
        if layout == Layout::Flat && sorted_names(root, Kind::Shape)?.is_empty() {
            return Err(DataError::EmptyFolder { folder: root.to_path_buf(), what: "class folder and no shape" });
        }
        Ok(Self { root: root.to_path_buf(), layout, classes })
    }

    /// Opens a folder for training: at least two classes, each with a folder `train` that holds shapes.
    pub fn open_for_training(root: &Path) -> Result<Self, DataError> {
        let folder = Self::open(root)?;
        match &folder.classes[..] {
            [] => return Err(DataError::EmptyFolder { folder: root.to_path_buf(), what: "class folder" }),
            [class] => return Err(DataError::OneClass { folder: root.to_path_buf(), class: class.clone() }),
            _ => {}
        }
        folder.split("train")?;
        Ok(folder)
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// How the folder is laid out.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Names of the classes, sorted; a label is an index into this list. Empty for a flat folder.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The shapes of a split, usually `train` or `test`. Every class must have the split and shapes in it.
    pub fn split(&self, split: &str) -> Result<Vec<ShapeEntry>, DataError> {
        if self.layout == Layout::Flat {
            return Err(DataError::MissingSplit { folder: self.root.clone(), split: split.into() });
        }
        let mut entries = Vec::new();
        for (label, class) in (0..).zip(&self.classes) {
            let folder = self.root.join(class).join(split);
            if !folder.is_dir() {
                return Err(DataError::MissingSplit { folder: self.root.join(class), split: split.into() });
            }
            let before = entries.len();
            add_shapes(&folder, &format!("{class}/{split}/"), label, &mut entries)?;
            if entries.len() == before {
                return Err(DataError::EmptyFolder { folder, what: "shape" });
            }
        }
        Ok(entries)
    }

    /// Every shape of the folder, whatever its layout; in order of class, then split, then file name.
    pub fn all(&self) -> Result<Vec<ShapeEntry>, DataError> {
        let mut entries = Vec::new();
        if self.layout == Layout::Flat {
            add_shapes(&self.root, "", 0, &mut entries)?;
        }
        for (label, class) in (0..).zip(&self.classes) {
            let folder = self.root.join(class);
            add_shapes(&folder, &format!("{class}/"), label, &mut entries)?;
            for split in sorted_names(&folder, Kind::Folder)? {
                add_shapes(&folder.join(&split), &format!("{class}/{split}/"), label, &mut entries)?;
            }
        }
        if entries.is_empty() {
            return Err(DataError::EmptyFolder { folder: self.root.clone(), what: "shape" });
        }
        Ok(entries)
    }
}

fn add_shapes(folder: &Path, prefix: &str, label: u32, entries: &mut Vec<ShapeEntry>) -> Result<(), DataError> {
    for file in sorted_names(folder, Kind::Shape)? {
        entries.push(ShapeEntry { path: folder.join(&file), name: format!("{prefix}{file}"), label });
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Folder,
    Shape,
}

/// Sorted names in a folder of one kind, hidden ones left out.
fn sorted_names(folder: &Path, kind: Kind) -> Result<Vec<String>, DataError> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(DataError::io("list", folder))? {
        let path = entry.map_err(DataError::io("list", folder))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let fits = match kind {
            Kind::Folder => path.is_dir(),
            Kind::Shape => shape_extension(&path).is_some() && path.is_file(),
        };
        if fits && !name.starts_with('.') {
            names.push(name.to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}
