//! Gradients by central differences, and the error measure of every comparison.

/// The gradient of `f` at `x` by central differences with step `eps`: `(f(x + eps) − f(x − eps)) / 2 eps` for each element.
pub fn central_difference(mut f: impl FnMut(&[f64]) -> f64, x: &[f64], eps: f64) -> Vec<f64> {
    let mut moved = x.to_vec();
    (0..x.len())
        .map(|index| {
            moved[index] = x[index] + eps;
            let above = f(&moved);
            moved[index] = x[index] - eps;
            let below = f(&moved);
            moved[index] = x[index];
            (above - below) / (2.0 * eps)
        })
        .collect()
}

/// The Euclidean length of `found − wanted` over that of `wanted`; the plain length where `wanted` is zero, infinity
/// where the lengths of the slices differ or a value is not finite.
#[must_use]
pub fn relative_error(found: &[f64], wanted: &[f64]) -> f64 {
    if found.len() != wanted.len() {
        return f64::INFINITY;
    }
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>().sqrt();
    let error = norm(&mut found.iter().zip(wanted).map(|(found, wanted)| found - wanted));
    let size = norm(&mut wanted.iter().copied());
    let relative = if size > 0.0 { error / size } else { error };
    if relative.is_finite() { relative } else { f64::INFINITY }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn central_differences_of_a_cubic_are_its_derivative() {
        let grad = central_difference(|x| x.iter().map(|x| x * x * x).sum(), &[1.0, -2.0], 1e-5);
        assert!(relative_error(&grad, &[3.0, 12.0]) < 1e-9);
    }

    #[test]
    fn an_error_that_is_not_a_number_counts_as_infinite() {
        assert!(relative_error(&[f64::NAN], &[1.0]).is_infinite());
        assert!(relative_error(&[1.0], &[1.0, 2.0]).is_infinite());
    }
}
