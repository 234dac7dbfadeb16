//! Softmax cross entropy with smoothed labels.

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
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CrossEntropy {
    /// Share of the target that is spread evenly over all classes, 0 to 1.
    pub label_smoothing: f64,
    /// How the losses of a batch become one number.
    pub reduction: Reduction,
}

impl CrossEntropy {
    /// The loss of `logits` [samples, classes] against one label a sample.
    #[must_use]
    pub fn forward(&self, logits: Tensor<2>, labels: &[u32]) -> Tensor<1> {
        let [samples, classes] = logits.dims();
        let spread = self.label_smoothing / classes as f64;
        let mut targets = vec![spread as f32; samples * classes];
        for (sample, &label) in labels.iter().enumerate() {
            targets[sample * classes + label as usize] = (1.0 - self.label_smoothing + spread) as f32;
        }
        let targets = Tensor::<2>::from_data(TensorData::new(targets, [samples, classes]), &logits.device());
        let loss = (log_softmax(logits, 1) * targets).sum().neg();
        match self.reduction {
            Reduction::Sum => loss,
            Reduction::Mean => loss.div_scalar(samples as f64),
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
        let loss = CrossEntropy { reduction: Reduction::Sum, label_smoothing: 0.3 };
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
