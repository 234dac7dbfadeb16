//! A batch norm with fixed statistics as a factor and a summand of each channel, and factors multiplied into weights.

use crate::element::Element;
use crate::shape::ShapeError;

/// Scale and shift, each `[channels]`, of the batch norm `(x − mean) / √(var + eps) · gamma + beta`; worked out in f64.
///
/// # Errors
/// When the slices, all `[channels]`, differ in length.
pub fn fold_batch_norm<T: Element>(
    gamma: &[T],
    beta: &[T],
    mean: &[T],
    var: &[T],
    eps: f64,
) -> Result<(Vec<T>, Vec<T>), ShapeError> {
    let channels = gamma.len();
    ShapeError::check("beta", [1, channels], beta.len())?;
    ShapeError::check("mean", [1, channels], mean.len())?;
    ShapeError::check("variance", [1, channels], var.len())?;
    let column = |channel: usize| {
        let scale = gamma[channel].to_f64() / (var[channel].to_f64() + eps).sqrt();
        (T::from_f64(scale), T::from_f64(beta[channel].to_f64() - mean[channel].to_f64() * scale))
    };
    Ok((0..channels).map(column).unzip())
}

/// Multiplies `weights` `[taps, C_in, C_out]` by `scale` `[C_out]`, so that an epilogue needs only the shift.
///
/// # Errors
/// When the weights are not whole rows of `C_out`.
pub fn fold_scale<T: Element>(scale: &[T], weights: &mut [T]) -> Result<(), ShapeError> {
    let channels = scale.len();
    ShapeError::check("weights", [weights.len().checked_div(channels).unwrap_or(0), channels], weights.len())?;
    for row in weights.chunks_exact_mut(channels.max(1)) {
        for (weight, &scale) in row.iter_mut().zip(scale) {
            *weight = *weight * scale;
        }
    }
    Ok(())
}
