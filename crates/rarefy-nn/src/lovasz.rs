//! Lovász-softmax: a loss that follows the Jaccard index, the measure of segmentation (Berman et al. 2018; spec §4.4).
//!
//! For each class that occurs, the errors `e = |1[y = c] − p_c|` are sorted from large to small and weighted with the steps
//! by which the Jaccard loss of the class grows when one row after the other is taken for wrong. The order and the steps
//! are found on the host and do not carry a gradient; ties go to the lower row, so the loss is the same on every device.

use burn::tensor::activation::softmax;
use burn::tensor::{Tensor, TensorData};
use rayon::prelude::*;

/// The loss and its settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LovaszSoftmax {
    /// Rows with this label do not count.
    pub ignore: Option<u32>,
}

impl LovaszSoftmax {
    /// The loss of `logits` `[rows, classes]` against one label a row, the mean over the classes that occur; zero where no row
    /// counts.
    ///
    /// # Panics
    ///
    /// When there is not one label a row, or a label is neither a class nor the ignored one: data sets see to both.
    #[must_use]
    pub fn forward(&self, logits: Tensor<2>, labels: &[u32]) -> Tensor<1> {
        let [rows, classes] = logits.dims();
        assert_eq!(labels.len(), rows, "one label a row");
        let counted: Vec<u32> = (0..rows as u32).filter(|&row| Some(labels[row as usize]) != self.ignore).collect();
        let mut present = vec![0_usize; classes];
        for &row in &counted {
            let label = labels[row as usize];
            assert!((label as usize) < classes, "label {label} of {classes} classes");
            present[label as usize] += 1;
        }
        let probabilities = softmax(logits, 1);
        let values: Vec<f64> = probabilities.clone().detach().into_data().iter::<f64>().collect();
        let occurring: Vec<usize> = (0..classes).filter(|&class| present[class] > 0).collect();
        let steps: Vec<Vec<(u32, f64)>> = occurring
            .par_iter()
            .map(|&class| {
                let error = |row: u32| {
                    let wanted = f64::from(u8::from(labels[row as usize] as usize == class));
                    (wanted - values[row as usize * classes + class]).abs()
                };
                let is_class = |row: u32| labels[row as usize] as usize == class;
                jaccard_steps(&counted, error, is_class, present[class])
            })
            .collect();
        // e = 1[y = c] ∓ p_c, so the loss is linear in the probabilities: one matrix and one number.
        let (mut slopes, mut constant) = (vec![0.0_f32; rows * classes], 0.0);
        let share = 1.0 / occurring.len().max(1) as f64;
        for (&class, steps) in occurring.iter().zip(&steps) {
            for &(row, step) in steps {
                let of_class = labels[row as usize] as usize == class;
                constant += if of_class { share * step } else { 0.0 };
                slopes[row as usize * classes + class] = (share * if of_class { -step } else { step }) as f32;
            }
        }
        let place = (&probabilities.device(), probabilities.dtype());
        let slopes = Tensor::<2>::from_data(TensorData::new(slopes, [rows, classes]), place);
        (probabilities * slopes).sum().add_scalar(constant)
    }
}

/// By how much each row raises the Jaccard loss of a class when rows are taken for wrong from the largest error down.
fn jaccard_steps(
    rows: &[u32],
    error: impl Fn(u32) -> f64,
    is_class: impl Fn(u32) -> bool,
    members: usize,
) -> Vec<(u32, f64)> {
    let mut order: Vec<(f64, u32)> = rows.iter().map(|&row| (error(row), row)).collect();
    order.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let (mut intersection, mut union, mut before) = (members as f64, members as f64, 0.0);
    let step = |(_, row): (f64, u32)| {
        if is_class(row) {
            intersection -= 1.0;
        } else {
            union += 1.0;
        }
        let loss = 1.0 - intersection / union;
        let step = loss - before;
        before = loss;
        (row, step)
    };
    order.into_iter().map(step).collect()
}
