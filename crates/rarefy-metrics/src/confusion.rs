//! The confusion matrix and the figures that follow from it.

use serde::{Deserialize, Serialize};

use crate::MetricsError;

/// How often each true class was taken for each class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion {
    classes: usize,
    /// Items, [true class, predicted class], row-major.
    counts: Vec<u64>,
}

/// The share of a class's items that were recognised.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ClassAccuracy {
    /// The class.
    pub class: usize,
    /// Items of the class.
    pub items: u64,
    /// Items of the class that were recognised.
    pub right: u64,
}

impl ClassAccuracy {
    /// `right / items`, or `None` for a class without items.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        (self.items > 0).then(|| self.right as f64 / self.items as f64)
    }
}

/// One kind of mistake: items of class `truth` that were taken for class `predicted`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ConfusedPair {
    /// The true class.
    pub truth: usize,
    /// The class that was predicted in its place.
    pub predicted: usize,
    /// How many items.
    pub count: u64,
    /// `count` as a share of the items of the true class.
    pub share: f64,
}

impl Confusion {
    /// A matrix of zeros for `classes` classes.
    #[must_use]
    pub fn new(classes: usize) -> Self {
        Self { classes, counts: vec![0; classes * classes] }
    }

    /// Counts `predictions` against `labels`.
    pub fn from_predictions(classes: usize, labels: &[u32], predictions: &[u32]) -> Result<Self, MetricsError> {
        let mut confusion = Self::new(classes);
        confusion.add(labels, predictions)?;
        Ok(confusion)
    }

    /// Counts the largest logit of each row; of equal logits the first wins.
    ///
    /// `logits` is [items, classes], row-major.
    pub fn from_logits(classes: usize, labels: &[u32], logits: &[f32]) -> Result<Self, MetricsError> {
        if logits.len() != labels.len() * classes {
            let expected = labels.len() * classes;
            return Err(MetricsError::LengthMismatch { what: "logits", expected, got: logits.len() });
        }
        Self::from_predictions(classes, labels, &largest_of_rows(logits, classes)?)
    }

    /// Counts more items; nothing is counted when an item is refused.
    pub fn add(&mut self, labels: &[u32], predictions: &[u32]) -> Result<(), MetricsError> {
        if labels.len() != predictions.len() {
            let (expected, got) = (labels.len(), predictions.len());
            return Err(MetricsError::LengthMismatch { what: "predictions", expected, got });
        }
        for (what, classes) in [("label", labels), ("prediction", predictions)] {
            if let Some(item) = classes.iter().position(|&class| class as usize >= self.classes) {
                let (got, classes) = (classes[item], self.classes);
                return Err(MetricsError::ClassOutOfRange { what, item, got, classes });
            }
        }
        for (&label, &prediction) in labels.iter().zip(predictions) {
            self.counts[label as usize * self.classes + prediction as usize] += 1;
        }
        Ok(())
    }

    /// Counts one item of classes that exist.
    pub(crate) fn count_up(&mut self, truth: usize, predicted: usize) {
        self.counts[truth * self.classes + predicted] += 1;
    }

    /// Adds the counts of another matrix of as many classes.
    pub fn merge(&mut self, other: &Self) -> Result<(), MetricsError> {
        if (self.classes, self.counts.len()) != (other.classes, other.counts.len()) {
            let (expected, got) = (self.classes, other.classes);
            return Err(MetricsError::LengthMismatch { what: "classes of the counts to add", expected, got });
        }
        for (sum, more) in self.counts.iter_mut().zip(&other.counts) {
            *sum += more;
        }
        Ok(())
    }

    /// Number of classes.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Items of class `truth` that were taken for `predicted`; 0 outside the matrix.
    #[must_use]
    pub fn count(&self, truth: usize, predicted: usize) -> u64 {
        if truth < self.classes && predicted < self.classes {
            // `get`: a matrix read from a file may be shorter than it says.
            self.counts.get(truth * self.classes + predicted).copied().unwrap_or(0)
        } else {
            0
        }
    }

    /// Number of items counted.
    #[must_use]
    pub fn items(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Share of all items that were recognised; 0 when there are none.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        let right: u64 = (0..self.classes).map(|class| self.count(class, class)).sum();
        match self.items() {
            0 => 0.0,
            items => right as f64 / items as f64,
        }
    }

    /// Mean over the classes that have items of the share recognised; 0 when there are none.
    #[must_use]
    pub fn mean_class_accuracy(&self) -> f64 {
        let shares: Vec<f64> = self.per_class().iter().filter_map(ClassAccuracy::share).collect();
        if shares.is_empty() { 0.0 } else { shares.iter().sum::<f64>() / shares.len() as f64 }
    }

    /// One line a class, in class order.
    #[must_use]
    pub fn per_class(&self) -> Vec<ClassAccuracy> {
        let items = |truth| (0..self.classes).map(|predicted| self.count(truth, predicted)).sum();
        (0..self.classes)
            .map(|class| ClassAccuracy { class, items: items(class), right: self.count(class, class) })
            .collect()
    }

    /// The `most` most frequent mistakes, by count, then by share, then by class.
    #[must_use]
    pub fn worst(&self, most: usize) -> Vec<ConfusedPair> {
        let mut pairs = Vec::new();
        for class in self.per_class() {
            for predicted in (0..self.classes).filter(|&predicted| predicted != class.class) {
                let count = self.count(class.class, predicted);
                if count > 0 {
                    let share = count as f64 / class.items as f64;
                    pairs.push(ConfusedPair { truth: class.class, predicted, count, share });
                }
            }
        }
        // Stable: equal pairs stay in class order.
        pairs.sort_by(|a, b| b.count.cmp(&a.count).then(b.share.total_cmp(&a.share)));
        pairs.truncate(most);
        pairs
    }
}

/// The column of the largest value of each row of `values`, \[rows, columns\]; of equal values the first wins.
pub fn largest_of_rows(values: &[f32], columns: usize) -> Result<Vec<u32>, MetricsError> {
    let rows = values.len() / columns.max(1);
    if rows * columns != values.len() {
        let expected = (rows + 1) * columns;
        return Err(MetricsError::LengthMismatch { what: "logits", expected, got: values.len() });
    }
    if let Some(at) = values.iter().position(|value| !value.is_finite()) {
        return Err(MetricsError::NotFinite { row: at / columns, column: at % columns });
    }
    Ok(values.chunks_exact(columns.max(1)).map(first_largest).collect())
}

fn first_largest(row: &[f32]) -> u32 {
    let mut best = 0;
    for (class, &logit) in row.iter().enumerate() {
        if logit > row[best] {
            best = class;
        }
    }
    best as u32
}
