//! Which samples stand in which batch of an epoch: sequential, shuffled, or balanced over classes.
//!
//! Invariant: the plan follows from the seed, the epoch and the labels alone, so that an epoch can be taken up again at
//! any batch.

use crate::error::DataError;
use crate::pipeline::generator;
use rand::Rng;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How an epoch is cut into batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Sampler {
    /// In the order of the data set.
    Sequential {
        /// Samples in a batch; the last may be smaller.
        batch: usize,
    },
    /// Every sample once, in an order drawn for each epoch.
    Shuffled {
        /// Samples in a batch; the last may be smaller.
        batch: usize,
    },
    /// Each batch holds `per_class` samples of each of `classes` classes, class after class.
    Balanced {
        /// Classes in a batch.
        classes: usize,
        /// Samples of each class.
        per_class: usize,
    },
}

impl Sampler {
    /// Samples in a full batch.
    #[must_use]
    pub fn batch_size(&self) -> usize {
        match *self {
            Self::Sequential { batch } | Self::Shuffled { batch } => batch,
            Self::Balanced { classes, per_class } => classes * per_class,
        }
    }

    /// The batches of an epoch as sample numbers.
    pub fn plan(&self, labels: &[u32], seed: u64, epoch: u64) -> Result<Vec<Vec<usize>>, DataError> {
        if self.batch_size() == 0 {
            return Err(DataError::setting("a batch of 0 samples: set the batch size to 1 or more"));
        }
        let mut rng = generator([seed, 4, epoch, 0]);
        match *self {
            Self::Sequential { batch } => {
                Ok((0..labels.len()).collect::<Vec<_>>().chunks(batch).map(<[usize]>::to_vec).collect())
            }
            Self::Shuffled { batch } => {
                let mut order: Vec<usize> = (0..labels.len()).collect();
                order.shuffle(&mut rng);
                Ok(order.chunks(batch).map(<[usize]>::to_vec).collect())
            }
            Self::Balanced { classes, per_class } => balanced(labels, classes, per_class, &mut rng),
        }
    }
}

/// Endless shuffled rounds over a list, so that draws spread evenly over it.
struct Rounds {
    items: Vec<usize>,
    next: usize,
}

impl Rounds {
    fn new(items: Vec<usize>) -> Self {
        Self { next: items.len(), items }
    }

    fn draw(&mut self, rng: &mut impl Rng) -> usize {
        if self.next == self.items.len() {
            self.items.shuffle(rng);
            self.next = 0;
        }
        self.next += 1;
        self.items[self.next - 1]
    }

    /// `count` distinct items, or all of them and repetitions if there are fewer.
    fn draw_distinct(&mut self, count: usize, rng: &mut impl Rng) -> Vec<usize> {
        let mut drawn = Vec::with_capacity(count);
        while drawn.len() < count {
            let item = self.draw(rng);
            if drawn.len() >= self.items.len() || !drawn.contains(&item) {
                drawn.push(item);
            }
        }
        drawn
    }
}

/// As many batches as it takes to see as many samples as there are.
fn balanced(
    labels: &[u32],
    classes: usize,
    per_class: usize,
    rng: &mut impl Rng,
) -> Result<Vec<Vec<usize>>, DataError> {
    let mut members: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (sample, &label) in labels.iter().enumerate() {
        members.entry(label).or_default().push(sample);
    }
    if members.len() < classes {
        return Err(DataError::setting(format!(
            "batches of {classes} classes, but only {} classes have samples: set the classes in a batch to that or fewer",
            members.len()
        )));
    }
    let mut members: Vec<Rounds> = members.into_values().map(Rounds::new).collect();
    let mut order = Rounds::new((0..members.len()).collect());
    let batches = labels.len().div_ceil(classes * per_class);
    Ok((0..batches)
        .map(|_| {
            let chosen = order.draw_distinct(classes, rng);
            chosen.into_iter().flat_map(|class| members[class].draw_distinct(per_class, rng)).collect()
        })
        .collect())
}
