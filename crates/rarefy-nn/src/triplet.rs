//! The triplet loss `max(0, L + d(g, p) − d(g, n))` on descriptors, with mining inside the batch (spec §2.4).
//!
//! Distances are differentiated by Burn; which triples count is decided on the host from the descriptors' values, in a
//! fixed order, so that the choice is the same on every device and for any number of threads.

use burn::tensor::activation::softplus;
use burn::tensor::{Int, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use crate::Reduction;

/// Squared norms below this count as this, so that a zero descriptor has a direction of zero.
const LEAST_SQUARED_NORM: f64 = 1e-12;

/// How far apart two descriptors are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Distance {
    /// 1 − cos of the angle between them.
    #[default]
    Cosine,
    /// Sum of squared differences.
    SquaredL2,
}

/// Which triples of a batch count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mining {
    /// For each sample the farthest of its class and the nearest of another class; ties go to the lowest number.
    #[default]
    BatchHard,
    /// Every triple that the batch holds.
    BatchAll,
}

/// Triples of rows of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Triples {
    /// The queries g.
    pub anchors: Vec<usize>,
    /// A row p of the class of each query.
    pub positives: Vec<usize>,
    /// A row n of another class.
    pub negatives: Vec<usize>,
}

impl Triples {
    fn push(&mut self, anchor: usize, positive: usize, negative: usize) {
        self.anchors.push(anchor);
        self.positives.push(positive);
        self.negatives.push(negative);
    }

    /// Number of triples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.anchors.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.anchors.is_empty()
    }
}

/// The loss and its settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TripletLoss {
    /// L: by how much a negative must be farther than a positive.
    pub margin: f64,
    /// How far apart two descriptors are.
    pub distance: Distance,
    /// Which triples of a batch count.
    pub mining: Mining,
    /// `log(1 + exp(d(g, p) − d(g, n)))` instead of the hinge; the margin then plays no part in the loss.
    pub soft: bool,
    /// Mean over the active triples, or sum.
    pub reduction: Reduction,
}

impl Default for TripletLoss {
    fn default() -> Self {
        let (distance, mining) = (Distance::default(), Mining::default());
        Self { margin: 0.1, distance, mining, soft: false, reduction: Reduction::Mean }
    }
}

/// What the loss says of a batch.
#[derive(Clone, Debug)]
pub struct TripletOutput {
    /// The loss; zero if the batch holds no triple.
    pub loss: Tensor<1>,
    /// Triples that were looked at.
    pub triples: usize,
    /// Those among them whose hinge is above zero.
    pub active: usize,
}

impl TripletLoss {
    /// Mines the batch and takes the loss; `descriptors` is [samples, width], with one label a sample.
    #[must_use]
    pub fn forward(&self, descriptors: Tensor<2>, labels: &[u32]) -> TripletOutput {
        let triples = self.mine(&descriptors, labels);
        self.of_triples(descriptors, &triples)
    }

    /// The loss of given triples.
    #[must_use]
    pub fn of_triples(&self, descriptors: Tensor<2>, triples: &Triples) -> TripletOutput {
        if triples.is_empty() {
            return TripletOutput { loss: descriptors.sum().mul_scalar(0.0), triples: 0, active: 0 };
        }
        let near = self.pair_distances(&descriptors, &triples.anchors, &triples.positives);
        let far = self.pair_distances(&descriptors, &triples.anchors, &triples.negatives);
        let gap = near - far;
        let hinge = gap.clone().add_scalar(self.margin);
        let active = values(&hinge).iter().filter(|&&value| value > 0.0).count();
        let losses = if self.soft { softplus(gap, 1.0) } else { hinge.clamp_min(0.0) };
        let counted = if self.soft { triples.len() } else { active };
        let loss = match self.reduction {
            Reduction::Sum => losses.sum(),
            Reduction::Mean => losses.sum().div_scalar(counted.max(1) as f64),
        };
        TripletOutput { loss, triples: triples.len(), active }
    }

