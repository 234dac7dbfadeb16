//! What one ranked list is worth: the measures of a single query.

use serde::{Deserialize, Serialize};

use crate::MetricsError;

/// The E measure looks at this many items, about what a person looks through.
const E_DEPTH: usize = 32;

/// The measures of one query. With `R` relevant items and relevance `G` at rank `i` from 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueryMeasures {
    /// Mean over the ranks of relevant items of the precision there.
    pub average_precision: f64,
    /// `G` of the first.
    pub nearest_neighbour: f64,
    /// Hits in the first `R`, over `R`.
    pub first_tier: f64,
    /// Hits in the first `2R`, over `R`.
    pub second_tier: f64,
    /// Harmonic mean of precision and recall over the first 32; 0 without a hit.
    pub e_measure: f64,
    /// `(G1 + sum Gi / log2 i) / (1 + sum over i = 2 ..= R of 1 / log2 i)`.
    pub dcg: f64,
    /// Precision where recall reaches `r / R`, for r from 1 to R.
    pub precisions: Vec<f64>,
}

impl QueryMeasures {
    /// Measures a ranked list that holds every relevant item; `relevance[i]` says whether the item at rank `i + 1` is.
    pub fn from_relevance(relevance: &[bool]) -> Result<Self, MetricsError> {
        let hits: Vec<usize> = (0..relevance.len()).filter(|&at| relevance[at]).collect();
        let relevant = hits.len();
        if relevant == 0 {
            return Err(MetricsError::NoRelevantItem);
        }
        let precisions: Vec<f64> = hits.iter().enumerate().map(|(n, &at)| (n + 1) as f64 / (at + 1) as f64).collect();
        let hits_within = |depth: usize| hits.partition_point(|&at| at < depth) as f64;
        let share_within = |depth: usize| hits_within(depth) / relevant as f64;
        Ok(Self {
            average_precision: precisions.iter().sum::<f64>() / relevant as f64,
            nearest_neighbour: hits_within(1),
            first_tier: share_within(relevant),
            second_tier: share_within(2 * relevant),
            e_measure: harmonic_mean(hits_within(E_DEPTH) / E_DEPTH as f64, share_within(E_DEPTH)),
            dcg: gain(&hits) / gain(&(0..relevant).collect::<Vec<_>>()),
            precisions,
        })
    }
}

fn harmonic_mean(precision: f64, recall: f64) -> f64 {
    if precision + recall == 0.0 { 0.0 } else { 2.0 * precision * recall / (precision + recall) }
}

/// Discounted gain of hits at positions counted from 0.
fn gain(hits: &[usize]) -> f64 {
    hits.iter().map(|&at| if at == 0 { 1.0 } else { 1.0 / ((at + 1) as f64).log2() }).sum()
}
