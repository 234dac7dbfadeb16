//! Classes of a segmentation: how the numbers in label files become the classes of a network, and back.
//!
//! Invariant: a class is an index into the list of classes, at most 254; [`IGNORED`] stands for every number that is no class.

use crate::error::DataError;
use crate::scan::UNLABELLED;
use std::collections::{BTreeMap, BTreeSet};

/// The label of points that take no part in training and evaluation.
pub const IGNORED: u8 = 255;

/// One class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SceneClass {
    /// Its name.
    pub name: String,
    /// The numbers that stand for it in label files; the first is the one that predictions are written as.
    pub ids: Vec<u32>,
    /// Red, green, blue for pictures.
    pub colour: [u8; 3],
}

/// What becomes of a number that is neither of a class nor listed as ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unlisted {
    /// It is ignored.
    Ignored,
    /// It is an error: the map and the files do not belong together.
    Refused,
}

/// The classes with the numbers that stand for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassMap {
    classes: Vec<SceneClass>,
    /// (number in the file, class or [`IGNORED`]), ascending.
    entries: Vec<(u32, u8)>,
    unlisted: Unlisted,
    ignored: Vec<u32>,
}

impl ClassMap {
    /// A map from classes and the numbers that are ignored; the first of these (0 without any) is written for [`IGNORED`].
    pub fn new(classes: Vec<SceneClass>, ignored: &[u32], unlisted: Unlisted) -> Result<Self, DataError> {
        let count = classes.len();
        if !(1..=usize::from(IGNORED)).contains(&count) {
            return Err(DataError::setting(format!("{count} classes: expected 1 to 255")));
        }
        let mut names = BTreeSet::new();
        let mut entries: BTreeMap<u32, u8> = ignored.iter().map(|&id| (id, IGNORED)).collect();
        for (number, class) in (0..).zip(&classes) {
            if class.name.is_empty() || !names.insert(&class.name) {
                let name = &class.name;
                return Err(DataError::setting(format!("class {number}, `{name}`: names are unique and not empty")));
            }
            if class.ids.is_empty() {
                return Err(DataError::setting(format!(
                    "class `{}` has no ids: name the label that it has",
                    class.name
                )));
            }
            for &id in &class.ids {
                if let Some(other) = entries.insert(id, number) {
                    let other = classes.get(usize::from(other)).map_or("the ignored ones", |class| &class.name);
                    let name = &class.name;
                    return Err(DataError::setting(format!("label {id} belongs to `{name}` and to {other}: keep one")));
                }
            }
        }
        Ok(Self { classes, entries: entries.into_iter().collect(), unlisted, ignored: ignored.to_vec() })
    }

    /// The classes; a class is an index into this list.
    #[must_use]
    pub fn classes(&self) -> &[SceneClass] {
        &self.classes
    }

    /// Names of the classes, in their order.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.classes.iter().map(|class| class.name.as_str()).collect()
    }

    /// The numbers that are ignored by name.
    #[must_use]
    pub fn ignored_ids(&self) -> &[u32] {
        &self.ignored
    }

    /// What becomes of numbers that are not listed.
    #[must_use]
    pub fn unlisted(&self) -> Unlisted {
        self.unlisted
    }

    /// Number of classes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.classes.len()
    }

    /// Whether there is no class, which never is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// The class of each number of a label file; the first number that is refused, if any. [`UNLABELLED`] is ignored.
    pub fn classes_of(&self, ids: &[u32]) -> Result<Vec<u8>, u32> {
        // Neighbouring points tend to have one label.
        let mut last = None;
        let mut class_of = |&id: &u32| match last {
            Some((known, class)) if known == id => Ok(class),
            _ => {
                let class = match (self.entries.binary_search_by_key(&id, |entry| entry.0), self.unlisted) {
                    (Ok(at), _) => self.entries[at].1,
                    (Err(_), Unlisted::Ignored) => IGNORED,
                    _ if id == UNLABELLED => IGNORED,
                    (Err(_), Unlisted::Refused) => return Err(id),
                };
                last = Some((id, class));
                Ok(class)
            }
        };
        ids.iter().map(&mut class_of).collect()
    }

    /// Whether a number is of a class or ignored by name.
    #[must_use]
    pub fn is_listed(&self, id: u32) -> bool {
        self.entries.binary_search_by_key(&id, |entry| entry.0).is_ok()
    }

    /// The number that a class is written as.
    #[must_use]
    pub fn id_of(&self, class: u8) -> u32 {
        let ignored = self.ignored.first().copied().unwrap_or(0);
        self.classes.get(usize::from(class)).map_or(ignored, |class| class.ids[0])
    }

    /// The colour of a class; black for [`IGNORED`].
    #[must_use]
    pub fn colour_of(&self, class: u8) -> [u8; 3] {
        self.classes.get(usize::from(class)).map_or([0; 3], |class| class.colour)
    }
}
