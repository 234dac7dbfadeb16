//! A tensor of a file: name, type and shape; its values stay in the file until they are asked for.

use super::container::Container;
use super::dtype::{PyTorchDtype, Real, convert};
use super::fault::Outcome;
use super::heap::{Storage, View};

/// A tensor of a PyTorch file, whose values [`PyTorchFile`](super::PyTorchFile) reads.
#[derive(Clone, Debug)]
pub struct PyTorchTensor {
    name: String,
    pub(super) keys: Vec<String>,
    view: View,
    storage: Storage,
}

impl PyTorchTensor {
    pub(super) fn new(keys: Vec<String>, view: View, storage: Storage) -> Self {
        Self { name: keys.join("."), keys, view, storage }
    }

    /// Keys from the outermost dictionary on, joined by dots: `model.stem.0.kernel`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Keys from the outermost dictionary on. A key may itself have dots: `["model", "stem.0.kernel"]`.
    #[must_use]
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// Type of the elements in the file.
    #[must_use]
    pub fn dtype(&self) -> PyTorchDtype {
        self.view.dtype
    }

    /// Length of each axis; empty for a scalar.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.view.shape
    }

    /// Number of elements.
    #[must_use]
    pub fn elements(&self) -> usize {
        self.view.shape.iter().product()
    }

    /// The values in row-major order, whatever the strides in the file.
    pub(super) fn read<T: Real>(&self, container: &Container) -> Outcome<Vec<T>> {
        if self.elements() == 0 {
            return Ok(Vec::new());
        }
        let View { dtype, offset, shape, strides, .. } = &self.view;
        let each = dtype.bytes() as u64;
        // Elements from the first to the last that the view touches.
        let span: u64 = 1 + shape.iter().zip(strides).map(|(&side, &stride)| (side as u64 - 1) * stride).sum::<u64>();
        let start = self.storage.window.0 * self.storage.element.bytes + offset * each;
        let window = container.read(&self.storage.key, start..start + span * each)?;
        Ok(convert(*dtype, &window, container.is_big_endian(), Places::new(shape, strides)))
    }
}

/// A name without the `module.` that data-parallel training puts before it.
#[must_use]
pub fn without_module(name: &str) -> &str {
    name.strip_prefix("module.").unwrap_or(name)
}

/// The places of a view's elements in row-major order.
struct Places<'a> {
    shape: &'a [usize],
    strides: &'a [u64],
    index: Vec<usize>,
    place: u64,
    left: usize,
}

impl<'a> Places<'a> {
    fn new(shape: &'a [usize], strides: &'a [u64]) -> Self {
        Self { shape, strides, index: vec![0; shape.len()], place: 0, left: shape.iter().product() }
    }
}

impl Iterator for Places<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        self.left = self.left.checked_sub(1)?;
        let place = self.place as usize;
        for axis in (0..self.shape.len()).rev() {
            self.index[axis] += 1;
            self.place += self.strides[axis];
            if self.index[axis] < self.shape[axis] {
                break;
            }
            self.place -= self.strides[axis] * self.shape[axis] as u64;
            self.index[axis] = 0;
        }
        Some(place)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}
