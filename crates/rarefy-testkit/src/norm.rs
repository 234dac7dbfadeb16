//! Batch normalisation, column by column.

/// Batch normalisation of `x` [rows, channels] by its own mean and variance (divisor N).
#[must_use]
pub fn naive_batch_norm(x: &[f64], gamma: &[f64], beta: &[f64], eps: f64) -> Vec<f64> {
    let channels = gamma.len();
    let rows = x.len() / channels;
    let mut y = vec![0.0; x.len()];
    for channel in 0..channels {
        let column: Vec<f64> = (0..rows).map(|row| x[row * channels + channel]).collect();
        let mean = column.iter().sum::<f64>() / rows as f64;
        let variance = column.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / rows as f64;
        for (row, value) in column.iter().enumerate() {
            y[row * channels + channel] = (value - mean) / (variance + eps).sqrt() * gamma[channel] + beta[channel];
        }
    }
    y
}

/// The gradient of `Σ y · grad_y` of [`naive_batch_norm`] with respect to (`x`, `gamma`, `beta`), by central differences.
#[must_use]
pub fn naive_batch_norm_grad(
    x: &[f64],
    gamma: &[f64],
    beta: &[f64],
    eps: f64,
    grad_y: &[f64],
) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let loss = |x: &[f64], gamma: &[f64], beta: &[f64]| -> f64 {
        naive_batch_norm(x, gamma, beta, eps).iter().zip(grad_y).map(|(y, grad)| y * grad).sum()
    };
    let step = 1e-5;
    (
        crate::central_difference(|x| loss(x, gamma, beta), x, step),
        crate::central_difference(|gamma| loss(x, gamma, beta), gamma, step),
        crate::central_difference(|beta| loss(x, gamma, beta), beta, step),
    )
}

/// The gradients of [`naive_batch_norm_grad`] by the chain rule, for tensors that are too large for differences.
#[must_use]
pub fn batch_norm_grad_by_formula(
    x: &[f64],
    gamma: &[f64],
    eps: f64,
    grad_y: &[f64],
) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let channels = gamma.len();
    let rows = x.len() / channels;
    let (mut grad_x, mut grad_gamma, mut grad_beta) = (vec![0.0; x.len()], vec![0.0; channels], vec![0.0; channels]);
    for channel in 0..channels {
        let column = |values: &[f64]| -> Vec<f64> { (0..rows).map(|row| values[row * channels + channel]).collect() };
        let (x, grad) = (column(x), column(grad_y));
        let mean = x.iter().sum::<f64>() / rows as f64;
        let std = (x.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / rows as f64 + eps).sqrt();
        let normed: Vec<f64> = x.iter().map(|value| (value - mean) / std).collect();
        let along = grad.iter().zip(&normed).map(|(grad, normed)| grad * normed).sum::<f64>();
        let sum = grad.iter().sum::<f64>();
        (grad_gamma[channel], grad_beta[channel]) = (along, sum);
        for row in 0..rows {
            let rest = grad[row] - sum / rows as f64 - normed[row] * along / rows as f64;
            grad_x[row * channels + channel] = gamma[channel] / std * rest;
        }
    }
    (grad_x, grad_gamma, grad_beta)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{random_values, relative_error};

    #[test]
    fn the_formula_gives_the_differences() {
        let (rows, channels) = (7, 3);
        let [x, grad_y] = [1, 2].map(|seed| random_values(rows * channels, seed));
        let [gamma, beta] = [3, 4].map(|seed| random_values(channels, seed));
        let found = batch_norm_grad_by_formula(&x, &gamma, 1e-5, &grad_y);
        let wanted = naive_batch_norm_grad(&x, &gamma, &beta, 1e-5, &grad_y);
        assert!(relative_error(&found.0, &wanted.0) < 1e-6);
        assert!(relative_error(&found.1, &wanted.1) < 1e-6);
        assert!(relative_error(&found.2, &wanted.2) < 1e-6);
    }
}
