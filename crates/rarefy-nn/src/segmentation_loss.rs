//! Cross entropy and Lovász-softmax, one or both.

use burn::tensor::Tensor;

use crate::{CrossEntropy, LovaszSoftmax};

/// `cross_entropy_weight · cross entropy + lovasz_weight · Lovász-softmax`; a loss of weight 0 is not computed.
#[derive(Clone, Debug, PartialEq)]
pub struct SegmentationLoss {
    /// The cross entropy; its ignored label is that of both.
    pub cross_entropy: CrossEntropy,
    /// What the cross entropy counts.
    pub cross_entropy_weight: f64,
    /// What Lovász-softmax counts.
    pub lovasz_weight: f64,
}

impl Default for SegmentationLoss {
    /// Cross entropy alone.
    fn default() -> Self {
        Self { cross_entropy: CrossEntropy::default(), cross_entropy_weight: 1.0, lovasz_weight: 0.0 }
    }
}

impl SegmentationLoss {
    /// The loss of `logits` `[rows, classes]` against one label a row; zero where no row counts.
    ///
    /// # Panics
    ///
    /// As [`CrossEntropy::forward`].
    #[must_use]
    pub fn forward(&self, logits: Tensor<2>, labels: &[u32]) -> Tensor<1> {
        let lovasz = LovaszSoftmax { ignore: self.cross_entropy.ignore };
        let (first, second) = (self.cross_entropy_weight, self.lovasz_weight);
        if second == 0.0 {
            return self.cross_entropy.forward(logits, labels) * first;
        }
        let loss = lovasz.forward(logits.clone(), labels) * second;
        if first == 0.0 { loss } else { loss + self.cross_entropy.forward(logits, labels) * first }
    }
}