    /// The triples of a batch that count.
    #[must_use]
    pub fn mine(&self, descriptors: &Tensor<2>, labels: &[u32]) -> Triples {
        match self.mining {
            Mining::BatchHard => self.mine_hard(descriptors, labels),
            Mining::BatchAll => all_triples(labels),
        }
    }

    fn mine_hard(&self, descriptors: &Tensor<2>, labels: &[u32]) -> Triples {
        let width = descriptors.dims()[1];
        let rows = values(descriptors);
        let rows: Vec<&[f64]> = rows.chunks(width.max(1)).collect();
        let squares: Vec<f64> = rows.iter().map(|row| dot(row, row)).collect();
        let distance = |a: usize, b: usize| match self.distance {
            Distance::Cosine => {
                1.0 - dot(rows[a], rows[b])
                    / (squares[a].max(LEAST_SQUARED_NORM) * squares[b].max(LEAST_SQUARED_NORM)).sqrt()
            }
            Distance::SquaredL2 => rows[a].iter().zip(rows[b]).map(|(x, y)| (x - y) * (x - y)).sum(),
        };
        let mut triples = Triples::default();
        for anchor in 0..labels.len() {
            let (mut farthest, mut nearest) = (None, None);
            for other in (0..labels.len()).filter(|&other| other != anchor) {
                let (place, apart) = (other, distance(anchor, other));
                if labels[other] == labels[anchor] {
                    replace_if(&mut farthest, place, apart, |new, old| new > old);
                } else {
                    replace_if(&mut nearest, place, apart, |new, old| new < old);
                }
            }
            if let (Some((positive, _)), Some((negative, _))) = (farthest, nearest) {
                triples.push(anchor, positive, negative);
            }
        }
        triples
    }

    /// Distances between rows `a` and rows `b`, [pairs].
    fn pair_distances(&self, descriptors: &Tensor<2>, a: &[usize], b: &[usize]) -> Tensor<1> {
        // Many triples share few pairs, so distances are taken once for each pair of rows that occurs.
        let rows = descriptors.dims()[0];
        let mut pairs: Vec<usize> = a.iter().zip(b).map(|(a, b)| a * rows + b).collect();
        let asked = pairs.clone();
        pairs.sort_unstable();
        pairs.dedup();
        let left: Vec<usize> = pairs.iter().map(|pair| pair / rows).collect();
        let right: Vec<usize> = pairs.iter().map(|pair| pair % rows).collect();
        let select = |rows: &[usize]| descriptors.clone().select(0, indices(rows, descriptors));
        let (x, y) = (select(&left), select(&right));
        let distances: Tensor<1> = match self.distance {
            Distance::Cosine => (unit(x) * unit(y)).sum_dim(1).squeeze_dim(1).neg().add_scalar(1.0),
            Distance::SquaredL2 => (x - y).square().sum_dim(1).squeeze_dim(1),
        };
        let places: Vec<usize> = asked
            .iter()
            .map(|pair| pairs.binary_search(pair).expect("the list holds every pair that is asked for"))
            .collect();
        distances.select(0, indices(&places, descriptors))
    }
}

/// Every (anchor, positive, negative) in ascending order.
fn all_triples(labels: &[u32]) -> Triples {
    let mut triples = Triples::default();
    for anchor in 0..labels.len() {
        let others = |same: bool| {
            (0..labels.len()).filter(move |&other| other != anchor && (labels[other] == labels[anchor]) == same)
        };
        for positive in others(true) {
            for negative in others(false) {
                triples.push(anchor, positive, negative);
            }
        }
    }
    triples
}

/// Rows scaled to length 1.
fn unit(x: Tensor<2>) -> Tensor<2> {
    let length = x.clone().square().sum_dim(1).clamp_min(LEAST_SQUARED_NORM).sqrt();
    x / length
}

fn indices(rows: &[usize], like: &Tensor<2>) -> Tensor<1, Int> {
    let rows: Vec<i64> = rows.iter().map(|&row| row as i64).collect();
    let count = rows.len();
    Tensor::from_data(TensorData::new(rows, [count]), &like.device())
}

