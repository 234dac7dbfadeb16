//! Augmentation of colours: contrast, shift, jitter (SYSTEMS.md §6.3).

use super::random::{around_zero, gaussian, happens};
use rand::Rng;
use serde::{Deserialize, Serialize};

/// What is changed about colours at random; every field at its default changes nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ColourAugment {
    /// Share of scenes whose channels are stretched to the full range, blended with the original by U(0, 1).
    pub autocontrast: f32,
    /// Shift of each channel of the whole scene, at most this share of the full range, in 95 of 100 scenes.
    pub shift: f32,
    /// Deviation of the noise on each channel of each point, as a share of the full range, in 95 of 100 scenes.
    pub jitter: f32,
}

/// How often shift and jitter are applied.
const OFTEN: f32 = 0.95;

impl ColourAugment {
    /// Contrast always, shift ±10 %, jitter 5 %.
    #[must_use]
    pub fn rooms() -> Self {
        Self { autocontrast: 1.0, shift: 0.1, jitter: 0.05 }
    }

    /// Changes colours from 0 to 1 and keeps them there.
    pub(crate) fn apply(&self, colours: &mut [[f32; 3]], rng: &mut impl Rng) {
        if self.autocontrast > 0.0 && happens(self.autocontrast, rng) {
            stretch(colours, rng.random());
        }
        if self.shift > 0.0 && happens(OFTEN, rng) {
            let shift: [f32; 3] = std::array::from_fn(|_| around_zero(self.shift, rng));
            change(colours, |channel, value| value + shift[channel]);
        }
        if self.jitter > 0.0 && happens(OFTEN, rng) {
            change(colours, |_, value| value + self.jitter * gaussian(rng));
        }
    }
}

fn change(colours: &mut [[f32; 3]], mut to: impl FnMut(usize, f32) -> f32) {
    for colour in colours {
        for (channel, value) in colour.iter_mut().enumerate() {
            *value = to(channel, *value).clamp(0.0, 1.0);
        }
    }
}

/// Blends each channel with itself stretched from its least to its greatest value.
fn stretch(colours: &mut [[f32; 3]], blend: f32) {
    let limits = [0, 1, 2].map(|channel| {
        let values = || colours.iter().map(|colour| colour[channel]);
        (values().fold(1.0, f32::min), values().fold(0.0, f32::max))
    });
    change(colours, |channel, value| {
        let (low, high) = limits[channel];
        if high > low { (1.0 - blend) * value + blend * (value - low) / (high - low) } else { value }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::generator;

    #[test]
    fn full_contrast_spans_the_range_and_one_colour_stays() {
        let mut colours = vec![[0.2, 0.5, 0.4], [0.6, 0.5, 0.5], [0.4, 0.5, 0.6]];
        stretch(&mut colours, 1.0);
        let expected = [[0.0, 0.5, 0.0], [1.0, 0.5, 0.5], [0.5, 0.5, 1.0]];
        for (found, expected) in colours.iter().flatten().zip(expected.iter().flatten()) {
            assert!((found - expected).abs() < 1e-6, "{colours:?}");
        }
    }

    #[test]
    fn colours_change_and_stay_in_range() {
        let before: Vec<[f32; 3]> = (0..200).map(|i| [i as f32 / 199.0, 0.02, 0.98]).collect();
        let mut after = before.clone();
        ColourAugment { autocontrast: 1.0, shift: 0.3, jitter: 0.2 }.apply(&mut after, &mut generator([3; 4]));
        assert!(after.iter().flatten().all(|value| (0.0..=1.0).contains(value)));
        assert_ne!(after, before);
        ColourAugment::default().apply(&mut after.clone(), &mut generator([3; 4]));
    }
}
