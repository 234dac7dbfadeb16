//! Draws from a generator that several steps need.

use rand::Rng;

/// A normal deviate of mean 0 and deviation 1 (Box and Muller; the second one is not used, so that each call draws alike).
pub(crate) fn gaussian(rng: &mut impl Rng) -> f32 {
    // 1 − U lies above 0.
    let radius = (-2.0 * (1.0 - rng.random::<f32>()).ln()).sqrt();
    radius * (std::f32::consts::TAU * rng.random::<f32>()).cos()
}

/// A number between `−limit` and `limit`.
pub(crate) fn around_zero(limit: f32, rng: &mut impl Rng) -> f32 {
    limit * (2.0 * rng.random::<f32>() - 1.0)
}

/// True in a share `probability` of the draws.
pub(crate) fn happens(probability: f32, rng: &mut impl Rng) -> bool {
    rng.random::<f32>() < probability
}
