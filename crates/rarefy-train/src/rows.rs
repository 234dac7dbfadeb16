//! What is done to a row of class scores.

/// Place of the highest value; the first of several.
pub(crate) fn highest(row: &[f32]) -> usize {
    (1..row.len()).fold(0, |best, place| if row[place] > row[best] { place } else { best })
}

/// Turns scores into probabilities.
pub(crate) fn softmax(row: &mut [f64]) {
    let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    for value in row.iter_mut() {
        *value = (*value - top).exp();
    }
    let total: f64 = row.iter().sum();
    for value in row.iter_mut() {
        *value /= total;
    }
}
