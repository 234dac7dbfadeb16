//! Figures of a network on a split: accuracy and retrieval.

use rarefy_data::Dataset;
use serde::{Deserialize, Serialize};

use crate::{BestBy, Predictions};

/// The figures that are recorded after an epoch; all but the loss are shares between 0 and 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Mean negative logarithm of the probability of the true class.
    pub loss: f64,
    /// Share of samples classified right.
    pub accuracy: f64,
    /// Mean over the classes of that share.
    pub mean_class_accuracy: f64,
    /// Mean average precision of retrieval among the first shapes of each class.
    pub map: f64,
    /// Share of those shapes whose nearest neighbour is of their class.
    pub nearest_neighbour: f64,
}

impl Scores {
    /// The figure by which checkpoints are compared; higher is better.
    #[must_use]
    pub fn value(&self, by: BestBy) -> f64 {
        match by {
            BestBy::Accuracy => self.accuracy,
            BestBy::MeanClassAccuracy => self.mean_class_accuracy,
            BestBy::Map => self.map,
            BestBy::Loss => -self.loss,
        }
    }
}

/// The first `per_class` samples of each class after sorting their names, all for 0, in ascending order.
#[must_use]
pub fn first_per_class(dataset: &Dataset, per_class: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..dataset.len()).collect();
    order.sort_by(|&a, &b| dataset.samples[a].name.cmp(&dataset.samples[b].name));
    let mut taken = vec![0; dataset.classes.len().max(1)];
    let mut chosen: Vec<usize> = order
        .into_iter()
        .filter(|&sample| {
            let taken = &mut taken[dataset.samples[sample].label as usize];
            *taken += 1;
            per_class == 0 || *taken <= per_class
        })
        .collect();
    chosen.sort_unstable();
    chosen
}

/// The figures of `predictions` for the samples of `dataset`.
#[must_use]
pub fn scores(predictions: &Predictions, dataset: &Dataset, per_class: usize) -> Scores {
    let chosen = first_per_class(dataset, per_class);
    let (map, nearest_neighbour) = retrieval(predictions, &chosen);
    let (accuracy, mean_class_accuracy) = accuracies(predictions);
    Scores { loss: predictions.loss(), accuracy, mean_class_accuracy, map, nearest_neighbour }
}

fn accuracies(predictions: &Predictions) -> (f64, f64) {
    let mut counts = vec![(0u64, 0u64); predictions.classes];
    for (&label, predicted) in predictions.labels.iter().zip(predictions.predicted()) {
        let (right, all) = &mut counts[label as usize];
        *right += u64::from(label == predicted);
        *all += 1;
    }
    let right: u64 = counts.iter().map(|count| count.0).sum();
    let shares: Vec<f64> =
        counts.iter().filter(|count| count.1 > 0).map(|&(right, all)| right as f64 / all as f64).collect();
    let mean = shares.iter().sum::<f64>() / shares.len().max(1) as f64;
    (right as f64 / predictions.labels.len().max(1) as f64, mean)
}

fn retrieval(predictions: &Predictions, chosen: &[usize]) -> (f64, f64) {
    let unit: Vec<Vec<f64>> = chosen
        .iter()
        .map(|&sample| {
            let row = &predictions.descriptors[sample * predictions.width..][..predictions.width];
            let norm = row.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt().max(1e-12);
            row.iter().map(|&x| f64::from(x) / norm).collect()
        })
        .collect();
    let (mut map, mut first, mut queries) = (0.0, 0.0, 0.0f64);
    for query in 0..chosen.len() {
        let label = predictions.labels[chosen[query]];
        let mut ranked: Vec<(f64, usize)> = (0..chosen.len())
            .filter(|&other| other != query)
            .map(|other| (-unit[query].iter().zip(&unit[other]).map(|(a, b)| a * b).sum::<f64>(), other))
            .collect();
        ranked.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let (mut hits, mut sum) = (0.0, 0.0);
        for (rank, &(_, other)) in (1..).zip(&ranked) {
            if predictions.labels[chosen[other]] == label {
                hits += 1.0;
                sum += hits / f64::from(rank);
                first += if rank == 1 { 1.0 } else { 0.0 };
            }
        }
        if hits > 0.0 {
            map += sum / hits;
            queries += 1.0;
        }
    }
    (map / queries.max(1.0), first / queries.max(1.0))
}
