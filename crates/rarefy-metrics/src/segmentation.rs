//! Segmentation: counts over the points of many scenes, an ignored label among them (SYSTEMS.md §4.4, §8.2).
//!
//! Points whose true label is the ignored one count nowhere, whatever was predicted for them: a false positive needs a
//! true class. A prediction of the ignored label for a point of a class is a miss of that class and a false positive of none.
//! Invariant: counts are integers and are added up, so scenes may come in any order and on any thread.

use serde::{Deserialize, Serialize};

use crate::{Confusion, MetricsError};

/// What was predicted for the points of each class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segmentation {
    ignored_label: u32,
    confusion: Confusion,
    /// Points of each class for which the ignored label was predicted, \[classes\].
    undecided: Vec<u64>,
    ignored: u64,
}

/// How a class counts in a mean of the intersections over unions when no point belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AbsentClass {
    /// As 0, in the evaluator that the SemanticKITTI benchmark publishes: the mean is over all classes.
    Zero,
    /// As 1, in the code of SPVNAS, even where the class was predicted.
    One,
    /// Not at all: the mean is over the classes present, as in the ScanNet benchmark.
    LeftOut,
}

/// The points of one class and what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassOverlap {
    /// The class.
    pub class: usize,
    /// Points of the class.
    pub points: u64,
    /// Points, of any class, for which the class was predicted.
    pub predicted: u64,
    /// Points of the class for which it was predicted.
    pub right: u64,
}

impl ClassOverlap {
    /// Intersection over union, `right / (points + predicted − right)`; `None` where there is no union.
    #[must_use]
    pub fn iou(&self) -> Option<f64> {
        share(self.right, (self.points + self.predicted).saturating_sub(self.right))
    }

    /// Share of the class's points that were found; `None` for a class without points.
    #[must_use]
    pub fn recall(&self) -> Option<f64> {
        share(self.right, self.points)
    }

    /// Share of the predictions of the class that were right; `None` if it was never predicted.
    #[must_use]
    pub fn precision(&self) -> Option<f64> {
        share(self.right, self.predicted)
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// The figures of a segmentation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentationReport {
    /// Mean intersection over union over all classes, [`AbsentClass::Zero`].
    pub mean_iou_official: f64,
    /// Mean intersection over union over all classes, [`AbsentClass::One`].
    pub mean_iou_repository: f64,
    /// Mean intersection over union over the classes present, [`AbsentClass::LeftOut`].
    pub mean_iou_present: f64,
    /// Share of the points with a class that were labelled right.
    pub accuracy: f64,
    /// Mean of the recalls of the classes present.
    pub mean_class_accuracy: f64,
    /// Classes with a point.
    pub classes_present: usize,
    /// Points with a class.
    pub points: u64,
    /// Points with the ignored label.
    pub ignored: u64,
    /// One line a class, in class order.
    pub per_class: Vec<ClassOverlap>,
}

impl Segmentation {
    /// Counts of zero for `classes` classes; points labelled `ignored_label` (usually 255) do not count.
    #[must_use]
    pub fn new(classes: usize, ignored_label: u32) -> Self {
        Self { ignored_label, confusion: Confusion::new(classes), undecided: vec![0; classes], ignored: 0 }
    }

    /// Counts the points of a scene; nothing is counted when a point is refused.
    ///
    /// `labels` and `predictions` are \[points\] of classes or the ignored label.
    pub fn add<L, P>(&mut self, labels: &[L], predictions: &[P]) -> Result<(), MetricsError>
    where
        L: Copy + Into<u32>,
        P: Copy + Into<u32>,
    {
        if labels.len() != predictions.len() {
            let (expected, got) = (labels.len(), predictions.len());
            return Err(MetricsError::LengthMismatch { what: "predictions", expected, got });
        }
        self.check("label", labels)?;
        self.check("prediction", predictions)?;
        for (&label, &prediction) in labels.iter().zip(predictions) {
            let (label, prediction) = (label.into(), prediction.into());
            if label == self.ignored_label {
                self.ignored += 1;
            } else if prediction == self.ignored_label {
                self.undecided[label as usize] += 1;
            } else {
                self.confusion.count_up(label as usize, prediction as usize);
            }
        }
        Ok(())
    }

    fn check<T: Copy + Into<u32>>(&self, what: &'static str, values: &[T]) -> Result<(), MetricsError> {
        let classes = self.classes();
        let wrong = |&value: &T| value.into() != self.ignored_label && value.into() as usize >= classes;
        match values.iter().position(wrong) {
            None => Ok(()),
            Some(item) => Err(MetricsError::ClassOutOfRange { what, item, got: values[item].into(), classes }),
        }
    }

    /// Adds the counts of other scenes, which must be of the same classes.
    pub fn merge(&mut self, other: &Self) -> Result<(), MetricsError> {
        if self.ignored_label != other.ignored_label {
            let (expected, got) = (self.ignored_label as usize, other.ignored_label as usize);
            return Err(MetricsError::LengthMismatch { what: "ignored label of the counts to add", expected, got });
        }
        self.confusion.merge(&other.confusion)?;
        for (sum, more) in self.undecided.iter_mut().zip(&other.undecided) {
            *sum += more;
        }
        self.ignored += other.ignored;
        Ok(())
    }

    /// Number of classes.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.confusion.classes()
    }

    /// Which class the points of each class were taken for; ignored points and predictions left out.
    #[must_use]
    pub fn confusion(&self) -> &Confusion {
        &self.confusion
    }

    /// One line a class, in class order.
    #[must_use]
    pub fn per_class(&self) -> Vec<ClassOverlap> {
        let of_class = |class: usize| {
            let along = |count: &dyn Fn(usize) -> u64| (0..self.classes()).map(count).sum::<u64>();
            let undecided = self.undecided.get(class).copied().unwrap_or(0);
            ClassOverlap {
                class,
                points: along(&|other| self.confusion.count(class, other)) + undecided,
                predicted: along(&|other| self.confusion.count(other, class)),
                right: self.confusion.count(class, class),
            }
        };
        (0..self.classes()).map(of_class).collect()
    }

    /// Mean over the classes of the intersection over union; 0 where there is nothing to take a mean of.
    #[must_use]
    pub fn mean_iou(&self, absent: AbsentClass) -> f64 {
        mean_iou(&self.per_class(), absent)
    }

    /// All figures.
    #[must_use]
    pub fn report(&self) -> SegmentationReport {
        let per_class = self.per_class();
        let points = per_class.iter().map(|class| class.points).sum();
        let right = per_class.iter().map(|class| class.right).sum();
        SegmentationReport {
            mean_iou_official: mean_iou(&per_class, AbsentClass::Zero),
            mean_iou_repository: mean_iou(&per_class, AbsentClass::One),
            mean_iou_present: mean_iou(&per_class, AbsentClass::LeftOut),
            accuracy: share(right, points).unwrap_or(0.0),
            mean_class_accuracy: mean(per_class.iter().filter_map(ClassOverlap::recall)),
            classes_present: per_class.iter().filter(|class| class.points > 0).count(),
            points,
            ignored: self.ignored,
            per_class,
        }
    }
}

fn mean_iou(per_class: &[ClassOverlap], absent: AbsentClass) -> f64 {
    mean(per_class.iter().filter_map(|class| match absent {
        _ if class.points > 0 => class.iou(),
        AbsentClass::Zero => Some(0.0),
        AbsentClass::One => Some(1.0),
        AbsentClass::LeftOut => None,
    }))
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    if count == 0 { 0.0 } else { sum / f64::from(count) }
}
