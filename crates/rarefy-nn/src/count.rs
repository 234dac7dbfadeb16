//! Counts what training changes.

use burn::module::{ModuleVisitor, Param};
use burn::tensor::Tensor;

/// A visitor that adds up the parameters that carry a gradient; running statistics carry none.
#[derive(Debug, Default)]
pub struct ParameterCount {
    total: usize,
}

impl ParameterCount {
    /// Number of values seen so far.
    #[must_use]
    pub fn total(&self) -> usize {
        self.total
    }
}

impl ModuleVisitor for ParameterCount {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let state = crate::init::is_running(param.id);
        if !state {
            self.total += param.val().shape().num_elements();
        }
    }
}
