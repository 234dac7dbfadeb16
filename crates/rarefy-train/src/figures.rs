//! Named figures of a training or a measurement, such as `accuracy` or `mean_iou`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Figures by name, in the order of the names; a figure that was not measured is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Figures(BTreeMap<String, f64>);

impl Figures {
    /// The figures that there are among `named`.
    #[must_use]
    pub fn of<const N: usize>(named: [(&str, Option<f64>); N]) -> Self {
        Self(named.into_iter().filter_map(|(name, figure)| Some((name.to_owned(), figure?))).collect())
    }

    /// The figure of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_by_name_and_survive_json_to_the_bit() {
        let figures = Figures::of([("mean_iou", Some(0.1 + 0.2)), ("loss", None), ("accuracy", Some(1.0 / 3.0))]);
        assert_eq!(figures.get("mean_iou"), Some(0.1 + 0.2));
        assert_eq!(figures.get("loss"), None);
        assert_eq!(figures.names().collect::<Vec<_>>(), ["accuracy", "mean_iou"]);
        let read: Figures = serde_json::from_str(&serde_json::to_string(&figures).unwrap()).unwrap();
        assert_eq!(read, figures);
    }
}
