//! Colours of numbers and of classes.

/// Stops of a scale from dark to light that grows evenly in lightness: viridis (van der Walt and Smith 2015), every eighth.
const SCALE: [[u8; 3]; 9] = [
    [68, 1, 84],
    [71, 44, 122],
    [59, 81, 139],
    [44, 113, 142],
    [33, 144, 141],
    [39, 173, 129],
    [92, 200, 99],
    [170, 220, 50],
    [253, 231, 37],
];

/// The colour of a share between 0 and 1; what is beyond has the colour of the end.
pub(super) fn of_share(share: f32) -> [u8; 3] {
    let place = share.clamp(0.0, 1.0) * (SCALE.len() - 1) as f32;
    let below = (place as usize).min(SCALE.len() - 2);
    let part = place - below as f32;
    let mix = |channel: usize| {
        let [low, high] = [SCALE[below][channel], SCALE[below + 1][channel]].map(f32::from);
        (low + (high - low) * part).round() as u8
    };
    [mix(0), mix(1), mix(2)]
}

/// The stops, for the page.
pub(super) fn scale() -> &'static [[u8; 3]] {
    &SCALE
}

/// Part of the values at each end that has the colour of the end: a few stray points do not take the colours from all others.
const STRAYS: usize = 100;

/// The values that the scale spans.
pub(super) fn span(numbers: &[f32]) -> [f32; 2] {
    inner_span(numbers, STRAYS)
}

/// The least and the greatest value without one in `part` at each end.
pub(super) fn inner_span(numbers: &[f32], part: usize) -> [f32; 2] {
    let Some(last) = numbers.len().checked_sub(1) else { return [0.0, 1.0] };
    let mut sorted = numbers.to_vec();
    [last / part, last - last / part].map(|place| *sorted.select_nth_unstable_by(place, f32::total_cmp).1)
}

/// A colour for class `number` that differs from those before it: hues a golden angle apart, in four lightnesses.
#[must_use]
pub fn distinct_colour(number: usize) -> [u8; 3] {
    let hue = (number as f32 * 137.508 + 210.0) % 360.0;
    let lightness = [0.60, 0.76, 0.45, 0.68][number % 4];
    hsl(hue, 0.62, lightness)
}

/// Hue in degrees, saturation and lightness between 0 and 1.
fn hsl(hue: f32, saturation: f32, lightness: f32) -> [u8; 3] {
    let reach = saturation * lightness.min(1.0 - lightness);
    [0.0, 8.0, 4.0].map(|offset: f32| {
        let k = (offset + hue / 30.0) % 12.0;
        let value = lightness - reach * (k - 3.0).min(9.0 - k).clamp(-1.0, 1.0);
        (value * 255.0).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_meets_its_stops_and_stays_at_its_ends() {
        assert_eq!(of_share(0.0), SCALE[0]);
        assert_eq!(of_share(0.5), SCALE[4]);
        assert_eq!(of_share(7.0), SCALE[8]);
        assert_eq!(of_share(1.0 / 16.0), [70, 23, 103]);
    }

    #[test]
    fn the_span_leaves_out_a_hundredth_at_each_end() {
        let numbers: Vec<f32> = (0..=200).map(|number| number as f32).collect();
        assert_eq!(span(&numbers).map(f32::to_bits), [2.0, 198.0].map(f32::to_bits));
        assert_eq!(span(&[3.0]).map(f32::to_bits), [3.0, 3.0].map(f32::to_bits));
    }

    #[test]
    fn the_first_forty_class_colours_differ_by_sight() {
        let colours: Vec<[u8; 3]> = (0..40).map(distinct_colour).collect();
        for (number, a) in colours.iter().enumerate() {
            for b in &colours[..number] {
                let apart: i32 = a.iter().zip(b).map(|(&a, &b)| (i32::from(a) - i32::from(b)).abs()).sum();
                assert!(apart > 12, "{a:?} {b:?}");
            }
        }
    }
}