fn values<const D: usize>(tensor: &Tensor<D>) -> Vec<f64> {
    tensor.clone().detach().into_data().iter::<f64>().collect()
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

fn replace_if(best: &mut Option<(usize, f64)>, place: usize, value: f64, better: impl Fn(f64, f64) -> bool) {
    if best.is_none_or(|(_, old)| better(value, old)) {
        *best = Some((place, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    const ROWS: [[f32; 2]; 3] = [[1.0, 0.0], [0.8, 0.6], [0.6, 0.8]];

    fn given(margin: f64) -> (TripletOutput, Tensor<2>) {
        let rows = Tensor::<2>::from_data(ROWS, &Device::flex().autodiff()).require_grad();
        let triples = Triples { anchors: vec![0], positives: vec![1], negatives: vec![2] };
        let loss = TripletLoss { margin, reduction: Reduction::Sum, ..TripletLoss::default() };
        (loss.of_triples(rows.clone(), &triples), rows)
    }

    #[test]
    fn loss_and_gradients_are_those_of_example_5() {
        for (margin, expected, active) in [(0.1, 0.0, 0), (0.3, 0.1, 1), (1.0, 0.8, 1)] {
            let (output, rows) = given(margin);
            assert!((f64::from(output.loss.clone().into_scalar::<f32>()) - expected).abs() < 1e-6);
            assert_eq!((output.triples, output.active), (1, active));
            let gradients = output.loss.backward();
            let got: Vec<f32> = rows.grad(&gradients).unwrap().into_data().try_to_vec().unwrap();
            let full = [0.0, 0.2, -0.36, 0.48, 0.64, -0.48];
            for (got, full) in got.iter().zip(full) {
                assert!((got - if active == 1 { full } else { 0.0 }).abs() < 1e-6, "{got}");
            }
        }
    }

    #[test]
    fn hard_mining_takes_the_farthest_positive_and_the_nearest_negative() {
        let device = Device::flex();
        let rows = Tensor::<2>::from_data([[0.0f32], [1.0], [-3.0], [0.5], [9.0], [1.0]], &device);
        let loss = TripletLoss { distance: Distance::SquaredL2, ..TripletLoss::default() };
        let triples = loss.mine(&rows, &[0, 0, 0, 1, 1, 2]);
        // Row 5 is alone in its class. Row 3 is as far from row 0 as from rows 1 and 5: the lowest number wins.
        assert_eq!(triples.anchors, [0, 1, 2, 3, 4]);
        assert_eq!(triples.positives, [2, 2, 1, 4, 3]);
        assert_eq!(triples.negatives, [3, 5, 3, 0, 1]);
    }

    #[test]
    fn all_triples_of_a_batch_are_found() {
        let triples = all_triples(&[0, 0, 1]);
        assert_eq!((triples.anchors, triples.positives, triples.negatives), (vec![0, 1], vec![1, 0], vec![2, 2]));
    }

    #[test]
    fn a_batch_without_triples_has_no_loss_and_a_gradient_of_zero() {
        let rows = Tensor::<2>::from_data(ROWS, &Device::flex().autodiff()).require_grad();
        let output = TripletLoss::default().forward(rows.clone(), &[1, 1, 1]);
        assert_eq!(output.triples, 0);
        let gradients = output.loss.backward();
        assert!(rows.grad(&gradients).unwrap().into_data().try_to_vec::<f32>().unwrap().iter().all(|&x| x == 0.0));
    }

    #[test]
    fn the_soft_loss_is_the_logarithm_of_one_plus_the_exponential_of_the_gap() {
        let rows = Tensor::<2>::from_data(ROWS, &Device::flex());
        let triples = Triples { anchors: vec![0], positives: vec![1], negatives: vec![2] };
        let loss = TripletLoss { soft: true, ..TripletLoss::default() }.of_triples(rows, &triples).loss;
        assert!((f64::from(loss.into_scalar::<f32>()) - (1.0 + (-0.2f64).exp()).ln()).abs() < 1e-6);
    }
}
