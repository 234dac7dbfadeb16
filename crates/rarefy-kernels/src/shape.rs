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

    /// Checks that a slice is whole rows of `columns`, and counts them; no columns are no rows.
    pub(crate) fn check_rows(what: &'static str, columns: usize, got: usize) -> Result<usize, Self> {
        let rows = got.checked_div(columns).unwrap_or(0);
        Self::check(what, [rows, columns], got)?;
        Ok(rows)
    }
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, shape: [rows, columns], got } = self;
        write!(f, "{what} of shape [{rows}, {columns}] expected, got {got} values")
    }
}

impl std::error::Error for ShapeError {}
