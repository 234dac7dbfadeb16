//! Retrieval over a labelled set: every item asks for the others of its class (specification 2.5).

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::curve::{CurvePoint, interpolate_to_grid, trapezoid_area};
use crate::ranking::{check_descriptors, l2_normalise, rank_all};
use crate::{MetricsError, QueryMeasures};

/// Queries whose sums are added up one after the other; fixed, so that the result does not depend on the threads.
const CHUNK: usize = 64;

/// Means over all queries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RetrievalReport {
    /// Mean average precision.
    pub map: f64,
    /// Nearest neighbour: share of queries whose first answer is right.
    pub nn: f64,
    /// First tier.
    pub ft: f64,
    /// Second tier.
    pub st: f64,
    /// E measure over the first 32 answers.
    pub e: f64,
    /// Normalised discounted cumulative gain.
    pub dcg: f64,
    /// Area below `curve`.
    pub auc: f64,
    /// Mean precision at each recall of the query with the most relevant items.
    pub curve: Vec<CurvePoint>,
    /// Number of queries that were measured.
    pub queries: usize,
    /// Number of queries left out because nothing else is of their class.
    pub without_relevant: usize,
}

/// Ranks all items for each item by cosine, the item itself excluded, and averages the measures.
///
/// `descriptors` is [items, dimension], of any length; `labels` has one entry an item. Items that are alone in their class are no
/// queries, but can be answers; when every item is alone, that is [`MetricsError::NoRelevantItem`].
pub fn evaluate_retrieval(
    descriptors: &[f32],
    dimension: usize,
    labels: &[u32],
) -> Result<RetrievalReport, MetricsError> {
    let items = check_descriptors(descriptors, dimension)?;
    if labels.len() != items {
        return Err(MetricsError::LengthMismatch { what: "labels", expected: items, got: labels.len() });
    }
    let mut unit = descriptors.to_vec();
    l2_normalise(&mut unit, dimension);
    let relevance_of = |query: usize| {
        let row = &unit[query * dimension..][..dimension];
        let ranked = rank_all(&unit, dimension, row, Some(query as u32));
        ranked.iter().map(|answer| labels[answer.item as usize] == labels[query]).collect()
    };
    summarise(items, most_relevant(labels), relevance_of)
}

/// Averages the measures of ranked lists that were made elsewhere; each list holds all relevant items of its query.
pub fn summarise_relevance(lists: &[Vec<bool>]) -> Result<RetrievalReport, MetricsError> {
    let grid = lists.iter().map(|list| list.iter().filter(|&&hit| hit).count()).max().unwrap_or(0);
    summarise(lists.len(), grid, |query| lists[query].clone())
}

/// The largest number of relevant items that any query has.
fn most_relevant(labels: &[u32]) -> usize {
    let mut sorted = labels.to_vec();
    sorted.sort_unstable();
    let largest = sorted.chunk_by(|a, b| a == b).map(<[u32]>::len).max().unwrap_or(0);
    largest.saturating_sub(1)
}

/// Sums of the measures over some queries.
struct Sums {
    queries: usize,
    without_relevant: usize,
    /// mAP, NN, FT, ST, E, DCG.
    means: [f64; 6],
    /// [grid]
    precisions: Vec<f64>,
}

impl Sums {
    fn new(grid: usize) -> Self {
        Self { queries: 0, without_relevant: 0, means: [0.0; 6], precisions: vec![0.0; grid] }
    }

    fn count(&mut self, relevance: &[bool]) {
        let Ok(one) = QueryMeasures::from_relevance(relevance) else {
            self.without_relevant += 1;
            return;
        };
        let figures =
            [one.average_precision, one.nearest_neighbour, one.first_tier, one.second_tier, one.e_measure, one.dcg];
        self.queries += 1;
        add_to(&mut self.means, &figures);
        let grid = self.precisions.len();
        add_to(&mut self.precisions, &interpolate_to_grid(&one.precisions, grid));
    }

    fn merge(mut self, other: &Self) -> Self {
        self.queries += other.queries;
        self.without_relevant += other.without_relevant;
        add_to(&mut self.means, &other.means);
        add_to(&mut self.precisions, &other.precisions);
        self
    }
}

fn add_to(sums: &mut [f64], values: &[f64]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}

fn summarise(
    queries: usize,
    grid: usize,
    relevance_of: impl Fn(usize) -> Vec<bool> + Sync,
) -> Result<RetrievalReport, MetricsError> {
    if queries == 0 {
        return Err(MetricsError::Empty);
    }
    let chunks: Vec<Sums> = (0..queries.div_ceil(CHUNK))
        .into_par_iter()
        .map(|chunk| {
            let mut sums = Sums::new(grid);
            for query in chunk * CHUNK..queries.min((chunk + 1) * CHUNK) {
                sums.count(&relevance_of(query));
            }
            sums
        })
        .collect();
    let total = chunks.iter().fold(Sums::new(grid), Sums::merge);
    if total.queries == 0 {
        return Err(MetricsError::NoRelevantItem);
    }
    let count = total.queries as f64;
    let curve: Vec<CurvePoint> = (1..=grid)
        .zip(&total.precisions)
        .map(|(step, sum)| CurvePoint { recall: step as f64 / grid as f64, precision: sum / count })
        .collect();
    let [map, nn, ft, st, e, dcg] = total.means.map(|sum| sum / count);
    let auc = trapezoid_area(&curve);
    let (queries, without_relevant) = (total.queries, total.without_relevant);
    Ok(RetrievalReport { map, nn, ft, st, e, dcg, auc, curve, queries, without_relevant })
}
