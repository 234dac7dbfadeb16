//! Some neighbouring channels of the rows of a tensor: those of one group of a convolution.

use std::ops::Range;

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

    /// The part of whole rows, as elements, that falls to these channels where every group fetches as much as it reads.
    pub(super) fn share(self, rows: Range<usize>) -> Range<usize> {
        let start = rows.start * self.row;
        start + rows.len() * self.first..start + rows.len() * (self.first + self.count)
    }

    /// The channels of group `group` of `groups`, which divides `channels`.
    pub(super) fn group(channels: usize, groups: usize, group: usize) -> Self {
        let count = channels / groups;
        Self { first: group * count, count, row: channels }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_of_all_groups_are_the_rows() {
        let mut next = 3 * 12;
        for group in 0..4 {
            let share = Columns::group(12, 4, group).share(3..10);
            assert_eq!(share.start, next);
            next = share.end;
        }
        assert_eq!((next, Columns::all(12).share(3..10)), (10 * 12, 36..120));
    }
}
