//! Axes: from figures to places, and the round figures that are written beside them.

/// How figures are spread over an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scale {
    /// Equal steps.
    #[default]
    Linear,
    /// Equal factors; figures at or below 0 are left out.
    Logarithmic,
}

/// Ticks of a logarithmic axis; with more powers of ten than that, only every second, third and so on is written.
const MOST_POWERS: i32 = 6;

/// A range of figures laid over a range of places.
pub(crate) struct Axis {
    scale: Scale,
    figures: [f64; 2],
    places: [f64; 2],
    whole: bool,
}

impl Axis {
    /// `figures` may be equal or turned round; the axis is widened so that it has a length.
    pub(crate) fn new(scale: Scale, figures: [f64; 2], places: [f64; 2]) -> Self {
        let [mut low, mut high] = figures;
        if !(low.is_finite() && high.is_finite()) {
            (low, high) = (0.0, 1.0);
        }
        if scale == Scale::Logarithmic {
            low = if low > 0.0 { low } else { 1e-12 };
            high = high.max(low);
            // Less than a factor of ten shows no round figure.
            if high / low < 10.0 {
                let middle = low.sqrt() * high.sqrt();
                (low, high) = (middle / 10f64.sqrt(), middle * 10f64.sqrt());
            }
        } else if high - low <= f64::EPSILON * high.abs().max(low.abs()).max(1e-300) {
            let room = if low == 0.0 { 1.0 } else { low.abs() * 0.1 };
            (low, high) = (low - room, high + room);
        }
        Self { scale, figures: [low, high], places, whole: false }
    }

    /// With ticks at whole figures alone, for what is counted.
    pub(crate) fn with_whole_ticks(self, whole: bool) -> Self {
        Self { whole, ..self }
    }

    /// The place of a figure, `None` when it has none.
    pub(crate) fn place(&self, figure: f64) -> Option<f64> {
        let [low, high] = self.figures;
        let part = match self.scale {
            Scale::Linear => (figure - low) / (high - low),
            Scale::Logarithmic if figure > 0.0 => (figure.ln() - low.ln()) / (high.ln() - low.ln()),
            Scale::Logarithmic => return None,
        };
        let place = self.places[0] + part * (self.places[1] - self.places[0]);
        place.is_finite().then_some(place)
    }

    /// Round figures on the axis with their text.
    pub(crate) fn ticks(&self, about: usize, percent: bool) -> Vec<(f64, String)> {
        let figures = match self.scale {
            Scale::Linear => linear_ticks(self.figures, about, self.whole),
            Scale::Logarithmic => logarithmic_ticks(self.figures),
        };
        let step = if figures.len() > 1 { figures[1] - figures[0] } else { 1.0 };
        let text = |figure: f64| match self.scale {
            Scale::Linear if percent => format!("{} %", plain(figure * 100.0, step * 100.0)),
            Scale::Linear => plain(figure, step),
            Scale::Logarithmic if percent => format!("{} %", plain(figure * 100.0, figure * 100.0)),
            Scale::Logarithmic => short_power(figure),
        };
        figures.into_iter().map(|figure| (figure, text(figure))).collect()
    }
}

/// 1, 2 or 5 times a power of ten, whichever is near.
fn round_step(rough: f64) -> f64 {
    let power = 10f64.powf(rough.log10().floor());
    let factor = rough / power;
    power
        * if factor <= 1.5 {
            1.0
        } else if factor <= 3.5 {
            2.0
        } else if factor <= 7.5 {
            5.0
        } else {
            10.0
        }
}

fn linear_ticks([low, high]: [f64; 2], about: usize, whole: bool) -> Vec<f64> {
    // Halved before they are subtracted: the difference of the largest figures is not finite.
    let rough = round_step((high / 2.0 - low / 2.0) / about as f64 * 2.0);
    let step = if whole { rough.max(1.0) } else { rough };
    let (first, last) = ((low / step - 1e-6).ceil() as i64, (high / step + 1e-6).floor() as i64);
    // An axis of a few ticks; the bound guards against figures so large that a step vanishes beside them.
    (first..=last.min(first.saturating_add(50))).map(|n| n as f64 * step).collect()
}

