//! Some neighbouring channels of the rows of a tensor: those of one group of a convolution.

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

    /// The channels of group `group` of `groups`, which divides `channels`.
    pub(super) fn group(channels: usize, groups: usize, group: usize) -> Self {
        let count = channels / groups;
        Self { first: group * count, count, row: channels }
    }
}
