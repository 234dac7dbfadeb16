//! The error of a slice that is not as long as its shape asks for.

use std::fmt;

/// A slice has another length than its shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShapeError {
    /// Which slice.
    pub what: &'static str,
    /// Its shape, [rows, columns].
    pub shape: [usize; 2],
    /// Its length.
    pub got: usize,
}

impl ShapeError {
    /// Checks the length of a slice against its shape.
    pub(crate) fn check(what: &'static str, shape: [usize; 2], got: usize) -> Result<(), Self> {
        if shape[0].checked_mul(shape[1]) == Some(got) { Ok(()) } else { Err(Self { what, shape, got }) }
    }
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, shape: [rows, columns], got } = self;
        write!(f, "{what} of shape [{rows}, {columns}] expected, got {got} values")
    }
}

impl std::error::Error for ShapeError {}