fn logarithmic_ticks([low, high]: [f64; 2]) -> Vec<f64> {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let factors: &[f64] = if last - first <= 2 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let apart = (last - first) / MOST_POWERS + 1;
    let powers = (first..=last).filter(|power| power % apart == 0);
    let all = powers.flat_map(|power| factors.iter().map(move |factor| factor * 10f64.powi(power)));
    all.filter(|&figure| figure >= low * 0.999_999 && figure <= high * 1.000_001).collect()
}

/// With as many decimals as the step needs; as a power of ten where that would be long.
fn plain(figure: f64, step: f64) -> String {
    let size = figure.abs();
    if size >= 1e6 || (step < 1e-4 && size > step / 2.0 && size < 1e-2) {
        let power = |figure: f64| (figure * 1.000_001).log10().floor();
        let digits = (power(size) - power(step)).clamp(0.0, 3.0) as usize;
        return shortest_power(figure, digits);
    }
    let decimals = if step > 0.0 { (-(step * 1.000_001).log10().floor()).clamp(0.0, 6.0) as usize } else { 0 };
    let text = format!("{figure:.decimals$}");
    if text.trim_start_matches('-').chars().all(|c| c == '0' || c == '.') { "0".to_owned() } else { text }
}

fn short_power(figure: f64) -> String {
    if (0.01..10_000.0).contains(&figure) { plain(figure, figure) } else { shortest_power(figure, 2) }
}

/// With at most `digits` behind the point: `2e6`, `1.5e-4`.
fn shortest_power(figure: f64, digits: usize) -> String {
    let text = format!("{figure:.digits$e}");
    match text.split_once('e') {
        Some((factor, power)) if factor.contains('.') => {
            format!("{}e{power}", factor.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(axis: &Axis) -> Vec<String> {
        axis.ticks(5, false).into_iter().map(|tick| tick.1).collect()
    }

    #[test]
    fn ticks_are_round_figures() {
        assert_eq!(texts(&Axis::new(Scale::Linear, [0.0, 1.0], [0.0, 1.0])), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(texts(&Axis::new(Scale::Logarithmic, [1e-4, 1e-1], [0.0, 1.0])), ["1e-4", "1e-3", "0.01", "0.1"]);
    }

    #[test]
    fn an_axis_of_one_figure_has_a_length() {
        let axis = Axis::new(Scale::Linear, [3.0, 3.0], [0.0, 10.0]);
        assert!((axis.place(3.0).unwrap() - 5.0).abs() < 1e-9);
        let axis = Axis::new(Scale::Logarithmic, [0.0, 0.0], [0.0, 10.0]);
        assert_eq!(axis.place(0.0), None);
        assert!(Axis::new(Scale::Linear, [1e300, 1e300], [0.0, 1.0]).ticks(5, false).len() < 60);
    }

    #[test]
    fn labels_stay_short_whatever_the_figures() {
        let ranges = [[0.0, 3e9], [0.0, 2.6e-5], [-4e12, 1e-3], [0.0, 2e-7], [-1.7e308, 1.7e308], [1e6, 1.1e6]];
        for range in ranges {
            let ticks = texts(&Axis::new(Scale::Linear, range, [0.0, 1.0]));
            assert!((2..12).contains(&ticks.len()), "{range:?}: {ticks:?}");
            assert!(ticks.iter().all(|text| text.len() <= 9), "{range:?}: {ticks:?}");
            assert!(ticks.windows(2).all(|pair| pair[0] != pair[1]), "{range:?}: {ticks:?}");
        }
        let wide = texts(&Axis::new(Scale::Logarithmic, [1e-300, 1e300], [0.0, 1.0]));
        assert!((2..=10).contains(&wide.len()), "{wide:?}");
    }

    #[test]
    fn what_is_counted_has_no_fractions_on_its_axis() {
        let axis = Axis::new(Scale::Linear, [1.0, 3.0], [0.0, 1.0]).with_whole_ticks(true);
        assert_eq!(texts(&axis), ["1", "2", "3"]);
        let axis = Axis::new(Scale::Linear, [1.0, 1.0], [0.0, 1.0]).with_whole_ticks(true);
        assert_eq!(texts(&axis), ["1"]);
    }
}
