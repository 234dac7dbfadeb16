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
