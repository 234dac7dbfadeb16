//! Batch normalisation over rows, fused with a residual add and a leaky ReLU.
//!
//! `y = act((x − mean) / std · gamma + beta + residual)`, column by column. Mean and variance of a block of rows are taken
//! while the block is in the cache and the blocks are merged in their order (in f64), so the statistics read memory once
//! and are the same bits for any number of threads.
#![allow(clippy::inline_always, reason = "target features reach a function only where it is inlined")]

use rayon::prelude::*;

use crate::element::Element;
use crate::isa::InstructionSet;
use crate::shape::ShapeError;
use crate::sums::{block_rows, total};
use crate::vector::{Kernel, Vector};

/// The parameters of a normalisation and of the activation behind it.
#[derive(Clone, Copy, Debug)]
pub struct NormAct<'a, T> {
    /// Scale, one a channel.
    pub gamma: &'a [T],
    /// Shift, one a channel.
    pub beta: &'a [T],
    /// Slope of the leaky ReLU for negative values, at least 0; 0 is ReLU, `None` no activation.
    pub slope: Option<T>,
}

/// What a normalisation found in a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct NormStats<T> {
    /// Mean, one a channel.
    pub mean: Vec<T>,
    /// Variance with divisor N, one a channel.
    pub var: Vec<T>,
    /// `1 / √(var + ε)`, one a channel.
    pub inv_std: Vec<T>,
}

impl<T: Element> NormStats<T> {
    /// Statistics that were gathered before, for inference.
    #[must_use]
    pub fn from_running(mean: &[T], var: &[T], eps: f64) -> Self {
        let inv_std = var.iter().map(|var| T::from_f64(1.0 / (var.to_f64() + eps).sqrt())).collect();
        Self { mean: mean.to_vec(), var: var.to_vec(), inv_std }
    }

    /// The statistics of the columns of `x` [rows, channels]; of no rows, zeros.
    #[must_use]
    pub fn of(x: &[T], channels: usize, eps: f64) -> Self {
        if channels == 0 {
            return Self::from_running(&[], &[], eps);
        }
        let blocks: Vec<(Vec<T>, Vec<T>)> =
            x.par_chunks(block_rows::<T>(channels) * channels).map(|block| block_moments(block, channels)).collect();
        let (mut mean, mut squares) = (vec![0.0; channels], vec![0.0; channels]);
        let (mut rows, full) = (0.0, block_rows::<T>(channels));
        for (index, (block_mean, block_squares)) in blocks.iter().enumerate() {
            let count = full.min(x.len() / channels - index * full) as f64;
            let all = rows + count;
            for channel in 0..channels {
                let apart = block_mean[channel].to_f64() - mean[channel];
                mean[channel] += apart * count / all;
                squares[channel] += block_squares[channel].to_f64() + apart * apart * rows * count / all;
            }
            rows = all;
        }
        let var: Vec<T> = squares.iter().map(|squares| T::from_f64(squares / rows.max(1.0))).collect();
        let mean: Vec<T> = mean.into_iter().map(T::from_f64).collect();
        Self::from_running(&mean, &var, eps)
    }
}

/// Mean and sum of squared distances from it, of each column of a block.
///
/// Sums are taken of the distances from the first row, so that a mean far from zero costs no digits.
fn block_moments<T: Element>(block: &[T], channels: usize) -> (Vec<T>, Vec<T>) {
    let share = T::ONE / T::from_f64((block.len() / channels) as f64);
    let origin = &block[..channels];
    let mut mean = vec![T::ZERO; channels];
    for row in block.chunks_exact(channels) {
        for ((sum, &value), &origin) in mean.iter_mut().zip(row).zip(origin) {
            *sum += value - origin;
        }
    }
    for (mean, &origin) in mean.iter_mut().zip(origin) {
        *mean = origin + *mean * share;
    }
    let mut squares = vec![T::ZERO; channels];
    for row in block.chunks_exact(channels) {
        for ((sum, &value), &mean) in squares.iter_mut().zip(row).zip(&mean) {
            *sum += (value - mean) * (value - mean);
        }
    }
    (mean, squares)
}

