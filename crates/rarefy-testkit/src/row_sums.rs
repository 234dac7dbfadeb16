//! Weighted sums of rows over lists of (row, weight), and their gradient.

/// Row `q` of the result is Σ weight · x(row) over `lists[q]`, divided by `divisor(q)`; `x` is [rows, channels].
#[must_use]
pub fn naive_row_sums(
    lists: &[Vec<(usize, f64)>],
    divisor: impl Fn(usize) -> f64,
    channels: usize,
    x: &[f64],
) -> Vec<f64> {
    let mut out = vec![0.0; lists.len() * channels];
    for (output, list) in lists.iter().enumerate() {
        for &(row, weight) in list {
            for channel in 0..channels {
                out[output * channels + channel] += weight * x[row * channels + channel] / divisor(output);
            }
        }
    }
    out
}

/// The gradient of [`naive_row_sums`] with respect to `x`, of `rows` rows.
#[must_use]
pub fn naive_row_sums_grad(
    lists: &[Vec<(usize, f64)>],
    divisor: impl Fn(usize) -> f64,
    channels: usize,
    rows: usize,
    grad_out: &[f64],
) -> Vec<f64> {
    let mut grad = vec![0.0; rows * channels];
    for (output, list) in lists.iter().enumerate() {
        for &(row, weight) in list {
            for channel in 0..channels {
                grad[row * channels + channel] += weight * grad_out[output * channels + channel] / divisor(output);
            }
        }
    }
    grad
}
