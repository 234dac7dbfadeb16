//! All figures of a network on a split: what `eval` prints and a report shows.

use rarefy_data::Dataset;
use rarefy_metrics::{Confusion, MetricsError, RetrievalReport, evaluate_retrieval};
use rarefy_train::shapes::{Predictions, first_per_class};
use serde::Serialize;

/// The figures.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Measurement {
    /// How well it names classes; none if it was trained without a softmax loss.
    #[serde(flatten)]
    pub(crate) classes: Option<ClassMeasures>,
    /// Retrieval among `searched`; none if each shape stands alone in its class.
    pub(crate) retrieval: Option<RetrievalReport>,
    /// The shapes that retrieval was measured on: each is a query against all others.
    #[serde(skip)]
    pub(crate) searched: Vec<usize>,
}

/// The figures of a classifier.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ClassMeasures {
    /// Test loss.
    pub(crate) loss: f64,
    /// Share of shapes classified right.
    pub(crate) accuracy: f64,
    /// Mean over the classes of that share.
    pub(crate) mean_class_accuracy: f64,
    /// True against predicted classes.
    pub(crate) confusion: Confusion,
}

impl ClassMeasures {
    fn of(predictions: &Predictions) -> anyhow::Result<Self> {
        let confusion =
            Confusion::from_predictions(predictions.classes, &predictions.labels, &predictions.predicted())?;
        Ok(Self {
            loss: predictions.loss(),
            accuracy: confusion.accuracy(),
            mean_class_accuracy: confusion.mean_class_accuracy(),
            confusion,
        })
    }
}

impl Measurement {
    /// Measures `predictions` for `dataset`; retrieval on the first `per_class` shapes of each class, 0 for all.
    pub(crate) fn of(
        predictions: &Predictions,
        dataset: &Dataset,
        per_class: usize,
        has_classifier: bool,
    ) -> anyhow::Result<Self> {
        let classes = if has_classifier { Some(ClassMeasures::of(predictions)?) } else { None };
        let searched = first_per_class(dataset, per_class);
        let rows = searched.iter().flat_map(|&sample| descriptor(predictions, sample).iter().copied());
        let labels: Vec<u32> = searched.iter().map(|&sample| predictions.labels[sample]).collect();
        let retrieval = match evaluate_retrieval(&rows.collect::<Vec<f32>>(), predictions.width, &labels) {
            Err(MetricsError::NoRelevantItem) => None,
            report => Some(report?),
        };
        Ok(Self { classes, retrieval, searched })
    }
}

/// The descriptor of a sample.
pub(crate) fn descriptor(predictions: &Predictions, sample: usize) -> &[f32] {
    &predictions.descriptors[sample * predictions.width..][..predictions.width]
}
