//! Which values share a buffer: a buffer is free again after the last step that reads its value.

use super::network::CompiledNetwork;
use crate::storage::Storage;

/// A buffer for each value but the input, and the elements that each buffer must hold.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sharing {
    /// Of the value behind each step.
    pub(super) buffer_of_step: Vec<usize>,
    /// Elements of each buffer.
    pub(super) lengths: Vec<usize>,
}

impl Sharing {
    /// Shares buffers among the values of `network`, which have `lengths` elements, the input's first.
    pub(super) fn of<S: Storage>(network: &CompiledNetwork<S>, lengths: &[usize]) -> Self {
        let last_reads = last_reads(network);
        let mut sharing = Self::default();
        let mut free: Vec<usize> = Vec::new();
        for (number, step) in network.steps.iter().enumerate() {
            let wanted = lengths[number + 1];
            // The output is taken before the inputs are given back: a step never writes what it reads.
            let buffer = if let Some(place) = best_fit(&free, &sharing.lengths, wanted) {
                free.swap_remove(place)
            } else {
                sharing.lengths.push(0);
                sharing.lengths.len() - 1
            };
            sharing.lengths[buffer] = sharing.lengths[buffer].max(wanted);
            sharing.buffer_of_step.push(buffer);
            for value in step.reads().filter(|value| value.0 > 0 && last_reads[value.0] == number) {
                let read = sharing.buffer_of_step[value.0 - 1];
                // A step may read one value twice.
                if !free.contains(&read) {
                    free.push(read);
                }
            }
            // A value that nobody reads is dead at once, but for the output.
            if last_reads[number + 1] == NEVER && number + 1 < network.steps.len() {
                free.push(buffer);
            }
        }
        sharing
    }
}

/// No step reads the value.
const NEVER: usize = usize::MAX;

/// The last step that reads each value.
fn last_reads<S: Storage>(network: &CompiledNetwork<S>) -> Vec<usize> {
    let mut last = vec![NEVER; network.steps.len() + 1];
    for (number, step) in network.steps.iter().enumerate() {
        step.reads().for_each(|value| last[value.0] = number);
    }
    last
}

/// The place in `free` of the buffer that needs least growing, and of those the smallest.
fn best_fit(free: &[usize], lengths: &[usize], wanted: usize) -> Option<usize> {
    let cost = |&place: &usize| (wanted.saturating_sub(lengths[free[place]]), lengths[free[place]]);
    (0..free.len()).min_by_key(cost)
}