impl<T: Element> NormAct<'_, T> {
    fn channels(&self) -> usize {
        self.gamma.len()
    }

    /// Normalises `x` [rows, channels] by its own statistics, which are returned, and writes `y`.
    ///
    /// # Errors
    /// When a slice has another length than its shape.
    ///
    /// # Panics
    /// Where the slope is negative.
    pub fn forward_training(
        &self,
        eps: f64,
        x: &[T],
        residual: Option<&[T]>,
        y: &mut [T],
    ) -> Result<NormStats<T>, ShapeError> {
        self.check(x)?;
        let stats = NormStats::of(x, self.channels(), eps);
        self.forward(&stats, x, residual, y)?;
        Ok(stats)
    }

    /// Normalises `x` [rows, channels] by given statistics and writes `y`.
    ///
    /// # Errors
    /// When a slice has another length than its shape.
    ///
    /// # Panics
    /// Where the slope is negative.
    pub fn forward(
        &self,
        stats: &NormStats<T>,
        x: &[T],
        residual: Option<&[T]>,
        y: &mut [T],
    ) -> Result<(), ShapeError> {
        let shape = self.check(x)?;
        ShapeError::check("residual", shape, residual.map_or(x.len(), <[T]>::len))?;
        ShapeError::check("output", shape, y.len())?;
        if x.is_empty() {
            return Ok(());
        }
        let scale: Vec<T> = self.gamma.iter().zip(&stats.inv_std).map(|(&gamma, &inv_std)| gamma * inv_std).collect();
        let set = InstructionSet::current();
        let step = block_rows::<T>(self.channels()) * self.channels();
        y.par_chunks_mut(step).enumerate().for_each(|(block, y)| {
            let part = block * step..block * step + y.len();
            let residual = residual.map(|residual| &residual[part.clone()]);
            let slope = self.slope.unwrap_or(T::ONE);
            T::dispatch(
                set,
                Apply { mean: &stats.mean, scale: &scale, shift: self.beta, slope, x: &x[part.clone()], residual, y },
            );
        });
        Ok(())
    }

    /// Writes the gradients of the input and, where asked for, of the residual; returns those of gamma and beta.
    ///
    /// `y` is the output of [`Self::forward_training`] and `stats` what it returned.
    ///
    /// # Errors
    /// When a slice has another length than its shape.
    ///
    /// # Panics
    /// Where the slope is negative.
    pub fn backward(
        &self,
        stats: &NormStats<T>,
        x_and_y: (&[T], &[T]),
        grad_y: &[T],
        grad_x: &mut [T],
        grad_residual: Option<&mut [T]>,
    ) -> Result<(Vec<T>, Vec<T>), ShapeError> {
        self.gradients((stats, false), x_and_y, grad_y, grad_x, grad_residual)
    }

    /// As [`Self::backward`], for the output of [`Self::forward`]: the statistics do not depend on the input.
    ///
    /// # Errors
    /// When a slice has another length than its shape.
    pub fn backward_given(
        &self,
        stats: &NormStats<T>,
        x_and_y: (&[T], &[T]),
        grad_y: &[T],
        grad_x: &mut [T],
        grad_residual: Option<&mut [T]>,
    ) -> Result<(Vec<T>, Vec<T>), ShapeError> {
        self.gradients((stats, true), x_and_y, grad_y, grad_x, grad_residual)
    }

    fn gradients(
        &self,
        (stats, given): (&NormStats<T>, bool),
        (x, y): (&[T], &[T]),
        grad_y: &[T],
        grad_x: &mut [T],
        grad_residual: Option<&mut [T]>,
    ) -> Result<(Vec<T>, Vec<T>), ShapeError> {
        let shape = self.check(x)?;
        ShapeError::check("output", shape, y.len())?;
        ShapeError::check("output gradient", shape, grad_y.len())?;
        ShapeError::check("input gradient", shape, grad_x.len())?;
        ShapeError::check("residual gradient", shape, grad_residual.as_ref().map_or(x.len(), |grad| grad.len()))?;
        let channels = self.channels();
        if channels == 0 {
            return Ok((Vec::new(), Vec::new()));
        }
        let slope = self.slope.unwrap_or(T::ONE);
        let set = InstructionSet::current();
        let step = block_rows::<T>(channels) * channels;
        let parts: Vec<(Vec<T>, Vec<T>)> = x
            .par_chunks(step)
            .zip(y.par_chunks(step).zip(grad_y.par_chunks(step)))
            .map(|(x, (y, grad_y))| T::dispatch(set, Reduce { stats, slope, x, y, grad_y }))
            .collect();
        let (gammas, betas): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        let (grad_gamma, grad_beta) = (total(&gammas, channels), total(&betas, channels));
        let rows = T::from_f64(1.0 / (x.len() / channels).max(1) as f64);
        let column = |channel: usize| {
            let scale = self.gamma[channel] * stats.inv_std[channel];
            if given {
                return (scale, (T::ZERO, T::ZERO));
            }
            let along_x = -scale * rows * grad_gamma[channel] * stats.inv_std[channel];
            (scale, (along_x, -scale * rows * grad_beta[channel]))
        };
        let (scale, (along_x, shift)): (Vec<T>, (Vec<T>, Vec<T>)) = (0..channels).map(column).unzip();
        let columns = Columns { mean: &stats.mean, scale: &scale, along_x: &along_x, shift: &shift };
        spread(set, &columns, slope, (x, y, grad_y), grad_x, grad_residual);
        Ok((grad_gamma, grad_beta))
    }

    /// The shape of all tensors of the normalisation.
    fn check(&self, x: &[T]) -> Result<[usize; 2], ShapeError> {
        assert!(self.slope.is_none_or(|slope| slope >= T::ZERO), "the slope is not negative");
        ShapeError::check("beta", [1, self.channels()], self.beta.len())?;
        Ok([ShapeError::check_rows("input", self.channels(), x.len())?, self.channels()])
    }
}

