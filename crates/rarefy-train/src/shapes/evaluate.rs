//! Figures of a network on a split: accuracy and retrieval.

use rarefy_data::Dataset;
use rarefy_metrics::{Confusion, MetricsError, evaluate_retrieval};

use super::Predictions;
use crate::{Figures, TrainError};

/// The figures that are recorded after an epoch; all but the loss are shares between 0 and 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    /// Mean negative logarithm of the probability of the true class; none without a trained classifier.
    pub loss: Option<f64>,
    /// Share of samples classified right; none without a trained classifier.
    pub accuracy: Option<f64>,
    /// Mean over the classes of that share.
    pub mean_class_accuracy: Option<f64>,
    /// Mean average precision of retrieval among the first shapes of each class; 0 if each stands alone in its class.
    pub map: f64,
    /// Share of those shapes whose nearest neighbour is of their class.
    pub nearest_neighbour: f64,
}

impl Scores {
    /// The figures by name.
    #[must_use]
    pub fn figures(&self) -> Figures {
        Figures::of([
            ("loss", self.loss),
            ("accuracy", self.accuracy),
            ("mean_class_accuracy", self.mean_class_accuracy),
            ("map", Some(self.map)),
            ("nearest_neighbour", Some(self.nearest_neighbour)),
        ])
    }
}

/// The first `per_class` samples of each class after sorting their names, all for 0; class after class.
#[must_use]
pub fn first_per_class(dataset: &Dataset, per_class: usize) -> Vec<usize> {
    let names: Vec<&str> = dataset.samples.iter().map(|sample| sample.name.as_str()).collect();
    let count = if per_class == 0 { usize::MAX } else { per_class };
    rarefy_metrics::first_per_class(&names, &dataset.labels(), count).expect("every sample has a name and a label")
}

/// The figures of `predictions` for the samples of `dataset`; those of classes only if the network has learnt them.
///
/// # Errors
///
/// When a descriptor is not finite.
pub fn scores(
    predictions: &Predictions,
    dataset: &Dataset,
    per_class: usize,
    has_classifier: bool,
) -> Result<Scores, TrainError> {
    let Predictions { width, classes, labels, .. } = predictions;
    let confusion = Confusion::from_predictions(*classes, labels, &predictions.predicted())?;
    let chosen = first_per_class(dataset, per_class);
    let descriptors: Vec<f32> =
        chosen.iter().flat_map(|sample| &predictions.descriptors[sample * width..][..*width]).copied().collect();
    let chosen_labels: Vec<u32> = chosen.iter().map(|&sample| labels[sample]).collect();
    let (map, nearest_neighbour) = match evaluate_retrieval(&descriptors, *width, &chosen_labels) {
        Ok(report) => (report.map, report.nn),
        // One test shape a class: there is nothing to find.
        Err(MetricsError::NoRelevantItem) => (0.0, 0.0),
        Err(error) => return Err(error.into()),
    };
    Ok(Scores {
        loss: has_classifier.then(|| predictions.loss()),
        accuracy: has_classifier.then(|| confusion.accuracy()),
        mean_class_accuracy: has_classifier.then(|| confusion.mean_class_accuracy()),
        map,
        nearest_neighbour,
    })
}
