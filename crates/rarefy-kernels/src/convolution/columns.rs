//! Some neighbouring channels of the rows of a tensor: those of one group of a convolution.

use std::ops::Range;

use crate::vector::prefetch_elements;

/// Channels `first..first + count` of rows that are `row` elements long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    /// The first channel.
    pub(super) first: usize,
    /// Number of channels.
    pub(super) count: usize,
    /// Elements from one row to the next.
    pub(super) row: usize,
}

impl Columns {
    /// All channels.
    pub(super) fn all(count: usize) -> Self {
        Self { first: 0, count, row: count }
    }

    /// Asks for these channels of some rows to be brought into the second-level cache; the rows need not exist.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "see `vector`")]
    pub(super) fn prefetch<T>(self, values: &[T], rows: Range<usize>) {
        if self.count == self.row {
            prefetch_elements(values, rows.start * self.row..rows.end * self.row);
            return;
        }
        for row in rows {
            let first = row * self.row + self.first;
            prefetch_elements(values, first..first + self.count);
        }
    }

    /// The channels of group `group` of `groups`, which divides `channels`.
    pub(super) fn group(channels: usize, groups: usize, group: usize) -> Self {
        let count = channels / groups;
        Self { first: group * count, count, row: channels }
    }
}