/// `y = leaky((x − mean) · scale + shift + residual)` for whole rows.
struct Apply<'a, T> {
    mean: &'a [T],
    scale: &'a [T],
    shift: &'a [T],
    slope: T,
    x: &'a [T],
    residual: Option<&'a [T]>,
    y: &'a mut [T],
}

impl<T: Element> Kernel<T> for Apply<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<T>>(self) {
        let channels = self.scale.len();
        let columns = || self.mean.iter().zip(self.scale).zip(self.shift);
        let rows = self.y.chunks_exact_mut(channels).zip(self.x.chunks_exact(channels));
        if let Some(residual) = self.residual {
            for ((y, x), residual) in rows.zip(residual.chunks_exact(channels)) {
                for (((y, &x), &residual), ((&mean, &scale), &shift)) in
                    y.iter_mut().zip(x).zip(residual).zip(columns())
                {
                    let value = (x - mean) * scale + shift + residual;
                    *y = if value > T::ZERO { value } else { value * self.slope };
                }
            }
        } else {
            for (y, x) in rows {
                for ((y, &x), ((&mean, &scale), &shift)) in y.iter_mut().zip(x).zip(columns()) {
                    let value = (x - mean) * scale + shift;
                    *y = if value > T::ZERO { value } else { value * self.slope };
                }
            }
        }
    }
}

/// The sums of a block that the gradients of gamma and beta are made of.
struct Reduce<'a, T> {
    stats: &'a NormStats<T>,
    slope: T,
    x: &'a [T],
    y: &'a [T],
    grad_y: &'a [T],
}

