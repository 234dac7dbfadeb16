//! Losses of segmentation from their definitions, row by row and set by set.

/// The probabilities of a row of scores.
#[must_use]
pub fn naive_softmax(row: &[f64]) -> Vec<f64> {
    let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = row.iter().map(|score| (score - largest).exp()).sum();
    row.iter().map(|score| (score - largest).exp() / total).collect()
}

/// Σ w(y) · −log p(y) over the rows whose label is not `ignore`, divided by Σ w(y); zero where there is none.
///
/// `logits` is `[rows, classes]`, `class_weights` `[classes]`.
#[must_use]
pub fn naive_cross_entropy(logits: &[f64], labels: &[u32], ignore: Option<u32>, class_weights: &[f64]) -> f64 {
    let (mut sum, mut total) = (0.0, 0.0);
    for (row, &label) in logits.chunks_exact(class_weights.len()).zip(labels) {
        if Some(label) != ignore {
            let weight = class_weights[label as usize];
            sum -= weight * naive_softmax(row)[label as usize].ln();
            total += weight;
        }
    }
    if total > 0.0 { sum / total } else { 0.0 }
}

/// The Lovász extension of the Jaccard loss of each class that occurs, and their mean (Berman et al. 2018, eq. 8 and 9).
///
/// The Jaccard loss of a class whose rows in `wrong` are mistaken is |wrong| / |rows of the class ∪ wrong|; it is counted
/// anew for every set. `logits` is `[rows, classes]`.
#[must_use]
pub fn naive_lovasz_softmax(logits: &[f64], classes: usize, labels: &[u32], ignore: Option<u32>) -> f64 {
    let rows: Vec<(Vec<f64>, usize)> = logits
        .chunks_exact(classes)
        .zip(labels)
        .filter(|&(_, &label)| Some(label) != ignore)
        .map(|(row, &label)| (naive_softmax(row), label as usize))
        .collect();
    let mut losses = Vec::new();
    for class in (0..classes).filter(|&class| rows.iter().any(|row| row.1 == class)) {
        let error = |row: usize| if rows[row].1 == class { 1.0 - rows[row].0[class] } else { rows[row].0[class] };
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by(|&a, &b| error(b).total_cmp(&error(a)));
        let jaccard = |wrong: &[usize]| {
            let union = (0..rows.len()).filter(|row| rows[*row].1 == class || wrong.contains(row)).count();
            wrong.len() as f64 / union as f64
        };
        let steps = (0..order.len()).map(|k| error(order[k]) * (jaccard(&order[..=k]) - jaccard(&order[..k])));
        losses.push(steps.sum::<f64>());
    }
    if losses.is_empty() { 0.0 } else { losses.iter().sum::<f64>() / losses.len() as f64 }
}
