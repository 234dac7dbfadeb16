//! Which items form the search and query set.

use std::collections::BTreeMap;

use crate::MetricsError;

/// The first `count` items of each class after sorting names, as rows in class order.
///
/// With 20 a class this is the set of 800 of the ModelNet40 test split. Names of equal text stay in row order.
pub fn first_per_class<S: AsRef<str>>(names: &[S], labels: &[u32], count: usize) -> Result<Vec<usize>, MetricsError> {
    if names.len() != labels.len() {
        let (expected, got) = (names.len(), labels.len());
        return Err(MetricsError::LengthMismatch { what: "labels", expected, got });
    }
    let mut rows_of_class: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (row, &label) in labels.iter().enumerate() {
        rows_of_class.entry(label).or_default().push(row);
    }
    let mut chosen = Vec::new();
    for mut rows in rows_of_class.into_values() {
        rows.sort_by_key(|&row| names[row].as_ref());
        chosen.extend(rows.into_iter().take(count));
    }
    Ok(chosen)
}