impl<T: Element> Kernel<T> for Reduce<'_, T> {
    type Output = (Vec<T>, Vec<T>);

    #[inline(always)]
    unsafe fn run<V: Vector<T>>(self) -> (Vec<T>, Vec<T>) {
        let channels = self.stats.mean.len();
        let (mut gamma, mut beta) = (vec![T::ZERO; channels], vec![T::ZERO; channels]);
        let (mean, inv_std) = (&self.stats.mean[..channels], &self.stats.inv_std[..channels]);
        let rows = self.x.chunks_exact(channels).zip(self.y.chunks_exact(channels));
        for ((x, y), grad) in rows.zip(self.grad_y.chunks_exact(channels)) {
            let (gamma, beta) = (&mut gamma[..channels], &mut beta[..channels]);
            for channel in 0..channels {
                let grad = if y[channel] > T::ZERO { grad[channel] } else { grad[channel] * self.slope };
                gamma[channel] += grad * (x[channel] - mean[channel]) * inv_std[channel];
                beta[channel] += grad;
            }
        }
        (gamma, beta)
    }
}

/// The coefficients of the input gradient, column by column.
#[derive(Clone, Copy)]
struct Columns<'a, T> {
    mean: &'a [T],
    scale: &'a [T],
    along_x: &'a [T],
    shift: &'a [T],
}

fn spread<T: Element>(
    set: InstructionSet,
    columns: &Columns<'_, T>,
    slope: T,
    (x, y, grad_y): (&[T], &[T], &[T]),
    grad_x: &mut [T],
    grad_residual: Option<&mut [T]>,
) {
    let channels = columns.scale.len();
    let step = block_rows::<T>(channels) * channels;
    let part = |block: usize, len: usize| block * step..block * step + len;
    let spread = |block: usize, grad_x: &mut [T], grad_residual: Option<&mut [T]>| {
        let part = part(block, grad_x.len());
        let (x, y, grad_y) = (&x[part.clone()], &y[part.clone()], &grad_y[part]);
        T::dispatch(set, Spread { columns: *columns, slope, x, y, grad_y, grad_x, grad_residual });
    };
    let blocks = grad_x.par_chunks_mut(step).enumerate();
    match grad_residual {
        Some(residual) => blocks
            .zip(residual.par_chunks_mut(step))
            .for_each(|((block, grad_x), residual)| spread(block, grad_x, Some(residual))),
        None => blocks.for_each(|(block, grad_x)| spread(block, grad_x, None)),
    }
}

/// `grad_x = grad · scale + (x − mean) · along_x + shift` with the gradient behind the activation.
struct Spread<'a, T> {
    columns: Columns<'a, T>,
    slope: T,
    x: &'a [T],
    y: &'a [T],
    grad_y: &'a [T],
    grad_x: &'a mut [T],
    grad_residual: Option<&'a mut [T]>,
}

impl<T: Element> Kernel<T> for Spread<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<T>>(self) {
        let channels = self.columns.scale.len();
        let Columns { mean, scale, along_x, shift } = self.columns;
        if let Some(residual) = self.grad_residual {
            for ((residual, &y), &grad) in residual.iter_mut().zip(self.y).zip(self.grad_y) {
                *residual = if y > T::ZERO { grad } else { grad * self.slope };
            }
        }
        let rows = self.x.chunks_exact(channels).zip(self.y.chunks_exact(channels));
        let grads = self.grad_y.chunks_exact(channels).zip(self.grad_x.chunks_exact_mut(channels));
        for ((x, y), (grad, grad_x)) in rows.zip(grads) {
            let columns = mean.iter().zip(scale).zip(along_x.iter().zip(shift));
            for ((((grad_x, &grad), &x), &y), ((&mean, &scale), (&along_x, &shift))) in
                grad_x.iter_mut().zip(grad).zip(x).zip(y).zip(columns)
            {
                let grad = if y > T::ZERO { grad } else { grad * self.slope };
                *grad_x = grad * scale + (x - mean) * along_x + shift;
            }
        }
    }
}
