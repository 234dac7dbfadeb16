//! Softmax cross entropy with smoothed, ignored, weighted and soft labels.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Tensor, TensorData};
use serde::{Deserialize, Serialize};

/// How the losses of a batch become one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reduction {
    /// Their mean.
    #[default]
    Mean,
    /// Their sum, as in S3DCNN (spec §2.4).
    Sum,
}

/// Softmax and negative logarithm of the probability of the true class.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CrossEntropy {
    /// Share of the target that is spread evenly over all classes, 0 to 1.
    pub label_smoothing: f64,
    /// How the losses of a batch become one number.
    pub reduction: Reduction,
    /// Rows with this label do not count.
    pub ignore: Option<u32>,
    /// What each class counts, `[classes]`; all count 1 where it is empty. The mean is over the weights of the labels.
    pub class_weights: Vec<f64>,
}

impl CrossEntropy {
    /// The loss of `logits` `[rows, classes]` against one label a row; zero where no row counts.
    ///
    /// # Panics
    ///
    /// When there is not one label a row or one weight a class, or a label is neither a class nor the ignored one: data sets
    /// see to all three.
    #[must_use]
    pub fn forward(&self, logits: Tensor<2>, labels: &[u32]) -> Tensor<1> {
        let [rows, classes] = logits.dims();
        assert_eq!(labels.len(), rows, "one label a row");
        let weights = self.weights(classes);
        let spread = self.label_smoothing / classes as f64;
        let mut targets = vec![0.0; rows * classes];
        let mut total = 0.0;
        for (target, &label) in targets.chunks_exact_mut(classes.max(1)).zip(labels) {
            if Some(label) == self.ignore {
                continue;
            }
            assert!((label as usize) < classes, "label {label} of {classes} classes");
            total += weights[label as usize];
            for (class, target) in target.iter_mut().enumerate() {
                let share = if class == label as usize { 1.0 - self.label_smoothing } else { 0.0 };
                *target = (weights[class] * (share + spread)) as f32;
            }
        }
        let place = (&logits.device(), logits.dtype());
        let targets = Tensor::<2>::from_data(TensorData::new(targets, [rows, classes]), place);
        self.reduced(logits, targets, total)
    }

    /// The loss of `logits` `[rows, classes]` against probabilities of the classes, `[rows, classes]`: every row counts.
    ///
    /// # Panics
    ///
    /// When the shapes differ or there is not one weight a class.
    #[must_use]
    pub fn forward_soft(&self, logits: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        let [rows, classes] = logits.dims();
        assert_eq!([rows, classes], targets.dims(), "one probability a row and class");
        let weights = self.weights(classes);
        let smooth = targets * (1.0 - self.label_smoothing) + self.label_smoothing / classes as f64;
        let place = (&logits.device(), logits.dtype());
        let weights = Tensor::<1>::from_data(TensorData::new(weights, [classes]), place);
        self.reduced(logits, smooth * weights.unsqueeze(), rows as f64)
    }

    fn weights(&self, classes: usize) -> Vec<f64> {
        if self.class_weights.is_empty() {
            return vec![1.0; classes];
        }
        assert_eq!(self.class_weights.len(), classes, "one weight a class");
        self.class_weights.clone()
    }

    /// `−Σ targets · log p`, divided by `total` for a mean.
    fn reduced(&self, logits: Tensor<2>, targets: Tensor<2>, total: f64) -> Tensor<1> {
        let loss = (log_softmax(logits, 1) * targets).sum().neg();
        match self.reduction {
            Reduction::Mean if total > 0.0 => loss.div_scalar(total),
            // Without a row that counts the sum is zero, and so is its mean.
            Reduction::Mean | Reduction::Sum => loss,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn the_mean_loss_is_that_of_example_14() {
        let rows = [[0.6f32, 0.3, 0.1], [0.2, 0.5, 0.3], [0.5, 0.4, 0.1], [0.1, 0.2, 0.7]];
        let logits = Tensor::<2>::from_data(rows.map(|row| row.map(f32::ln)), &Device::flex());
        let loss = CrossEntropy::default().forward(logits, &[0, 1, 1, 2]).into_scalar::<f32>();
        assert!((loss - 0.619_235).abs() < 1e-6, "{loss}");
    }

    #[test]
    fn the_gradient_of_the_sum_is_probability_minus_target() {
        let device = Device::flex().autodiff();
        let logits = Tensor::<2>::from_data([[1.0f32, 2.0, 0.5], [0.0, -1.0, 3.0]], &device).require_grad();
        let loss = CrossEntropy { reduction: Reduction::Sum, label_smoothing: 0.3, ..CrossEntropy::default() };
        let gradients = loss.forward(logits.clone(), &[1, 2]).backward();
        let got: Vec<f32> = logits.grad(&gradients).unwrap().into_data().try_to_vec().unwrap();
        for (row, (values, label)) in [([1.0f32, 2.0, 0.5], 1), ([0.0, -1.0, 3.0], 2)].into_iter().enumerate() {
            let total: f32 = values.iter().map(|x| x.exp()).sum();
            for class in 0..3 {
                let target = if class == label { 0.8 } else { 0.1 };
                assert!((got[row * 3 + class] - (values[class].exp() / total - target)).abs() < 1e-6);
            }
        }
    }
}
