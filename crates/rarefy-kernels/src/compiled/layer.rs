//! One convolution with all that is folded into it.

use crate::convolution::{fold_batch_norm, fold_scale};
use crate::element::Element;
use crate::shape::ShapeError;

/// `act(conv(x) + shift)`, the shift being a bias and what is left of a batch norm.
#[derive(Clone, Debug)]
pub struct ConvLayer<T> {
    /// `[taps, C_in, C_out]`.
    pub(super) weights: Vec<T>,
    pub(super) taps: usize,
    pub(super) channels: (usize, usize),
    /// `[C_out]`.
    pub(super) shift: Option<Vec<T>>,
    pub(super) slope: Option<T>,
}

impl<T: Element> ConvLayer<T> {
    /// A convolution with `weights` `[taps, C_in, C_out]`; `channels` are (`C_in`, `C_out`).
    ///
    /// # Errors
    /// When the weights are no whole taps, or a number of channels is zero.
    pub fn new(weights: Vec<T>, channels: (usize, usize)) -> Result<Self, ShapeError> {
        let matrix = channels.0.saturating_mul(channels.1);
        let taps = weights.len().checked_div(matrix).unwrap_or(0);
        if taps == 0 {
            return Err(ShapeError { what: "weights", shape: [1, matrix], got: weights.len() });
        }
        ShapeError::check("weights", [taps, matrix], weights.len())?;
        Ok(Self { weights, taps, channels, shift: None, slope: None })
    }

    /// Adds `bias` `[C_out]` to the sums.
    ///
    /// # Errors
    /// When the bias has another length.
    pub fn with_bias(mut self, bias: &[T]) -> Result<Self, ShapeError> {
        ShapeError::check("bias", [1, self.channels.1], bias.len())?;
        self.add_to_shift(bias);
        Ok(self)
    }

    /// Folds the batch norm `(y − mean) / √(var + eps) · gamma + beta` that follows into weights and shift.
    ///
    /// The factors are worked out in f64 and rounded once; all slices are `[C_out]`.
    ///
    /// # Errors
    /// When a slice has another length.
    pub fn with_batch_norm(
        mut self,
        gamma: &[T],
        beta: &[T],
        mean: &[T],
        var: &[T],
        eps: f64,
    ) -> Result<Self, ShapeError> {
        ShapeError::check("gamma", [1, self.channels.1], gamma.len())?;
        let (scale, shift) = fold_batch_norm(gamma, beta, mean, var, eps)?;
        fold_scale(&scale, &mut self.weights)?;
        if let Some(bias) = &mut self.shift {
            bias.iter_mut().zip(&scale).for_each(|(bias, &scale)| *bias = *bias * scale);
        }
        self.add_to_shift(&shift);
        Ok(self)
    }

    /// Ends in a leaky ReLU, after the residual sum if there is one; a slope of 0 is ReLU.
    #[must_use]
    pub fn with_activation(self, slope: T) -> Self {
        Self { slope: Some(slope), ..self }
    }

    /// Input and output channels.
    #[must_use]
    pub fn channels(&self) -> (usize, usize) {
        self.channels
    }

    fn add_to_shift(&mut self, summands: &[T]) {
        match &mut self.shift {
            Some(shift) => shift.iter_mut().zip(summands).for_each(|(shift, &summand)| *shift += summand),
            None => self.shift = Some(summands.to_vec()),
        }
    }
}
